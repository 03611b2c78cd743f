import NIOCore
import SelatCore
import SelatStore

// Where the parts of a transfer lie: with a small payload in the database, others in files of the spool
// (`Exchange.md`, *Spool*).

extension Exchange {
    /// Whether a sealed payload of this size lies in the database.
    static func isStored(sealed size: UInt64) -> Bool {
        size <= UInt64(Limits.storedPayloadBytesMax)
    }

    /// A part of a transfer, wherever it lies.
    /// - Throws: `FileFault` where it lies nowhere; `StoreError`.
    func part(_ part: SpoolFolder.Name.Part, of name: SpoolFolder.Name) async throws -> [UInt8] {
        if let bytes = try store.lookUp({ try $0.part(part, of: name) }) { return bytes }
        return try await spool.read(name, part)
    }

    /// How many bytes a part of a transfer has, wherever it lies.
    /// - Throws: `FileFault` where it lies nowhere; `StoreError`.
    func partSize(
        _ part: SpoolFolder.Name.Part, of name: SpoolFolder.Name
    ) async throws -> UInt64 {
        if let count = try store.lookUp({ try $0.partSize(part, of: name) }) {
            return UInt64(count)
        }
        let path = spool.path(of: name, part)
        return try await spool.onDisk { () throws(FileFault) in try SpoolReader(path).size }
    }

    /// A transfer's sealed payload, to be read from its beginning to its end.
    func payloadStream(of name: SpoolFolder.Name) throws -> SpoolStream {
        if let stored = try storedPayload(of: name) { return SpoolStream(stored, in: spool) }
        return try SpoolStream(spool.path(of: name, .payload), in: spool)
    }

    /// The same, for several threads at once.
    func payloadSource(of name: SpoolFolder.Name) async throws -> any SegmentSource {
        if let stored = try storedPayload(of: name) { return stored }
        let path = spool.path(of: name, .payload)
        return try await spool.onDisk { () throws(FileFault) in try SpoolReader(path) }
    }

    private func storedPayload(of name: SpoolFolder.Name) throws -> StoredPayload? {
        try store.lookUp { try $0.part(.payload, of: name) }.map { StoredPayload($0, of: name) }
    }
}

/// A sealed payload in pieces, in order. While one leaves, the disk reads the next.
struct PayloadPieces {
    private let stream: SpoolStream
    private var ahead: (range: Range<UInt64>, reading: Task<ByteBuffer, any Error>)?
    /// Where the next piece begins.
    private(set) var position: UInt64

    init(_ stream: SpoolStream, from offset: UInt64) {
        self.stream = stream
        position = offset
    }

    /// The next piece: the one that is being read already, else one of at most `bytes`.
    func next(atMost bytes: UInt64) -> Range<UInt64> {
        ahead?.range ?? position..<min(position + bytes, stream.size)
    }

    /// The bytes of the next piece.
    /// - Parameter bytes: how many of those behind it are read meanwhile, at most.
    nonisolated(nonsending) mutating func take(
        _ range: Range<UInt64>, ahead bytes: UInt64
    ) async throws -> ByteBuffer {
        let piece =
            if let ahead { try await ahead.reading.value } else { try await stream.buffer(range) }
        position = range.upperBound
        let following = position..<min(position + bytes, stream.size)
        let stream = stream
        ahead =
            following.isEmpty
            ? nil : (following, Task { try await stream.buffer(following) })
        return piece
    }

    /// Whoever stops in the middle wants no more of it.
    func cancel() { ahead?.reading.cancel() }
}
