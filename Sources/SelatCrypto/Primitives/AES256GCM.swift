import COpenSSL

/// AES-256-GCM (NIST SP 800-38D) with 12-byte nonces and 16-byte tags, for small messages.
package enum AES256GCM {
    package static let keyBytes = 32
    package static let nonceBytes = 12
    package static let tagBytes = 16

    /// - Parameter nonce: 12 bytes, never used before under `key`.
    /// - Returns: the ciphertext and its tag.
    package static func seal(
        _ message: some Collection<UInt8>, key: Secret, nonce: [UInt8],
        authenticating context: [UInt8] = []
    ) throws(CryptoError) -> [UInt8] {
        let cipher = try GCMContext(key: key, direction: .seal)
        return try withContiguousBytes(message) { (message) throws(CryptoError) in
            try [UInt8](filling: message.count + tagBytes) { (sealed) throws(CryptoError) in
                try cipher.start(nonce: nonce, authenticating: context)
                try cipher.seal(message, into: sealed)
            }
        }
    }

    /// - Throws: `CryptoError.notAuthentic` unless `sealed` was made of these very inputs.
    package static func open(
        _ sealed: some Collection<UInt8>, key: Secret, nonce: [UInt8],
        authenticating context: [UInt8] = []
    ) throws(CryptoError) -> [UInt8] {
        guard sealed.count >= tagBytes else { throw .notAuthentic("a message under a tag's size") }
        let cipher = try GCMContext(key: key, direction: .open)
        return try withContiguousBytes(sealed) { (sealed) throws(CryptoError) in
            try [UInt8](filling: sealed.count - tagBytes) { (message) throws(CryptoError) in
                try cipher.start(nonce: nonce, authenticating: context)
                guard try cipher.open(sealed, into: message) else {
                    throw .notAuthentic("a sealed message")
                }
            }
        }
    }
}

/// An EVP context with its key schedule: one for each thread and message, restarted by nonce.
struct GCMContext: ~Copyable {
    enum Direction: Int32 {
        case open = 0
        case seal = 1
    }

    private let context: OpaquePointer

    init(key: Secret, direction: Direction) throws(CryptoError) {
        guard key.count == AES256GCM.keyBytes else { throw .keySizeInvalid(key.count) }
        let context = try CryptoError.checked("cipher context") { EVP_CIPHER_CTX_new() }
        do throws(CryptoError) {
            try CryptoError.positive("AES-256-GCM key") {
                key.withUnsafeBytes { key in
                    EVP_CipherInit_ex2(
                        context, Fetched.aes256GCM.pointer,
                        key.baseAddress?.assumingMemoryBound(to: UInt8.self), nil,
                        direction.rawValue, nil)
                }
            }
        } catch {
            EVP_CIPHER_CTX_free(context)
            throw error
        }
        self.context = context
    }

    deinit { EVP_CIPHER_CTX_free(context) }

    /// - Parameter nonce: 12 bytes, OpenSSL's own size for GCM.
    borrowing func start(nonce: [UInt8], authenticating: [UInt8]) throws(CryptoError) {
        guard nonce.count == AES256GCM.nonceBytes else { throw .nonceSizeInvalid(nonce.count) }
        try CryptoError.positive("AES-256-GCM nonce") { nonce.withUnsafeBytes { restart($0) } }
        guard !authenticating.isEmpty else { return }
        try CryptoError.positive("AES-256-GCM context") {
            authenticating.withUnsafeBytes { step($0, into: nil) }
        }
    }

    /// Keeps key and direction, and takes the next nonce.
    borrowing func restart(_ nonce: UnsafeRawBufferPointer) -> Int32 {
        EVP_CipherInit_ex2(
            context, nil, nil, nonce.baseAddress?.assumingMemoryBound(to: UInt8.self), -1, nil)
    }

    /// - Parameter sealed: 16 bytes longer than `message`.
    borrowing func seal(
        _ message: UnsafeRawBufferPointer, into sealed: UnsafeMutableRawBufferPointer
    ) throws(CryptoError) {
        precondition(sealed.count == message.count + AES256GCM.tagBytes)
        try CryptoError.positive("sealing with AES-256-GCM") {
            guard step(message, into: sealed.baseAddress) == 1, finish() == 1 else { return 0 }
            return EVP_CIPHER_CTX_ctrl(
                context, EVP_CTRL_AEAD_GET_TAG, Int32(AES256GCM.tagBytes),
                sealed.baseAddress.map { $0 + message.count })
        }
    }

    /// - Parameters:
    ///   - sealed: at least 16 bytes.
    ///   - message: 16 bytes shorter; zeroed if the tag is wrong.
    /// - Returns: whether the tag is right.
    borrowing func open(
        _ sealed: UnsafeRawBufferPointer, into message: UnsafeMutableRawBufferPointer
    ) throws(CryptoError) -> Bool {
        precondition(sealed.count == message.count + AES256GCM.tagBytes)
        let tag = UnsafeMutableRawPointer(mutating: sealed.baseAddress.map { $0 + message.count })
        try CryptoError.positive("opening with AES-256-GCM") {
            let set = EVP_CIPHER_CTX_ctrl(
                context, EVP_CTRL_AEAD_SET_TAG, Int32(AES256GCM.tagBytes), tag)
            guard set == 1 else { return 0 }
            return step(
                UnsafeRawBufferPointer(rebasing: sealed[..<message.count]),
                into: message.baseAddress)
        }
        guard finish() == 1 else {
            // A wrong tag is a result, not a failure of OpenSSL: leave nothing behind of either.
            ERR_clear_error()
            if let start = message.baseAddress { OPENSSL_cleanse(start, message.count) }
            return false
        }
        return true
    }

    private borrowing func step(
        _ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawPointer?
    ) -> Int32 {
        // Without bytes there is nothing to do, and OpenSSL reads null for input as the end.
        guard !input.isEmpty, let count = Int32(exactly: input.count) else {
            return input.isEmpty ? 1 : 0
        }
        var written: Int32 = 0
        return EVP_CipherUpdate(
            context, output?.assumingMemoryBound(to: UInt8.self), &written,
            input.baseAddress?.assumingMemoryBound(to: UInt8.self), count)
    }

    private borrowing func finish() -> Int32 {
        var rest: (UInt64, UInt64) = (0, 0)
        var written: Int32 = 0
        return withUnsafeMutableBytes(of: &rest) { rest in
            EVP_CipherFinal_ex(
                context, rest.baseAddress?.assumingMemoryBound(to: UInt8.self), &written)
        }
    }
}

extension Array where Element == UInt8 {
    /// An array whose bytes `fill` writes.
    init<Failure: Error>(
        filling count: Int, _ fill: (UnsafeMutableRawBufferPointer) throws(Failure) -> Void
    ) throws(Failure) {
        self.init(repeating: 0, count: count)
        var failure: Failure?
        withUnsafeMutableBytes { bytes in
            do throws(Failure) { try fill(bytes) } catch { failure = error }
        }
        if let failure { throw failure }
    }
}
