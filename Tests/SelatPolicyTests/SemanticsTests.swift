import SelatCore
import SelatPolicy
import Testing

@Suite("Versions of the language")
struct SemanticsTests {
    @Test("the federation's file sees every level; in version 1 it saw the highest")
    func federationSeesEveryLevel() throws {
        let files = try FrozenPolicies.sources(
            changing: "ASEAN", "  - prohibition: emergency-is-relief-only",
            to: """
                  - prohibition: no-top-secret
                    flow: any
                    when: {classification: top-secret}
                    basis: {source: own, clause: "1"}
                  - prohibition: emergency-is-relief-only
                """)
        let set = try PolicySet.load(files: files, signed: ["my-sg-maritime-2026"])
        var question = try Question.gauges(from: "MY/hub", to: "SG/hub") { question in
            question.label?.classification = .restricted
            question.facts["purpose"] = Fact(.set(["selat:MaritimeSecurity"]), .stated)
        }
        #expect(try set.decide(question).verdict.prohibitions == [])
        question.semantics = .one
        let old = try set.decide(question).verdict
        #expect(old.prohibitions == ["ASEAN/no-top-secret"])
        #expect(try set.verify(record: old.record) == old)
    }

    @Test("a marking counts as the highest level that one of the files gives it")
    func markingIsTheHighest() throws {
        let files = try FrozenPolicies.sources(
            changing: "VN", "secret: [Tối mật]", to: "secret: [Tối mật, Terhad]")
        let set = try PolicySet.load(files: files)
        var question = try Question.gauges(from: "MY/hub", to: "SG/hub") { question in
            question.label?.classification = .restricted
            question.label?.marking = "Terhad"
            question.lineage = [try Country("VN")]
        }
        #expect(
            try set.decide(question).verdict.builtIn.contains("selat/contradictory-facts"))
        question.semantics = .one
        #expect(
            try !set.decide(question).verdict.builtIn.contains("selat/contradictory-facts"))
        // The destination's own answer is by the newest, whatever the sender chose.
        let own = try set.decideImport(question.ofImport)
        #expect(own.question.semantics == .current)
        #expect(own.builtIn.contains("selat/contradictory-facts"))
    }

    @Test("what an instrument's cover leaves open is named; in version 1 it was not")
    func openCoverIsNamed() throws {
        let set = try FrozenPolicies.load(signed: ["my-sg-maritime-2026"])
        var question = try Question.gauges(from: "MY/hub", to: "SG/hub") { question in
            question.label?.classification = .restricted
            // Above the one purpose that the instrument covers.
            question.facts["purpose"] = Fact(.set(["dpv:ProtectionOfNationalSecurity"]), .stated)
        }
        let verdict = try set.decide(question).verdict
        #expect(verdict.outcome == .incomplete)
        #expect(verdict.builtIn.contains("selat/no-instrument-covers-level"))
        #expect(verdict.missing == ["purpose"])
        question.semantics = .one
        #expect(try set.decide(question).verdict.missing == [])
    }

    @Test("a version that does not exist is refused, and so is `received` in the first")
    func unknownVersionIsRefused() throws {
        let record = try FrozenPolicies.load().decide(.gauges()).verdict.record
        let text = String(decoding: record, as: UTF8.self)
        for (old, new) in [
            (#""semantics":2"#, #""semantics":3"#), (#""semantics":2"#, #""semantics":0"#),
            (
                #""relays":[],"#,
                #""received":[{"from":"VN","obligations":[]}],"relays":[],"#
            ),
        ] {
            let forged = text.replacing(old, with: new)
                .replacing(#"}"relays""#, with: #"},"relays""#)
            let first = forged.replacing(#""semantics":2"#, with: #""semantics":1"#)
            #expect(forged != text)
            #expect(throws: QuestionError.self) { try Verdict(record: Array(first.utf8)) }
        }
    }
}

@Suite("Counters")
struct CounterTests {
    private func health(_ change: (inout Question) throws -> Void = { _ in }) throws -> Question {
        try .gauges(from: "VN/hub", to: "SG/hub") { question in
            question.facts = Facts([
                "personal-data": Fact(.flag(true), .stated),
                "categories": Fact(.set(["pd:Health"]), .stated),
                "subjects": Fact(.set(["dpv:Citizen"]), .stated),
                "subject-nationalities": Fact(.set(["VN"]), .stated),
                "data-subjects": Fact(.number(60_000), .stated),
                "records": Fact(.number(70_000), .stated),
                "national-category": Fact(.set([]), .stated),
                "purpose": Fact(.set(["selat:HumanitarianAssistance"]), .stated),
            ])
            try change(&question)
        }
    }

    @Test("a transfer adds what the counter adds, where it counts or may count")
    func amountIsAdded() throws {
        let set = try FrozenPolicies.load()
        let counted = try set.counted(health())
        #expect(counted.map(\.counter.name) == ["VN:sensitive-citizens"])
        #expect(counted.map(\.amount) == [60_000])
        let broad = try health {
            $0.facts["categories"] = Fact(.set(["dpv:SpecialCategoryPersonalData"]), .stated)
        }
        #expect(try set.counted(broad).map(\.amount) == [60_000])
        let foreign = try health {
            $0.facts["subject-nationalities"] = Fact(.set(["SG"]), .stated)
        }
        #expect(try set.counted(foreign).isEmpty)
        #expect(try set.counted(.gauges()).isEmpty)
    }

    @Test("a counter of another country's file is no fact here")
    func foreignCounterIsRefused() throws {
        let set = try FrozenPolicies.load()
        let question = try Question.gauges { $0.counters = ["VN:sensitive-citizen": 1] }
        #expect(throws: QuestionError.self) { try set.decide(question) }
    }

    @Test("approvals stay where only a counter has moved")
    func counterChangesNoBasis() throws {
        let set = try FrozenPolicies.load()
        let one = try set.decide(health { $0.counters = ["VN:sensitive-citizens": 60_000] })
        let two = try set.decide(health { $0.counters = ["VN:sensitive-citizens": 60_001] })
        #expect(one.verdict != two.verdict)
        #expect(one.verdict.hasSameBasis(as: two.verdict))
        let full = try set.decide(health { $0.counters = ["VN:sensitive-citizens": 100_000] })
        #expect(!one.verdict.hasSameBasis(as: full.verdict))
    }
}
