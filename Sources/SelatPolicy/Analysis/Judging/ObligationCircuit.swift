import SelatCore

/// One thing that joined obligations say or do not say. Two lists of obligations join to the same
/// debts exactly where they agree on every point.
enum ObligationPoint: Hashable, Sendable {
    case approval(role: String, Side, atLeast: UInt64)
    case transform(Transform, category: String)
    case retention
    case retentionAtMost(seconds: UInt64)
    case retentionConfirmed
    case onwardLimited
    /// Not to this country, whatever territory the instruments name, or unless it lies in it; nil
    /// stands for every country that no list names.
    case onwardForbidden(Country?)
    case onwardForbiddenOutsideTerritory(Country?)
    case noTransit
    case noTransitThrough(Country)
    case notice(NoticeSubject)
    case noticeAcknowledged(NoticeSubject, Acknowledgement)
    case humanReview(ReviewSubject)
    case encryption
    case encryptionAtLeast(Suite)
    case report(ReportSubject, to: String, Start, Recurrence, Side)
    case reportWithin(ReportSubject, to: String, Start, Recurrence, Side, seconds: UInt64)
    case keep(KeepSubject, in: Country?, Side)
    case keepAtLeast(KeepSubject, in: Country?, Side, seconds: UInt64)
}

/// An obligation that some facts lay on somebody.
struct OwedCircuit: Sendable {
    let demand: Obligation.Demand
    let side: Side
    let isWithinTerritory: Bool
    let holds: Signal
}

/// What a file's rules lay on the parties of one flow: the mirror of `ObligationJoin`.
struct ObligationCircuit {
    private var wires: [ObligationPoint: [Signal]] = [:]
    /// The points that some rule says, in the order of the rules.
    private var points: [ObligationPoint] = []
    /// Whether some instrument counts, so that it may name a territory.
    private let hasInstrument: Signal

    /// - Parameter countries: all countries that any list of either edition names.
    init(_ owed: [OwedCircuit], countries: [Country], hasInstrument: Signal) {
        self.hasInstrument = hasInstrument
        for debt in owed { add(debt, countries + [nil]) }
    }

    /// The countries that some obligation names.
    static func countries(_ owed: [OwedCircuit]) -> Set<Country> {
        Set(
            owed.flatMap { debt -> [Country] in
                switch debt.demand {
                case .onwardOnlyTo(let named), .noTransitThrough(let named): named
                default: []
                }
            })
    }

    private mutating func say(_ point: ObligationPoint, _ signal: Signal) {
        if wires[point] == nil { points.append(point) }
        wires[point, default: []].append(signal)
    }

    private mutating func add(_ debt: OwedCircuit, _ countries: [Country?]) {
        switch debt.demand {
        case .approval(let role, let count):
            say(.approval(role: role, debt.side, atLeast: count), debt.holds)
        case .transform(let transform, let categories):
            for category in categories {
                say(.transform(transform, category: category), debt.holds)
            }
        case .retention(let seconds, let confirm):
            say(.retention, debt.holds)
            if confirm { say(.retentionConfirmed, debt.holds) }
            if let seconds { say(.retentionAtMost(seconds: seconds), debt.holds) }
        case .onwardOnlyTo(let named):
            say(.onwardLimited, debt.holds)
            for country in countries where !named.contains(where: { $0 == country }) {
                say(
                    debt.isWithinTerritory
                        ? .onwardForbiddenOutsideTerritory(country) : .onwardForbidden(country),
                    debt.holds)
            }
        case .noTransitThrough(let named):
            say(.noTransit, debt.holds)
            for country in named { say(.noTransitThrough(country), debt.holds) }
        case .notice(let subject, let acknowledged):
            say(.notice(subject), debt.holds)
            if let acknowledged { say(.noticeAcknowledged(subject, acknowledged), debt.holds) }
        case .humanReview(let subject): say(.humanReview(subject), debt.holds)
        case .encryption(let suite): addSuite(suite, debt.holds)
        case .report(let what, let to, let seconds, let from, let once):
            say(.report(what, to: to, from, once, debt.side), debt.holds)
            say(
                .reportWithin(what, to: to, from, once, debt.side, seconds: seconds), debt.holds)
        case .keep(let what, let seconds, let place):
            say(.keep(what, in: place, debt.side), debt.holds)
            if let seconds {
                say(.keepAtLeast(what, in: place, debt.side, seconds: seconds), debt.holds)
            }
        }
    }

    /// Suites 2 and 3 together are suite 4: that is to be at least both.
    private mutating func addSuite(_ suite: Suite, _ signal: Signal) {
        say(.encryption, signal)
        if suite == .p256MLKEM768 || suite == .p384MLKEM1024 {
            say(.encryptionAtLeast(.p256MLKEM768), signal)
        }
        if suite == .p384 || suite == .p384MLKEM1024 {
            say(.encryptionAtLeast(.p384), signal)
        }
    }

