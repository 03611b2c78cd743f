import SelatCore

// What the files see of a question: the facts are the same for all, but for the label's level and
// the categories that a file makes of others.
extension Evaluation {
    // MARK: Instruments

    func level(at end: NodeID) -> Int {
        guard let file = set.jurisdictions[end.country] else { return resolved.rank }
        return file.level(of: resolved.rank, question.semantics)
    }

    /// Whether an instrument must cover the label's level.
    var needsCover: Bool {
        question.label != nil && question.source.country != question.destination.country
            && higherRank >= Classification.restricted.rank
    }

    /// Finds the instruments that count; they see the label at the higher of both ends' levels.
    mutating func resolveInstruments() {
        see(level: higherRank)
        var safeguards = KnownSet()
        var open: Set<Int> = []
        var openCover: Set<Int> = []
        let isInForce = question.decided >= set.agreements.inForce
        for instrument in set.agreements.instruments
        where isInForce && set.signed.contains(instrument.id)
            && instrument.stands(
                from: question.source, to: question.destination, at: question.decided)
        {
            let truth = instrument.covers.truth(states)
            if instrument.namesLevel { classifiedCover = max(classifiedCover, truth) }
            switch truth {
            case .yes:
                counted.append(instrument)
                safeguards.certain += instrument.kinds
            case .maybe:
                safeguards.maybe += instrument.kinds
                instrument.covers.causes(states, into: &open)
                if instrument.namesLevel { instrument.covers.causes(states, into: &openCover) }
            case .no: break
            }
        }
        lacksSignature = set.agreements.lacking.contains { instrument in
            isInForce && !set.signed.contains(instrument.id)
                && instrument.stands(
                    from: question.source, to: question.destination, at: question.decided)
                && instrument.covers.truth(states) != .no
        }
        if needsCover, classifiedCover == .maybe, question.semantics >= .two {
            causes.formUnion(openCover)
        }
        states[set.table[.safeguard]] = FactState(
            content: .set(safeguards), causes: open.isEmpty ? [] : open.sorted())
    }

    // MARK: Files

    /// The facts as one file sees them.
    func view(of file: Jurisdiction, _ flow: Flow?) -> [FactState] {
        var evaluation = self
        evaluation.look(as: file, flow)
        return evaluation.states
    }

    /// Makes `states` what one file sees, whichever file was asked before. A relay knows nothing of
    /// where a dataset comes from.
    mutating func look(as file: Jurisdiction, _ flow: Flow?) {
        let rank = flow == .transit ? resolved.rankInTransit : resolved.rank
        see(level: file.level(of: rank, question.semantics))
        states[set.table[.specialCategory]] = special(file)
        states[set.table[.nationalCategory]] = statedCategories
        if !file.nationalCategories.isEmpty { addNationalCategories(file) }
    }

    private mutating func see(level: Int) {
        guard question.label != nil else { return }
        states[set.table[.classification]].content = .one(level)
    }

    private func special(_ file: Jurisdiction) -> FactState {
        guard let special = file.special else { return FactState(content: .flag(false)) }
        switch special.truth(states) {
        case .yes: return FactState(content: .flag(true))
        case .no: return FactState(content: .flag(false))
        case .maybe:
            var causes: Set<Int> = []
            special.causes(states, into: &causes)
            return FactState(content: .unknown, causes: causes.sorted())
        }
    }

    private mutating func addNationalCategories(_ file: Jurisdiction) {
        guard case .set(var categories) = statedCategories.content else { return }
        var causes = Set(statedCategories.causes)
        for category in file.nationalCategories {
            switch category.alsoWhen?.truth(states) ?? .no {
            case .yes: categories.certain.append(category.term)
            case .maybe:
                categories.maybe.append(category.term)
                category.alsoWhen?.causes(states, into: &causes)
            case .no: break
            }
        }
        states[set.table[.nationalCategory]] = FactState(
            content: .set(categories), causes: causes.sorted())
    }
}
