import SelatCore

// What one file, or one rule of it, means.
extension Page {
    /// A whole file: its standing, each rule as a sentence, its sources, and the matrix.
    /// - Parameter name: a country's code, or the federation's name.
    /// - Returns: nil where the set has no such file.
    package static func file(
        _ name: String, of set: PolicySet, _ texts: PolicyTexts, _ matrix: PolicyMatrix?,
        language: Language
    ) -> Page? {
        guard let file = set.files.first(where: { $0.name == name }) else { return nil }
        let sentences = Sentences(set: set, texts: texts, language: language)
        return FilePage(file: file, sentences: sentences).page(matrix)
    }

    /// One rule.
    /// - Parameter name: `SG/consent`.
    package static func rule(
        _ name: String, of set: PolicySet, _ texts: PolicyTexts, language: Language
    ) -> Page? {
        let sentences = Sentences(set: set, texts: texts, language: language)
        for file in set.files {
            guard let rule = file.rules.first(where: { "\(file.name)/\($0.name)" == name }) else {
                continue
            }
            var page = Page(name, language)
            page.add(.rule(sentences.sentences(rule, of: file)))
            page.add(sentences.restsOn(rule))
            page.addGlossary(sentences)
            return page
        }
        return nil
    }
}

extension Sentences {
    /// The facts that decide whether a rule applies.
    fileprivate func restsOn(_ rule: Rule) -> Prose {
        var seen: Set<Int> = []
        let leaves = (rule.when.leaves + (rule.unless?.leaves ?? [])).filter {
            seen.insert($0.fact).inserted
        }
        let facts = leaves.map { fact(set.table.definitions[$0.fact].name) }
        return say(.restsOn, ["facts": facts.isEmpty ? say(.nothing) : list(facts, .and)])
    }
}

/// The page of one file.
private struct FilePage {
    let file: Jurisdiction
    let sentences: Sentences

    private var texts: PolicyTexts.File { sentences.texts[file.name] }

    func page(_ matrix: PolicyMatrix?) -> Page {
        let title = sentences.say(.fileTitle, ["title": Prose(texts.title)]).plain
        var page = Page(title, sentences.language)
        addHead(&page)
        heading(.howToRead, "reading", &page)
        page.add(.list([sentences.say(.howRulesCount), sentences.say(.termsInclude)]))
        for (kind, phrase) in [
            (Rule.Kind.ground, Phrase.grounds), (.prohibition, .prohibitions), (.duty, .duties),
        ] {
            heading(phrase, kind.rawValue, &page)
            let rules = file.rules.filter { $0.kind == kind }
            if rules.isEmpty { page.add(sentences.say(.noRule)) }
            for rule in rules { page.add(.rule(sentences.sentences(rule, of: file))) }
        }
        addDefinitions(&page)
        addSources(&page)
        if let matrix {
            heading(.matrix, "matrix", &page)
            page.add(matrix.facts(sentences))
            page.add(.matrix(matrix, sentences))
        }
        page.addGlossary(sentences)
        page.add(
            .signatures(
                sentences.say(.signatures).plain, of: edition,
                columns: [Phrase.signerName, .signerRole, .signedOn, .signature].map {
                    sentences.say($0).plain
                }))
        return page
    }

    private func heading(_ phrase: Phrase, _ id: String, _ page: inout Page) {
        page.add(.heading(sentences.say(phrase).plain, level: 2, id: id))
    }

    private func addHead(_ page: inout Page) {
        page.add(
            sentences.say(
                file.country == nil ? .federationIntroduction : .fileIntroduction,
                [
                    "path": .code(file.path), "edition": Prose("\(file.edition.number)"),
                    "title": Prose(texts.title),
                ]))
        let standing: Phrase =
            switch file.edition.standing {
            case .draft: .standingDraft
            case .published: .standingPublished
            case .noLaw: .standingNoLaw
            }
        let rows: [(Phrase, Prose)] = [
            (.edition, Prose("\(file.edition.number)")), (.standing, sentences.say(standing)),
            (.inForce, sentences.date(file.inForce)), (.reviewBy, Prose(texts.reviewBy)),
            (.digest, .code(file.edition.digest.text)),
        ]
        page.add(.table(headers: [], rows: rows.map { [sentences.say($0), $1] }))
    }

    /// What is signed, beside the signatures: they may stand on a sheet of their own.
    private var edition: Prose {
        sentences.say(
            .signedEdition,
            [
                "edition": Prose("\(file.edition.number)"), "path": .code(file.path),
                "digest": .code(file.edition.digest.text),
            ])
    }

    // MARK: Definitions

    private func addDefinitions(_ page: inout Page) {
        guard file.country != nil else { return }
        heading(.definitions, "definitions", &page)
        let special = texts.special.map { sentences.value($0, of: "categories") }
        let levels = file.levels.map { rank in
            sentences.value(Classification.allCases[rank].rawValue, of: "classification")
        }
        let categories = file.nationalCategories.compactMap { category -> Prose? in
            let name = sentences.value(category.name, of: "national-category")
            guard let also = category.alsoWhen else { return name + "." }
            return sentences.say(
                .nationalAlso, ["category": name, "conditions": sentences.clause(also)])
        }
        page.add(
            .list(
                [
                    special.isEmpty
                        ? sentences.say(.noSpecial)
                        : sentences.say(.specialData, ["terms": sentences.list(special, .and)]),
                    sentences.say(.levels, ["levels": sentences.list(levels, .and)]),
                ] + categories.map { sentences.say(.nationalCategory, ["category": $0]) }
                    + documents))
    }

    private var documents: [Prose] {
        let own = sentences.set.documents.values.filter { $0.name.hasPrefix("\(file.name):") }
        return own.sorted { $0.name < $1.name }.map { document in
            sentences.say(
                .document,
                [
                    "document": sentences.value(document.name, of: "document"),
                    "role": sentences.role(document.role),
                    "time": sentences.span(document.validFor),
                ])
        }
    }

    private func addSources(_ page: inout Page) {
        heading(.sources, "sources", &page)
        let rows = texts.sources.map { source in
            let kind = SourceKind(rawValue: source.kind) ?? .policy
            return [
                Prose(source.title), Prose(source.cite), sentences.word(kind.rawValue),
                sentences.binding(kind, source.binds.compactMap(Sector.init(rawValue:))),
            ]
        }
        page.add(
            .table(
                headers: [Phrase.sourceTitle, .sourceCite, .sourceKind, .sourceBinds].map {
                    sentences.say($0).plain
                }, rows: rows))
    }
}
