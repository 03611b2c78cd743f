package import SelatCore

// What a node asks of others about the membership.
extension PeerClient {
    /// - Throws: `Problem` when the peer refuses; `CoreError` for another document than an index.
    package func membershipIndex() async throws -> MembershipIndex {
        try MembershipIndex(
            parsing: try await document(
                "/v1/membership", upTo: Limits.membershipIndexBytesMax))
    }

    /// The list of a serial; what it holds is for the caller to verify.
    /// - Throws: `Problem` when the peer refuses.
    package func membershipList(_ serial: UInt64) async throws -> [UInt8] {
        try await document(
            "/v1/membership/lists/\(serial)", upTo: Limits.membershipDocumentBytesMax)
    }

    /// A country's newest record.
    /// - Throws: `Problem` when the peer refuses.
    package func memberRecord(_ country: Country) async throws -> [UInt8] {
        try await document(
            "/v1/membership/records/\(country)", upTo: Limits.membershipDocumentBytesMax)
    }

    /// A country's newest revocation lists, PEM.
    /// - Throws: `Problem` when the peer refuses.
    package func revocationLists(_ country: Country) async throws -> [UInt8] {
        try await document("/v1/crl/\(country)", upTo: Limits.membershipDocumentBytesMax)
    }
}
