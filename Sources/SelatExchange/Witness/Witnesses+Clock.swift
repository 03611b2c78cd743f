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
        let dialogues = state.withLock { $0.dialogues }
        var newest: [Country: Timestamp] = [:]
        var skews: [Country: Int64] = [:]
        for (witness, dialogue) in dialogues {
            guard let time = dialogue.time else { continue }
            newest[witness.country] = max(newest[witness.country] ?? time, time)
            skews[witness.country] = dialogue.skew
        }
        // The second of the countries: no single one can push the floor into the future.
        let agreed = newest.values.sorted(by: >).dropFirst().first
        let floor = ([last, agreed].compactMap { $0 } + issued).max() ?? federation.list.issued
        let judgement = ClockJudgement(floor: floor, skews: Array(skews.values))
        let fault = judgement.fault(at: clock.now())
        state.withLock { $0.clockFault = fault }
    }

    /// Why the clock cannot be right; nil where it may be.
    package var clockFault: String? { state.withLock { $0.clockFault } }

    /// - Throws: `Problem` while the clock cannot be right.
    func requireClock() throws {
        if let fault = state.withLock({ $0.clockFault }) { throw ServiceProblem.clock(fault) }
    }
}
