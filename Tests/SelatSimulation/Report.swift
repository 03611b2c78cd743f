/// The seven invariants, as far as they exist in the model.
package enum Invariant: Int, Sendable, CustomStringConvertible {
    case lawful = 1
    case once, verified, recorded, lastGood, people, bounded

    package var description: String {
        let names = [
            "lawful before it leaves", "nothing lost, nothing twice", "verified before released",
            "recorded as it happens", "the last good version stays", "people decide", "bounded",
        ]
        return "\(rawValue) (\(names[rawValue - 1]))"
    }
}

package struct Violation: Hashable, Sendable, CustomStringConvertible {
    package let invariant: Invariant
    package let what: String
    /// Virtual milliseconds since the run began.
    package let time: Int64

    package var description: String { "invariant \(invariant) at \(time) ms: \(what)" }
}

/// What the seeds went through, so that nobody takes a quiet simulation for a good one.
package struct Tally: Hashable, Sendable {
    package var transfers = 0
    package var crashes = 0
    package var outcomes: [String: Int] = [:]

    package init(transfers: Int = 0, crashes: Int = 0, outcomes: [String: Int] = [:]) {
        self.transfers = transfers
        self.crashes = crashes
        self.outcomes = outcomes
    }

    package static func += (a: inout Tally, b: Tally) {
        a.transfers += b.transfers
        a.crashes += b.crashes
        a.outcomes.merge(b.outcomes) { $0 + $1 }
    }
}

package struct Report: Hashable, Sendable {
    package let seed: UInt64
    package let violation: Violation?
    package let tally: Tally
    /// What chance would draw next: equal only where all was drawn alike.
    package let mark: UInt64
    /// Every step, where it was traced.
    package let trace: [String]
}
