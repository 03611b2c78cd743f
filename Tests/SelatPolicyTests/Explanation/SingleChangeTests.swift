import SelatCore
import Testing

@testable import SelatPolicy

/// Which change of one fact would make the answer another one.
@Suite("Single changes")
struct SingleChangeTests {
    static func changes(
        signed: Set<String> = [], _ question: Question
    ) throws -> [SingleChange] {
        try FrozenPolicies.load(signed: signed).singleChanges(question) {
            $0.outcome == .permitted
        }
    }

    @Test func everyChangeThatIsNamedPermits() throws {
        let set = try FrozenPolicies.load()
        for example in try PolicyCase.all() {
            let set = set.counting(example.signed)
            guard let verdict = try? set.decide(example.question).verdict,
                verdict.outcome != .permitted
            else { continue }
            let changes = try set.singleChanges(example.question) { $0.outcome == .permitted }
            for change in changes where !change.isOfInstruments {
                #expect(try set.decide(change.verdict.question).verdict.outcome == .permitted)
                #expect(change.verdict.question != example.question)
            }
        }
    }

    @Test func aRosterNeedsConsentOrASignedAgreement() throws {
        let kinds = try Set(Self.changes(try Question.roster()).map(\.kind))
        #expect(kinds.contains(.attested("SG:consent")))
        // The letters do not cover research: signing them would change nothing.
        #expect(!kinds.contains(.signed("sg-vn-relief-2026")))
        let relief = try Question.roster {
            $0.facts["purpose"] = Fact(.set(["selat:HumanitarianAssistance"]), .stated)
        }
        #expect(
            try Set(Self.changes(relief).map(\.kind)).contains(.signed("sg-vn-relief-2026")))
    }

    @Test func onlyTheSmallestChangesOfAFactAreNamed() throws {
        var question = try Question.gauges()
        question.facts["purpose"] = Fact(
            .set(["selat:EarlyWarning", "selat:HumanitarianAssistance", "selat:Defence"]), .stated)
        question.isEmergency = true
        let purposes = try Self.changes(question).filter { $0.subject == "purpose" }.map(\.kind)
        #expect(purposes == [.removed(fact: "purpose", "selat:Defence")])
    }

    @Test func aMissingFactIsNamedWithTheValuesThatPermit() throws {
        var question = try Question.gauges(from: "VN/hub", to: "SG/hub")
        question.sectors[try Country("VN")] = .defence
        let kinds = try Self.changes(question).map(\.kind)
        #expect(kinds.contains(.value(fact: "national-category", old: nil, new: .set([]))))
        #expect(
            !kinds.contains(
                .value(fact: "national-category", old: nil, new: .set(["VN:core-data"]))))
    }

    @Test func whereTwoFactsStandInTheWayNoneAloneIsNamed() throws {
        var question = try Question.roster()
        question.label?.releasableTo = [try Country("MY")]
        #expect(try Self.changes(question).isEmpty)
        let page = try Page.verdict(
            on: question, by: try FrozenPolicies.load(),
            PolicyTexts(try FrozenPolicies.sources()), language: .en)
        #expect(page.text.contains("No change of one fact alone would permit it."))
    }

    @Test func termsThatTheRulesTreatAlikeAreOneClass() throws {
        let set = try FrozenPolicies.load()
        let lexicon = try #require(
            set.table.definitions[set.table[.purpose]].type.lexicon)
        let rule = try #require(
            set.jurisdictions[try Country("MY")]?.rules.first { $0.name == "equivalent-protection" }
        )
        let leaves = rule.when.leaves.filter { $0.fact == set.table[.purpose] }
        let classes = TermClasses(lexicon, leaves).all
        #expect(classes.map(\.term).contains("dpv:PublicBenefit"))
        #expect(classes.count == 2)
        #expect(classes.map { $0.alike + 1 }.reduce(0, +) == lexicon.names.count)
    }
}

extension SingleChange {
    fileprivate var isOfInstruments: Bool {
        switch kind {
        case .signed, .unsigned: true
        default: false
        }
    }
}
