import SelatCore
import SelatFederation
import SelatPolicy
import SelatStore
import Synchronization

// What a sender's verdict rests on: exactly the editions that it names, active or not.
extension EditionRegister {
    /// Why a verdict's editions are not those by which it may be judged again now.
    struct Stale: Error, Hashable, CustomStringConvertible {
        let name: String
        /// Nil where a header names none.
        let pinned: Digest?
        /// What this node goes by.
        let active: Digest?
        /// Nil where the edition is not held; else what is wrong with it at that moment.
        let reason: String?

        var isMissing: Bool { pinned != nil && reason == nil }

        var description: String {
            let fault =
                pinned.map {
                    "the verdict pins edition \($0) of `\(name)`, which "
                        + (reason ?? "is not held here")
                } ?? "the header names no edition of `\(name)`"
            return "\(fault); active here: \(active?.text ?? "none")"
        }
    }

    /// The set of exactly the editions that a verdict pins.
    /// - Throws: `Stale` where one is not held, or was not the newest in force when it was decided.
    func set(pinnedBy verdict: Verdict) async throws -> PolicySet {
        let pinned = verdict.editions.mapValues(\.digest)
        let (current, schedule) = state.withLock { ($0.set, $0.schedule) }
        for (name, digest) in pinned.sorted(by: { $0.key < $1.key }) {
            try require(digest, as: name, schedule, at: verdict.question.decided)
        }
        let isCurrent = pinned.allSatisfy { schedule.active[$0.key] == $0.value }
        if let current, isCurrent { return current }
        return try await loaded(pinned, beside: schedule.active)
    }

    private func require(
        _ digest: Digest, as name: String, _ schedule: EditionSchedule, at decided: Timestamp
    ) throws {
        let active = schedule.active
        if active[name] == digest, schedule.activeMark(name) == nil { return }
        guard let mark = schedule.mark(digest), mark.name == name else {
            throw Stale(name: name, pinned: digest, active: active[name], reason: nil)
        }
        guard schedule.wasNewest(mark, at: decided) else {
            let reason =
                mark.inForce > decided
                ? "was not in force at \(decided)" : "was not the newest at \(decided)"
            throw Stale(name: name, pinned: digest, active: active[name], reason: reason)
        }
    }

    /// The pinned files alone; files that every set has come from the active ones where a verdict
    /// does not rest on them.
    private func loaded(
        _ pinned: [String: Digest], beside active: [String: Digest]
    ) async throws -> PolicySet {
        if let known = state.withLock({ $0.pinned.first { $0.digests == pinned }?.set }) {
            return known
        }
        let list = federation.listDigest
        let set: PolicySet
        do {
            let countries = Set(members.map(\.code))
            let shared = active.filter { !countries.contains($0.key) }
            set = try await load(shared.merging(pinned) { _, pinned in pinned })
        } catch is PolicyErrors {
            set = try await load(active.merging(pinned) { _, pinned in pinned })
        }
        state.withLock { state in
            // Which instruments count depends on the members, who may be others by now.
            guard federation.listDigest == list else { return }
            if state.pinned.count >= Self.pinnedSetsMax { state.pinned.removeFirst() }
            state.pinned.append((pinned, set))
        }
        return set
    }

    private static let pinnedSetsMax = 4
}
