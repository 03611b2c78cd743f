package import SelatCore

/// What officers are asked, and what they answer.
package protocol ApprovalControl: Sendable {
    /// Transfers that wait for officers, newest first: what is owed, and who has said what.
    func approvals(limit: Int) async throws -> JSON
    /// Everything that an officer decides on but the dataset itself.
    func approvalRequest(_ id: TransferID) async throws -> JSON
    /// The request with the content key, one line, and behind it the sealed payload.
    func review(_ id: TransferID, by caller: Caller) async throws -> ByteStream
    /// Verifies an officer's signed approval or refusal, and acts on it.
    func take(
        approval message: [UInt8], of id: TransferID, by caller: Caller
    ) async throws -> JSON
    /// Enters the report on a release by one officer.
    func enterReport(_ digest: Digest, on id: TransferID, by caller: Caller) async throws -> JSON
}
