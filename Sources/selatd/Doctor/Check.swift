import SelatCore

/// One question that the daemon asks itself, and what it found (API.md, `GET /v1/doctor`).
struct Check: Sendable {
    enum State: String, Comparable, Sendable {
        case ok
        /// Works today; somebody has to do something before it no longer does.
        case warning
        /// Does not work.
        case failure

        private var weight: Int {
            switch self {
            case .ok: 0
            case .warning: 1
            case .failure: 2
            }
        }

        static func < (a: State, b: State) -> Bool { a.weight < b.weight }
    }

    let name: String
    let lookedAt: String
    let state: State
    let found: String
    /// What to do; nil where there is nothing to do.
    let remedy: String?

    init(
        _ name: String, lookedAt: String, _ state: State, _ found: String, remedy: String? = nil
    ) {
        self.name = name
        self.lookedAt = lookedAt
        self.state = state
        self.found = found
        self.remedy = remedy
    }

    /// One check for several lines of the same weight; fine where there is none.
    init(
        _ name: String, lookedAt: String, _ lines: [String], _ state: State, otherwise: String,
        remedy: String? = nil
    ) {
        self.init(
            name, lookedAt: lookedAt, lines.isEmpty ? .ok : state,
            lines.isEmpty ? otherwise : lines.joined(separator: "; "),
            remedy: lines.isEmpty ? nil : remedy)
    }

    var json: JSON {
        var members: JSON.Object = [
            "name": .string(name), "looked_at": .string(lookedAt),
            "state": .string(state.rawValue), "found": .string(found),
        ]
        members["remedy"] = remedy.map { .string($0) }
        return .object(members)
    }
}
