import SelatCore

// Conditions as clauses of a sentence.
extension Sentences {
    func clause(_ condition: Condition) -> Prose {
        switch condition {
        case .always: return say(.inEveryCase)
        case .leaf(let leaf): return clause(leaf)
        case .all(let parts):
            // The alternatives come last: what follows them would read as one of them.
            let branches = parts.filter(\.isBranch)
            return list((parts.filter { !$0.isBranch } + branches).map { clause($0) }, .and)
        case .any(let parts):
            let numbered = parts.enumerated().map { index, part in
                Prose("(\(index + 1)) ") + clause(part)
            }
            return say(.anyOf, ["alternatives": numbered.joined("; ")])
        }
    }

    func clause(_ leaf: Condition.Leaf) -> Prose {
        let fact = set.table.definitions[leaf.fact]
        switch leaf.test {
        case .flag(let flag): return clause(fact.name, flag)
        case .number(let range):
            let upper = range.upperBound > UInt64(JSON.integerMax) ? nil : range.upperBound
            return bounds(
                fact.name, range.lowerBound == 0 ? nil : Prose("\(range.lowerBound)"),
                upper.map { Prose("\($0)") })
        case .ladder(let range):
            let names = fact.type.lexicon?.names ?? []
            let top = names.count - 1
            return bounds(
                fact.name,
                range.lowerBound <= 0
                    ? nil : value(names[min(range.lowerBound, top)], of: fact.name),
                range.upperBound >= top && range.lowerBound > 0
                    ? nil : value(names[min(range.upperBound, top)], of: fact.name))
        case .one:
            return say(
                .isOne,
                ["fact": self.fact(fact.name), "terms": values(leaf.terms, of: fact.name, .or)])
        case .someOf: return set(leaf, fact.name, SetPhrases.some(of: fact.name), .or)
        case .allOf: return set(leaf, fact.name, SetPhrases.all(of: fact.name), .and)
        case .only: return set(leaf, fact.name, SetPhrases.only(of: fact.name), .and)
        case .noneOf: return set(leaf, fact.name, SetPhrases.none(of: fact.name), .or)
        }
    }

    private func clause(_ fact: String, _ flag: Bool) -> Prose {
        switch KnownFact(rawValue: fact) {
        case .personalData: say(flag ? .personal : .notPersonal)
        case .specialCategory: say(flag ? .special : .notSpecial)
        case .emergency: say(flag ? .emergency : .noEmergency)
        default: say(flag ? .yes : .no, ["fact": self.fact(fact)])
        }
    }

    private func bounds(_ fact: String, _ low: Prose?, _ high: Prose?) -> Prose {
        let name = self.fact(fact)
        switch (low, high) {
        case (let low?, let high?) where low == high:
            return say(.exactly, ["fact": name, "value": low])
        case (let low?, let high?):
            return say(.between, ["fact": name, "low": low, "high": high])
        case (let low?, nil): return say(.atLeast, ["fact": name, "value": low])
        case (nil, let high?): return say(.atMost, ["fact": name, "value": high])
        case (nil, nil): return say(.atLeast, ["fact": name, "value": Prose("0")])
        }
    }

    private func set(
        _ leaf: Condition.Leaf, _ fact: String, _ phrase: Phrase, _ last: Phrase
    ) -> Prose {
        say(phrase, ["fact": self.fact(fact), "terms": values(leaf.terms, of: fact, last)])
    }
}

/// Documents and agreements are spoken of otherwise than other sets.
private enum SetPhrases {
    static func some(of fact: String) -> Phrase {
        switch KnownFact(rawValue: fact) {
        case .document: .attested
        case .safeguard: .covered
        default: .someOf
        }
    }

    static func all(of fact: String) -> Phrase {
        switch KnownFact(rawValue: fact) {
        case .document: .allAttested
        case .safeguard: .allCovered
        default: .allOf
        }
    }

    static func only(of fact: String) -> Phrase {
        KnownFact(rawValue: fact) == .document ? .onlyAttested : .only
    }

    static func none(of fact: String) -> Phrase {
        switch KnownFact(rawValue: fact) {
        case .document: .notAttested
        case .safeguard: .notCovered
        default: .noneOf
        }
    }
}

extension Condition {
    fileprivate var isBranch: Bool { if case .any = self { true } else { false } }
}
