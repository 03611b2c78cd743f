import SelatCore

/// A set that loads, ready to be read again with one file changed.
package struct PolicyReload: Sendable {
    enum Result {
        case refused([PolicyDiagnostic])
        /// Only texts differ.
        case same
        case changed(PolicySet)
    }

    let documents: [PolicyDocument]
    let base: PolicySet
    private let vocabulary: Vocabulary

    /// - Throws: `PolicyErrors` where the set does not load unchanged.
    package init(_ files: [PolicySource]) throws(PolicyErrors) {
        documents = files.map(PolicyDocument.init)
        var loader = PolicyLoader(now: nil, signed: [])
        let set = loader.load(documents)
        let errors = loader.problems.filter { $0.severity == .error }
        guard let set, errors.isEmpty,
            let file = documents.first(where: { $0.stem == "vocabulary" })
        else { throw PolicyErrors(diagnostics: PolicyLoader.sorted(errors)) }
        base = set
        var reader = VocabularyReader(file: file.name)
        guard let vocabulary = reader.read(file) else {
            throw PolicyErrors(diagnostics: reader.problems)
        }
        self.vocabulary = vocabulary
    }

    /// The errors of the set with one file changed; empty where it loads.
    package func errors(changing source: PolicySource) -> [PolicyDiagnostic] {
        if case .refused(let errors) = load(PolicyDocument(source)) { errors } else { [] }
    }

    /// The set with one file changed. Other files are read again only where they may depend on it.
    func load(_ document: PolicyDocument) -> Result {
        switch document.stem {
        case "vocabulary": loadVocabulary(document)
        case "agreements": loadAgreements(document)
        default: loadJurisdiction(document)
        }
    }

    private func loadAll(_ changed: PolicyDocument) -> Result {
        var loader = PolicyLoader(now: nil, signed: [])
        let set = loader.load(documents.map { $0.name == changed.name ? changed : $0 })
        let errors = loader.problems.filter { $0.severity == .error }
        guard let set, errors.isEmpty else { return .refused(errors) }
        return .changed(set)
    }

    private func loadVocabulary(_ document: PolicyDocument) -> Result {
        var reader = VocabularyReader(file: document.name)
        guard let changed = reader.read(document), reader.problems.isEmpty else {
            return .refused(reader.problems)
        }
        return changed.decides(like: vocabulary) ? .same : loadAll(document)
    }

    private func loadAgreements(_ document: PolicyDocument) -> Result {
        var reader = AgreementsReader(base.table, file: document.name)
        guard let agreements = reader.read(document), reader.reader.problems.isEmpty else {
            return .refused(reader.reader.problems)
        }
        var set = base
        set.agreements = agreements
        return .changed(set)
    }

    private func loadJurisdiction(_ document: PolicyDocument) -> Result {
        var headReader = HeadReader(
            reader: DocumentReader(file: document.name), roles: vocabulary.roles, now: nil)
        guard let head = headReader.read(document), headReader.reader.problems.isEmpty else {
            return .refused(headReader.reader.problems)
        }
        // Other files' rules may speak of what this one declares.
        guard declares(head) else { return loadAll(document) }
        var rules = JurisdictionReader(head, base.table, roles: vocabulary.roles, headReader.reader)
        let file = rules.read()
        let errors = rules.reader.problems.filter { $0.severity == .error }
        guard errors.isEmpty else { return .refused(errors) }
        var set = base
        for definition in head.documents { set.documents[definition.name] = definition }
        if let country = file.country {
            set.jurisdictions[country] = file
        } else {
            set.federation = file
        }
        return .changed(set)
    }

    /// Whether the file still declares the same names.
    private func declares(_ head: JurisdictionHead) -> Bool {
        let file = head.country.map { base.jurisdictions[$0] } ?? base.federation
        guard let file else { return false }
        let documents = base.documents.keys.filter { $0.hasPrefix("\(head.name):") }
        return file.name == head.name
            && head.nationalCategories.map(\.key) == file.nationalCategories.map(\.name)
            && head.counters.map(\.key) == file.counters.map(\.name)
            && Set(head.documents.map(\.name)) == Set(documents)
    }
}

extension Vocabulary {
    /// Whether only texts differ.
    fileprivate func decides(like other: Vocabulary) -> Bool {
        facts == other.facts && inForce == other.inForce && Set(roles) == Set(other.roles)
    }
}
