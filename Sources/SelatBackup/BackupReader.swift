import SelatCore
package import SelatCrypto

/// The content of a backup, part after part. Every byte that it gives has passed the content key.
package struct BackupReader: ~Copyable {
    private let file: BackupFile
    private let cipher: ChunkCipher
    private var chunk: UInt64 = 0
    /// Of the content, bytes that were not opened yet.
    private var contentLeft: UInt64
    /// Opened, and not given yet.
    private var opened: ArraySlice<UInt8> = []
    private var isOpened = false
    /// Of the part that was named last.
    private var partLeft: UInt64 = 0
    private var last: BackupPath?
    private var parts: UInt64 = 0

    private static let chunksAtOnce = 64

    /// - Parameter key: the private key of the header's recipient.
    /// - Throws: `BackupError.crypto` where it was not sealed to this key.
    package init(_ file: BackupFile, key: PrivateKey) throws(BackupError) {
        self.file = file
        let chunkKey = try file.front.key(
            key, salted: try file.next(ChunkedEncryption.headerBytes))
        cipher = try withCrypto { () throws(CryptoError) in try ChunkCipher(opening: chunkKey) }
        contentLeft = file.front.header.contentSize
    }

    /// Goes on to the next part, whether or not the one before was read to its end.
    /// - Returns: nil behind the last one; then the whole file was read and is authentic.
    package mutating func next() throws(BackupError) -> (path: BackupPath, size: UInt64)? {
        while partLeft > 0 { _ = try read(1 << 20) }
        switch try BackupLine(parsing: try line()) {
        case .part(let path, let size):
            if let last, path <= last {
                throw .malformed("content", "`\(path.text)` stands behind `\(last.text)`")
            }
            (last, partLeft) = (path, size)
            parts += 1
            return (path, size)
        case .end(let count):
            guard count == parts, opened.isEmpty, contentLeft == 0 else {
                throw .malformed("content", "it does not end where it says")
            }
            if !isOpened { try open() }
            guard try file.next(file.front.trailer.count) == file.front.trailer else {
                throw .malformed("file", "bytes behind `payload` that are not zero")
            }
            return nil
        }
    }

    /// The next bytes of the part, at most `count`; nil at its end.
    package mutating func read(_ count: Int) throws(BackupError) -> [UInt8]? {
        guard partLeft > 0 else { return nil }
        if opened.isEmpty { try open() }
        let piece = Array(opened.prefix(Int(min(UInt64(count), partLeft))))
        guard !piece.isEmpty else { throw .malformed("content", "it ends within a part") }
        opened = opened.dropFirst(piece.count)
        partLeft -= UInt64(piece.count)
        return piece
    }

    /// A whole part; only those of limited size are asked for so.
    package mutating func readAll() throws(BackupError) -> [UInt8] {
        var bytes: [UInt8] = []
        while let piece = try read(1 << 20) { bytes += piece }
        return bytes
    }

    private mutating func line() throws(BackupError) -> [UInt8] {
        var line: [UInt8] = []
        while line.count <= BackupLine.bytesMax {
            if opened.isEmpty { try open() }
            guard let byte = opened.popFirst() else {
                throw .malformed("content", "it ends without saying so")
            }
            if byte == 0x0A { return line }
            line.append(byte)
        }
        throw .malformed("content", "a line is longer than \(BackupLine.bytesMax) bytes")
    }

    /// Opens the next run of chunks; nothing behind the last one.
    private mutating func open() throws(BackupError) {
        guard !isOpened else { return }
        let most = UInt64(Self.chunksAtOnce * ChunkedEncryption.chunkBytes)
        let count = Int(min(most, contentLeft))
        let isLast = count < Int(most)
        let chunks = count / ChunkedEncryption.chunkBytes + (isLast ? 1 : 0)
        let sealed = try file.next(count + chunks * AES256GCM.tagBytes)
        var plain = [UInt8](repeating: 0, count: count)
        do throws(CryptoError) {
            var elements = plain.mutableSpan
            var span = elements.mutableBytes
            try cipher.open(sealed.span.bytes, from: chunk, into: &span)
        } catch {
            throw .crypto(error)
        }
        chunk += UInt64(chunks)
        contentLeft -= UInt64(count)
        isOpened = isLast
        opened = plain[...]
    }
}
