import SelatCore
import SelatPolicy
import Testing

@Suite("Permit and release")
struct ReleaseTests {
    private let person: OfficerID
    private let other: OfficerID

    init() throws {
        person = try OfficerID("SG/csa/lee")
        other = try OfficerID("SG/csa/tan")
    }

    private func inference() throws -> Question {
        try .gauges { $0.facts["ai-use"] = Fact(.set(["inference"]), .stated) }
    }

    @Test("without owed approvals the verdict made again is enough")
    func releaseWithoutApprovals() throws {
        let set = try FrozenPolicies.load()
        let permit = try #require(try set.decide(.gauges()).permit)
        let later = try set.decide(.gauges { $0.decided = $0.decided + 3_600 })
        let release = try #require(permit.release(approvals: [], again: later))
        #expect(release.verdict == later.verdict)
    }

    @Test("an owed approval is waited for")
    func approvalIsWaitedFor() throws {
        let set = try FrozenPolicies.load()
        let decision = try set.decide(inference())
        let permit = try #require(decision.permit)
        #expect(permit.outstanding([]).map(\.description) == ["1 × releasing-officer, source"])
        #expect(permit.release(approvals: [], again: decision) == nil)
        let wrong = [
            Approval(role: "releasing-officer", side: .destination, person: person),
            Approval(role: "emergency-officer", side: .source, person: person),
        ]
        #expect(permit.release(approvals: wrong, again: decision) == nil)
        let right = Approval(role: "releasing-officer", side: .source, person: person)
        #expect(permit.release(approvals: [right], again: decision)?.approvals == [right])
    }

    @Test("a person meets one approval, and nobody's is spent where another's would do")
    func personMeetsOneApproval() throws {
        let files = try FrozenPolicies.sources(
            changing: "ASEAN", "      - approval: {role: releasing-officer, side: source}",
            to: """
                      - approval: {role: releasing-officer, side: source}
                      - approval: {role: head-of-agency, side: source}
                """)
        let set = try PolicySet.load(files: files)
        let decision = try set.decide(inference())
        let permit = try #require(decision.permit)
        let both = ["releasing-officer", "head-of-agency"].map {
            Approval(role: $0, side: .source, person: person)
        }
        #expect(permit.outstanding(both).count == 1)
        let second = Approval(role: "head-of-agency", side: .source, person: other)
        #expect(permit.outstanding(both + [second]).isEmpty)
        let officer = Approval(role: "releasing-officer", side: .source, person: other)
        #expect(permit.outstanding(both + [officer]).isEmpty)
    }

    @Test("one person twice is one person")
    func samePersonTwiceIsOne() throws {
        let files = try FrozenPolicies.sources(
            changing: "ASEAN", "role: releasing-officer, side",
            to: "role: releasing-officer, count: 2, side")
        let decision = try PolicySet.load(files: files).decide(inference())
        let permit = try #require(decision.permit)
        let once = Approval(role: "releasing-officer", side: .source, person: person)
        let again = Approval(role: "releasing-officer", side: .source, person: other)
        #expect(permit.outstanding([once, once]).map(\.count) == [1])
        #expect(permit.outstanding([once, again]).isEmpty)
    }

    @Test("a verdict that changed releases nothing")
    func changedVerdictReleasesNothing() throws {
        let set = try FrozenPolicies.load()
        let permit = try #require(try set.decide(.gauges()).permit)
        let changes: [(inout Question) throws -> Void] = [
            { $0.facts["purpose"] = Fact(.set(["selat:Defence"]), .stated) },
            { $0.facts["ai-use"] = Fact(.set(["inference"]), .stated) },
            { $0.label?.tlp = .green },
            { $0.destination = try NodeID("VN/other") },
            { $0.label = nil },
        ]
        for change in changes {
            let again = try set.decide(.gauges(change))
            #expect(permit.release(approvals: [], again: again) == nil)
        }
    }
}
