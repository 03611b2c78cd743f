package import SelatCore

/// The parameter sets of ML-KEM (FIPS 203) that Selat uses (`Crypto.docc/ML-KEM.md`).
package enum MLKEMKind: String, Hashable, Sendable, CaseIterable {
    /// In suite 2.
    case mlkem768 = "ML-KEM-768"
    /// In suite 4.
    case mlkem1024 = "ML-KEM-1024"

    /// Bytes of an encapsulation key (FIPS 203, table 3).
    package var publicKeyBytes: Int {
        switch self {
        case .mlkem768: 1_184
        case .mlkem1024: 1_568
        }
    }

    /// Bytes of a ciphertext (FIPS 203, table 3).
    package var ciphertextBytes: Int {
        switch self {
        case .mlkem768: 1_088
        case .mlkem1024: 1_568
        }
    }

    /// Bytes of the seed d ‖ z from which the whole key follows (FIPS 203, algorithm 16).
    package static let seedBytes = 64
    /// Bytes of the shared secret.
    package static let sharedBytes = 32

    /// id-alg-ml-kem-768 and -1024 (RFC 9935, 3).
    var oid: OID {
        switch self {
        case .mlkem768: OID(2, 16, 840, 1, 101, 3, 4, 4, 2)
        case .mlkem1024: OID(2, 16, 840, 1, 101, 3, 4, 4, 3)
        }
    }

    /// The DER bytes of a PKCS#8 PrivateKeyInfo before the seed; the seed form has exactly one
    /// encoding (RFC 9935, 6).
    var pkcs8Prefix: [UInt8] {
        let seed = [UInt8](repeating: 0, count: Self.seedBytes)
        let choice = DER.element(DER.Tag.context, seed)
        let whole = DER.sequence(DER.integer(0), DER.sequence(oid.der), DER.octets(choice))
        return Array(whole.dropLast(Self.seedBytes))
    }
}

extension Suite {
    /// The curve of key agreement and signatures; its kind names the digest too.
    package var curve: KeyKind {
        switch self {
        case .p256, .p256MLKEM768: .p256
        case .p384, .p384MLKEM1024: .p384
        }
    }

    /// The ML-KEM key beside the curve's, in the suites that have one.
    package var mlkem: MLKEMKind? {
        switch self {
        case .p256, .p384: nil
        case .p256MLKEM768: .mlkem768
        case .p384MLKEM1024: .mlkem1024
        }
    }
}
