import SelatCore
import SelatPolicy
import Testing

@Suite("What is sent on")
struct OnwardTests {
    private let set: PolicySet
    private let viet = try! Country("VN")

    init() throws { set = try FrozenPolicies.load() }

    private func obligation(
        _ demand: Obligation.Demand, by side: Side = .destination
    ) -> Obligation {
        Obligation(demand: demand, owedBy: side, because: ["VN/some-rule"])
    }

    /// River gauges from MY to SG, with a part that came from VN and may go on.
    private func onward(
        _ obligations: [Obligation], destroyBy: Timestamp? = nil,
        _ change: (inout Question) throws -> Void = { _ in }
    ) throws -> Question {
        try .gauges(from: "MY/hub", to: "SG/hub") { question in
            question.label?.tlp = .green
            question.lineage = [try Country("VN")]
            question.received = [
                Received(from: try Country("VN"), obligations: obligations, destroyBy: destroyBy)
            ]
            try change(&question)
        }
    }

    /// The set with a file of VN that lets go on what it gave.
    private func permissive() throws -> PolicySet {
        try PolicySet.load(
            files: FrozenPolicies.sources(
                changing: "VN",
                "  # no rule with flow: onward: nothing that VN gave may be sent on\n",
                to: """
                      - ground: onward
                        flow: onward
                        when: always
                        basis: {source: own, clause: "to be named"}

                    """))
    }

    @Test("obligations of what was received are owed by the next recipient")
    func obligationsAreKept() throws {
        let singapore = try Country("SG")
        let question = try onward([
            obligation(.retention(seconds: 3_600, confirm: true)),
            obligation(.onwardOnlyTo([singapore, viet])),
            obligation(.encryption(atLeast: .p256), by: .source),
            obligation(.humanReview(of: .aiOutput)),
            obligation(
                .report(.breach, to: "sender", seconds: 3_600, from: .delivery, once: .perEvent),
                by: .both),
        ])
        let verdict = try permissive().decide(question).verdict
        #expect(verdict.outcome == .permitted, "\(verdict.summaryLines)")
        let summaries = verdict.obligations.map(\.summary)
        #expect(summaries.contains("retention confirm"))
        #expect(summaries.contains("onward-only-to SG VN"))
        #expect(summaries.contains("encryption suite-1"))
        #expect(summaries.contains("human-review ai-output"))
        #expect(
            summaries.contains(
                "report breach to sender within 1 hours from delivery per-event destination"))
        let kept = verdict.obligations.first { $0.summary == "encryption suite-1" }
        #expect(kept?.because == ["selat/received-from-VN"])
    }

    @Test("approvals, transforms and the sender's own reports do not go on")
    func metObligationsStay() throws {
        let question = try onward([
            obligation(.approval(role: "releasing-officer", count: 1), by: .source),
            obligation(.transform(.remove, categories: ["pd:Name"]), by: .source),
            obligation(
                .report(.transfer, to: "VN:mps", seconds: 3_600, from: .transfer, once: .perFlow),
                by: .source),
        ])
        #expect(question.received.first?.obligations == [])
        #expect(try permissive().decide(question).verdict.obligations == [])
    }

    @Test("nothing goes where a part may not go, emergency or not", arguments: [true, false])
    func onwardOnlyToBinds(isEmergency: Bool) throws {
        let question = try onward([obligation(.onwardOnlyTo([]))]) { $0.isEmergency = isEmergency }
        let verdict = try permissive().decide(question).verdict
        #expect(verdict.outcome == .refused)
        #expect(verdict.builtIn == ["selat/outside-received-onward"])
    }

    @Test("back to where it came from it may go")
    func returnIsAllowed() throws {
        let question = try Question.gauges(from: "MY/hub", to: "VN/hub") { question in
            question.lineage = [viet]
            question.received = [
                Received(
                    from: viet, obligations: [obligation(.onwardOnlyTo([]))], destroyBy: nil)
            ]
        }
        let verdict = try set.decide(question).verdict
        #expect(verdict.outcome == .permitted, "\(verdict.summaryLines)")
        #expect(verdict.obligations.map(\.summary).contains("onward-only-to none"))
    }

    @Test("the earliest moment of destruction goes on, and past it nothing does")
    func destroyByIsKept() throws {
        let moment = try Timestamp("2026-09-02T00:00:00Z")
        let question = try onward([], destroyBy: moment) { question in
            question.received.insert(
                Received(from: viet, obligations: [], destroyBy: moment + 86_400))
        }
        let verdict = try permissive().decide(question).verdict
        #expect(verdict.outcome == .permitted)
        #expect(verdict.destroyBy == moment)
        #expect(try Verdict(record: verdict.record) == verdict)
        var late = question
        late.decided = moment
        let refused = try permissive().decide(late).verdict
        #expect(refused.builtIn == ["selat/received-past-destroy-by"])
    }

    @Test("parts in another order, or an obligation that does not go on, are refused")
    func forgedPartsAreRefused() throws {
        let first = Received(from: viet, obligations: [], destroyBy: Timestamp(seconds: 1))
        let question = try onward([obligation(.onwardOnlyTo([viet]))]) {
            $0.received.insert(first)
        }
        let text = String(decoding: try set.decide(question).verdict.record, as: UTF8.self)
        let parts = question.received.map { String(decoding: $0.json.canonical, as: UTF8.self) }
            .sorted()
        let inOrder = parts.joined(separator: ",")
        #expect(text.contains(#""received":[\#(inOrder)]"#))
        let reversed = parts.reversed().joined(separator: ",")
        let forgeries = [
            text.replacing(inOrder, with: reversed),
            text.replacing(inOrder, with: "\(parts[0]),\(parts[0])"),
            text.replacing(inOrder, with: ""),
            text.replacing(
                #"{"because":["VN/some-rule"],"by":"destination","countries":["VN"],"#
                    + #""obligation":"onward-only-to"}"#,
                with: #"{"because":[],"by":"source","count":1,"obligation":"approval","role":"a"}"#
            ),
        ]
        for forged in forgeries {
            #expect(forged != text)
            #expect(throws: QuestionError.self) { try Verdict(record: Array(forged.utf8)) }
        }
    }
}
