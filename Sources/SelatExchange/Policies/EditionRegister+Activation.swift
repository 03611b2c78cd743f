import Logging
import SelatAudit
import SelatCore
import SelatFederation
import SelatPolicy
import SelatStore
import Synchronization

// What is due comes into force: in one transaction, and all at once where that loads.
extension EditionRegister {
    /// Activates every edition that is due.
    package func activateDue() async throws {
        try await turn.take { try await self.activateDueNow() }
    }

    /// Reads the active editions again: which instruments count depends on the members.
    func reload() async throws {
        try await turn.take { try await self.reloadNow() }
    }

    /// Within the turn. Sets that were made of pinned editions are made again too, when they are asked
    /// for.
    func reloadNow() async throws {
        let list = federation.listDigest
        let set = try await load(try await refresh().active)
        state.withLock { state in
            (state.set, state.list) = (set, list)
            state.pinned = []
        }
    }

    /// Reads the editions again where the list has changed since: whoever judges does not wait to be told.
    func followList() async throws {
        guard let list = state.withLock({ $0.list }), list != federation.listDigest else { return }
        try await reload()
    }

    /// Within the turn.
    func activateDueNow() async throws {
        let schedule = try await refresh()
        let reached = reached
        let due = schedule.due(at: reached)
        if !due.isEmpty {
            let chosen = try await chosen(of: due, beside: schedule.active)
            if let set = chosen.set { try await activate(chosen.marks, set, over: schedule.active) }
            try await enter(faulty: chosen.faulty)
        }
        let next = try await next(in: state.withLock { $0.schedule }, after: reached)
        state.withLock { $0.next = next }
    }

    /// When something becomes due next. What would not load is passed over, as where the clock is believed: for that
    /// the one before need not wait until it is.
    private func next(
        in schedule: EditionSchedule, after reached: Timestamp
    ) async throws -> Timestamp? {
        let (now, active) = (clock.now(), schedule.active)
        let due = reached < now ? schedule.due(at: now) : []
        guard !due.isEmpty else { return schedule.next(after: reached) }
        let digests = due.map(\.digest)
        let isAwaited = state.withLock { state in
            state.awaited.map { $0.due == digests && $0.active == active } ?? false
        }
        if !isAwaited {
            let chosen = try await chosen(of: due, beside: active)
            // Else it would be counted on beside what is taken next, also once the clock is believed.
            try await enter(faulty: chosen.faulty)
            guard !chosen.marks.isEmpty else { return schedule.next(after: now) }
            state.withLock { $0.awaited = (digests, active) }
        }
        return schedule.next(after: reached)
    }

    /// Up to which moment editions come into force. An activation is not taken back: by a clock that
    /// may be wrong only what the members say is over has come. Who has nothing to judge by waits for
    /// nobody.
    private var reached: Timestamp {
        let (set, isBelieved) = state.withLock { ($0.set, $0.isClockBelieved) }
        let now = clock.now()
        return set == nil || isBelieved() ? now : min(now, federation.list.issued)
    }

    /// All that is due, if it loads; else what of it loads, one after the other.
    private func chosen(
        of due: [EditionMark], beside active: [String: Digest]
    ) async throws -> (marks: [EditionMark], set: PolicySet?, faulty: [(EditionMark, String)]) {
        func with(_ marks: [EditionMark]) async throws -> PolicySet {
            var digests = active
            for mark in marks { digests[mark.name] = mark.digest }
            return try await load(digests)
        }
        do {
            return (due, try await with(due), [])
        } catch {
            guard Self.fault(error) != nil else { throw error }
        }
        var marks: [EditionMark] = []
        var set: PolicySet?
        var faulty: [(EditionMark, String)] = []
        for mark in due {
            do {
                set = try await with(marks + [mark])
                marks.append(mark)
            } catch {
                guard let reason = Self.fault(error) else { throw error }
                faulty.append((mark, reason))
            }
        }
        return (marks, set, faulty)
    }

    /// Why editions do not load, however often they are read; nil for a failure that may pass.
    private static func fault(_ error: any Error) -> String? {
        switch error {
        case let error as PolicyErrors: error.diagnostics.first.map { "\($0)" } ?? "\(error)"
        case StoreError.damaged(_, let reason): reason
        default: nil
        }
    }

    private func activate(
        _ marks: [EditionMark], _ set: PolicySet, over active: [String: Digest]
    ) async throws {
        let editions = JSON.Object(marks.map { ($0.name, .string($0.digest.text)) })
        _ = try await store.commit { transaction in
            // What was loaded is what becomes active, and nothing in between.
            guard try transaction.activeEditions() == active else {
                throw ServiceProblem.notReady(
                    "other editions came into force meanwhile", remedy: "try again")
            }
            for mark in marks { try transaction.activate(mark.digest, as: mark.name) }
            try transaction.append(
                EntryDraft(
                    kind: "policy.activated", details: ["editions": .object(editions)])
            )
        }
        // Not read again, which may fail: what is active judges from now on.
        state.withLock { state in
            state.set = set
            state.schedule = state.schedule.activating(marks)
            state.list = state.list ?? federation.listDigest
            for mark in marks { state.faulty[mark.digest] = nil }
        }
        for mark in marks {
            logger.notice(
                "policy in force",
                metadata: ["name": "\(mark.name)", "edition": "\(mark.number)"])
        }
        for warning in set.warnings { logger.warning("\(warning)") }
    }

    private func enter(faulty: [(mark: EditionMark, reason: String)]) async throws {
        for (mark, reason) in faulty {
            let isKnown = state.withLock { state in
                state.faulty.updateValue(reason, forKey: mark.digest) == reason
            }
            guard !isKnown else { continue }
            logger.error(
                "policy edition does not load",
                metadata: [
                    "name": "\(mark.name)", "edition": "\(mark.number)", "error": "\(reason)",
                ])
            try await enterRefusal([reason], from: .daemon)
        }
    }

    /// An edition, or several, that this node does not go by; of a peer's up to a rate.
    func enterRefusal(_ reasons: [String], from actor: EntryActor) async throws {
        guard membership.refusals.isEnteredSingly(by: actor) else { return }
        let first = String((reasons.first ?? "").prefix(2_000))
        _ = try await store.commit { transaction in
            try transaction.append(
                EntryDraft(
                    kind: "policy.refused", actor: actor,
                    details: [
                        "errors": .integer(Int64(reasons.count)), "first": .string(first),
                    ]))
        }
    }
}
