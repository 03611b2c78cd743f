package import SelatCore

/// An encapsulation key of ML-KEM, valid once it exists: its coefficients are reduced (FIPS 203,
/// 7.2).
package struct MLKEMPublicKey: Hashable, Sendable {
    package let kind: MLKEMKind
    /// 1,184 or 1,568 bytes.
    package let raw: [UInt8]
    private let expanded: MLKEM.ExpandedPublic

    /// - Parameter raw: the bytes of FIPS 203; their number says which parameter set it is.
    /// - Throws: `CryptoError.unreadableKey` for another length, or coefficients out of range.
    package init(raw: [UInt8]) throws(CryptoError) {
        guard let kind = MLKEMKind.allCases.first(where: { $0.publicKeyBytes == raw.count }) else {
            throw .unreadableKey(
                "an ML-KEM key of \(raw.count) bytes; ML-KEM-768 has 1184, ML-KEM-1024 1568")
        }
        do {
            expanded = try MLKEM.ExpandedPublic(raw, kind)
        } catch {
            throw .unreadableKey("\(kind.rawValue): a coefficient is out of range")
        }
        self.kind = kind
        self.raw = raw
    }

    /// A key that `MLKEM` made itself.
    init(made raw: [UInt8], _ expanded: MLKEM.ExpandedPublic) {
        kind =
            switch expanded {
            case .mlkem768: .mlkem768
            case .mlkem1024: .mlkem1024
            }
        self.raw = raw
        self.expanded = expanded
    }

    package static func == (a: MLKEMPublicKey, b: MLKEMPublicKey) -> Bool { a.raw == b.raw }

    package func hash(into hasher: inout Hasher) { hasher.combine(raw) }

    /// SHA-256 of the bytes.
    package var digest: Digest { SHA256.digest(raw) }
    /// What people compare.
    package var fingerprint: KeyFingerprint { KeyFingerprint(digest: digest) }

    /// Makes a fresh shared secret, 32 bytes, and the ciphertext from which the key's holder
    /// recovers it.
    /// - Throws: `CryptoError.unreadableKey`, which a valid key never does.
    package func encapsulate() throws(CryptoError) -> (shared: Secret, ciphertext: [UInt8]) {
        try expanded.encapsulate()
    }
}
