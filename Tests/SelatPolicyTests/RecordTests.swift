import SelatCore
import SelatPolicy
import SelatTestSupport
import Testing

@Suite("The record of a verdict")
struct RecordTests {
    @Test("a changed outcome is found, with the part that differs")
    func changedOutcomeIsFound() throws {
        let set = try FrozenPolicies.load()
        let record = try set.decide(.roster()).verdict.record
        let text = String(decoding: record, as: UTF8.self)
        let forged = text.replacing(
            #""missing":[],"obligations":[],"outcome":"refused""#,
            with: #""missing":[],"obligations":[],"outcome":"permitted""#)
        #expect(forged != text)
        #expect(
            throws: VerdictMismatch.differs(
                "outcome", sent: #""permitted""#, own: #""refused""#)
        ) { try set.verify(record: Array(forged.utf8)) }
    }

    @Test("another edition is stale and named")
    func otherEditionIsStale() throws {
        let record = try FrozenPolicies.load().decide(.gauges()).verdict.record
        let files = try FrozenPolicies.sources(changing: "VN", "edition: 1", to: "edition: 2")
        let newer = try PolicySet.load(files: files)
        let error = try #require(throws: VerdictMismatch.self) { try newer.verify(record: record) }
        guard case .staleEdition("VN", _, _) = error else {
            Issue.record("\(error)")
            return
        }
    }

    @Test("mutated records are refused, or say the same")
    func mutationsAreRefused() throws {
        let set = try FrozenPolicies.load()
        let record = try set.decide(.gauges()).verdict.record
        for bytes in Mutations.of(record, count: 2_000, seed: 7) where bytes != record {
            if let verdict = try? set.verify(record: bytes) { #expect(verdict.record == bytes) }
        }
    }

    @Test("truncated records are refused", arguments: [0, 1, 100, 1_000])
    func truncationIsRefused(count: Int) throws {
        let record = try FrozenPolicies.load().decide(.gauges()).verdict.record
        #expect(throws: QuestionError.self) { try Verdict(record: Array(record.prefix(count))) }
        #expect(throws: QuestionError.self) { try Verdict(record: record + [0x20]) }
    }

    @Test(
        "facts that a sender cannot state are refused",
        arguments: [
            ("document", FactValue.set(["SG:consent"])), ("emergency", .flag(true)),
            ("safeguard", .set(["binding-instrument"])), ("special-category", .flag(false)),
            ("source-sector", .term("business")), ("lineage", .set([])),
            ("classification", .term("secret")),
        ])
    func computedFactsAreRefused(name: String, value: FactValue) throws {
        let set = try FrozenPolicies.load()
        let question = try Question.gauges { $0.facts[name] = Fact(value, .stated) }
        let error = try #require(throws: QuestionError.self) { try set.decide(question) }
        #expect(error.description.contains("cannot be stated: it comes from"))
    }

    @Test(
        "unknown facts and terms are refused with the nearest known",
        arguments: [
            ("purpos", FactValue.set(["selat:EarlyWarning"]), "did you mean `purpose`?"),
            ("purpose", .set(["selat:EarlyWarming"]), "did you mean `selat:EarlyWarning`?"),
            ("purpose", .term("selat:EarlyWarning"), "must be a set of terms"),
            ("ai-use", .set(["traning"]), "did you mean `training`?"),
        ])
    func unknownWordsAreRefused(name: String, value: FactValue, text: String) throws {
        let set = try FrozenPolicies.load()
        let question = try Question.gauges { $0.facts[name] = Fact(value, .stated) }
        let error = try #require(throws: QuestionError.self) { try set.decide(question) }
        #expect(error.description.contains(text))
    }

    @Test("a named ground that the file lacks is refused with the nearest")
    func unknownGroundIsRefused() throws {
        let set = try FrozenPolicies.load()
        let question = try Question.gauges { $0.ground = "SG/not-persona" }
        #expect(throws: QuestionError.unknownGround("SG/not-persona", nearest: "SG/not-personal")) {
            try set.decide(question)
        }
    }

    @Test(
        "an edition that is not in force decides nothing", arguments: ["2026-02-01", "2025-12-31"])
    func editionBeforeItsDateRefuses(date: String) throws {
        let question = try Question.gauges { $0.decided = try Timestamp(date: date) }
        let verdict = try FrozenPolicies.load().decide(question).verdict
        #expect(verdict.outcome == .refused)
        #expect(verdict.builtIn.contains("SG/not-in-force"))
    }

    @Test("the destination judges import alone, and a relay transit")
    func destinationAndRelayJudge() throws {
        let set = try FrozenPolicies.load()
        let own = try set.decideImport(.gauges())
        #expect(own.outcome == .permitted)
        #expect(own.judgements.map(\.jurisdiction) == ["selat", "VN", "ASEAN"])
        let malaysia = try set.decideTransit(.gauges(), through: Country("MY"))
        #expect(malaysia.outcome == .refused)
        #expect(try set.decideTransit(.gauges(), through: Country("SG")).outcome == .permitted)
    }
}
