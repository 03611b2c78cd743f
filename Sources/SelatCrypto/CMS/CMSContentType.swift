/// What a signed message is; each kind has its own object identifier, so that a signature over one
/// is never a signature over another.
package enum CMSContentType: UInt64, Hashable, Sendable, CaseIterable {
    case header = 1
    case receipt = 2
    case approval = 3
    case recall = 4
    case membershipList = 5
    case memberRecord = 6
    case policyEdition = 7
    case agreement = 8
    case backup = 9
    case attestation = 10
    case declaration = 11
    case recallAnswer = 12

    /// The dotted form, as the `openssl cms` command takes it (`-econtent_type`).
    package var oidText: String { "\(OID.selatArcText).1.\(rawValue)" }

    var oid: OID { Self.oids[self] ?? OID(selat: 1, rawValue) }

    private static let oids = Dictionary(
        uniqueKeysWithValues: allCases.map { ($0, OID(selat: 1, $0.rawValue)) })

    /// Whether the content lies beside the message, and the signers say for which federation.
    var isDetached: Bool { self == .policyEdition }

    /// Whether more than one signer may stand in one message.
    var allowsSeveralSigners: Bool {
        switch self {
        case .membershipList, .memberRecord, .policyEdition: true
        case .header, .receipt, .approval, .recall, .recallAnswer, .agreement, .backup,
            .attestation, .declaration:
            false
        }
    }
}
