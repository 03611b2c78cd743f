import SelatAudit
import SelatCore
import SelatFederation
import SelatStore
import Synchronization

// A node whose clock is wrong judges by the wrong law: what must not be later than now, and what
// others' clocks said, bound it.

/// Why the wall clock cannot be right.
struct ClockJudgement: Sendable {
    /// Moments that are over: entries, issue dates, cosignatures.
    let floor: Timestamp
    /// By how much other countries' clocks were ahead when they cosigned, one for each country.
    let skews: [Int64]

    /// - Returns: one line, nil for a clock that may be right.
    func fault(at now: Timestamp) -> String? {
        if now + Limits.clockSkewSecondsMax < floor {
            return "the clock says \(now), and \(floor) is over"
        }
        // One witness's clock may be wrong; the median of two is not either one's word alone.
        guard skews.count >= 2 else { return nil }
        let sorted = skews.sorted()
        let median = sorted[(sorted.count - 1) / 2]
        let other = sorted[sorted.count / 2]
        let least = abs(median) < abs(other) ? median : other
        guard (median < 0) == (other < 0), abs(least) > Limits.clockSkewSecondsMax else {
            return nil
        }
        return "the clocks of \(skews.count) other countries are \(least) s ahead of this one's"
    }
}

extension Witnesses {
    /// Finds out whether the clock can be right.
    func judgeClock() async throws {
        let last = try await store.read { snapshot in
            let size = try snapshot.size()
            return size == 0 ? nil : try snapshot.entry(size - 1)?.entry.time
        }
        let issued = federation.issueDates
        let (dialogues, doubt) = state.withLock { ($0.dialogues, $0.clockDoubt) }
        var newest: [Country: Timestamp] = [:]
        var skews: [Country: Int64] = [:]
        for (witness, dialogue) in dialogues {
            guard let time = dialogue.time else { continue }
            newest[witness.country] = max(newest[witness.country] ?? time, time)
            if let skew = dialogue.skew { skews[witness.country] = skew }
        }
        // The second of the countries: no single one can push the floor into the future.
        let agreed = newest.values.sorted(by: >).dropFirst().first
        let floor = ([last, agreed].compactMap { $0 } + issued).max() ?? federation.list.issued
        let judgement = ClockJudgement(floor: floor, skews: Array(skews.values))
        let fault = judgement.fault(at: clock.now())
        let isBorneOut = skews.count >= 2
        state.withLock { state in
            state.clockFault = fault
            // What was asked before the newest step says nothing of it.
            if isBorneOut, state.clockDoubt == doubt { state.clockDoubt = nil }
        }
    }

    /// The wall clock was set: how others' clocks stood beside it before is no measure of it now.
    func noteStep(by seconds: Int64) {
        guard abs(seconds) > Limits.clockSkewSecondsMax else { return }
        state.withLock { state in
            state.clockDoubt = .now
            state.dialogues = state.dialogues.mapValues { dialogue in
                var dialogue = dialogue
                dialogue.skew = nil
                return dialogue
            }
        }
    }

    /// Whether what cannot be undone may end because its time is over (Exchange.docc, *The clock*): a
    /// clock that is found wrong later gives nothing back.
    package var mayEnd: Bool {
        state.withLock { state in
            guard state.clockFault == nil else { return false }
            return state.clockDoubt.map { $0.duration(to: .now) >= Self.doubtLongest } ?? true
        }
    }

    /// Where fewer than two countries answer, there is no more to wait for.
    static let doubtLongest = Duration.seconds(600)

    /// When the doubt is over at the latest, by the clock that is in doubt.
    var doubtEnd: Timestamp {
        let over = state.withLock { $0.clockDoubt }.map { $0.duration(to: .now) }
        let left = over.map { Self.doubtLongest.components.seconds - $0.components.seconds } ?? 0
        return clock.now() + max(0, left)
    }

    /// - Throws: `Problem` while nothing may end by the clock.
    func requireEnding() throws {
        try requireClock()
        guard mayEnd else {
            throw ServiceProblem.clockInDoubt(
                "the clock was set, or started, and nobody has borne it out yet", until: doubtEnd)
        }
    }

    /// Why the clock cannot be right; nil where it may be.
    package var clockFault: String? { state.withLock { $0.clockFault } }

    /// - Throws: `Problem` while the clock cannot be right.
    func requireClock() throws {
        if let fault = state.withLock({ $0.clockFault }) { throw ServiceProblem.clock(fault) }
    }
}
