import COpenSSL

// C2SP chunked encryption, instance Cobblestone-256 (c2sp.org/chunked-encryption):
//
//   message = salt(24) ‖ commitment(32) ‖ chunk 0 ‖ chunk 1 ‖ …
//   key(32) ‖ nonce(12) ‖ commitment(32) = HKDF-Expand-SHA-512(input key, label ‖ 00 ‖ salt ‖ context)
//   chunk i = AES-256-GCM(key, nonce XOR i, 16 KiB of plaintext), tag included, no associated data
//
// The last chunk is shorter than 16 KiB and may be empty, so that the size alone shows a cut. Any
// chunk can be sealed and opened alone, on any thread, by its number.

/// Sizes of Cobblestone-256, and small messages in one call.
package enum ChunkedEncryption {
    package static let saltBytes = 24
    package static let commitmentBytes = 32
    package static let headerBytes = saltBytes + commitmentBytes
    package static let chunkBytes = 16_384
    package static let sealedChunkBytes = chunkBytes + AES256GCM.tagBytes

    /// The size of a sealed message: header, plaintext, and a tag for each chunk.
    package static func sealedSize(of messageBytes: UInt64) -> UInt64 {
        UInt64(headerBytes) + messageBytes
            + UInt64(AES256GCM.tagBytes) * (messageBytes / UInt64(chunkBytes) + 1)
    }

    /// The size of the plaintext.
    /// - Throws: `CryptoError.sealedSizeInvalid` for a size that no message has.
    package static func messageSize(of sealedBytes: UInt64) throws(CryptoError) -> UInt64 {
        guard sealedBytes >= UInt64(headerBytes + AES256GCM.tagBytes) else {
            throw .sealedSizeInvalid(sealedBytes)
        }
        let (chunks, rest) = (sealedBytes - UInt64(headerBytes))
            .quotientAndRemainder(dividingBy: UInt64(sealedChunkBytes))
        guard rest >= UInt64(AES256GCM.tagBytes) else { throw .sealedSizeInvalid(sealedBytes) }
        return chunks * UInt64(chunkBytes) + rest - UInt64(AES256GCM.tagBytes)
    }

    /// Seals a small message.
    /// - Parameter salt: 24 bytes, given only by tests.
    package static func seal(
        _ message: [UInt8], key: Secret, context: [UInt8], salt: [UInt8] = Random.bytes(saltBytes)
    ) throws(CryptoError) -> [UInt8] {
        let chunkKey = try ChunkKey(key, salt: salt, context: context)
        let cipher = try ChunkCipher(sealing: chunkKey)
        let size = Int(sealedSize(of: UInt64(message.count))) - headerBytes
        let chunks = try [UInt8](filling: size) { (sealed) throws(CryptoError) in
            try message.withBytes { (message) throws(CryptoError) in
                try cipher.seal(message, from: 0, into: sealed, hasher: nil)
            }
        }
        return chunkKey.header + chunks
    }

    /// Opens a small message.
    /// - Throws: `CryptoError.sealedSizeInvalid`, `commitmentMismatch` or `notAuthentic`; never
    ///   returns a part.
    package static func open(
        _ sealed: [UInt8], key: Secret, context: [UInt8]
    ) throws(CryptoError) -> [UInt8] {
        let size = try messageSize(of: UInt64(sealed.count))
        let chunkKey = try ChunkKey(
            key, header: Array(sealed[..<headerBytes]), context: context)
        let cipher = try ChunkCipher(opening: chunkKey)
        return try [UInt8](filling: Int(size)) { (message) throws(CryptoError) in
            try sealed[headerBytes...].withBytes { (sealed) throws(CryptoError) in
                try cipher.open(sealed, from: 0, into: message)
            }
        }
    }
}

/// What one message's chunks are sealed with.
package struct ChunkKey: Sendable {
    let key: Secret
    /// 12 bytes; chunk i takes it with i XORed into its last eight, big-endian.
    let nonce: [UInt8]
    /// The message's first 56 bytes: salt ‖ commitment.
    package let header: [UInt8]

    /// A key to seal a new message with.
    /// - Parameters:
    ///   - inputKey: 32 bytes.
    ///   - salt: 24 bytes, fresh and random.
    package init(_ inputKey: Secret, salt: [UInt8], context: [UInt8]) throws(CryptoError) {
        precondition(salt.count == ChunkedEncryption.saltBytes, "a salt has 24 bytes")
        guard inputKey.count == AES256GCM.keyBytes else { throw .keySizeInvalid(inputKey.count) }
        let label = Array("c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM".utf8)
        let derived = HKDFSHA512.expand(
            inputKey, context: label + [0] + salt + context,
            count: AES256GCM.keyBytes + AES256GCM.nonceBytes + ChunkedEncryption.commitmentBytes)
        (key, nonce, header) = derived.withUnsafeBytes { bytes in
            (
                Secret(copying: bytes[..<32]), Array(bytes[32..<44]), salt + Array(bytes[44...])
            )
        }
    }

    /// The key of an existing message.
    /// - Parameter header: the message's first 56 bytes.
    /// - Throws: `CryptoError.commitmentMismatch` when it was sealed under another key or context.
    package init(_ inputKey: Secret, header: [UInt8], context: [UInt8]) throws(CryptoError) {
        guard header.count == ChunkedEncryption.headerBytes else {
            throw .sealedSizeInvalid(UInt64(header.count))
        }
        let salt = Array(header[..<ChunkedEncryption.saltBytes])
        try self.init(inputKey, salt: salt, context: context)
        guard constantTimeEqual(self.header, header) else { throw .commitmentMismatch }
    }
}

