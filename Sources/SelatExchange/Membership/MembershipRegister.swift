package import Logging
import SelatAudit
package import SelatCore
package import SelatCrypto
import SelatEvidence
package import SelatFederation
package import SelatStore
package import SelatTransport
import Synchronization

/// The membership as it is now, and who this node is in it: the one thing that everybody else's word
/// changes while the node runs (`Exchange.docc/Membership.md`).
package final class MembershipRegister: Sendable {
    /// What belongs together: made anew, whole, whenever list, records, revocation lists or the own
    /// keys change.
    package struct View: Sendable {
        package let federation: Federation
        /// The last identity that the membership bore out; nil for a node that was never listed.
        package let identity: NodeIdentity?
        /// Why the membership does not bear it out now; nil where it does.
        package let exclusion: String?
        package let index: MembershipIndex
        /// What each message to other nodes says of it.
        let mark: MembershipMark
        let roll: WitnessRoll
    }

    struct State {
        var view: View
        var keys: NodeIdentity.Keys
        /// The epoch of the own log.
        var epoch: UInt64
        /// Serials of which there are two valid lists.
        var forks: Set<UInt64> = []
        /// Documents that were refused, and when that was entered last.
        var refused: [Digest: Timestamp] = [:]
        /// Until when the changes that other nodes brought are paid for, each with a minute.
        var paid: [Change: Timestamp] = [:]
        /// What each node's index was when it was last compared, and the own one then.
        var compared: [NodeID: (theirs: Digest, ours: Digest)] = [:]
        var observers: [@Sendable (View, View) async -> Void] = []
        /// Since when nothing of it has changed; nil where the database has to tell.
        var since: Timestamp?
        /// The membership of an earlier moment, asked for last.
        var past: (digests: [Digest], federation: Federation)?
    }

    /// What of a member changes again and again.
    struct Change: Hashable {
        let kind: MembershipRow.Kind
        let country: Country
    }

    package let node: NodeID
    /// What peers brought in vain: documents, editions, offers and letters alike.
    let refusals = Refusals()
    let store: Store
    let clock: any WallClock
    let logger: Logger
    let allowsSandbox: Bool
    /// With what this node dials others while no record lists it.
    private let unlistedTLS: TLSIdentity?
    let state: Mutex<State>
    let turn = Turn()
    /// Nodes that said that they go by other documents.
    let differing: AsyncStream<NodeID>
    private let differ: AsyncStream<NodeID>.Continuation

    /// - Parameter federation: verified, or restored from `store`.
    /// - Throws: `AuditError` where the federation has more witnesses than a policy holds.
    package init(
        _ federation: Federation, node: NodeID, keys: NodeIdentity.Keys, epoch: UInt64 = 1,
        unlistedTLS: TLSIdentity? = nil, allowsSandbox: Bool, store: Store, clock: any WallClock,
        logger: Logger
    ) throws {
        self.node = node
        self.store = store
        self.clock = clock
        self.logger = logger
        self.allowsSandbox = allowsSandbox
        self.unlistedTLS = unlistedTLS
        let view = try View(
            federation, node: node, keys: keys, epoch: epoch, after: nil, at: clock.now())
        state = Mutex(State(view: view, keys: keys, epoch: epoch))
        (differing, differ) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(64))
    }

    package var current: View { state.withLock { $0.view } }
    package var federation: Federation { current.federation }
    /// Whether the membership lists this node with its keys.
    package var isListed: Bool { current.identity != nil && current.exclusion == nil }

    /// Who this node is. INVARIANT: an exchange exists only once there is one.
    package var identity: NodeIdentity {
        guard let identity = current.identity else {
            preconditionFailure("a node serves once it is listed")
        }
        return identity
    }

    /// With what this node proves itself to peers.
    var tls: TLSIdentity? { current.identity?.tls ?? unlistedTLS }

    /// Serials of which there are two valid lists: somebody has signed twice.
    package var forks: [UInt64] { state.withLock { $0.forks.sorted() } }

    /// What both ends of each connection say and hear of the membership.
    package var link: MembershipExchange {
        MembershipExchange(
            ours: { [self] in current.mark },
            heard: { [self] mark, node in if differs(mark, node) { differ.yield(node) } })
    }

    /// Whether a node goes by documents that were not compared with the own ones yet.
    private func differs(_ mark: MembershipMark, _ node: NodeID) -> Bool {
        state.withLock { state in
            let ours = state.view.mark
            if mark.serial > ours.serial { return true }
            guard let theirs = mark.index, let own = ours.index, theirs != own else { return false }
            guard let before = state.compared[node] else { return true }
            return before != (theirs, own)
        }
    }

    /// Hears of each change, after it; in the order of registration.
    package func observe(_ observer: @escaping @Sendable (View, View) async -> Void) {
        state.withLock { $0.observers.append(observer) }
    }

    /// Takes the keys that the own node holds now into use, as far as the membership lists them.
    func use(_ keys: NodeIdentity.Keys) async throws {
        let (before, after) = try state.withLock { state in
            let before = state.view
            state.keys = keys
            state.view = try View(
                before.federation, node: node, keys: state.keys, epoch: state.epoch, after: before,
                at: clock.now())
            return (before, state.view)
        }
        await tell(before, after)
    }

    /// Takes certificates into use that are in force by now, in the place of those that are over: a
    /// record may list one that begins later, and no document comes when it does.
    func useCertificatesInForce() async throws {
        let (keys, isSame) = state.withLock { state in
            let found = try? NodeIdentity(
                node: node, keys: state.keys, federation: state.view.federation,
                epoch: state.epoch, at: clock.now())
            guard let found, let identity = state.view.identity else { return (state.keys, true) }
            return (state.keys, found.provesLike(identity))
        }
        if !isSame { try await use(keys) }
    }

    /// Whether the own log went on after a backup was restored: then this node has signed more than it
    /// knows of.
    var isRestored: Bool { state.withLock { $0.epoch > 1 } }

    /// The log has gone on under another epoch.
    func use(epoch: UInt64) { state.withLock { $0.epoch = epoch } }

    func tell(_ before: View, _ after: View) async {
        for observer in state.withLock({ $0.observers }) { await observer(before, after) }
    }
}

