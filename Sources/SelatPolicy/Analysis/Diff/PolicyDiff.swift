import SelatCore

/// What an edit of policy files changes, exactly and over all questions (Analysis, in this module's
/// documentation).
package enum PolicyDiff {
    /// Whether two sets give every question the same outcome, counting ground, applying
    /// prohibitions, obligations and missing facts; names of duties and texts that a verdict only
    /// cites do not matter.
    ///
    /// True is proven. False may also come from an input that no file's rules see: instruments,
    /// markings, counters' windows, terms of documents, what silence means, dates of coming into
    /// force; there every difference counts as one.
    package static func isEquivalent(_ old: PolicySet, _ new: PolicySet) -> Bool {
        guard Inputs(old) == Inputs(new) else { return false }
        return old.files.allSatisfy { file in
            guard let other = new.file(named: file.name) else { return false }
            return file.inputs == other.inputs
                && (file.withoutTexts == other.withoutTexts
                    || areEquivalent(
                        Reading(set: old, file: file), Reading(set: new, file: other)))
        }
    }

    private static func areEquivalent(_ old: Reading, _ new: Reading) -> Bool {
        FileComparison.flows(old.file).allSatisfy { flow in
            var comparison = FileComparison(old, new, flow)
            return comparison.areEquivalent()
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
    fileprivate var inputs: FileInputs {
        FileInputs(
            inForce: inForce, levels: levels, markings: markings, counters: counters,
            categories: nationalCategories.map(\.term))
    }

    fileprivate struct FileInputs: Hashable {
        let inForce: Timestamp
        let levels: [Int]
        let markings: [String: Int]
        let counters: [Counter]
        let categories: [Int]
    }
}
