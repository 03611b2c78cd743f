import HTTPTypes
import Hummingbird
import NIOCore
import SelatCore
import SelatHTTP
import Synchronization

/// How much of large offers and receipts is held, from their first byte until they have been judged, or of large
/// answers, until they have been read, so that memory does not grow with the number of a country's nodes and
/// connections (Protocol.md, *Offer*). Nobody waits for it: whoever waited would wait for others to be as fast as they
/// like.
final class OfferRoom: Sendable {
    /// A body of no more takes no room: the connection alone costs about as much.
    static let smallBytesMax = 64 << 10
    /// Of one country's: a few of the largest heads, or more small packages than a node sends at a time.
    static let bytesMax = 4 * Limits.envelopeHeadBytesMax

    private let taken = Mutex<[Country: Int]>([:])

    /// Gives what `use` gives, which may hold `bytes`.
    /// - Throws: what `use` throws, and a `Problem` (429) where the node's country has too much here already.
    func with<Value>(
        _ bytes: Int, of node: NodeID, _ use: () async throws -> Value
    ) async throws -> Value {
        guard bytes > Self.smallBytesMax else { return try await use() }
        try enter(bytes, of: node.country)
        defer { leave(bytes, of: node.country) }
        return try await use()
    }

    /// Gives what `judge` gives of a whole body, for which room is taken until it has been judged.
    /// - Throws: what `with` throws, and a `Problem` (413) for a larger body.
    func with<Value>(
        bodyOf request: Request, upTo bytesMax: Int, of node: NodeID,
        _ judge: ([UInt8]) async throws -> Value
    ) async throws -> Value {
        let length = request.headers[.contentLength].flatMap { Int($0) } ?? bytesMax
        // More than is allowed is refused at its first byte too many.
        return try await with(min(length, bytesMax), of: node) {
            try await judge(try await request.bytes(upTo: bytesMax))
        }
    }

    /// Takes room for an answer of so many `bytes` until `end`, when the node has read it.
    /// - Throws: a `Problem` (429) where the node's country has too much here already.
    func hold(
        _ bytes: Int, of node: NodeID, until end: @autoclosure () -> EventLoopFuture<Void>
    ) throws {
        guard bytes > Self.smallBytesMax else { return }
        let country = node.country
        try enter(bytes, of: country)
        end().whenComplete { [self] _ in leave(bytes, of: country) }
    }

    private func enter(_ bytes: Int, of country: Country) throws {
        let hasRoom = taken.withLock { taken in
            let own = taken[country, default: 0] + bytes
            guard own <= Self.bytesMax else { return false }
            taken[country] = own
            return true
        }
        guard !hasRoom else { return }
        var problem = Problem.tooManyRequests(.seconds(1))
        problem.detail =
            "\(country)'s nodes bring, or read, more than \(Self.bytesMax) bytes at a time"
        throw problem
    }

    private func leave(_ bytes: Int, of country: Country) {
        taken.withLock { taken in
            let left = taken[country, default: 0] - bytes
            taken[country] = left > 0 ? left : nil
        }
    }
}
