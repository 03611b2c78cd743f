package import Logging
import SelatAudit
package import SelatCore
import SelatCrypto
import SelatDelivery
import SelatEnvelope
package import SelatFederation
package import SelatPolicy
package import SelatStore
package import SelatTransport
import Synchronization

/// A node's exchange: the one place where policy, envelope, federation, store and transport meet.
///
/// The machines `Sender` and `Recipient` decide; this performs what they ask for, records before it
/// acts, and comes back from the database alone after a crash.
package final class Exchange: Sendable {
    package let membership: MembershipRegister
    /// Who this node is now.
    package var identity: NodeIdentity { membership.identity }
    /// The membership in force now; what needs one answer throughout takes it once.
    package var federation: Federation { membership.federation }
    /// The keys of this node; nil where they are only those of its identity.
    package let ring: KeyRing?
    package let editions: EditionRegister
    /// The set by which this node judges now.
    package var policies: PolicySet { editions.active }
    package let store: Store
    package let spool: SpoolFolder
    let storageKey: StorageKey
    package let clock: any WallClock
    let entropy: any Entropy
    let logger: Logger

    /// Permitted transfers whose payload has not begun to arrive.
    let pending = Mutex(PendingSeals())
    /// Transfers that were released with their acceptance, until they are pursued.
    let released = Mutex<[TransferID: ReleasedAtOnce]>([:])
    /// Sealings that ended and could not be recorded as ended yet, with their causes.
    let cutShort = Mutex<[TransferID: String]>([:])
    /// Ids that callers have chosen, until they are recorded.
    let chosen = Mutex<Set<TransferID>>([])
    /// Transfers that are free to be pursued, or of which there is news.
    let accepted: AsyncStream<Pursuit>.Continuation
    let acceptances: AsyncStream<Pursuit>
    let pursuits = Pursuits()
    let requests = RecentlyRead<JudgedRequest>()
    let sealedRecords = RecentlyRead<SealedRecord>()
    let lanes: Lanes
    let sealings = Sealings()
    /// How much this node holds for others.
    let relaying: Quota
    /// How much of others' lies here for this node.
    let inbox: Quota
    /// How much of this node's own may be under way.
    let queue: QueueQuotas
    /// How much of the disk is kept for flash, and whether that is reached.
    let disk: Mutex<(reserve: DiskReserve, watermark: Watermark)>
    /// How often each peer may ask.
    package let rates: RequestRates
    let peers: Peers
    /// How long peers are waited for.
    let patience: Duration
    /// The log among others.
    package let witnesses: Witnesses
    /// Keeps the membership the same everywhere.
    package let gossip: MembershipGossip
    let uploads = Uploads()
    let newestAttempts = Mutex(NewestAttempts<UploadID>())
    let endings = Endings()
    /// Nodes that are asked for their policies now.
    let catchingUp = Mutex<Set<NodeID>>([])
    /// Whose policies are in memory.
    let policyTurns = MemberTurns()
    /// What each node offered last that was lacking here, and until when it is no news.
    let offeredBefore = Mutex<[NodeID: (Set<Digest>, Timestamp)]>([:])
    /// Handshakes of this minute that failed, by cause.
    let strangers = Mutex<[String: Int]>([:])
    let counted = Mutex(Counted())
    let clockWatch = Mutex(ClockWatch())
    /// From when on seconds are counted by a clock that nobody sets.
    let started = ContinuousClock.now
    /// Recalls of this minute, by the peer that brought them and the member whose they are.
    let recallsHeard = Mutex<[Bringing: Int]>([:])
    /// What passes through that is not known here.
    let strays = Mutex(Strays())
    /// Why own letters have not come to their addressees, by these and by their numbers.
    let hindered = Mutex<[NodeID: [Int64: LetterHindrance]]>([:])
    /// What must not be handed out any more, also where that has begun, and since when.
    let withdrawn = Mutex<[UploadID: ContinuousClock.Instant]>([:])
    /// New attempts of this minute of what passes through, by the peer that brought them.
    let renewals = Mutex<[NodeID: Int]>([:])

    /// - Parameters:
    ///   - store: opened; its log is this node's.
    ///   - ring: the keys of this node, where they may change.
    ///   - storageKey: wraps content keys at rest.
    ///   - patience: how long an exchange without payload may take, beside what its bytes need; how long a flash waits for a
    ///     relay; and for how long letters are brought one way at a time.
    ///   - program: the digest of the running program, which peers are told.
    ///   - awaitsProof: whether `store` was opened so that its log waits for a witness.
    package init(
        membership: MembershipRegister, ring: KeyRing? = nil, editions: EditionRegister,
        store: Store, spool: SpoolFolder, storageKey: StorageKey,
        witnessing: WitnessSettings = .init(), relaying: Quota = .relay,
        inbox: Quota = .inbox, queue: QueueQuotas = .init(),
        bandwidth: [BandwidthLimit] = [], reserve: DiskReserve = .init(),
        requests: RequestRate = .init(), patience: Duration = .seconds(60),
        program: Digest? = nil, awaitsProof: Bool = false,
        clock: any WallClock, entropy: any Entropy = SystemEntropy(), logger: Logger
    ) {
        self.membership = membership
        self.ring = ring
        self.editions = editions
        self.store = store
        self.spool = spool
        self.storageKey = storageKey
        self.clock = clock
        self.entropy = entropy
        self.logger = logger
        self.relaying = relaying
        self.inbox = inbox
        self.queue = queue
        disk = Mutex((reserve, Watermark()))
        rates = RequestRates(requests)
        lanes = Lanes(bandwidth)
        peers = Peers(membership: membership, clock: clock)
        self.patience = patience
        witnesses = Witnesses(
            membership: membership, store: store, peers: peers, clock: clock,
            settings: witnessing, program: program, isProven: !awaitsProof, logger: logger)
        gossip = MembershipGossip(
            membership, peers: peers, entropy: entropy, logger: logger)
        (acceptances, accepted) = AsyncStream.makeStream()
        editions.believeClock { [witnesses] in witnesses.mayEnd }
    }

    /// A permitted transfer on its way from verdict to payload.
    struct PendingSeal: Sendable {
        let decision: Decision
        /// Of the decision.
        let permit: Permit
        let asked: Asked
        /// Since when the payload is awaited.
        var begun: ContinuousClock.Instant
        /// For which there is room among the pending.
        var descriptionBytes = 0

        var request: OutboundRequest { asked.request }
    }

    /// Comes back from the database: removes what no row names, ends what was cut short, and takes up what
    /// was on its way.
    package func recover() async throws {
        // Before the first commit: what was half sealed may be what leaves the database no room. By the files,
        // and not by the transfers: what was received stays, and mostly has none.
        let spool = spool
        let removed = try await store.read { snapshot in
            try spool.removeAll { try snapshot.hasFiles($0, in: .spooled) }
        }
        if removed > 0 {
            logger.notice("removed files of no transfer", metadata: ["count": "\(removed)"])
        }
        let cutShort = try await store.read {
            try $0.outbound(TransferFilter(states: Sender.cutShortStates, limit: .max))
        }
        for row in cutShort {
            try await endSealing(row.id, cause: "the daemon stopped before the dataset was sealed")
        }
        let open = TransferFilter(states: Sender.openStates, limit: .max)
        let passing = TransferFilter(states: Set(Relay.spooledStates), limit: .max)
        let rows = try await store.read { (try $0.outbound(open), try $0.relayed(passing)) }
        for row in rows.0.reversed() { accepted.yield(.outbound(row.id)) }
        for row in rows.1.reversed() { accepted.yield(.relayed(row.id, from: row.from)) }
        for node in try await store.read({ try $0.addressees() }) {
            accepted.yield(.letters(to: node))
        }
    }

    /// Delivers and keeps house until the task is cancelled.
    package func run() async {
        await peers.use(witnesses.newsExchange)
        membership.observe { [weak self] before, after in await self?.follow(before, after) }
        await withDiscardingTaskGroup { group in
            group.addTask { await self.keepHouse() }
            group.addTask { await self.watchClock() }
            group.addTask { await self.keepPolicies() }
            group.addTask { await self.keepKeys() }
            group.addTask { await self.witnesses.run() }
            group.addTask { await self.gossip.run() }
            group.addTask { await self.peers.run() }
            for await pursuit in acceptances where await pursuits.begin(pursuit) {
                group.addTask { await self.pursue(pursuit) }
            }
            group.cancelAll()
        }
        // Nobody came to pursue them; a start does.
        for begun in released.withLock({ $0.values.map { $0 } }) { await giveBack(begun) }
        await peers.closeAll()
    }

    /// From now on uploads keep to these limits.
    package func limit(_ bandwidth: [BandwidthLimit]) async { await lanes.replace(bandwidth) }

    /// What goes on at the links.
    package var linkLoads: [LinkLoad] {
        get async { await lanes.loads }
    }

    /// Takes nothing new up; `run` returns once what runs has been parked.
    package func stop() { accepted.finish() }

    /// Sends away what waits to be sealed, and whoever waits for an end: the daemon stops, and would not come
    /// to it.
    package func dismissWaiting() {
        Task {
            await sealings.stop()
            await endings.stop()
        }
    }

    /// Once a minute: ends what is overdue, and enters what was only counted in that minute.
    private func keepHouse() async {
        while !Task.isCancelled {
            guard (try? await Task.sleep(for: .seconds(60))) != nil else { return }
            await lookAtClock()
            // Each for itself: what fails in one must not keep the others from being done.
            await kept { try await self.endOverdue() }
            await kept { try await self.enterCounted() }
            await kept { try await self.endForgottenSeals() }
            await kept { try await self.diskStanding() }
            await lanes.dismissOverdue()
            FreedMemory.giveBack()
        }
    }

    /// One thing that fails must not keep the others from being done.
    func kept(_ work: () async throws -> Void) async {
        do { try await work() } catch {
            logger.error("housekeeping failed", metadata: ["error": "\(error)"])
        }
    }

    /// Counts a peer that did not get through the handshake: nobody known, so not an entry each.
    package func refusedStranger(cause: String) {
        strangers.withLock { causes in
            // A stranger chooses the words of some causes; how many are kept is ours to say.
            let key = causes.count < 32 || causes[cause] != nil ? cause : "other causes"
            causes[key, default: 0] += 1
        }
    }

    /// Enters what was counted and not entered one by one.
    func enterCounted() async throws {
        let causes = strangers.withLock { counts in
            defer { counts = [:] }
            return counts
        }
        recallsHeard.withLock { $0 = [:] }
        renewals.withLock { $0 = [:] }
        strays.withLock { $0.beginMinute() }
        let drafts =
            causes.sorted { $0.key < $1.key }.map { cause, count in
                EntryDraft(
                    kind: "peer.refused",
                    details: [
                        "cause": .string(String(cause.prefix(500))),
                        "count": .integer(Int64(count)),
                    ])
            }
            + membership.refusals.takeCounted().sorted { $0.key < $1.key }.map { peer, count in
                EntryDraft(
                    kind: "offers.refused", actor: .node(peer),
                    details: ["count": .integer(Int64(count))])
            }
            + rates.takeRefused().sorted { $0.key < $1.key }.map { peer, count in
                EntryDraft(
                    kind: "requests.refused", actor: .node(peer),
                    details: ["count": .integer(Int64(count))])
            } + counted.withLock { $0.takeDrafts() }
        guard !drafts.isEmpty else { return }
        _ = try await store.commit { transaction in
            for draft in drafts { try transaction.append(draft) }
        }
    }
}

extension Sender {
    /// States from which a transfer is pursued.
    static let openStates = Set(State.allCases.filter { $0.atStart == .pursue }.map(\.rawValue))
    /// States that a start ends.
    static let cutShortStates = Set(
        State.allCases.filter { $0.atStart == .endSealing }.map(\.rawValue))
}

extension SpooledStates {
    /// As the machines have them.
    static let spooled = SpooledStates(
        outbound: Sender.openStates,
        inbound: Set(Recipient.State.allCases.filter(\.keepsFiles).map(\.rawValue)),
        relayed: Set(Relay.spooledStates))
}
