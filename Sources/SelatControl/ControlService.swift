package import NIOCore
package import SelatCore

/// What the daemon does for its operators. Answers are the JSON documents of `API.md`; what cannot
/// be done is thrown as a `Problem`.
package protocol ControlService:
    TransferControl, ApprovalControl, PolicyControl, MembershipControl, KeyControl, AuditControl,
    BackupControl
{
    func status() async throws -> JSON
    /// Every check, with what was found and what to do.
    func doctor() async throws -> JSON
    /// Calls another node, and says how long it took and whether both go by the same membership.
    func ping(_ node: NodeID) async throws -> JSON
}

/// Sending, receiving and looking at transfers.
package protocol TransferControl: Sendable {
    /// The verdict on a transfer, and nothing sent.
    func check(_ request: SendRequest) async throws -> JSON
    /// The ways to a recipient, and what each relay's country says of a label.
    func routes(_ request: RouteRequest) async throws -> JSON
    /// Judges and, where the verdict permits, seals the payload that came with the request, or awaits it. With
    /// `waitSeconds` the answer comes when that has ended, or when they are over.
    /// - Parameter gone: completes when the caller hangs up.
    func begin(
        _ request: SendRequest, waitSeconds: Int, by caller: Caller,
        unless gone: EventLoopFuture<Void>
    ) async throws -> JSON
    /// Seals the payload: the dataset's files, one after the other. Durable when it returns.
    /// - Parameter gone: completes when the caller hangs up.
    func seal<Body: AsyncSequence & Sendable>(
        _ id: TransferID, _ body: Body, by caller: Caller, unless gone: EventLoopFuture<Void>
    ) async throws -> JSON where Body.Element == ByteBuffer
    /// The same of files that the caller has handed over.
    func seal(
        _ id: TransferID, _ files: HandedFiles, by caller: Caller,
        unless gone: EventLoopFuture<Void>
    ) async throws -> JSON
    /// Transfers, newest first.
    func transfers(_ direction: Direction?, limit: Int) async throws -> JSON
    /// Own transfers that ended as nobody here asked for, newest first, each with a remedy.
    func deadTransfers(limit: Int) async throws -> JSON
    /// One transfer. With `waitSeconds` the answer comes when it has ended, or when they are over.
    /// - Parameters:
    ///   - from: its sender, where several have used the id; so in all that follows.
    ///   - gone: completes when the caller hangs up, for whom nothing waits any more.
    func transfer(
        _ id: TransferID, from: NodeID?, waitSeconds: Int, unless gone: EventLoopFuture<Void>
    ) async throws -> JSON
    /// Where one transfer stands, and no more: for whoever waits. With `waitSeconds` as `transfer`.
    func state(
        of id: TransferID, waitSeconds: Int, unless gone: EventLoopFuture<Void>
    ) async throws -> JSON
    /// Who holds which of the own datasets, and whose lie here.
    func holdings(limit: Int) async throws -> JSON
    /// Takes a transfer back that has not left whole.
    func cancel(_ id: TransferID, _ request: CancelRequest, by caller: Caller) async throws -> JSON
    /// Tries a transfer now that waits for its next try.
    func retry(_ id: TransferID) async throws -> JSON
    /// The description of a delivered dataset.
    func manifest(_ id: TransferID, from: NodeID?) async throws -> JSON
    /// A delivered dataset in plain: its files, one after the other.
    func open(_ id: TransferID, from: NodeID?, by caller: Caller) async throws -> ByteStream
    /// The same into files that the caller has handed over, which are whole when it returns.
    func open(
        _ id: TransferID, from: NodeID?, into files: HandedFiles, by caller: Caller,
        unless gone: EventLoopFuture<Void>
    ) async throws
    /// Destroys a delivered dataset for good.
    func destroy(
        _ id: TransferID, from: NodeID?, _ request: DestroyRequest, by caller: Caller
    ) async throws -> JSON
    /// Recalls, newest first.
    func recalls(limit: Int) async throws -> JSON
    /// Takes an officer's recall of an own dataset, or an own officer's answer to one.
    func take(recallWord message: [UInt8], by caller: Caller) async throws -> JSON
    /// What proves a transfer: `{"files": {path: base64}}`.
    func evidence(_ id: TransferID, from: NodeID?) async throws -> JSON
    /// A transfer's package, sealed as it is.
    func package(_ id: TransferID, from: NodeID?, by caller: Caller) async throws -> ByteStream
    /// Takes a recipient's receipt that was brought by hand.
    func take(receipt document: JSON, by caller: Caller) async throws -> JSON
    /// Takes a package that was brought by hand: its front, and the payload from its first byte on.
    func take<Body: AsyncSequence & Sendable>(
        packageFront front: [UInt8], payload: Body, by caller: Caller
    ) async throws -> JSON where Body.Element == ByteBuffer
}

/// What the node judges by: policy editions and officers' statements.
package protocol PolicyControl: Sendable {
    /// Every policy edition: what judges, who signed it, what waits; those in force too, as they are,
    /// where they are asked for.
    func policies(withDocuments: Bool) async throws -> JSON
    /// Takes policy editions, all or none, and activates those that are due.
    func activate(_ request: ActivationRequest, by caller: Caller) async throws -> JSON
    /// Verifies an officer's signed statement and keeps it.
    func take(statement message: [UInt8], by caller: Caller) async throws -> JSON
    /// The newest officers' statements, with what they are worth now.
    func statements(limit: Int) async throws -> JSON
}

/// The node's own keys.
package protocol KeyControl: Sendable {
    /// Every key and certificate of the node and its member, with days left.
    func keys() async throws -> JSON
    /// Makes the next key of a purpose.
    func rotate(_ purpose: String, kind: String?, by caller: Caller) async throws -> JSON
}

/// Copies of everything that the node keeps.
package protocol BackupControl: Sendable {
    /// A sealed backup, made while it is read.
    /// - Parameter recipient: PEM of the certificate to which it is sealed; nil for the configured one.
    func backUp(to recipient: String?, by caller: Caller) async throws -> ByteStream
    /// Hears that the last backup lies whole where it was written.
    func confirmBackup(_ digest: Digest, by caller: Caller) async throws -> JSON
}

/// Who is a member.
package protocol MembershipControl: Sendable {
    /// The membership that this node goes by; the signed documents too, where they are asked for.
    func membership(withDocuments: Bool) async throws -> JSON
    /// Takes signed documents, all or none; they are in force at once and spread by themselves.
    func publish(_ request: MembershipRequest, by caller: Caller) async throws -> JSON
}

/// Who speaks at the control socket, as the kernel vouches.
package struct Caller: Hashable, Sendable {
    package let user: UInt32

    package init(user: UInt32) { self.user = user }
}

package enum Direction: String, CaseIterable, Sendable {
    case outbound, inbound, relayed
}

/// Which transfers are listed.
package enum TransferSelection: String, CaseIterable, Sendable {
    /// Own ones that ended as nobody here asked for.
    case dead
}

/// Bytes of a known count, pulled piece by piece; what `next` throws ends the answer short, and the
/// reader sees that.
package struct ByteStream: Sendable {
    package let size: UInt64
    package let next: @Sendable () async throws -> ByteBuffer?
    /// Called once, however the reading ends.
    package let close: @Sendable () async -> Void

    package init(
        size: UInt64, next: @escaping @Sendable () async throws -> ByteBuffer?,
        close: @escaping @Sendable () async -> Void = {}
    ) {
        self.size = size
        self.next = next
        self.close = close
    }
}
