import SelatCore
import Testing

@testable import SelatPolicy

/// The parts that a diff names against the evaluator, question by question, and each witness.
struct ChangeTests {
    /// What the two editions' answers amount to.
    private static func kinds(
        _ old: ComparisonTests.Said, _ new: ComparisonTests.Said
    ) -> PolicyChange.Kind? {
        switch (old.outcome, new.outcome) {
        case (.permitted, .permitted):
            old.obligations == new.obligations ? nil : .otherObligations
        case (_, .permitted): .newlyPermitted
        case (.permitted, .refused): .newlyRefused
        case (.permitted, .incomplete): .newlyIncomplete
        default: old.outcome == new.outcome ? nil : .otherRefusal
        }
    }

    @Test(arguments: Flow.allCases, UInt64(101)...102)
    func partsAreWhatTheEvaluatorsAnswersAmountTo(_ flow: Flow, _ seed: UInt64) throws {
        let editions = try RandomEditions(seed, flow: flow)
        var comparison = editions.comparison()
        let differences = comparison.differences()
        let choices = comparison.choices
        for asked in editions.questions() {
            let evaluation = try Evaluation(
                editions.new.counting(asked.signed), asked.question)
            guard evaluation.resolved.contradictions.isEmpty, evaluation.isCoherent else {
                continue
            }
            let isPossible = comparison.space.reasoner.isPossible(
                comparison.space.wires(of: evaluation))
            try #require(isPossible)
            let held = differences.filter { comparison.space.reasoner.value($0.region) }
            let context: Comment = "\(asked)\n\(editions.text.old)\n\(editions.text.new)"
            func said(_ set: PolicySet, _ name: String?) throws -> ComparisonTests.Said {
                try ComparisonTests.said(set, asked, flow, naming: name)
            }
            let usual = Self.kinds(try said(editions.old, nil), try said(editions.new, nil))
            let named = held.filter { $0.choice == .first }.map(\.kind)
            #expect(named == [usual].compactMap(\.self), context)
            // By name only what stays permitted, and owes the same, without a name.
            guard try said(editions.old, nil).outcome == .permitted,
                try said(editions.new, nil).outcome == .permitted
            else { continue }
            for case .named(let name) in choices {
                let (old, new) = (try said(editions.old, name), try said(editions.new, name))
                let isOther =
                    old.outcome == .permitted && new.outcome == .permitted
                    ? old.obligations != new.obligations && usual == nil
                    : (old.outcome == .permitted) != (new.outcome == .permitted)
                let isHeld = held.contains { $0.choice == .named(name) }
                #expect(isHeld == isOther, context)
            }
        }
    }

    /// Witnesses are real questions, and the evaluator says of them what the statement says.
    @Test(arguments: Flow.allCases, UInt64(201)...206)
    func witnessesDo(_ flow: Flow, _ seed: UInt64) throws {
        let editions = try RandomEditions(seed, flow: flow)
        var comparison = editions.comparison()
        for change in comparison.changes() {
            let context: Comment = "\(change)\n\(editions.text.old)\n\(editions.text.new)"
            let witness = change.witness
            let evaluation = try Evaluation(
                editions.new.witnessing(witness), witness.question.unnamed)
            #expect(evaluation.resolved.contradictions.isEmpty && evaluation.isCoherent, context)
            #expect(!change.when.isEmpty, context)
            switch change.kind {
            case .newlyPermitted:
                #expect(witness.before != .permitted && witness.after == .permitted, context)
            case .newlyRefused:
                #expect(witness.before == .permitted && witness.after == .refused, context)
            case .newlyIncomplete:
                #expect(witness.before == .permitted && witness.after == .incomplete, context)
            case .otherObligations:
                #expect(witness.before == .permitted && witness.after == .permitted, context)
                #expect(!change.newlyOwed.isEmpty || !change.noLongerOwed.isEmpty, context)
            case .otherRefusal:
                #expect(witness.before != witness.after, context)
            case .otherChoice:
                #expect(
                    witness.before != witness.after || !change.newlyOwed.isEmpty
                        || !change.noLongerOwed.isEmpty, context)
            }
        }
    }

    /// Alternatives lie within their part, and cover it where they say so.
    @Test(arguments: UInt64(301)...308)
    func alternativesAreThePart(_ seed: UInt64) throws {
        let editions = try RandomEditions(seed, flow: .export)
        var comparison = editions.comparison()
        for difference in comparison.differences() {
            let region = difference.region
            guard let point = comparison.space.smallest(in: [region]) else { continue }
            let found = comparison.space.alternatives(of: region, from: point, limit: 5)
            var rest = found.assumed + [region]
            for alternative in found.alternatives {
                let isOutside = comparison.space.reasoner.isPossible(
                    alternative + found.assumed + [!region])
                #expect(!isOutside)
                let covered = comparison.space.reasoner.circuit.all(alternative)
                rest.append(!covered)
            }
            let isMore = comparison.space.reasoner.isPossible(rest)
            #expect(isMore == !found.isComplete)
        }
    }
}

extension Question {
    fileprivate var unnamed: Question {
        var question = self
        question.ground = nil
        return question
    }
}
