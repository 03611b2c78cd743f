import HTTPTypes
import SelatCore

// What a node brings to others beside envelopes.
extension PeerClient {
    /// Brings a receipt.
    /// - Throws: `Problem` when the peer will not have it.
    package func bring(receipt: [UInt8]) async throws -> LetterAnswer {
        try await bring(receipt, to: "/v1/receipts")
    }

    private func bring(_ document: [UInt8], to path: String) async throws -> LetterAnswer {
        var request = request(.post, path)
        request.headerFields[.contentType] = MediaType.json
        return try LetterAnswer(parsing: try await answer(to: request, document))
    }
}
