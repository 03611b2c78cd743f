package import SelatAudit
package import SelatCore

/// How often witnesses are asked, and how long a node goes on without them; in seconds.
package struct WitnessSettings: Hashable, Sendable {
    /// Between two questions, where there is news.
    package var interval: Int64
    /// Between two questions without news.
    package var refresh: Int64
    /// How old an unwitnessed entry may become before nothing new is sent.
    package var patience: Int64

    package init(interval: Int64 = 10, refresh: Int64 = 3_600, patience: Int64 = 86_400) {
        self.interval = interval
        self.refresh = refresh
        self.patience = patience
    }

    /// A log that is silent for so long is reported.
    var silence: Int64 { 3 * refresh }
}

/// Whether the own log may be shown (Audit.docc, *Start*).
package enum LogStanding: Hashable, Sendable {
    /// No witness has answered yet since the start.
    case unproven
    case proven
    /// A witness has cosigned more than is here, or other entries.
    case contradicted(LogContradiction)

    package var word: String {
        switch self {
        case .unproven: "unproven"
        case .proven: "proven"
        case .contradicted(let contradiction): contradiction.isFork ? "forked" : "behind"
        }
    }
}

/// A cosigned checkpoint of the own log that the own log does not begin with.
package struct LogContradiction: Hashable, Sendable {
    package let witness: NodeID
    /// With the witness's line.
    package let checkpoint: SignedCheckpoint
    /// Whether its entries are others, and not just more.
    package let isFork: Bool
    /// Entries here when that was found.
    package let held: UInt64

    package var description: String {
        let seen = checkpoint.checkpoint
        return isFork
            ? "`\(witness)` has cosigned \(seen.size) entries of `\(seen.origin)` that are not those here"
            : "`\(witness)` has cosigned \(seen.size) entries of `\(seen.origin)`, \(held) are here"
    }

    /// What is kept of it: who has shown the checkpoint, and its note.
    var kept: [UInt8] {
        let json: JSON = [
            "witness": .string(witness.text),
            "checkpoint": .string(String(decoding: checkpoint.note, as: UTF8.self)),
        ]
        return json.canonical
    }
}