    /// Where two editions' obligations join to different debts.
    static func difference(
        _ old: Self, _ new: Self, _ circuit: inout Circuit
    ) -> [Signal] {
        let points = new.points + old.points.filter { new.wires[$0] == nil }
        return points.map { point in
            let (before, after) = (old.joined(point, &circuit), new.joined(point, &circuit))
            return circuit.differ(before, after)
        }
    }

    /// Whether the joined obligations say it.
    func joined(_ point: ObligationPoint, _ circuit: inout Circuit) -> Signal {
        switch point {
        case .approval(let role, let side, let count):
            return some(&circuit) {
                if case .approval(role, side, let other) = $0 { other >= count } else { false }
            }
        case .retentionAtMost(let seconds):
            return some(&circuit) {
                if case .retentionAtMost(let other) = $0 { other <= seconds } else { false }
            }
        case .reportWithin(let what, let to, let from, let once, let side, let seconds):
            return some(&circuit) {
                if case .reportWithin(what, to, from, once, side, let other) = $0 {
                    other <= seconds
                } else {
                    false
                }
            }
        case .keepAtLeast(let what, let place, let side, let seconds):
            return some(&circuit) {
                if case .keepAtLeast(what, place, side, let other) = $0 {
                    other >= seconds
                } else {
                    false
                }
            }
        case .onwardForbiddenOutsideTerritory(let country):
            return outsideTerritory(country, &circuit)
        case .onwardForbidden(let country):
            // Without an instrument no territory is named, and both ways to forbid are one.
            let always = wire(.onwardForbidden(country), &circuit)
            let outside = wire(.onwardForbiddenOutsideTerritory(country), &circuit)
            return circuit.or(always, circuit.and(outside, !hasInstrument))
        case .transform(let transform, let category):
            return strongest(transform, category, &circuit)
        default: return wire(point, &circuit)
        }
    }

    private func wire(_ point: ObligationPoint, _ circuit: inout Circuit) -> Signal {
        circuit.any(wires[point] ?? [])
    }

    private func some(
        _ circuit: inout Circuit, where matches: (ObligationPoint) -> Bool
    ) -> Signal {
        circuit.any(wires.filter { matches($0.key) }.flatMap(\.value))
    }

    /// With an instrument: forbidden unless the territory holds the country.
    private func outsideTerritory(_ country: Country?, _ circuit: inout Circuit) -> Signal {
        let always = wire(.onwardForbidden(country), &circuit)
        let outside = wire(.onwardForbiddenOutsideTerritory(country), &circuit)
        return circuit.or(always, outside)
    }

    /// Each category stands under its strongest transform; the last two together mask.
    private func strongest(
        _ transform: Transform, _ category: String, _ circuit: inout Circuit
    ) -> Signal {
        let pseudonymised = wire(.transform(.pseudonymise, category: category), &circuit)
        let generalised = wire(.transform(.generalise, category: category), &circuit)
        var stronger = Signal.no
        for step in Transform.allCases {
            var own = wire(.transform(step, category: category), &circuit)
            if step == .mask {
                own = circuit.or(own, circuit.and(pseudonymised, generalised))
            }
            if step == transform { return circuit.and(own, !stronger) }
            stronger = circuit.or(stronger, own)
        }
        return .no
    }
}

extension FactSpace {
    /// What a judgement lays on the parties, where it permits.
    func owed(
        _ judgement: JudgementCircuit, _ choice: JudgementCircuit.Choice
    ) -> [OwedCircuit] {
        var owing: [(rule: Rule, holds: Signal)] = []
        for (ground, counts) in zip(judgement.grounds, judgement.counting) {
            switch choice {
            case .first: owing.append((ground.rule, counts))
            case .named(let name) where name == ground.rule.name:
                owing.append((ground.rule, ground.truth.certain))
            case .named: break
            }
        }
        owing += judgement.duties.map { ($0.rule, $0.truth.possible) }
        return owing.flatMap { rule, holds in
            rule.obligations.map { obligation in
                OwedCircuit(
                    demand: obligation.demand,
                    side: obligation.side ?? Evaluation.side(of: judgement.flow),
                    isWithinTerritory: obligation.isWithinTerritory, holds: holds)
            }
        }
    }

    /// Whether some instrument certainly counts.
    mutating func hasInstrument() -> Signal {
        guard case .set(let safeguards) = self[.safeguard]?.values else {
            // No condition speaks of instruments, so nothing hinders one from standing.
            return .yes
        }
        return reasoner.circuit.any(safeguards.map(\.holds))
    }

    /// Where the obligations of two judgements join to different debts, point by point.
    mutating func obligationDifference(
        _ old: JudgementCircuit, _ new: JudgementCircuit, _ choice: JudgementCircuit.Choice
    ) -> [Signal] {
        let (before, after) = (owed(old, choice), owed(new, choice))
        let countries = ObligationCircuit.countries(before + after).sorted()
        let has = hasInstrument()
        return ObligationCircuit.difference(
            ObligationCircuit(before, countries: countries, hasInstrument: has),
            ObligationCircuit(after, countries: countries, hasInstrument: has),
            &reasoner.circuit)
    }
}
