import SelatCore

/// Says what a set's files mean, in one language.
struct Sentences: Sendable {
    let set: PolicySet
    let texts: PolicyTexts
    let language: Language

    func say(_ phrase: Phrase, _ values: [String: Prose] = [:]) -> Prose {
        Prose(phrase, language, values)
    }

    func word(_ word: String) -> Prose { Prose(ClosedWords.text(word, language)) }

    /// A rule of the language itself.
    func builtIn(_ rule: String) -> Prose {
        Prose(ClosedWords.tables[language]?["built-in-\(rule)"] ?? BuiltIn.sentence(rule))
    }

    // MARK: Names

    func country(_ code: String) -> Prose {
        let name = texts.country(code)
        return name == code ? .code(code) : Prose([.name(name, code: code)])
    }

    func role(_ name: String) -> Prose { wording(.role(name), code: name) ?? .code(name) }

    func rule(_ file: String, _ rule: String) -> Prose { .code("\(file)/\(rule)") }

    /// A fact in the middle of a sentence.
    func fact(_ name: String) -> Prose {
        if ClosedWords.tables[language]?[name] == nil, language != .en,
            let own = wording(.fact(name), code: name)
        {
            return own
        }
        if ClosedWords.english[name] != nil { return word(name) }
        if let index = set.table.index[name], set.table.definitions[index].owner != nil {
            return say(.counter, ["name": .code(name)])
        }
        return wording(.fact(name), code: name) ?? .code(name)
    }

    /// One value of a fact: a term, a country, a document, a level.
    func value(_ value: String, of fact: String) -> Prose {
        if fact == "source-sector" || fact == "destination-sector" { return word(value) }
        if Countries.index[value] != nil, isOfCountries(fact) { return country(value) }
        if let title = texts.title(value) { return Prose([.term(title, code: value, .en)]) }
        return wording(.value(value, fact: fact), code: value)
            ?? wording(.term(value), code: value) ?? .code(value)
    }

    private func isOfCountries(_ fact: String) -> Bool {
        set.table.index[fact].flatMap { set.table.definitions[$0].type.lexicon?.index["SG"] } != nil
    }

    private func wording(_ subject: Labels.Subject, code: String) -> Prose? {
        set.labels.wording(subject, in: language).map {
            Prose([.term($0.text, code: code, $0.language)])
        }
    }

    // MARK: Lists

    func list(_ parts: [Prose], _ last: Phrase) -> Prose {
        guard parts.count > 1, let end = parts.last else { return parts.first ?? Prose() }
        return say(last, ["a": parts.dropLast().joined(", "), "b": end])
    }

    func values(_ values: [String], of fact: String, _ last: Phrase) -> Prose {
        list(values.map { value($0, of: fact) }, last)
    }

    // MARK: Times

    func span(_ seconds: UInt64) -> Prose {
        let (count, one, many): (UInt64, Phrase, Phrase) =
            seconds % 86_400 == 0
            ? (seconds / 86_400, .oneDay, .days) : (seconds / 3_600, .oneHour, .hours)
        return count == 1 ? say(one) : say(many, ["count": Prose("\(count)")])
    }

    func date(_ time: Timestamp) -> Prose {
        Prose(time.text.hasSuffix("T00:00:00Z") ? String(time.text.prefix(10)) : time.text)
    }

    // MARK: Flows

    func flow(_ flow: Flow?, of file: Jurisdiction) -> Prose {
        let phrase: Phrase =
            switch flow {
            case .export: .export
            case .import: .import
            case .transit: .transit
            case .onward: .onward
            case .domestic: .domestic
            case nil: .anyFlow
            }
        return say(phrase, ["country": country(file.name)])
    }

    func flows(of rule: Rule, in file: Jurisdiction) -> Prose {
        let flows = Flow.allCases.filter(rule.flows.contains)
        if flows.isEmpty { return flow(nil, of: file) }
        return list(flows.map { flow($0, of: file) }, .or)
    }
}
