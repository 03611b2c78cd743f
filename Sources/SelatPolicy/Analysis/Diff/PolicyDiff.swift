import SelatCore

/// What an edit of policy files changes, exactly and over all questions (Analysis, in this module's
/// documentation).
package struct PolicyDiff: Sendable {
    /// Other verdicts, in the order of files, flows and kinds.
    package let changes: [PolicyChange]

    package init(from old: PolicySet, to new: PolicySet) {
        var changes: [PolicyChange] = []
        for (before, after) in Self.pairs(old, new) {
            changes += Self.changes(before, after)
        }
        self.changes = changes
    }

    /// Whether two sets give every question the same outcome, counting ground, applying
    /// prohibitions, obligations and missing facts; names of duties and texts that a verdict only
    /// cites do not matter.
    ///
    /// True is proven. False may also come from an input that no file's rules see: instruments,
    /// markings, what counters count and their windows, terms of documents, what silence means, dates of coming into
    /// force; there every difference counts as one.
    package static func isEquivalent(_ old: PolicySet, _ new: PolicySet) -> Bool {
        guard Inputs(old) == Inputs(new) else { return false }
        return pairs(old, new).allSatisfy { before, after in
            guard let file = before.file, let other = after.file,
                file.inputs(before.set.table) == other.inputs(after.set.table)
            else { return false }
            return file.withoutTexts == other.withoutTexts || areEquivalent(before, after)
        }
    }

    /// Each file of either set as it stands in both; the federations' are one.
    private static func pairs(
        _ old: PolicySet, _ new: PolicySet
    ) -> [(before: Reading, after: Reading)] {
        let countries = Set(old.countries).union(new.countries).sorted()
        let files =
            countries.map { (old.jurisdictions[$0], new.jurisdictions[$0]) }
            + [(old.federation, new.federation)]
        return files.map { (Reading(set: old, file: $0), Reading(set: new, file: $1)) }
    }

    private static func areEquivalent(_ before: Reading, _ after: Reading) -> Bool {
        FileComparison.flows(before.file).allSatisfy { flow in
            var comparison = FileComparison(before, after, flow)
            return comparison.areEquivalent()
        }
    }

    /// What changes in one file, flow by flow.
    static func changes(_ before: Reading, _ after: Reading) -> [PolicyChange] {
        if let file = before.file, let other = after.file,
            file.withoutTexts == other.withoutTexts,
            FactTable.Meaning(before.set.table) == FactTable.Meaning(after.set.table)
        {
            return []
        }
        return FileComparison.flows(after.file ?? before.file).flatMap { flow in
            var comparison = FileComparison(before, after, flow)
            return comparison.changes()
        }
    }
}

extension PolicySet {
    /// A country's file or the federation's.
    func file(named name: String) -> Jurisdiction? { files.first { $0.name == name } }
}

/// What verdicts depend on beside the files' rules.
private struct Inputs: Hashable {
    let names: Set<String>
    let table: FactTable.Meaning
    let agreements: [Instrument]
    let agreementsInForce: Timestamp
    let vocabularyInForce: Timestamp
    let documents: [String: DocumentTerms]
    /// The countries from which silence on national categories is open.
    let defining: Set<Country>

    struct DocumentTerms: Hashable {
        let role: String
        let validFor: UInt64
    }

    init(_ set: PolicySet) {
        names = Set(set.files.map(\.name))
        table = FactTable.Meaning(set.table)
        agreements = set.agreements.instruments
        agreementsInForce = set.agreements.inForce
        vocabularyInForce = set.vocabularyInForce
        documents = set.documents.mapValues { DocumentTerms(role: $0.role, validFor: $0.validFor) }
        defining = Reading(set: set, file: nil).definingCountries
    }
}

extension Jurisdiction {
    /// What questions are made of by this file, and not by its rules.
    fileprivate func inputs(_ table: FactTable) -> FileInputs {
        let alsoWhen = nationalCategories.map(\.alsoWhen)
        // The facts that decide what a counter counts, of which the rules need not speak.
        var asked = Set(counters.compactMap(\.of).flatMap(\.leaves).map(\.fact))
        let asksCategories = asked.contains(table[.nationalCategory])
        if asksCategories {
            asked.formUnion(alsoWhen.compactMap(\.self).flatMap(\.leaves).map(\.fact))
        }
        return FileInputs(
            inForce: inForce, levels: levels, markings: markings, counters: counters,
            categories: nationalCategories.map(\.term),
            countedSpecial: asked.contains(table[.specialCategory]) ? special : nil,
            countedAlsoWhen: asksCategories ? alsoWhen : [])
    }

    fileprivate struct FileInputs: Hashable {
        let inForce: Timestamp
        let levels: [Int]
        let markings: [String: Int]
        let counters: [Counter]
        let categories: [Int]
        /// Nil also where no counter asks for it.
        let countedSpecial: Condition?
        /// Empty where no counter asks for national categories.
        let countedAlsoWhen: [Condition?]
    }
}
