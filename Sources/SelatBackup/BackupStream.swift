package import SelatCore
package import SelatCrypto

/// A backup's bytes, made while they are pulled: front, sealed content, trailer. Blocks on the disk
/// and computes; memory does not grow with what is backed up.
package struct BackupStream: ~Copyable {
    package let front: BackupFront
    private let cipher: ChunkCipher
    private let salted: [UInt8]
    private var content: BackupContent
    private var step = Step.front
    private var hasher = SHA256()
    private var chunk: UInt64 = 0
    private var contentLeft: UInt64

    private enum Step { case front, content, trailer, end }

    /// Chunks that are sealed at a time, 1 MiB.
    private static let chunksAtOnce = 64

    /// - Parameters:
    ///   - items: in the order of their paths, each once.
    ///   - header: given the digest of `keys.cms` and the content's size.
    package init(
        _ items: [BackupItem], signer: CMS.Signer, recipient: Certificate, at time: Timestamp,
        header: (_ keys: Digest, _ contentSize: UInt64) -> BackupHeader
    ) throws(BackupError) {
        precondition(
            zip(items, items.dropFirst()).allSatisfy { $0.path < $1.path }, "parts have an order")
        let size = BackupContent.size(of: items)
        let (front, key) = try BackupFront.make(signer: signer, recipient: recipient, at: time) {
            header($0, size)
        }
        let cipher = try withCrypto { () throws(CryptoError) in try ChunkCipher(sealing: key) }
        self.init(front, cipher, salted: key.header, items, size: size)
    }

    private init(
        _ front: BackupFront, _ cipher: consuming ChunkCipher, salted: [UInt8],
        _ items: [BackupItem], size: UInt64
    ) {
        self.front = front
        self.cipher = cipher
        self.salted = salted
        content = BackupContent(items)
        contentLeft = size
    }

    package var size: UInt64 { front.fileSize }

    /// The next bytes; nil behind the last.
    package mutating func next() throws(BackupError) -> [UInt8]? {
        let piece: [UInt8]
        switch step {
        case .front: (piece, step) = (front.bytes + salted, .content)
        case .content: piece = try sealed()
        case .trailer: (piece, step) = (front.trailer, .end)
        case .end: return nil
        }
        hasher.update(piece)
        return piece
    }

    /// The digest of all bytes, once they were given.
    package mutating func digest() -> Digest {
        precondition(step == .end, "only the whole has a digest")
        return hasher.finish()
    }

    private mutating func sealed() throws(BackupError) -> [UInt8] {
        let most = UInt64(Self.chunksAtOnce * ChunkedEncryption.chunkBytes)
        let plain: [UInt8]
        do throws(FileFault) { plain = try content.next(Int(min(most, contentLeft))) } catch {
            throw .file(error)
        }
        // The last run is the one whose last chunk is short, be it empty.
        let isLast = plain.count < Int(most)
        let chunks = plain.count / ChunkedEncryption.chunkBytes + (isLast ? 1 : 0)
        var sealed = [UInt8](
            repeating: 0, count: plain.count + chunks * AES256GCM.tagBytes)
        do throws(CryptoError) {
            var elements = sealed.mutableSpan
            var span = elements.mutableBytes
            var unused = SHA256()
            try cipher.seal(plain.span.bytes, from: chunk, into: &span, hashing: &unused)
        } catch {
            throw .crypto(error)
        }
        chunk += UInt64(chunks)
        contentLeft -= UInt64(plain.count)
        if isLast { step = .trailer }
        return sealed
    }
}