extension MembershipRegister.View {
    /// - Parameter before: the view before, whose identity stays where the membership bears none out.
    /// - Throws: `AuditError` where the federation has more witnesses than a policy holds.
    init(
        _ federation: Federation, node: NodeID, keys: NodeIdentity.Keys, epoch: UInt64,
        after before: Self?, at time: Timestamp
    ) throws {
        self.federation = federation
        index = MembershipIndex(of: federation)
        mark = MembershipMark(
            serial: federation.serial, digest: federation.listDigest, index: index.digest)
        roll = try WitnessRoll(of: federation, for: node.country)
        do {
            identity = try NodeIdentity(
                node: node, keys: keys, federation: federation, epoch: epoch, at: time)
            exclusion = nil
        } catch {
            identity = before?.identity
            exclusion = "\(error)"
        }
    }

}

extension MembershipIndex {
    init(of federation: Federation) {
        self.init(
            list: Mark(serial: federation.serial, digest: federation.listDigest),
            records: federation.records.mapValues { Mark(serial: $0.serial, digest: $0.digest) },
            revocationLists: federation.documents.revocationLists.mapValues { SHA256.digest($0) })
    }

    var digest: Digest { SHA256.digest(json.canonical) }
}

/// Who signs and who cosigns whose logs, as the membership has it.
struct WitnessRoll: Sendable {
    /// The key of each node's log, made once: each receipt is verified with one. A node whose record has
    /// none that is one is left out.
    let logs: [NodeID: VerifierKey]
    /// Who is asked to cosign the own log.
    let asked: [NodeID: CosignerKey]
    /// The quorum of the own log.
    let own: LogPolicy
    /// That of every member, made once: receipts are judged by it.
    let policies: [Country: LogPolicy]

    /// - Throws: `AuditError.malformed` for more witnesses than a policy holds.
    init(of federation: Federation, for country: Country) throws(AuditError) {
        logs = federation.nodes.compactMapValues { try? VerifierKey($0.logKey) }
        asked = federation.witnesses(of: country)
        own = try federation.witnessPolicy(of: country)
        var policies: [Country: LogPolicy] = [:]
        for country in federation.records.keys {
            policies[country] = try federation.witnessPolicy(of: country)
        }
        self.policies = policies
    }
}
