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

    /// - Parameter seed: 64 bytes.
    static func publicKey(seed: Secret, _ kind: MLKEMKind) throws(CryptoError) -> MLKEMPublicKey {
        let raw = try attempt("deriving an ML-KEM key") {
            switch kind {
            case .mlkem768: Array(try key768(seed).publicKey.rawRepresentation)
            case .mlkem1024: Array(try key1024(seed).publicKey.rawRepresentation)
            }
        }
        return MLKEMPublicKey(made: raw, kind)
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

    /// - Parameter ciphertext: as many bytes as the kind's ciphertexts have.
    static func decapsulate(
        _ ciphertext: [UInt8], seed: Secret, _ kind: MLKEMKind
    ) throws(CryptoError) -> Secret {
        let shared = try attempt("decapsulating") {
            switch kind {
            case .mlkem768: try key768(seed).decapsulate(ciphertext)
            case .mlkem1024: try key1024(seed).decapsulate(ciphertext)
            }
        }
        return secret(shared)
    }

    private static func key768(_ seed: Secret) throws -> MLKEM768.PrivateKey {
        try seed.withUnsafeBytes {
            try MLKEM768.PrivateKey(seedRepresentation: $0, publicKey: nil)
        }
    }

    private static func key1024(_ seed: Secret) throws -> MLKEM1024.PrivateKey {
        try seed.withUnsafeBytes {
            try MLKEM1024.PrivateKey(seedRepresentation: $0, publicKey: nil)
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
