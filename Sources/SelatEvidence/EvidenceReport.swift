package import SelatCore

/// What evidence shows, in sentences for a person who trusts neither end.
package struct EvidenceReport: Hashable, Sendable {
    package internal(set) var proven: [String] = []
    /// What nobody can tell from this evidence; no fault.
    package internal(set) var unproven: [String] = []
    /// What makes it worthless.
    package internal(set) var wrong: [String] = []

    /// Whether it proves something and nothing in it is wrong.
    package var isSound: Bool { wrong.isEmpty && !proven.isEmpty }

    /// The report as `audit verify --json` prints it.
    package var json: JSON {
        [
            "sound": .bool(isSound), "proven": .strings(proven), "not_proven": .strings(unproven),
            "wrong": .strings(wrong),
        ]
    }
}
