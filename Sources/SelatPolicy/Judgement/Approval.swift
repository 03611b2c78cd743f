package import SelatCore

/// An officer's signed yes, already verified.
package struct Approval: Hashable, Sendable {
    package let role: String
    package let side: Side
    /// Digest of the officer's certificate: one person.
    package let person: Digest

    package init(role: String, side: Side, person: Digest) {
        self.role = role
        self.side = side
        self.person = person
    }
}

/// Approvals that are owed and not there.
package struct ApprovalDebt: Hashable, Sendable, CustomStringConvertible {
    package let role: String
    package let side: Side
    package let count: UInt64

    package var description: String { "\(count) × \(role), \(side.rawValue)" }

    /// What is still owed when every person meets one approval at most.
    ///
    /// Places are filled by augmenting paths (Kuhn), so that nobody's yes is spent on a place that
    /// another could have taken.
    static func outstanding(
        of obligations: [Obligation], after approvals: [Approval]
    ) -> [ApprovalDebt] {
        let debts = obligations.compactMap { obligation -> ApprovalDebt? in
            guard case .approval(let role, let count) = obligation.demand else { return nil }
            return ApprovalDebt(role: role, side: obligation.owedBy, count: count)
        }
        let places = debts.flatMap { Array(repeating: $0, count: Int($0.count)) }
        var matching = Matching(
            candidates: places.map { place in
                Set(
                    approvals.filter { $0.role == place.role && $0.side == place.side }
                        .map(\.person)
                ).sorted()
            })
        let open = places.indices.filter { !matching.fill($0) }
        return debts.compactMap { debt in
            let left = open.filter { places[$0] == debt }.count
            return left == 0
                ? nil : ApprovalDebt(role: debt.role, side: debt.side, count: UInt64(left))
        }
    }
}

/// A growing assignment of persons to places.
private struct Matching {
    let candidates: [[Digest]]
    private var places: [Digest: Int] = [:]

    init(candidates: [[Digest]]) { self.candidates = candidates }

    mutating func fill(_ place: Int) -> Bool {
        var tried: Set<Digest> = []
        return fill(place, &tried)
    }

    private mutating func fill(_ place: Int, _ tried: inout Set<Digest>) -> Bool {
        for person in candidates[place] where tried.insert(person).inserted {
            let taken = places[person]
            if taken == nil || fill(taken ?? place, &tried) {
                places[person] = place
                return true
            }
        }
        return false
    }
}
