import SelatCore

/// A transfer with one fact changed, and what is said of it then.
struct SingleChange: Sendable {
    enum Kind: Hashable, Sendable {
        /// A stated fact, or a part of the label, has another value.
        case value(fact: String, old: FactValue?, new: FactValue)
        case added(fact: String, String)
        case removed(fact: String, String)
        case attested(String)
        case unattested(String)
        case emergency(Bool)
        case signed(String)
        case unsigned(String)
        case ground(String?)
    }

    let kind: Kind
    /// How many more values the rules that are asked treat like the new one.
    let alike: Int
    /// How many elements differ from before: the smallest changes are shown.
    let size: Int
    let verdict: Verdict

    /// Changes of the same fact are compared with one another.
    var subject: String {
        switch kind {
        case .value(let fact, _, _), .added(let fact, _), .removed(let fact, _): fact
        case .attested, .unattested: "document"
        case .emergency: "emergency"
        case .signed, .unsigned: "safeguard"
        case .ground: "ground"
        }
    }
}

extension PolicySet {
    /// Every change of one fact, within the classes of values that the rules asked treat alike, that
    /// leads to a wanted verdict; of each fact only the smallest.
    ///
    /// The route, the ends, their sectors, the lineage and the time stay as they are: they are not
    /// for the sender to choose.
    func singleChanges(
        _ question: Question, where isWanted: (Verdict) -> Bool
    ) throws(QuestionError) -> [SingleChange] {
        let candidates = ChangeCandidates(self, question, try Evaluation(self, question)).all
        var found: [SingleChange] = []
        for candidate in candidates {
            let set = candidate.signed.map(counting) ?? self
            // A change that means nothing, such as a ground that the file lacks, is no change.
            guard let verdict = try? set.decide(candidate.question).verdict, isWanted(verdict),
                !verdict.builtIn.contains("selat/contradictory-facts")
            else { continue }
            found.append(
                SingleChange(
                    kind: candidate.kind, alike: candidate.alike, size: candidate.size,
                    verdict: verdict))
        }
        var least: [String: Int] = [:]
        for change in found {
            least[change.subject] = min(least[change.subject] ?? .max, change.size)
        }
        return found.filter { $0.size == least[$0.subject] }
    }
}
