/// What a certificate may be used for: one key, one purpose.
package enum CertificatePurpose: String, Hashable, Sendable, CaseIterable {
    /// A node that accepts TLS connections.
    case tlsServer = "TLS server"
    /// A node that makes TLS connections.
    case tlsClient = "TLS client"
    /// A node that signs headers and receipts.
    case signing
    /// A node to which content keys are sealed.
    case agreement
    /// A person who approves a release or recalls a dataset.
    case officer
    /// A member's authority: signs membership lists and the member's record.
    case authority
    /// Whoever keeps a node's backups: the node seals them to its key.
    case backup

    /// The extended key usage that stands for the purpose.
    var usage: OID {
        switch self {
        case .tlsServer: .serverAuth
        case .tlsClient: .clientAuth
        case .signing: OID(selat: 2, 1)
        case .agreement: OID(selat: 2, 2)
        case .officer: OID(selat: 2, 3)
        case .authority: OID(selat: 2, 4)
        case .backup: OID(selat: 2, 5)
        }
    }

    /// The extended key usages that may stand beside `usage` in one certificate: those of TLS
    /// together, every other one alone.
    var usagesAllowed: Set<OID> {
        switch self {
        case .tlsServer, .tlsClient: [.serverAuth, .clientAuth]
        case .signing, .agreement, .officer, .authority, .backup: [usage]
        }
    }

    /// The key usage bit that the purpose needs.
    var keyUsage: KeyUsage {
        self == .agreement || self == .backup ? .keyAgreement : .digitalSignature
    }
}

/// Key usage bits (RFC 5280, 4.2.1.3) as they stand in the extension's first byte.
struct KeyUsage: OptionSet, Hashable, Sendable {
    let rawValue: UInt8
    static let digitalSignature = KeyUsage(rawValue: 0x80)
    static let keyAgreement = KeyUsage(rawValue: 0x08)
    static let certificateSigning = KeyUsage(rawValue: 0x04)
    static let revocationListSigning = KeyUsage(rawValue: 0x02)
}
