import Crypto
import FoundationEssentials

/// The one place that calls swift-crypto: OpenSSL 3.0 has no ML-KEM. What passes here in the clear is
/// a key's seed and a shared secret, both as `Secret`.
enum MLKEM {
    /// An encapsulation key as swift-crypto has it: to expand it costs a quarter of an encapsulation.
    enum ExpandedPublic: Sendable {
        case mlkem768(MLKEM768.PublicKey)
        case mlkem1024(MLKEM1024.PublicKey)

        /// - Throws: `CryptoError.unreadableKey` for a coefficient out of range (FIPS 203, 7.2).
        init(_ raw: [UInt8], _ kind: MLKEMKind) throws(CryptoError) {
            self = try attempt(kind.rawValue) {
                switch kind {
                case .mlkem768: .mlkem768(try MLKEM768.PublicKey(rawRepresentation: raw))
                case .mlkem1024: .mlkem1024(try MLKEM1024.PublicKey(rawRepresentation: raw))
                }
            }
        }

        func encapsulate() throws(CryptoError) -> (shared: Secret, ciphertext: [UInt8]) {
            let result = try attempt("encapsulating") {
                switch self {
                case .mlkem768(let key): try key.encapsulate()
                case .mlkem1024(let key): try key.encapsulate()
                }
            }
            return (secret(result.sharedSecret), Array(result.encapsulated))
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
                MLKEMPublicKey(
                    made: Array(key.publicKey.rawRepresentation), .mlkem768(key.publicKey))
            case .mlkem1024(let key):
                MLKEMPublicKey(
                    made: Array(key.publicKey.rawRepresentation), .mlkem1024(key.publicKey))
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
