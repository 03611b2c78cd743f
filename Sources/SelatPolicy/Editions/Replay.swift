package import SelatCore

/// A transfer that was judged once, judged again by another set: what an edit would have changed.
package struct Replay: Hashable, Sendable {
    /// How the two verdicts differ, for whoever has to decide about the edit.
    package enum Change: String, CaseIterable, Sendable {
        case newlyPermitted = "newly-permitted"
        case newlyRefused = "newly-refused"
        /// It would wait for facts.
        case newlyIncomplete = "newly-incomplete"
        /// Permitted by both, and something else is owed.
        case otherObligations = "other-obligations"
    }

    package let was: Verdict.Outcome
    package let now: Verdict.Outcome
    /// Nil where it would end as it did.
    package let change: Change?
    /// Lines for people: what decides under the other set.
    package let because: [String]

    /// Judges a stored verdict's question again.
    ///
    /// The moment is that of the verdict, or the set's own beginning where that is later: a draft is
    /// judged as if it were in force.
    /// - Parameters:
    ///   - record: a verdict's canonical record.
    ///   - isImport: it is a destination's own verdict on what it received.
    ///   - beginning: when the last of the set's files comes into force.
    /// - Throws: `QuestionError.malformedRecord` for anything but a verdict's record.
    package init(
        record: [UInt8], isImport: Bool, under set: PolicySet, inForceFrom beginning: Timestamp
    ) throws(QuestionError) {
        let verdict = try Verdict(record: record)
        var question = verdict.question
        question.decided = max(question.decided, beginning)
        was = verdict.outcome
        do throws(QuestionError) {
            let again =
                isImport ? try set.decideImport(question) : try set.decide(question).verdict
            now = again.outcome
            change = Self.change(verdict, again)
            because = Self.reasons(again, question, isImport, set)
        } catch {
            // A word that the other set does not know: nothing could be sent with it.
            now = .refused
            change = was == .refused ? nil : .newlyRefused
            because = ["\(error)"]
        }
    }

    private static func change(_ was: Verdict, _ now: Verdict) -> Change? {
        guard was.outcome == now.outcome else {
            switch now.outcome {
            case .permitted: return .newlyPermitted
            case .refused: return .newlyRefused
            case .incomplete: return .newlyIncomplete
            }
        }
        return was.obligations == now.obligations ? nil : .otherObligations
    }

    private static func reasons(
        _ verdict: Verdict, _ question: Question, _ isImport: Bool, _ set: PolicySet
    ) -> [String] {
        guard verdict.outcome != .permitted, !isImport,
            let reasons = try? set.reasons(question), !reasons.isEmpty
        else { return verdict.summaryLines }
        return reasons.map(\.description)
    }
}
