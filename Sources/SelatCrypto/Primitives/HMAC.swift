import COpenSSL
package import SelatCore

/// HMAC with SHA-256 (RFC 2104).
package enum HMACSHA256 {
    /// - Returns: 32 bytes.
    package static func authenticate(_ message: some Collection<UInt8>, key: Secret) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: 32) { code, count in
            withContiguousBytes(message) { (message: UnsafeRawBufferPointer) in
                key.withUnsafeBytes { key in
                    hmac(
                        with: .sha256, key: key, message,
                        into: UnsafeMutableRawBufferPointer(code))
                }
            }
            count = 32
        }
    }
}

extension HMACSHA256 {
    /// The code as a value that can be compared and printed.
    package static func code(_ message: some Collection<UInt8>, key: Secret) -> Digest {
        let code = authenticate(message, key: key)
        return Digest { $0.copyBytes(from: code) }
    }
}

/// HKDF with SHA-512 (RFC 5869).
package enum HKDFSHA512 {
    private static let hashBytes = 64

    /// Extract, then expand.
    /// - Parameters:
    ///   - salt: may be empty, which is the same as 64 zero bytes.
    ///   - count: 1 to 255 × 64 bytes.
    package static func derive(
        _ inputKey: Secret, salt: [UInt8] = [], context: [UInt8], count: Int
    ) -> Secret {
        expand(extract(inputKey, salt: salt), context: context, count: count)
    }

    /// RFC 5869, section 2.2: the pseudo-random key, 64 bytes.
    package static func extract(_ inputKey: Secret, salt: [UInt8] = []) -> Secret {
        Secret(count: hashBytes) { storage in
            inputKey.withUnsafeBytes { message in
                salt.withUnsafeBytes {
                    hmac(with: .sha512, key: $0, message, into: storage)
                }
            }
        }
    }

    /// RFC 5869, section 2.3.
    /// - Parameter count: 1 to 255 × 64 bytes.
    package static func expand(_ key: Secret, context: [UInt8], count: Int) -> Secret {
        precondition((1...255 * hashBytes).contains(count), "HKDF gives 1 to 16320 bytes")
        return Secret(count: count) { output in
            // T(i) ‖ info ‖ i; before the first round T is empty, so the message starts later.
            let message = Secret(count: hashBytes + context.count + 1) { message in
                message[hashBytes..<hashBytes + context.count].copyBytes(from: context)
                for round in 1...(count + hashBytes - 1) / hashBytes {
                    message[message.count - 1] = UInt8(round)
                    let block = Secret(count: hashBytes) { block in
                        let start = round == 1 ? hashBytes : 0
                        key.withUnsafeBytes {
                            hmac(
                                with: .sha512, key: $0,
                                UnsafeRawBufferPointer(rebasing: message[start...]), into: block)
                        }
                    }
                    block.withUnsafeBytes { block in
                        let from = (round - 1) * hashBytes
                        let size = min(hashBytes, count - from)
                        output[from..<from + size].copyBytes(from: block[..<size])
                        message[..<hashBytes].copyBytes(from: block)
                    }
                }
            }
            _ = message
        }
    }
}

/// HMAC with one digest, as far as it is known before the key: OpenSSL would find both by their names for each
/// code.
// SAFETY: never changed after `init` and never freed; OpenSSL only reads what it copies.
private struct HMACTemplate: @unchecked Sendable {
    static let sha256 = HMACTemplate(Fetched.sha256)
    static let sha512 = HMACTemplate(Fetched.sha512)

    private let digest: Fetched.Algorithm
    private let unkeyed: OpaquePointer?

    private init(_ digest: Fetched.Algorithm) {
        self.digest = digest
        unkeyed = Self.unkeyed(digest)
    }

    /// A context that awaits its key, for the caller to free. A provider that gives no copies makes a new one.
    func context() -> OpaquePointer? {
        unkeyed.flatMap { EVP_MAC_CTX_dup($0) } ?? Self.unkeyed(digest)
    }

    private static func unkeyed(_ digest: Fetched.Algorithm) -> OpaquePointer? {
        guard let name = EVP_MD_get0_name(digest.pointer),
            let context = EVP_MAC_CTX_new(Fetched.hmac.pointer)
        else { return nil }
        let parameters = [
            OSSL_PARAM_construct_utf8_string(
                OSSL_MAC_PARAM_DIGEST, UnsafeMutablePointer(mutating: name), 0),
            OSSL_PARAM_construct_end(),
        ]
        guard EVP_MAC_CTX_set_params(context, parameters) == 1 else {
            EVP_MAC_CTX_free(context)
            return nil
        }
        return context
    }
}

/// HMAC of one message. Fails only when memory is out, and no other code may stand in for it.
private func hmac(
    with template: HMACTemplate, key: UnsafeRawBufferPointer, _ message: UnsafeRawBufferPointer,
    into code: UnsafeMutableRawBufferPointer
) {
    // A null key asks OpenSSL for the key of an earlier call, so an empty one points somewhere.
    let empty: [UInt8] = [0]
    let isDone = empty.withUnsafeBytes { empty in
        guard let context = template.context() else { return false }
        defer { EVP_MAC_CTX_free(context) }
        let (keyStart, start) = (
            key.baseAddress ?? empty.baseAddress, message.baseAddress ?? empty.baseAddress
        )
        var count = 0
        return EVP_MAC_init(
            context, keyStart?.assumingMemoryBound(to: UInt8.self), key.count, nil) == 1
            && EVP_MAC_update(
                context, start?.assumingMemoryBound(to: UInt8.self), message.count) == 1
            && EVP_MAC_final(
                context, code.baseAddress?.assumingMemoryBound(to: UInt8.self), &count, code.count)
                == 1
    }
    precondition(isDone, "HMAC does not compute")
}
