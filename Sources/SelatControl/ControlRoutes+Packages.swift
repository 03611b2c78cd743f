import Hummingbird
import NIOCore
import SelatCore
import SelatHTTP

extension ControlRoutes {
    static func addReceipts(
        to group: RouterGroup<HTTPContext>, _ service: some ControlService
    ) {
        group.post { request, context in
            let caller = try caller(context)
            let bytes = try await request.bytes(upTo: Limits.controlBodyBytesMax)
            let receipt = try asked { try JSON(parsing: bytes) }
            return Response.json(try await service.take(receipt: receipt, by: caller))
        }
    }

    static func addPackages(
        to group: RouterGroup<HTTPContext>, _ service: some ControlService
    ) {
        group.post { request, context in
            let caller = try caller(context)
            let count = try number(request, "front", default: 0, 1...Limits.envelopeHeadBytesMax)
            let (front, rest) = try await PackageBody.split(request.body, after: count)
            return Response.json(
                try await service.take(packageFront: front, payload: rest, by: caller))
        }
    }
}

/// A body that goes on behind what was read of it: a request's body comes from its connection, so each
/// iterator begins where the one before it ended.
private struct PackageBody: AsyncSequence, Sendable {
    private let first: ByteBuffer
    private let rest: RequestBody

    /// Reads the first bytes of a body.
    /// - Throws: `Problem` for one that ends before.
    static func split(
        _ body: RequestBody, after count: Int
    ) async throws -> (front: [UInt8], rest: PackageBody) {
        var front = ByteBuffer()
        var pieces = body.makeAsyncIterator()
        while front.readableBytes < count {
            guard var piece = try await pieces.next() else {
                throw Problem.badRequest("the body ends within the front of \(count) bytes")
            }
            front.writeBuffer(&piece)
        }
        let bytes = front.readBytes(length: count) ?? []
        return (bytes, PackageBody(first: front, rest: body))
    }

    func makeAsyncIterator() -> Iterator {
        Iterator(first: first, pieces: rest.makeAsyncIterator())
    }

    struct Iterator: AsyncIteratorProtocol {
        var first: ByteBuffer?
        var pieces: RequestBody.AsyncIterator

        mutating func next() async throws -> ByteBuffer? {
            if let first, first.readableBytes > 0 {
                self.first = nil
                return first
            }
            return try await pieces.next()
        }
    }
}
