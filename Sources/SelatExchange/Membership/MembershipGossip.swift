package import Logging
import SelatAudit
package import SelatCore
import SelatCrypto
import SelatFederation
import SelatStore
import SelatTransport
import Synchronization

/// Nodes tell each other of newer documents: each message says by what its author goes, and who
/// differs asks. Whoever brings a document, its signatures speak for it.
package final class MembershipGossip: Sendable {
    private let register: MembershipRegister
    private let peers: Peers
    private let entropy: any Entropy
    private let logger: Logger
    /// How much of all nodes' documents is in memory before it is taken; the members have equal shares.
    private let bytesAtOnce: Int
    /// Whose documents are in memory.
    let turns = MemberTurns()
    /// Nodes that are asked now.
    private let asking = Mutex<Set<NodeID>>([])
    /// That what the own node goes by has changed, once for all that nobody was told of yet.
    private let (changes, changed) = AsyncStream<Void>.makeStream(
        bufferingPolicy: .bufferingNewest(1))

    init(
        _ register: MembershipRegister, peers: Peers, entropy: any Entropy, logger: Logger,
        bytesAtOnce: Int = Limits.membershipBytesAtOnceMax
    ) {
        self.register = register
        self.peers = peers
        self.entropy = entropy
        self.logger = logger
        self.bytesAtOnce = bytesAtOnce
    }

    /// For a node that has no exchange yet, because no record lists it.
    package convenience init(
        unlisted register: MembershipRegister, entropy: any Entropy = SystemEntropy(),
        logger: Logger
    ) {
        self.init(
            register, peers: Peers(membership: register, clock: register.clock), entropy: entropy,
            logger: logger)
    }

    /// Compares with every other node, soon after the start, then every half minute and at once after
    /// each change, and with one that differs as soon as it says so; until the task is cancelled.
    package func run() async {
        await withDiscardingTaskGroup { group in
            group.addTask {
                var pause = Duration.milliseconds(self.jitter(seconds: 1))
                while (try? await Task.sleep(for: pause)) != nil {
                    await self.compareWithAll()
                    pause =
                        .seconds(Limits.membershipRoundSeconds * 3 / 4)
                        + .milliseconds(
                            self.jitter(seconds: Int(Limits.membershipRoundSeconds / 2)))
                }
            }
            group.addTask {
                for await _ in self.changes { await self.compareWithAll() }
            }
            for await node in register.differing {
                group.addTask { await self.compare(with: node) }
            }
            group.cancelAll()
        }
    }

    /// Has every other node hear that the documents have changed. Not awaited: whoever takes some has its
    /// member's turn, for which another of that member's nodes may wait.
    func tellOfChange() { changed.yield() }

    /// Compares with every other node at once; each hears thereby what this one goes by.
    package func compareWithAll() async {
        let nodes = register.federation.nodes.keys.filter { $0 != register.node }
        await withDiscardingTaskGroup { group in
            for node in nodes { group.addTask { await self.compare(with: node) } }
        }
    }

    private func jitter(seconds: Int) -> Int {
        let bytes = entropy.bytes(2)
        return (Int(bytes[0]) << 8 | Int(bytes[1])) * seconds * 1_000 / 65_536
    }

    /// Takes what `node` goes by and this one lacks; what fails is tried again in the next round.
    package func compare(with node: NodeID) async {
        guard asking.withLock({ $0.insert(node).inserted }) else { return }
        defer { _ = asking.withLock { $0.remove(node) } }
        do {
            try await within(.seconds(20)) { try await self.obtain(from: node) }
        } catch let refused as MembershipRefused {
            logger.debug("membership refused", metadata: ["peer": "\(node)", "why": "\(refused)"])
        } catch {
            logger.debug(
                "no membership obtained", metadata: ["peer": "\(node)", "error": "\(error)"])
            await renewRevocationLists(from: node)
        }
    }

    private func obtain(from node: NodeID) async throws {
        let index = try await peers.connected(to: node) { try await $0.membershipIndex() }
        var refused: MembershipRefused?
        if index != register.current.index {
            // Whoever waits for a sibling holds no connection, which it would lose where that takes too long.
            refused = try await turns.take(of: node.country) {
                try await self.peers.connected(to: node) { client in
                    try await self.takeLacking(index, at: client)
                }
            }
        }
        register.compared(with: node, index)
        if let refused { throw refused }
    }

    /// Takes what the node at the other end has above what is held here, some of it at a time. Lists
    /// come first, since they say of whom the rest may be.
    /// - Returns: what of it was refused first, if anything was.
    private func takeLacking(
        _ index: MembershipIndex, at client: PeerClient
    ) async throws -> MembershipRefused? {
        let ours = register.current.index
        let share = max(1, bytesAtOnce / register.federation.members.count)
        var arrivals = Arrivals(register: register, node: client.node, bytesMax: share)
        try await obtainLists(index.list, beside: ours.list, at: client, &arrivals)
        // Those of who comes in with a list go to it: by them its signers are judged.
        let known = ours.revocationLists
        let differing = index.revocationLists.filter { $0.value != known[$0.key] }.keys
        let (held, new) = (
            differing.filter { known[$0] != nil }, differing.filter { known[$0] == nil }
        )
        for country in new + held
        where arrivals.isMember(country) && register.takesChange(.revocationLists, of: country) {
            try await arrivals.makeRoom()
            arrivals.bundle.revocationLists[country] = try await client.revocationLists(country)
        }
        for (country, mark) in index.records
        where mark.serial > ours.records[country]?.serial ?? 0 && arrivals.isMember(country)
            && register.takesChange(.record, of: country)
        {
            try await arrivals.makeRoom()
            arrivals.bundle.records[country] = try await client.memberRecord(country)
        }
        try await arrivals.take()
        return arrivals.refused
    }

    private func obtainLists(
        _ theirs: MembershipIndex.Mark, beside ours: MembershipIndex.Mark, at client: PeerClient,
        _ arrivals: inout Arrivals
    ) async throws {
        if theirs.serial > ours.serial {
            guard theirs.serial - ours.serial <= Self.listsAtOnceMax else {
                throw TransportFault.unexpectedAnswer("a list of serial \(theirs.serial)")
            }
            for serial in (ours.serial + 1)...theirs.serial {
                arrivals.bundle.hasLaterLists = true
                try await arrivals.makeRoom()
                arrivals.bundle.lists.append(try await client.membershipList(serial))
            }
            arrivals.bundle.hasLaterLists = false
        } else if theirs.serial == ours.serial, theirs.digest != ours.digest {
            arrivals.bundle.lists = [try await client.membershipList(theirs.serial)]
        }
        arrivals.hearWhoComes()
    }

    /// A node whose country's revocation list is over here is nobody any more, until its list is
    /// renewed. For that alone it is dialled without judging revocation: lists prove themselves.
    private func renewRevocationLists(from node: NodeID) async {
        let country = node.country
        guard register.federation.areRevocationListsOver(of: country, at: register.clock.now())
        else { return }
        do {
            try await within(.seconds(20)) { [peers, register, turns] in
                // Whoever waits for a sibling holds no connection; and that one may have brought the list.
                try await turns.take(of: country) {
                    guard
                        register.federation.areRevocationListsOver(
                            of: country, at: register.clock.now())
                    else { return }
                    let client = try await peers.dialWithoutRevocation(node)
                    do {
                        let pem = try await client.revocationLists(country)
                        await client.close()
                        _ = try await register.take(
                            MembershipBundle(revocationLists: [country: pem]), from: .node(node),
                            together: true)
                    } catch {
                        await client.close()
                        throw error
                    }
                }
            }
        } catch {
            logger.debug(
                "no revocation list obtained", metadata: ["peer": "\(node)", "error": "\(error)"])
        }
    }

    /// A node that was away for longer catches up in several rounds.
    private static let listsAtOnceMax: UInt64 = 64
}

