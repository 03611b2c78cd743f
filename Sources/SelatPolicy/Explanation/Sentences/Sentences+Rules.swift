import SelatCore

/// One rule in sentences.
struct RuleSentences: Sendable {
    /// `SG/consent`
    let rule: String
    let kind: Rule.Kind
    let sentence: Prose
    /// Dates, ladder, exemption and note.
    let remarks: [Prose]
    let citation: Prose
    let obligations: [Prose]
}

extension Sentences {
    func sentences(_ rule: Rule, of file: Jurisdiction) -> RuleSentences {
        RuleSentences(
            rule: "\(file.name)/\(rule.name)", kind: rule.kind, sentence: sentence(rule, file),
            remarks: remarks(rule, file), citation: citation(rule.basis),
            obligations: rule.obligations.map {
                clause($0, of: rule, in: file.name).capitalised + "."
            })
    }

    private func sentence(_ rule: Rule, _ file: Jurisdiction) -> Prose {
        let phrase: Phrase =
            switch rule.kind {
            case .ground: .ground
            case .prohibition: .prohibition
            case .duty: .duty
            }
        let when =
            if case .always = rule.when {
                say(.inEveryCase)
            } else {
                say(.when, ["conditions": clause(rule.when)])
            }
        return say(
            phrase,
            [
                "flows": flows(of: rule, in: file), "when": when,
                "unless": rule.unless.map { say(.unless, ["conditions": clause($0)]) } ?? Prose(),
            ]
        ).capitalised
    }

    private func remarks(_ rule: Rule, _ file: Jurisdiction) -> [Prose] {
        var remarks: [Prose] = []
        switch (rule.from, rule.until) {
        case (let from?, let until?):
            remarks.append(say(.holdsFromUntil, ["from": date(from), "until": date(until)]))
        case (let from?, nil): remarks.append(say(.holdsFrom, ["from": date(from)]))
        case (nil, let until?): remarks.append(say(.holdsUntil, ["until": date(until)]))
        case (nil, nil): break
        }
        if let ladder = rule.ladder { remarks.append(say(.ladder, ["ladder": .code(ladder)])) }
        if let exemption = rule.exemption {
            remarks.append(say(.exemption, ["clause": Prose(exemption)]))
        }
        if let note = texts[file.name].notes[rule.name] {
            remarks.append(say(.note, ["note": Prose(note)]))
        }
        return remarks
    }

    func citation(_ basis: Basis) -> Prose {
        let cited = say(
            .basis,
            [
                "title": Prose(basis.title), "cite": Prose(basis.cite),
                "clause": Prose(basis.clause),
            ])
        return cited + " " + binding(basis.kind, Sector.allCases.filter(basis.binds.contains))
    }

    func binding(_ kind: SourceKind, _ sectors: [Sector]) -> Prose {
        if kind == .policy { return say(.adopted) }
        guard !sectors.isEmpty else { return say(.bindsNobody) }
        return say(.bindsByLaw, ["sectors": list(sectors.map { word($0.rawValue) }, .and)])
    }
}
