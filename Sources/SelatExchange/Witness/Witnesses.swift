import Logging
package import SelatAudit
import SelatCore
import SelatCrypto
import SelatEvidence
import SelatFederation
import SelatStore
package import SelatTransport
import Synchronization

/// The log among others: proves the own one at the start, asks for cosignatures, cosigns, and watches
/// what others show (Audit.docc/Witnesses.md).
package final class Witnesses: Sendable {
    let membership: MembershipRegister
    var identity: NodeIdentity { membership.identity }
    var federation: Federation { membership.federation }
    let store: Store
    let peers: Peers
    let clock: any WallClock
    let settings: WitnessSettings
    let logger: Logger
    /// The quorum of the own log.
    package var policy: LogPolicy { membership.current.roll.own }
    var policies: [Country: LogPolicy] { membership.current.roll.policies }
    var asked: [NodeID: CosignerKey] { membership.current.roll.asked }
    let state: Mutex<State>

    struct State {
        var standing: LogStanding
        /// The log's name in this epoch.
        var log: LogIdentity
        /// The newest checkpoint of the own log that witnesses have cosigned, and the newest that met
        /// the quorum.
        var collected: SignedCheckpoint?
        var witnessed: SignedCheckpoint?
        /// When the oldest entry behind the newest quorum was made.
        var unwitnessedSince: Timestamp?
        var dialogues: [NodeID: Dialogue] = [:]
        /// What each peer said last about its log, and what of that was not compared yet.
        var heard: [NodeID: String] = [:]
        var unread: [NodeID: [[UInt8]]] = [:]
        var programs: [NodeID: String] = [:]
        /// When a peer's program was entered last.
        var programsEntered: [NodeID: ContinuousClock.Instant] = [:]
        /// Of this minute, how often each node asked for a cosignature.
        var asked: (minute: Int64, counts: [NodeID: Int]) = (0, [:])
        /// Why the wall clock cannot be right, if so.
        var clockFault: String?
        /// Since when nobody has borne out the clock that a start or a step has given; nil where it was.
        var clockDoubt: ContinuousClock.Instant?
        /// Cosignatures given, and when they were entered last.
        var cosigned = 0
        var keyUseEntered: Timestamp
        var news: PeerNews
    }

    /// What this node knows of one witness.
    struct Dialogue: Hashable {
        /// Cosigned last of this log, as far as is known.
        var size: UInt64 = 0
        var time: Timestamp?
        /// By how much the witness's clock was ahead when it answered; nil where it has not answered
        /// since this one was set.
        var skew: Int64?
        var failures = 0
        var next: ContinuousClock.Instant?
        var cause: String?
    }

    /// - Parameters:
    ///   - program: the digest of the running program, which peers are told.
    ///   - isProven: whether the log may be shown at once: where `store` was opened so.
    init(
        membership: MembershipRegister, store: Store, peers: Peers,
        clock: any WallClock, settings: WitnessSettings, program: Digest?, isProven: Bool,
        logger: Logger
    ) {
        self.membership = membership
        self.store = store
        self.peers = peers
        self.clock = clock
        self.settings = settings
        self.logger = logger
        state = Mutex(
            State(
                standing: isProven ? .proven : .unproven, log: membership.identity.log,
                clockDoubt: isProven ? nil : ContinuousClock.now, keyUseEntered: clock.now(),
                news: PeerNews(program: program?.text)))
    }

    package var standing: LogStanding { state.withLock { $0.standing } }
    /// The origin of this epoch.
    package var origin: String { state.withLock { $0.log.origin } }
    /// The key under which the log is signed in this epoch.
    package var verifierKey: VerifierKey { state.withLock { $0.log.verifierKey } }
    /// Entries before this one are under a witnessed checkpoint.
    package var witnessedSize: UInt64 { state.withLock { $0.witnessed?.checkpoint.size ?? 0 } }
    /// Whether anybody's word is asked for at all.
    package var hasQuorum: Bool { policy.quorum != nil }

    /// Proves the log, and then works once in an interval, until the task is cancelled.
    func run() async {
        await guarded("reading what was cosigned") { try await self.load() }
        await guarded("judging the clock") { try await self.judgeClock() }
        var pause = Duration.milliseconds(100)
        while !Task.isCancelled {
            switch standing {
            case .unproven:
                await guarded("proving the log") { try await self.prove() }
                if standing == .proven { continue }
                // Short at first: a federation that starts together must not wait for an interval.
                pause = min(pause * 2, .seconds(settings.interval))
            case .proven:
                await work()
                pause = .seconds(settings.interval)
            case .contradicted: pause = .seconds(settings.interval)
            }
            guard (try? await Task.sleep(for: pause)) != nil else { return }
        }
    }

    /// One interval's work.
    func work() async {
        await guarded("asking witnesses") { try await self.ask() }
        await guarded("judging the clock") { try await self.judgeClock() }
        await guarded("comparing checkpoints") { try await self.compareHeard() }
        await guarded("renewing receipts") { try await self.renewReceipts() }
        await guarded("looking for silent logs") { try await self.lookForSilence() }
        await guarded("entering key use") { try await self.enterKeyUseDaily() }
    }

    /// Each for itself: what fails in one must not keep the others from being done.
    private func guarded(_ task: String, _ work: () async throws -> Void) async {
        do { try await work() } catch {
            if Task.isCancelled { return }
            logger.error("witness work failed", metadata: ["task": "\(task)", "error": "\(error)"])
        }
    }

    /// What earlier runs collected for this epoch.
    private func load() async throws {
        let (origin, key) = (origin, verifierKey)
        let rows = try await store.read {
            (
                try $0.cosigned(origin, isWitnessed: false),
                try $0.cosigned(origin, isWitnessed: true)
            )
        }
        let collected = try rows.0.map { try SignedCheckpoint(note: $0.note, key: key) }
        let witnessed = try rows.1.map { try SignedCheckpoint(note: $0.note, key: key) }
        state.withLock { state in
            (state.collected, state.witnessed) = (collected, witnessed)
            state.news.checkpoint = collected.map { Base64.encode($0.note) }
        }
        try await noteUnwitnessed()
    }

    /// Finds out since when entries wait for the quorum.
    func noteUnwitnessed() async throws {
        guard hasQuorum else { return }
        let size = witnessedSize
        let oldest = try await store.read { try $0.entry(size)?.entry.time }
        state.withLock { $0.unwitnessedSince = oldest }
    }

    /// What both ends of each connection say and hear.
    package var newsExchange: NewsExchange {
        NewsExchange(
            ours: { [weak self] in self?.state.withLock { $0.news } ?? PeerNews() },
            heard: { [weak self] in self?.hear($0, from: $1) })
    }

    /// A connection to a peer for one use, given back if it is still good.
    nonisolated(nonsending) func asking<Value: Sendable>(
        _ node: NodeID, _ use: @escaping @Sendable (PeerClient) async throws -> Value
    ) async throws -> Value {
        try await within(.seconds(5)) { [peers] in
            let client = try await peers.take(node)
            do {
                let value = try await use(client)
                await peers.keep(client)
                return value
            } catch {
                await peers.drop(client)
                throw error
            }
        }
    }
}

/// Runs `work` and gives up on it after a while.
/// - Throws: `Overdue`, and what `work` throws.
nonisolated(nonsending) func within<Value: Sendable>(
    _ limit: Duration, _ work: @escaping @Sendable () async throws -> Value
) async throws -> Value {
    try await withThrowingTaskGroup(of: Value.self) { group in
        group.addTask(operation: work)
        group.addTask {
            try await Task.sleep(for: limit)
            throw Overdue(limit: limit)
        }
        defer { group.cancelAll() }
        guard let first = try await group.next() else { throw CancellationError() }
        return first
    }
}

/// Somebody did not answer in time.
struct Overdue: Error, CustomStringConvertible {
    let limit: Duration
    var description: String { "no answer within \(limit.components.seconds) s" }
}