/// Seals or opens runs of chunks of one message. One for each thread: it keeps a key schedule.
package struct ChunkCipher: ~Copyable {
    private let context: GCMContext
    private let nonce: [UInt8]

    package init(sealing key: ChunkKey) throws(CryptoError) {
        context = try GCMContext(key: key.key, direction: .seal)
        nonce = key.nonce
    }

    package init(opening key: ChunkKey) throws(CryptoError) {
        context = try GCMContext(key: key.key, direction: .open)
        nonce = key.nonce
    }

    /// Seals chunks one after the other.
    ///
    /// The last run of a message is the one whose last chunk is short: a multiple of 16 KiB there
    /// is followed by an empty chunk, which `sealed` shows by its size.
    /// - Parameters:
    ///   - first: the number of the first chunk.
    ///   - sealed: `message`'s size and 16 bytes for each chunk.
    ///   - hasher: takes the sealed bytes, chunk by chunk, while they lie in the cache.
    package borrowing func seal(
        _ message: RawSpan, from first: UInt64, into sealed: inout MutableRawSpan,
        hashing hasher: inout SHA256
    ) throws(CryptoError) {
        let context = hasher.context
        try sealed.withUnsafeMutableBytes { (sealed) throws(CryptoError) in
            try message.withUnsafeBytes { (message) throws(CryptoError) in
                try seal(message, from: first, into: sealed, hasher: context)
            }
        }
    }

    /// Opens chunks one after the other.
    /// - Parameters:
    ///   - first: the number of the first chunk.
    ///   - message: `sealed`'s size less 16 bytes for each chunk.
    /// - Throws: `CryptoError.notAuthentic` at the first chunk that is not; `message` then holds
    ///   nothing of it.
    package borrowing func open(
        _ sealed: RawSpan, from first: UInt64, into message: inout MutableRawSpan
    ) throws(CryptoError) {
        try message.withUnsafeMutableBytes { (message) throws(CryptoError) in
            try sealed.withUnsafeBytes { (sealed) throws(CryptoError) in
                try open(sealed, from: first, into: message)
            }
        }
    }

    borrowing func seal(
        _ message: UnsafeRawBufferPointer, from first: UInt64,
        into sealed: UnsafeMutableRawBufferPointer, hasher: OpaquePointer?
    ) throws(CryptoError) {
        let chunk = ChunkedEncryption.chunkBytes
        let sealedChunk = ChunkedEncryption.sealedChunkBytes
        let count = (sealed.count + sealedChunk - 1) / sealedChunk
        precondition(sealed.count == message.count + count * AES256GCM.tagBytes)
        for index in 0..<count {
            let plain = index * chunk..<min((index + 1) * chunk, message.count)
            let target = index * sealedChunk..<min((index + 1) * sealedChunk, sealed.count)
            try start(chunk: first + UInt64(index))
            try context.seal(
                UnsafeRawBufferPointer(rebasing: message[plain]),
                into: UnsafeMutableRawBufferPointer(rebasing: sealed[target]))
            if let hasher {
                SHA256.update(hasher, UnsafeRawBufferPointer(rebasing: sealed[target]))
            }
        }
    }

    borrowing func open(
        _ sealed: UnsafeRawBufferPointer, from first: UInt64,
        into message: UnsafeMutableRawBufferPointer
    ) throws(CryptoError) {
        let chunk = ChunkedEncryption.chunkBytes
        let sealedChunk = ChunkedEncryption.sealedChunkBytes
        let count = (sealed.count + sealedChunk - 1) / sealedChunk
        precondition(sealed.count == message.count + count * AES256GCM.tagBytes)
        for index in 0..<count {
            let source = index * sealedChunk..<min((index + 1) * sealedChunk, sealed.count)
            let target = index * chunk..<min((index + 1) * chunk, message.count)
            try start(chunk: first + UInt64(index))
            let isAuthentic = try context.open(
                UnsafeRawBufferPointer(rebasing: sealed[source]),
                into: UnsafeMutableRawBufferPointer(rebasing: message[target]))
            guard isAuthentic else { throw .notAuthentic("chunk \(first + UInt64(index))") }
        }
    }

    private borrowing func start(chunk: UInt64) throws(CryptoError) {
        var bytes: (UInt64, UInt64) = (0, 0)
        let started = withUnsafeMutableBytes(of: &bytes) { bytes in
            bytes.copyBytes(from: nonce)
            let low = bytes.loadUnaligned(fromByteOffset: 4, as: UInt64.self)
            bytes.storeBytes(of: low ^ chunk.bigEndian, toByteOffset: 4, as: UInt64.self)
            return context.restart(UnsafeRawBufferPointer(rebasing: bytes[..<12]))
        }
        guard started == 1 else {
            throw .openSSL("AES-256-GCM nonce", reasons: CryptoError.drain())
        }
    }
}
