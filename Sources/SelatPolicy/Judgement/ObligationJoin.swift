import SelatCore

/// Joins what several rules ask for into one list of debts (Language, *Obligations*).
enum ObligationJoin {
    struct Demanded {
        let demand: Obligation.Demand
        let side: Side
        let rule: String
    }

    static func join(_ demands: [Demanded]) -> [Obligation] {
        var joined: [Obligation] = []
        for demanded in demands + masked(demands) {
            let next = Obligation(
                demand: demanded.demand, owedBy: demanded.side, because: [demanded.rule])
            if let index = joined.firstIndex(where: { $0.joins(next) }) {
                joined[index] = joined[index].joined(with: next)
            } else {
                joined.append(next)
            }
        }
        return strongest(joined).map { (key: $0.sortKey, obligation: $0) }
            .sorted { $0.key < $1.key }.map(\.obligation)
    }

    // MARK: Transforms

    /// A category that is to be pseudonymised and generalised at once is masked.
    private static func masked(_ demands: [Demanded]) -> [Demanded] {
        let generalised = Set(categories(of: .generalise, demands))
        let both = categories(of: .pseudonymise, demands).filter(generalised.contains)
        guard !both.isEmpty else { return [] }
        return demands.compactMap { demanded in
            guard case .transform(let transform, let own) = demanded.demand,
                transform == .generalise || transform == .pseudonymise
            else { return nil }
            let masked = own.filter(both.contains)
            return masked.isEmpty
                ? nil
                : Demanded(
                    demand: .transform(.mask, categories: masked), side: demanded.side,
                    rule: demanded.rule)
        }
    }

    private static func categories(of transform: Transform, _ demands: [Demanded]) -> [String] {
        demands.flatMap { $0.demand.categories(of: transform) }
    }

    /// Each category stands under its strongest transform only.
    private static func strongest(_ obligations: [Obligation]) -> [Obligation] {
        var taken: Set<String> = []
        var kept: [Obligation] = []
        for transform in Transform.allCases {
            for obligation in obligations {
                guard case .transform(transform, let categories) = obligation.demand else {
                    continue
                }
                let left = categories.filter { !taken.contains($0) }
                guard !left.isEmpty else { continue }
                kept.append(
                    Obligation(
                        demand: .transform(transform, categories: left),
                        owedBy: obligation.owedBy, because: obligation.because))
            }
            taken.formUnion(kept.flatMap { $0.demand.categories(of: transform) })
        }
        return kept
            + obligations.filter { if case .transform = $0.demand { false } else { true } }
    }
}

extension Obligation {
    /// Whether two debts are one.
    fileprivate func joins(_ other: Obligation) -> Bool {
        guard owedBy == other.owedBy else { return false }
        switch (demand, other.demand) {
        case (.approval(let a, _), .approval(let b, _)): return a == b
        case (.transform(let a, _), .transform(let b, _)): return a == b
        case (.retention, .retention), (.onwardOnlyTo, .onwardOnlyTo),
            (.noTransitThrough, .noTransitThrough), (.encryption, .encryption):
            return true
        case (.notice(let a, _), .notice(let b, _)): return a == b
        case (.humanReview(let a), .humanReview(let b)): return a == b
        case (
            .report(let a, let to, _, let from, let once),
            .report(let b, let otherTo, _, let otherFrom, let otherOnce)
        ):
            return a == b && to == otherTo && from == otherFrom && once == otherOnce
        case (.keep(let a, _, let place), .keep(let b, _, let otherPlace)):
            return a == b && place == otherPlace
        default: return false
        }
    }

    /// The stricter of both; precondition: they join.
    fileprivate func joined(with other: Obligation) -> Obligation {
        Obligation(
            demand: demand.joined(with: other.demand), owedBy: owedBy,
            because: because + other.because.filter { !because.contains($0) })
    }

    /// The order in the record: by kind, then by the debt's own text.
    fileprivate var sortKey: (Int, String, String) {
        (demand.position, owedBy.rawValue, summary)
    }
}

extension Obligation.Demand {
    /// The categories to which it applies a transform.
    fileprivate func categories(of transform: Transform) -> [String] {
        if case .transform(transform, let categories) = self { categories } else { [] }
    }

    fileprivate func joined(with other: Self) -> Self {
        switch (self, other) {
        case (.approval(let role, let a), .approval(_, let b)):
            .approval(role: role, count: max(a, b))
        case (.transform(let transform, let a), .transform(_, let b)):
            .transform(transform, categories: Set(a + b).sorted())
        case (.retention(let a, let confirm), .retention(let b, let otherConfirm)):
            .retention(
                seconds: [a, b].compactMap(\.self).min(), confirm: confirm || otherConfirm)
        case (.onwardOnlyTo(let a), .onwardOnlyTo(let b)): .onwardOnlyTo(a.filter(b.contains))
        case (.noTransitThrough(let a), .noTransitThrough(let b)):
            .noTransitThrough(Set(a + b).sorted())
        case (.notice(let subject, let a), .notice(_, let b)):
            .notice(of: subject, acknowledged: a ?? b)
        case (.encryption(let a), .encryption(let b)): .encryption(atLeast: a.joined(with: b))
        case (.report(let what, let to, let a, let from, let once), .report(_, _, let b, _, _)):
            .report(what, to: to, seconds: min(a, b), from: from, once: once)
        case (.keep(let what, let a, let place), .keep(_, let b, _)):
            .keep(what, seconds: [a, b].compactMap(\.self).max(), in: place)
        default: self
        }
    }

    fileprivate var position: Int {
        switch self {
        case .approval: 0
        case .transform: 1
        case .retention: 2
        case .onwardOnlyTo: 3
        case .noTransitThrough: 4
        case .notice: 5
        case .humanReview: 6
        case .encryption: 7
        case .report: 8
        case .keep: 9
        }
    }
}
