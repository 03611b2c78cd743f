package import SelatCore
import SelatCrypto

/// The policy files of a federation, read, checked and ready to judge.
package struct PolicySet: Sendable {
    /// Every loaded file by name: `SG`, `ASEAN`, `agreements`, `vocabulary`.
    package let editions: [String: Edition]
    /// Doubts that prevent nothing: past review dates.
    package let warnings: [PolicyDiagnostic]
    /// What officers of the named roles may attest, by name.
    package internal(set) var documents: [String: DocumentDefinition]

    let table: FactTable
    var jurisdictions: [Country: Jurisdiction]
    var federation: Jurisdiction
    var agreements: Agreements
    /// When the vocabulary comes into force.
    let vocabularyInForce: Timestamp
    /// What the vocabulary calls its terms.
    package let labels: Labels
    /// The instruments that every party has signed.
    private(set) var signed: Set<String>

    /// The countries that have a file.
    package var countries: [Country] { jurisdictions.keys.sorted() }

    /// The name of the federation's file.
    package var federationName: String { federation.name }

    /// The counters that a transfer from a country raises; their sums go into the question.
    package func counters(of country: Country) -> [Counter] {
        jurisdictions[country]?.counters ?? []
    }

    /// The set with other instruments signed.
    package func counting(_ signed: Set<String>) -> PolicySet {
        var set = self
        set.signed = signed
        return set
    }

    /// Reads a whole set; one error anywhere and nothing is loaded.
    /// - Parameters:
    ///   - files: the countries' files, the federation's, `agreements.yaml`, `vocabulary.yaml`.
    ///   - signed: ids of the instruments that every party has signed; others never count.
    ///   - now: today, for warnings about reviews.
    /// - Throws: `PolicyErrors` with every error of every file.
    package static func load(
        files: [PolicySource], signed: Set<String> = [], now: Timestamp? = nil
    ) throws(PolicyErrors) -> PolicySet {
        var loader = PolicyLoader(now: now, signed: signed)
        let set = loader.load(files)
        let errors = loader.problems.filter { $0.severity == .error }
        guard let set, errors.isEmpty else {
            throw PolicyErrors(diagnostics: PolicyLoader.sorted(errors))
        }
        return set
    }

    /// The sender's decision: export, transit, import, onward, the federation and the built-in
    /// rules; `domestic` alone between nodes of one country.
    /// - Throws: `QuestionError` where the question means nothing.
    package func decide(_ question: Question) throws(QuestionError) -> Decision {
        let verdict = try sendersVerdict(question)
        return Decision(of: verdict, restsOnEmergency: try restsOnEmergency(verdict))
    }

    private func sendersVerdict(_ question: Question) throws(QuestionError) -> Verdict {
        try verdict(question, flows: Self.flows(of: question), withFederation: true)
    }

    /// Judged again as if there were no emergency: it carries the verdict if the answer is another.
    private func restsOnEmergency(_ verdict: Verdict) throws(QuestionError) -> Bool {
        guard verdict.outcome == .permitted, verdict.question.isEmergency else { return false }
        var question = verdict.question
        question.isEmergency = false
        let without = try sendersVerdict(question)
        return without.outcome != .permitted || without.grounds != verdict.grounds
    }

    /// The destination's own verdict by its own editions: import, the federation, the built-in
    /// rules. It is no decision: nothing can be sealed on its strength.
    package func decideImport(_ question: Question) throws(QuestionError) -> Verdict {
        let flow: Flow =
            question.source.country == question.destination.country ? .domestic : .import
        return try verdict(
            question, flows: [(question.destination.country, flow)], withFederation: true)
    }

    /// What one relay's country says, from what a header shows: the label and the route.
    package func decideTransit(
        _ question: Question, through country: Country
    ) throws(QuestionError) -> Judgement {
        var evaluation = try Evaluation(self, question)
        return evaluation.judge(country, .transit)
    }

    private func verdict(
        _ question: Question, flows: [(Country, Flow)], withFederation: Bool
    ) throws(QuestionError) -> Verdict {
        var evaluation = try Evaluation(self, question)
        for (country, flow) in flows { _ = evaluation.judge(country, flow) }
        if withFederation, question.source.country != question.destination.country {
            evaluation.judgeFederation()
        }
        return evaluation.verdict()
    }

    /// Who is asked about what, in the order of the record.
    static func flows(of question: Question) -> [(Country, Flow)] {
        let (source, destination) = (question.source.country, question.destination.country)
        let relays = Set(question.relays.map(\.country)).sorted()
        guard source != destination else {
            return [(source, .domestic)]
                + relays.filter { $0 != source }.map { ($0, .transit) }
        }
        let lineage = question.lineage.subtracting([source, destination]).sorted()
        return [(source, .export)] + relays.map { ($0, .transit) } + [(destination, .import)]
            + lineage.map { ($0, .onward) }
    }
}
