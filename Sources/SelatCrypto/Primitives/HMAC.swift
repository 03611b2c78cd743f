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
                        with: Fetched.sha256, key: key, message,
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
                    hmac(with: Fetched.sha512, key: $0, message, into: storage)
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
                                with: Fetched.sha512, key: $0,
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

/// HMAC in one call. Fails only when memory is out, and no other code may stand in for it.
private func hmac(
    with algorithm: Fetched.Algorithm, key: UnsafeRawBufferPointer,
    _ message: UnsafeRawBufferPointer, into code: UnsafeMutableRawBufferPointer
) {
    // A null key asks OpenSSL for the key of an earlier call, so an empty one points somewhere.
    let empty: [UInt8] = [0]
    let done = empty.withUnsafeBytes { empty in
        HMAC(
            algorithm.pointer, key.baseAddress ?? empty.baseAddress, Int32(key.count),
            (message.baseAddress ?? empty.baseAddress)?.assumingMemoryBound(to: UInt8.self),
            message.count, code.baseAddress?.assumingMemoryBound(to: UInt8.self), nil)
    }
    precondition(done != nil, "HMAC does not compute")
}
