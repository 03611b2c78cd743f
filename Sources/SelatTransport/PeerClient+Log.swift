import HTTPTypes
import NIOCore
package import SelatCore
import SelatHTTP

// What a node asks of others about logs.

/// How a witness answered.
package enum WitnessReply: Hashable, Sendable {
    /// Signature lines.
    case cosigned([UInt8])
    case conflict(size: UInt64)
    /// Any other answer: its status, and its words.
    case refused(status: Int, detail: String)
}

extension PeerClient {
    /// Asks for a cosignature, C2SP `add-checkpoint`.
    package func addCheckpoint(_ body: [UInt8]) async throws -> WitnessReply {
        var request = request(.post, "/v1/witness/add-checkpoint")
        request.headerFields[.contentType] = "text/plain; charset=utf-8"
        let answer = try await exchange(request, body)
        let type = answer.head.headerFields[.contentType]
        switch answer.head.status.code {
        case 200: return .cosigned(answer.body)
        case 409 where type == MediaType.treeSize:
            let text = String(decoding: answer.body, as: UTF8.self)
            guard text.last == "\n", let size = UInt64(text.dropLast()) else {
                throw TransportFault.unexpectedAnswer("`\(text.prefix(40))`, which is no size")
            }
            return .conflict(size: size)
        case let code: return .refused(status: code, detail: answer.detail)
        }
    }

    /// The checkpoint of a log that the node has cosigned last; nil for none.
    /// - Parameter origin: SHA-256 of the log's origin, in hexadecimal.
    package func cosignedCheckpoint(origin: String) async throws -> [UInt8]? {
        try await fetch("/v1/witness/\(origin)/checkpoint")
    }

    /// The proof between two sizes of the node's own log; nil when it shows none.
    package func consistency(from old: UInt64, to size: UInt64) async throws -> [UInt8]? {
        try await fetch("/v1/log/consistency/\(old)/\(size)")
    }

    /// Proofs of entries of the node's own log; nil while there is no witnessed checkpoint.
    package func proofs(_ document: JSON) async throws -> JSON? {
        var request = request(.post, "/v1/log/proofs")
        request.headerFields[.contentType] = "application/json"
        return try found(try await exchange(request, document.canonical))
            .map { try JSON(parsing: $0) }
    }

    private func fetch(_ path: String) async throws -> [UInt8]? {
        try found(try await exchange(request(.get, path), nil))
    }

    private func found(_ answer: Answer) throws -> [UInt8]? {
        switch answer.head.status.code {
        case 200: return answer.body
        case 404: return nil
        case let code: throw TransportFault.unexpectedAnswer("\(code): \(answer.detail)")
        }
    }

    private struct Answer {
        let head: HTTPResponse
        let body: [UInt8]

        /// Why not, as far as the answer says.
        var detail: String {
            let problem = try? Problem(parsing: body, status: head.status.code)
            return String((problem?.detail ?? head.status.reasonPhrase).prefix(300))
        }
    }

    /// One question, whatever the status of the answer.
    private func exchange(_ request: HTTPRequest, _ body: [UInt8]?) async throws -> Answer {
        let response = try await client.send(request, body: body.map { ByteBuffer(bytes: $0) })
        try await hear(response.head)
        return Answer(
            head: response.head,
            body: try await response.body.collected(upTo: Limits.transportAnswerBytesMax))
    }
}
