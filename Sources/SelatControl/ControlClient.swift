package import HTTPTypes
package import NIOCore
package import SelatCore
import SelatHTTP

/// The command's side of the control socket.
package struct ControlClient: Sendable {
    private let connection: HTTPClient

    /// How long the daemon may answer nothing while it does something: a dataset waits for its turn, and a backup, the
    /// log's verification and a doctor's round say nothing before they are done, which takes as long as the
    /// node is large. A daemon that ends closes the socket, so that nobody waits in vain.
    package static let patience = TimeAmount.hours(24)

    /// - Throws: `ControlError.unreachable` when no daemon answers at `socket`.
    package init(socket: String) async throws {
        try await self.init(socket: socket, limits: HTTPLimits())
    }

    init(socket: String, limits: HTTPLimits) async throws {
        do {
            connection = try await HTTPClient.connect(to: .unix(path: socket), limits: limits)
        } catch {
            throw ControlError.unreachable(socket: socket, reason: "\(error)")
        }
    }

    package func close() async { await connection.close() }

    /// - Parameter patience: how long the daemon may answer nothing, where that is more than for a look at something.
    /// - Throws: `Problem` for what the daemon refuses.
    package func get(
        _ path: String, upTo bytesMax: Int = 64 << 20, patience: TimeAmount? = nil
    ) async throws -> [UInt8] {
        try await connection.exchange(
            Self.request(.get, path), upTo: bytesMax, patience: patience
        ).body
    }

    package func getJSON(_ path: String, patience: TimeAmount? = nil) async throws -> JSON {
        try JSON(parsing: try await get(path, patience: patience), isTrusted: true)
    }

    package func post(_ path: String, _ json: JSON? = nil) async throws -> JSON {
        var request = Self.request(.post, path)
        request.headerFields[.contentType] = "application/json"
        let body = ByteBuffer(bytes: json?.canonical ?? [])
        return try JSON(
            parsing: try await connection.exchange(
                request, body: body, upTo: 64 << 20, patience: Self.patience
            ).body)
    }

    /// Streams a body of `length` bytes.
    package func put(
        _ path: String, length: UInt64,
        next: nonisolated(nonsending) () async throws -> ByteBuffer?
    ) async throws -> JSON {
        let answer = try await connection.send(
            Self.request(.put, path), length: length, patience: Self.patience, next: next)
        return try JSON(parsing: try await answer.collected(upTo: 1 << 20).body)
    }

    /// Asks for what needs the bytes of files, or makes them, with the files handed over.
    /// - Returns: the body of the answer.
    package func send(
        _ method: HTTPRequest.Method, _ path: String, with files: FileHandover
    ) async throws -> [UInt8] {
        let answer = try await connection.send(
            Self.request(method, "\(path)?files=\(files.ticket)"), length: 0,
            patience: Self.patience
        ) { nil }
        return try await answer.collected(upTo: 1 << 20).body
    }

    /// Streams a body of `length` bytes to a route that makes something of it.
    package func post(
        _ path: String, length: UInt64,
        next: nonisolated(nonsending) () async throws -> ByteBuffer?
    ) async throws -> JSON {
        let answer = try await connection.send(
            Self.request(.post, path), length: length, patience: Self.patience, next: next)
        return try JSON(parsing: try await answer.collected(upTo: 1 << 20).body)
    }

    /// Takes an answer piece by piece, to its end.
    /// - Parameters:
    ///   - json: what is asked; nil for no body.
    ///   - begun: called before the first piece, with the bytes that were announced.
    /// - Throws: `Problem` before the first piece; `ControlError.cutShort` when fewer bytes came than
    ///   were announced; what `take` throws.
    package func stream(
        _ method: HTTPRequest.Method, _ path: String, _ json: JSON? = nil,
        begun: (UInt64) -> Void = { _ in },
        take: nonisolated(nonsending) (ByteBuffer) async throws -> Void
    ) async throws {
        let answer = try await connection.send(
            Self.request(method, path), body: json.map { ByteBuffer(bytes: $0.canonical) },
            patience: Self.patience)
        guard answer.head.status.code < 400 else {
            _ = try await answer.collected(upTo: Problem.bytesMax)
            return
        }
        let announced = answer.head.headerFields[.contentLength].flatMap { UInt64($0) }
        begun(announced ?? 0)
        var taken: UInt64 = 0
        do {
            for try await piece in answer.body {
                taken += UInt64(piece.readableBytes)
                try await take(piece)
            }
        } catch let fault as HTTPFault where fault != .stalled {
            throw ControlError.cutShort(taken: taken)
        }
        if let announced, announced != taken { throw ControlError.cutShort(taken: taken) }
    }

    private static func request(_ method: HTTPRequest.Method, _ path: String) -> HTTPRequest {
        HTTPRequest(method: method, scheme: "http", authority: "selat", path: path)
    }
}

/// Why the daemon gave no answer.
package enum ControlError: Error, Sendable, CustomStringConvertible {
    case unreachable(socket: String, reason: String)
    /// The daemon ended its answer early: what it read failed a check, or it stopped.
    case cutShort(taken: UInt64)

    package var description: String {
        switch self {
        case .unreachable(let socket, _): "no daemon answers at `\(socket)`"
        case .cutShort(let taken): "the daemon ended its answer after \(taken) bytes"
        }
    }
}
