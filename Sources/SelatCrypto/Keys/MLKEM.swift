import Crypto
import FoundationEssentials

/// The one place that calls swift-crypto: OpenSSL 3.0 has no ML-KEM. What passes here in the clear is
/// a key's seed and a shared secret, both as `Secret`.
enum MLKEM {
    /// Whether the bytes are a valid encapsulation key (FIPS 203, 7.2).
    static func isPublicKey(_ raw: [UInt8], _ kind: MLKEMKind) -> Bool {
        switch kind {
        case .mlkem768: (try? MLKEM768.PublicKey(rawRepresentation: raw)) != nil
        case .mlkem1024: (try? MLKEM1024.PublicKey(rawRepresentation: raw)) != nil
        }
    }

    /// A key as swift-crypto has it, expanded from its seed: made anew for each ciphertext it would cost as
    /// much as the decapsulation, and leave a copy in freed memory each time.
    enum Expanded: Sendable {
        case mlkem768(MLKEM768.PrivateKey)
        case mlkem1024(MLKEM1024.PrivateKey)

        /// - Parameter seed: 64 bytes.
        init(seed: Secret, _ kind: MLKEMKind) throws(CryptoError) {
            self = try attempt("deriving an ML-KEM key") {
                try seed.withUnsafeBytes { seed in
                    switch kind {
                    case .mlkem768:
                        .mlkem768(try MLKEM768.PrivateKey(seedRepresentation: seed, publicKey: nil))
                    case .mlkem1024:
                        .mlkem1024(
                            try MLKEM1024.PrivateKey(seedRepresentation: seed, publicKey: nil))
                    }
                }
            }
        }

        var publicKey: MLKEMPublicKey {
            switch self {
            case .mlkem768(let key):
                MLKEMPublicKey(made: Array(key.publicKey.rawRepresentation), .mlkem768)
            case .mlkem1024(let key):
                MLKEMPublicKey(made: Array(key.publicKey.rawRepresentation), .mlkem1024)
            }
        }

        /// - Parameter ciphertext: as many bytes as the kind's ciphertexts have.
        func decapsulate(_ ciphertext: [UInt8]) throws(CryptoError) -> Secret {
            let shared = try attempt("decapsulating") {
                switch self {
                case .mlkem768(let key): try key.decapsulate(ciphertext)
                case .mlkem1024(let key): try key.decapsulate(ciphertext)
                }
            }
            return secret(shared)
        }
    }

    static func encapsulate(
        to key: MLKEMPublicKey
    ) throws(CryptoError) -> (shared: Secret, ciphertext: [UInt8]) {
        let result = try attempt("encapsulating") {
            switch key.kind {
            case .mlkem768:
                try MLKEM768.PublicKey(rawRepresentation: key.raw).encapsulate()
            case .mlkem1024:
                try MLKEM1024.PublicKey(rawRepresentation: key.raw).encapsulate()
            }
        }
        return (secret(result.sharedSecret), Array(result.encapsulated))
    }

    private static func secret(_ key: SymmetricKey) -> Secret {
        key.withUnsafeBytes { Secret(copying: $0) }
    }

    /// Its errors say no more than that something does not fit.
    private static func attempt<Value>(
        _ operation: String, _ body: () throws -> Value
    ) throws(CryptoError) -> Value {
        do { return try body() } catch { throw .unreadableKey("\(operation): \(error)") }
    }
}
