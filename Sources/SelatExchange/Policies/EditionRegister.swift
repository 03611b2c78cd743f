package import Logging
import SelatAudit
package import SelatCore
import SelatCrypto
import SelatEvidence
import SelatFederation
package import SelatPolicy
package import SelatStore
import Synchronization

/// The policy editions of a node: what it holds for good, and by which it judges
/// (`Exchange.docc/Policies.md`).
package final class EditionRegister: Sendable {
    struct State {
        /// What judges. INVARIANT: there is one once `open` has returned.
        var set: PolicySet?
        /// What is held and active, as the database has it.
        var schedule = EditionSchedule(held: [], active: [:])
        /// When the next edition becomes due; over for one that waits until the clock is believed.
        var next: Timestamp?
        /// What is due by a clock that may be wrong, and loads beside what was active then: looked at once, and not
        /// each second.
        var awaited: (due: [Digest], active: [String: Digest])?
        /// Until somebody says otherwise the clock may be wrong.
        var isClockBelieved: @Sendable () -> Bool = { false }
        /// Editions that are due and do not load, with the reason.
        var faulty: [Digest: String] = [:]
        /// The list under which the active set was made, and those that verdicts pin; nil for a set that was read
        /// elsewhere.
        var list: Digest?
        /// Sets by which verdicts were judged again, the newest last.
        var pinned: [(digests: [String: Digest], set: PolicySet)] = []
        /// The heads of the active editions, as far as somebody asked for the status: reading a file
        /// takes a millisecond.
        var heads: [Digest: EditionHead] = [:]
    }

    let store: Store
    let membership: MembershipRegister
    var federation: Federation { membership.federation }
    let clock: any WallClock
    let logger: Logger
    let state = Mutex(State())
    let turn = Turn()

    private init(
        store: Store, membership: MembershipRegister, clock: any WallClock, logger: Logger
    ) {
        self.store = store
        self.membership = membership
        self.clock = clock
        self.logger = logger
    }

    /// A register that judges by a set that was read elsewhere; only the set is kept in memory.
    package init(
        judgingBy set: PolicySet, store: Store, membership: MembershipRegister,
        clock: any WallClock, logger: Logger
    ) {
        self.store = store
        self.membership = membership
        self.clock = clock
        self.logger = logger
        state.withLock { state in
            state.set = set
            state.schedule = EditionSchedule(
                held: [], active: set.editions.mapValues(\.digest))
        }
    }

    /// Comes back from the database, and activates what was due when the newest list was issued; the
    /// rest once the clock is believed.
    /// - Parameter input: editions for a node that holds none yet, or none that load.
    /// - Throws: `EditionsRefused` where there is nothing to judge by, and what `input` throws.
    package static func open(
        store: Store, membership: MembershipRegister, clock: any WallClock, logger: Logger,
        input: () throws -> [SignedEdition]
    ) async throws -> EditionRegister {
        let register = EditionRegister(
            store: store, membership: membership, clock: clock, logger: logger)
        let active = try await register.refresh().active
        var reasons = ["no edition is in force"]
        do {
            let list = register.federation.listDigest
            let set = try await register.load(active)
            register.state.withLock { ($0.set, $0.list) = (set, list) }
            try await register.activateDue()
        } catch let error as PolicyErrors {
            if !active.isEmpty {
                reasons = ["the active editions do not load with this version, nor does the input"]
                reasons += error.diagnostics.map(\.description)
            }
            _ = try await register.take(try input(), from: .daemon, together: true)
        }
        guard register.state.withLock({ $0.set != nil }) else {
            throw EditionsRefused(reasons: reasons)
        }
        return register
    }

    /// The set by which this node judges now.
    package var active: PolicySet {
        guard let set = state.withLock({ $0.set }) else {
            preconditionFailure("a register judges once it is open")
        }
        return set
    }

    /// Whether an edition is held, in force or not.
    func holds(_ digest: Digest) -> Bool {
        state.withLock { $0.schedule.mark(digest) != nil }
    }

    /// From now on editions come into force by the clock where this says that it can be believed.
    func believeClock(where isBelieved: @escaping @Sendable () -> Bool) {
        state.withLock { $0.isClockBelieved = isBelieved }
    }

    /// Whether an edition is due by the clock that is not active.
    var isBehind: Bool { state.withLock { $0.next }.map { clock.now() >= $0 } ?? false }

    /// Activates what has come into force since it was last asked.
    func activateComing() async {
        guard isBehind else { return }
        do { try await activateDue() } catch {
            logger.error("activating editions failed", metadata: ["error": "\(error)"])
        }
    }

    /// Takes over what the database holds.
    @discardableResult
    func refresh() async throws -> EditionSchedule {
        let schedule = try await store.read { snapshot in
            EditionSchedule(
                held: try snapshot.editionMarks(), active: try snapshot.activeEditions())
        }
        state.withLock { $0.schedule = schedule }
        return schedule
    }

    var members: Set<Country> { Set(federation.members.map(\.country)) }

    /// Reads these editions from the database as one set.
    /// - Throws: `PolicyErrors` unless they load; `StoreError.damaged` for bytes that changed.
    func load(
        _ digests: [String: Digest], with new: [Digest: EditionRow] = [:]
    ) async throws -> PolicySet {
        let stored = try await store.read { snapshot in
            try digests.values.filter { new[$0] == nil }.compactMap { try snapshot.edition($0) }
        }
        let rows = stored + digests.values.compactMap { new[$0] }
        for row in rows where SHA256.digest(row.bytes) != row.digest {
            throw StoreError.damaged(
                path: store.path, reason: "edition \(row.digest) of `\(row.name)` was changed")
        }
        let files = rows.map { PolicySource(name: "\($0.name).yaml", bytes: $0.bytes) }
        var signed: Set<String> = []
        for row in rows where row.name == "agreements" {
            let head = try EditionHead(PolicySource(name: "\(row.name).yaml", bytes: row.bytes))
            signed.formUnion(federation.instruments(countingIn: head))
        }
        return try PolicySet.load(files: files, signed: signed, now: clock.now())
    }
}
