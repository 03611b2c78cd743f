package import SelatCore

/// Who may send to whom, for one set of facts.
package struct PolicyMatrix: Sendable {
    package enum Answer: String, CaseIterable, Sendable {
        case permitted, approval, incomplete, refused

        /// The sign of the answer: it is told apart without colour.
        package var sign: String {
            switch self {
            case .permitted: "+"
            case .approval: "A"
            case .incomplete: "?"
            case .refused: "×"
            }
        }
    }

    package struct Cell: Sendable {
        package let source: Country
        package let destination: Country
        package let verdict: Verdict

        package var answer: Answer {
            switch verdict.outcome {
            case .refused: .refused
            case .incomplete: .incomplete
            case .permitted:
                verdict.obligations.contains(where: \.isApproval) ? .approval : .permitted
            }
        }
    }

    /// What is asked of every pair; its own two ends do not matter.
    package let question: Question
    package let countries: [Country]
    /// By source, then by destination, both in the order of `countries`.
    package let cells: [[Cell]]

    /// - Parameters:
    ///   - question: the facts. A label released to nobody is released to each destination, and a
    ///     country without a sector has the one given.
    /// - Throws: `QuestionError` where a fact means nothing to the set.
    package init(
        _ set: PolicySet, _ question: Question, sector: Sector = .defence
    ) throws(QuestionError) {
        self.question = question
        countries = set.countries
        var cells: [[Cell]] = []
        for source in set.countries {
            var row: [Cell] = []
            for destination in set.countries {
                let pair = Self.question(question, source, destination, sector)
                row.append(
                    Cell(
                        source: source, destination: destination,
                        verdict: try set.decide(pair).verdict))
            }
            cells.append(row)
        }
        self.cells = cells
    }

    private static func question(
        _ template: Question, _ source: Country, _ destination: Country, _ sector: Sector
    ) -> Question {
        var question = template
        question.source = template.source.with(country: source)
        question.destination = template.destination.with(country: destination)
        for country in [source, destination] where question.sectors[country] == nil {
            question.sectors[country] = sector
        }
        if question.label?.releasableTo.isEmpty == true {
            question.label?.releasableTo = [destination]
        }
        return question
    }
}

extension PolicyMatrix {
    /// What is asked where nobody says otherwise: not personal, unclassified, for the public's
    /// benefit.
    package static func question(at decided: Timestamp, label: Label? = nil) -> Question? {
        guard let source = try? NodeID("ZZ/hub"), let destination = try? NodeID("ZZ/node") else {
            return nil
        }
        return Question(
            source: source, destination: destination, sectors: [:], membershipSerial: 1,
            decided: decided,
            label: label ?? Label(classification: .unclassified, releasableTo: []),
            facts: Facts([
                "personal-data": Fact(.flag(false), .stated),
                "purpose": Fact(.set(["dpv:PublicBenefit"]), .stated),
            ]))
    }
}

extension NodeID {
    fileprivate func with(country: Country) -> NodeID {
        (try? NodeID("\(country.code)/\(name)")) ?? self
    }
}

extension Obligation {
    var isApproval: Bool { if case .approval = demand { true } else { false } }
}
