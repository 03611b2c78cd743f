import NIOCore
import SelatTransport

/// A body whose connection breaks after some bytes.
struct Broken: AsyncSequence, Sendable {
    typealias Element = ByteBuffer
    let body: UploadBody
    let limit: Int

    func makeAsyncIterator() -> Iterator { Iterator(body: body.makeAsyncIterator(), left: limit) }

    struct Iterator: AsyncIteratorProtocol {
        var body: UploadBody.Iterator
        var left: Int

        mutating func next() async throws -> ByteBuffer? {
            guard left > 0, var piece = try await body.next() else { throw LinkBroke() }
            let slice = piece.readSlice(length: Swift.min(left, piece.readableBytes))
            left -= slice?.readableBytes ?? 0
            return slice
        }
    }

    struct LinkBroke: Error {}
}

/// A body that holds its last piece back until it is released or cancelled, and gives it then: what was on
/// its way when the upload was fenced off.
struct LateBody: AsyncSequence, Sendable {
    typealias Element = ByteBuffer
    let pieces: [[UInt8]]
    /// Told when all but the last were taken.
    let waits: AsyncStream<Void>.Continuation
    /// Ends when the last may come; without it, only cancelling brings it.
    var released: AsyncStream<Void>?

    func makeAsyncIterator() -> Iterator { Iterator(body: self) }

    struct Iterator: AsyncIteratorProtocol {
        let body: LateBody
        var index = 0

        mutating func next() async throws -> ByteBuffer? {
            guard index < body.pieces.count else { return nil }
            if index == body.pieces.count - 1 {
                body.waits.finish()
                let (never, continuation) = AsyncStream<Void>.makeStream()
                for await _ in body.released ?? never {}
                continuation.finish()
            }
            index += 1
            return ByteBuffer(bytes: body.pieces[index - 1])
        }
    }
}

/// A body of given pieces that then ends, breaks, or waits until it is cancelled.
struct Pieces: AsyncSequence, Sendable {
    typealias Element = ByteBuffer
    enum End { case end, wait }
    let pieces: [[UInt8]]
    var end = End.end
    /// Told when all pieces were taken.
    var taken: AsyncStream<Void>.Continuation?

    func makeAsyncIterator() -> Iterator { Iterator(body: self) }

    struct Iterator: AsyncIteratorProtocol {
        let body: Pieces
        var index = 0

        mutating func next() async throws -> ByteBuffer? {
            if index < body.pieces.count {
                defer { index += 1 }
                return ByteBuffer(bytes: body.pieces[index])
            }
            body.taken?.finish()
            guard body.end == .wait else { return nil }
            let (never, continuation) = AsyncStream<Void>.makeStream()
            for await _ in never {}
            continuation.finish()
            throw CancellationError()
        }
    }
}
