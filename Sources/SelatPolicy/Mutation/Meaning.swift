import SelatCore
import SelatCrypto

// What of a set can decide: everything but the texts that a verdict only quotes. Two sets with the
// same meaning give the same outcome, grounds, prohibitions, obligations and missing facts to every
// question. All fields are compared but those named here, so that a new one counts as meaning.

/// A set without its texts.
struct Meaning: Hashable {
    private let table: FactTable.Meaning
    private let files: [Jurisdiction]
    private let agreements: Agreements
    private let documents: [String: DocumentDefinition]
    private let vocabularyInForce: Timestamp
    /// How the categories of transforms match stated ones.
    private let transforms: [TermMatch?]

    init(_ set: PolicySet) {
        table = FactTable.Meaning(set.table)
        let jurisdictions = set.jurisdictions.values.sorted { $0.name < $1.name }
        files = (jurisdictions + [set.federation]).map(\.withoutTexts)
        agreements = set.agreements.withoutTexts
        documents = set.documents.mapValues(\.withoutTexts)
        vocabularyInForce = set.vocabularyInForce
        let lexicon = set.table.definitions[set.table[.categories]].type.lexicon
        transforms = files.flatMap(\.rules).flatMap(\.obligations)
            .flatMap { $0.matches(in: lexicon) }
    }
}

extension RuleObligation {
    /// How the categories of a transform match.
    fileprivate func matches(in lexicon: Lexicon?) -> [TermMatch?] {
        guard case .transform(_, let categories) = demand, let lexicon else { return [] }
        return categories.map { lexicon.index[$0].map(lexicon.match) }
    }
}

extension FactTable {
    /// The facts with the names of their terms. The hierarchy of the terms has its effect in the
    /// conditions that speak of them.
    struct Meaning: Hashable {
        struct Fact: Hashable {
            let name: String
            let type: String
            let terms: [String]?
            let source: FactSource
            let silence: Silence
            let owner: String?
        }

        let facts: [Fact]

        init(_ table: FactTable) {
            facts = table.definitions.map {
                Fact(
                    name: $0.name, type: $0.type.word, terms: $0.type.lexicon?.names,
                    source: $0.source, silence: $0.silence, owner: $0.owner)
            }
        }
    }
}

extension Jurisdiction {
    var withoutTexts: Jurisdiction {
        var file = self
        file.edition = .blank
        file.path = ""
        file.rules = rules.map(\.withoutTexts)
        // Made of the rules.
        file.byFlow = [:]
        return file
    }
}

extension Edition {
    fileprivate static let blank = Edition(
        number: 0, digest: SHA256.digest([UInt8]()), standing: .draft)
}

extension Rule {
    fileprivate var withoutTexts: Rule {
        var rule = self
        rule.place = Place(line: 1, column: 1)
        // Grounds are named by senders, prohibitions by who asks why; a duty's name is a label.
        if kind == .duty { rule.name = "" }
        rule.basis = Basis(title: "", cite: "", kind: .policy, clause: "", binds: [])
        rule.exemption = nil
        rule.hasNote = false
        return rule
    }
}

extension Agreements {
    /// Before the file is in force none of its instruments counts: what matters is the later of its
    /// moment and theirs.
    fileprivate var withoutTexts: Agreements {
        Agreements(
            number: 0, inForce: Timestamp(seconds: 0),
            instruments: instruments.map { instrument in
                var instrument = instrument
                instrument.from = max(instrument.from, inForce)
                return instrument
            })
    }
}

extension DocumentDefinition {
    fileprivate var withoutTexts: DocumentDefinition {
        DocumentDefinition(name: name, title: "", role: role, validFor: validFor)
    }
}