/// One node's documents on their way into the register: no more of them at once than memory has
/// room for.
private struct Arrivals {
    let register: MembershipRegister
    let node: NodeID
    let bytesMax: Int
    var bundle = MembershipBundle()
    /// Whom the last list of the bundle names, before anything in it is believed.
    var coming: Set<Country> = []
    var refused: MembershipRefused?

    mutating func hearWhoComes() {
        let content = bundle.lists.last.flatMap {
            try? CMS.unverifiedContent($0, type: .membershipList)
        }
        let list = content.flatMap { try? MembershipList(content: $0) }
        coming = Set((list?.members ?? []).map(\.country))
    }

    /// Whether something of a country may count: of others any number could be made up.
    func isMember(_ country: Country) -> Bool {
        coming.contains(country) || register.federation.list.member(country) != nil
    }

    /// Takes what has come, where that is enough for once.
    mutating func makeRoom() async throws {
        if bundle.bytes >= bytesMax { try await take() }
    }

    mutating func take() async throws {
        if !bundle.isEmpty {
            do {
                _ = try await register.take(bundle, from: .node(node), together: false)
            } catch let error as MembershipRefused {
                refused = refused ?? error
            }
        }
        (bundle, coming) = (MembershipBundle(), [])
    }
}

extension MembershipBundle {
    var isEmpty: Bool { lists.isEmpty && records.isEmpty && revocationLists.isEmpty }

    fileprivate var bytes: Int {
        (lists + records.values + revocationLists.values).reduce(0) { $0 + $1.count }
    }
}

extension MembershipRegister {
    /// Remembers that nothing of what a node goes by is lacking here any more, or that it is refused.
    func compared(with node: NodeID, _ index: MembershipIndex) {
        state.withLock { state in
            state.compared[node] = (index.digest, state.view.index.digest)
        }
    }
}
