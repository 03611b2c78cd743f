package import SelatCore

// What a node asks of others about policies.
extension PeerClient {
    /// The editions that the node goes by, and those that wait.
    /// - Throws: `Problem` when the peer refuses; `CoreError` for another document than an index.
    package func offeredEditions() async throws -> [OfferedEdition] {
        try PolicyIndex.read(try await document("/v1/policies", upTo: Limits.policyIndexBytesMax))
    }

    /// One edition; what it holds is for the caller to verify.
    /// - Throws: `Problem` when the peer refuses; `CoreError` for another document.
    package func signedFile(_ digest: Digest) async throws -> SignedFile {
        try SignedFile(
            parsing: try await document(
                "/v1/policies/\(digest.text)", upTo: Limits.policyDocumentBytesMax))
    }
}
