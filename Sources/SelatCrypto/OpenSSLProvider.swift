import COpenSSL
import Synchronization

/// Which implementation of OpenSSL computes in this process: a provider and a property query, as the
/// configuration asks for them.
///
/// Without either it is the default provider. ML-KEM is not reached by this (`Crypto.docc/ML-KEM.md`).
package struct OpenSSLProvider: Hashable, Sendable {
    /// Such as `fips`; nil for OpenSSL's own choice.
    package let name: String?
    /// Such as `fips=yes`; nil for none.
    package let properties: String?

    /// - Throws: `CryptoError.providerUnfit` for a name that could be a path.
    package init(name: String? = nil, properties: String? = nil) throws(CryptoError) {
        if let name {
            let isWord = name.utf8.allSatisfy {
                ($0 | 0x20) >= 0x61 && ($0 | 0x20) <= 0x7A || $0 >= 0x30 && $0 <= 0x39
                    || $0 == 0x2D || $0 == 0x5F
            }
            guard isWord, (1...64).contains(name.utf8.count) else {
                throw .providerUnfit("a provider is named by letters, digits, `-` and `_`")
            }
        }
        self.name = name
        self.properties = properties
    }

    /// Takes it into use for the whole process. It MUST come before anything else of this module:
    /// algorithms are fetched once and kept (`Fetched`).
    /// - Throws: `CryptoError.providerUnfit` where the provider cannot be loaded, the query is
    ///   malformed, or an algorithm that Selat needs is not there. The process must end then.
    package func use() throws(CryptoError) {
        guard name != nil || properties != nil else { return }
        precondition(!Fetched.hasBegun, "another provider has computed already")
        if let name {
            try Self.load(name)
            // Reads and writes key files and certificates; computes nothing.
            try Self.load("base")
        }
        if let properties, EVP_set_default_properties(nil, properties) != 1 {
            throw .providerUnfit(
                "`\(properties)` is no property query: \(Self.reasons())")
        }
        if let name, name != "default", properties == nil, Self.loaded.contains("default") {
            throw .providerUnfit(
                "OpenSSL's own configuration loads the default provider beside `\(name)`; a property"
                    + " query, such as `provider=\(name)`, must say which one computes")
        }
        let missing = Self.needed.filter { !Self.isThere($0) }
        guard missing.isEmpty else {
            let names = missing.map(\.name).joined(separator: ", ")
            throw .providerUnfit("\(self) lacks \(names), which every node needs")
        }
        Self.used.withLock { $0 = self }
    }

    /// What was taken into use; nil for OpenSSL's own choice.
    package static var inUse: OpenSSLProvider? { used.withLock { $0 } }

    /// The names of the providers that are loaded now, ordered.
    package static var loaded: [String] {
        var names: [String] = []
        withUnsafeMutablePointer(to: &names) { names in
            _ = OSSL_PROVIDER_do_all(
                nil,
                { provider, names in
                    guard let name = OSSL_PROVIDER_get0_name(provider) else { return 1 }
                    names?.assumingMemoryBound(to: [String].self).pointee
                        .append(String(cString: name))
                    return 1
                }, names)
        }
        return names.sorted()
    }

    /// It stays loaded until the process ends.
    private static func load(_ name: String) throws(CryptoError) {
        ERR_clear_error()
        guard OSSL_PROVIDER_load(nil, name) != nil else {
            throw .providerUnfit(
                "OpenSSL's provider `\(name)` cannot be loaded: \(reasons())")
        }
    }

    private static func reasons() -> String {
        let reasons = CryptoError.drain()
        return reasons.isEmpty ? "OpenSSL gave no reason" : reasons.joined(separator: "; ")
    }

    private static let used = Mutex<OpenSSLProvider?>(nil)
}

extension OpenSSLProvider: CustomStringConvertible {
    package var description: String {
        [name.map { "provider `\($0)`" }, properties.map { "query `\($0)`" }]
            .compactMap(\.self).joined(separator: " with ")
    }
}

// What must be there: a provider without it would fail in the middle of an exchange.
extension OpenSSLProvider {
    private enum Operation: Hashable {
        case digest, cipher, mac, derivation, key, signature, agreement
    }

    private struct Algorithm: Hashable {
        let name: String
        let operation: Operation
    }

    private static let needed = [
        Algorithm(name: "SHA2-256", operation: .digest),
        Algorithm(name: "SHA2-384", operation: .digest),
        Algorithm(name: "SHA2-512", operation: .digest),
        Algorithm(name: "AES-256-GCM", operation: .cipher),
        Algorithm(name: "AES-256-WRAP", operation: .cipher),
        Algorithm(name: "HMAC", operation: .mac),
        Algorithm(name: "HKDF", operation: .derivation),
        Algorithm(name: "X963KDF", operation: .derivation),
        Algorithm(name: "EC", operation: .key),
        Algorithm(name: "ED25519", operation: .key),
        Algorithm(name: "ECDSA", operation: .signature),
        Algorithm(name: "ECDH", operation: .agreement),
    ]

    private static func isThere(_ algorithm: Algorithm) -> Bool {
        ERR_clear_error()
        defer { ERR_clear_error() }
        switch algorithm.operation {
        case .digest: return found(EVP_MD_fetch(nil, algorithm.name, nil), EVP_MD_free)
        case .cipher: return found(EVP_CIPHER_fetch(nil, algorithm.name, nil), EVP_CIPHER_free)
        case .mac: return found(EVP_MAC_fetch(nil, algorithm.name, nil), EVP_MAC_free)
        case .derivation: return found(EVP_KDF_fetch(nil, algorithm.name, nil), EVP_KDF_free)
        case .key: return found(EVP_KEYMGMT_fetch(nil, algorithm.name, nil), EVP_KEYMGMT_free)
        case .signature:
            return found(EVP_SIGNATURE_fetch(nil, algorithm.name, nil), EVP_SIGNATURE_free)
        case .agreement:
            return found(EVP_KEYEXCH_fetch(nil, algorithm.name, nil), EVP_KEYEXCH_free)
        }
    }

    private static func found(
        _ pointer: OpaquePointer?, _ free: (OpaquePointer?) -> Void
    ) -> Bool {
        free(pointer)
        return pointer != nil
    }
}
