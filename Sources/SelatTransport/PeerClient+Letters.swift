import HTTPTypes
import SelatCore

// What a node brings to others beside envelopes.
extension PeerClient {
    /// Brings a receipt.
    /// - Throws: `Problem` when the peer will not have it.
    package func bring(receipt: [UInt8]) async throws -> LetterAnswer {
        try await bring(receipt, as: MediaType.json, to: "/v1/receipts")
    }

    /// Brings an officer's recall.
    /// - Throws: `Problem` when the peer will not have it.
    package func bring(recall: [UInt8]) async throws -> LetterAnswer {
        try await bring(recall, as: MediaType.cms, to: "/v1/recalls")
    }

    private func bring(
        _ document: [UInt8], as mediaType: String, to path: String
    ) async throws -> LetterAnswer {
        var request = request(.post, path)
        request.headerFields[.contentType] = mediaType
        return try LetterAnswer(parsing: try await answer(to: request, document))
    }
}
