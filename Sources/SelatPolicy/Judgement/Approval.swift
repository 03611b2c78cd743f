package import SelatCore

/// An officer's signed yes, already verified.
package struct Approval: Hashable, Sendable {
    package let role: String
    package let side: Side
    /// Persons are told apart by their names, whichever certificate they signed with.
    package let person: OfficerID
    /// An emergency release: it stands for all that the source's side owes, where the transfer
    /// rests on a declared emergency.
    package let isBreakGlass: Bool

    package init(role: String, side: Side, person: OfficerID, isBreakGlass: Bool = false) {
        self.role = role
        self.side = side
        self.person = person
        self.isBreakGlass = isBreakGlass
    }

    /// The role that declares emergencies and may release alone in one.
    package static let emergencyRole = "emergency-officer"

    var opensInEmergency: Bool {
        isBreakGlass && side == .source && role == Self.emergencyRole
    }
}

/// Approvals that are owed and not there.
package struct ApprovalDebt: Hashable, Sendable, CustomStringConvertible {
    package let role: String
    package let side: Side
    package let count: UInt64

    package init(role: String, side: Side, count: UInt64) {
        self.role = role
        self.side = side
        self.count = count
    }

    package var description: String { "\(count) × \(role), \(side.rawValue)" }

    /// What is still owed when every person meets one approval at most. An emergency release meets
    /// none: what it stands for is the permit's to say.
    ///
    /// Places are filled by augmenting paths (Kuhn), so that nobody's yes is spent on a place that
    /// another could have taken.
    package static func outstanding(
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
                    approvals.filter {
                        $0.role == place.role && $0.side == place.side && !$0.isBreakGlass
                    }.map(\.person)
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
    let candidates: [[OfficerID]]
    private var places: [OfficerID: Int] = [:]

    init(candidates: [[OfficerID]]) { self.candidates = candidates }

    mutating func fill(_ place: Int) -> Bool {
        var tried: Set<OfficerID> = []
        return fill(place, &tried)
    }

    private mutating func fill(_ place: Int, _ tried: inout Set<OfficerID>) -> Bool {
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
