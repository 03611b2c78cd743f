import SelatAudit
import SelatCore
import SelatCrypto
import SelatEnvelope
import SelatEvidence
import SelatFederation
import SelatPolicy
import SelatStore
import SelatTestSupport
import Testing

@testable import SelatExchange

/// What an auditor asks of the verdict by which a header was released: what its recipient asks.
struct ReleaseEvidenceTests {
    let world: TestFederation

    init() throws { world = try TestFederation() }

    /// What is wrong with a release by one verdict of what was sealed under another.
    private func wrong(_ permitted: Verdict, released: Verdict? = nil) async throws -> [String] {
        let shown = try await world.shown(try await world.seal(), permitted, released: released)
        return EvidenceVerifier.verify(shown, trusted: world.federation.id).wrong
    }

    @Test func theVerdictOfAReleaseFitsItsHeader() async throws {
        let honest = try world.verdict()
        #expect(try await wrong(honest) == [])
        let label = Label(classification: .unclassified, releasableTo: [try Country("VN")])
        let (labelled, listed) = (
            try world.verdict { $0.label = label }, try world.verdict { $0.membershipSerial = 2 }
        )
        #expect(try await wrong(labelled).contains { $0.hasSuffix("`label` differs") })
        #expect(try await wrong(listed).contains { $0.contains("another membership list") })
        let (now, age) = (world.clock.now(), Limits.verdictAgeSecondsMax)
        for decided in [now + -age + -1, now + Limits.clockSkewSecondsMax + 1] {
            let dated = try world.verdict { $0.decided = decided }
            #expect(try await wrong(honest, released: dated) != [], "\(decided)")
        }
        let country = world.sender.id.country
        let elsewhere = try world.verdict { $0.sectors[country] = .defence }
        #expect(try await wrong(honest, released: elsewhere) != [])
    }

    @Test(arguments: [(Int64(-1), false), (0, true)])
    func nothingIsMadeUnderAListThatIsOver(_ seconds: Int64, _ isWrong: Bool) async throws {
        let world = try TestFederation(TestFederation.Plan(listDays: 1))
        world.clock.advance(seconds: 86_400 + seconds)
        let shown = try await world.shown(try await world.seal(), try world.verdict())
        let report = EvidenceVerifier.verify(shown, trusted: world.federation.id)
        #expect(report.wrong.contains { $0.hasSuffix("when list 1 was over") } == isWrong)
        #expect(report.isSound != isWrong)
    }

    /// How often a role is missed, as what is wrong and as what is not proven.
    private func rolesMissed(
        _ plan: TestFederation.Plan, through relay: Bool = false, showsFormer: Bool = true
    ) async throws -> [Int] {
        let world = try TestFederation(plan)
        let between = relay ? world.stranger.id : nil
        let verdict = try world.verdict { question in
            question.relays = between.map { [$0] } ?? []
        }
        let former = Evidence.Former(
            records: world.federation.documents.records, revocationLists: [:])
        let shown = try await world.shown(
            try await world.seal(), verdict, relay: between,
            former: showsFormer ? former : .nothing)
        let report = EvidenceVerifier.verify(shown, trusted: world.federation.id)
        return [report.wrong, report.unproven].map { lines in
            lines.count { $0.contains("without the role") }
        }
    }

    @Test func everyNodeOfTheRouteHasItsRole() async throws {
        #expect(try await rolesMissed(.init()) == [0, 0])
        #expect(try await rolesMissed(.init(relays: ["MY"]), through: true) == [0, 0])
        #expect(try await rolesMissed(.init(), through: true) == [1, 0])
        #expect(try await rolesMissed(.init(witnesses: ["VN"])) == [1, 0])
        // A sender does not ask itself.
        #expect(try await rolesMissed(.init(witnesses: ["SG"])) == [0, 1])
        // Earlier versions did not show by which records it went.
        #expect(try await rolesMissed(.init(), through: true, showsFormer: false) == [0, 1])
        #expect(try await rolesMissed(.init(witnesses: ["VN"]), showsFormer: false) == [0, 1])
    }

    /// As earlier versions showed it: the next list, and the record that is signed as that one asks for.
    @Test func whoseAuthoritiesWereReplacedSinceIsFoundInTheRecordOfNow() async throws {
        world.clock.advance(seconds: 60)
        let (now, country) = (world.clock.now(), world.recipient.id.country)
        let signers = try ["third", "fourth"].map { person in
            let key = try PrivateKey.generate(.p256)
            let certificate = try world.authority(country.code).root.issue(
                for: .authority, uri: "selat://\(country)/authority/\(person)",
                to: key.publicKey, from: now + -60, until: now + 86_400)
            return try CMS.Signer(certificate: certificate, key: key)
        }
        let list = try world.list(after: world.federation, by: ["MY", "SG"]) { members in
            members = members.map { member in
                guard member.country == country else { return member }
                return MembershipList.Member(
                    country: country, sector: member.sector, anchors: member.anchors,
                    authorities: signers.map(\.certificate), threshold: 2, roles: member.roles)
            }
        }
        let held = try #require(world.federation.records[country])
        let record = try MemberRecord(
            federation: world.federation.id, country: country, serial: held.serial + 1,
            previous: held.digest, issued: now, expires: held.expires, nodes: held.nodes,
            officers: held.officers, policySigners: held.policySigners
        ).signed(by: signers, at: now)
        let documents = world.federation.documents
        let shown = try await world.shown(
            try await world.seal(), try world.verdict(),
            membership: MembershipDocuments(
                lists: documents.lists + [list],
                records: documents.records.merging([country: record]) { $1 },
                revocationLists: [:]))
        #expect(EvidenceVerifier.verify(shown, trusted: world.federation.id).wrong == [])
    }

    /// The lines about the suite of what is released at a moment, wrong ones first.
    private func suiteFaults(
        _ plan: TestFederation.Plan, _ suite: Suite = .p256MLKEM768, after seconds: Int64 = 0
    ) async throws -> [[String]] {
        let world = try TestFederation(plan)
        world.clock.advance(seconds: seconds)
        let sealing = try await world.seal(suite: suite)
        let shown = try await world.shown(sealing, try world.verdict())
        let report = EvidenceVerifier.verify(shown, trusted: world.federation.id)
        return [report.wrong, report.unproven].map { $0.filter { $0.contains("suite ") } }
    }

    @Test func theSuiteIsOneThatTheListAllows() async throws {
        #expect(try await suiteFaults(.init()) == [[], []])
        let classical = TestFederation.Plan(suites: [.p256: nil])
        #expect(
            try await suiteFaults(classical) == [
                ["header: list 1 does not allow suite 2 (P-256, ML-KEM-768)"], [],
            ])
        let end = TestFederation.start + 60
        let ending = TestFederation.Plan(suites: [.p256: nil, .p256MLKEM768: end])
        let last = 60 + Limits.clockSkewSecondsMax - 1
        #expect(try await suiteFaults(ending, after: last) == [[], []])
        #expect(try await suiteFaults(ending, after: last + 1)[0].count == 1)
    }

    @Test func theSuiteIsNotBelowWhatIsOwed() async throws {
        let all: [Suite: Timestamp?] = Dictionary(
            uniqueKeysWithValues: Suite.allCases.map { ($0, nil) })
        let keys = ["SG/hub": TestFederation.NodeKeys.both, "VN/hub": .both]
        let high = TestFederation.Plan(suites: all, profile: .high, keys: keys)
        #expect(try await suiteFaults(high, .p384MLKEM1024) == [[], []])
        #expect(
            try await suiteFaults(high) == [
                [
                    "header: suite 4 or above is owed by the membership list's profile `high`, "
                        + "this is suite 2 (P-256, ML-KEM-768)"
                ], [],
            ])
        // It may have been sealed before its sender had the record.
        #expect(
            try await suiteFaults(.init(), .p256) == [
                [],
                [
                    "that suite 1 (P-256) was the best that could be sent: the record of VN/hub "
                        + "lists keys for one with ML-KEM"
                ],
            ])
    }

    /// The record with its first ML-KEM keys may come in the second in which it took in what has none.
    @Test func keysOfTheSameSecondMakeNoSuiteWrong() async throws {
        let world = try TestFederation(.init(keys: ["VN/hub": .classical]))
        let (recipient, sealing) = (world.recipient, try await world.seal(suite: .p256))
        _ = try await recipient.exchange.offer(
            head: try world.head(sealing), payload: sealing.payload, from: world.sender.id)
        var files = try await recipient.exchange.evidence(of: sealing.core.id).files
        let mlkem = world.sender.keys.mlkem.map(\.publicKey)
        files["membership/records/VN.cms"] = try world.record("VN", after: world.federation) {
            let node = $0[0]
            $0[0] = MemberRecord.Node(
                id: node.id, endpoint: node.endpoint, tls: node.tls, signing: node.signing,
                agreement: node.agreement, mlkem: mlkem, logKey: node.logKey,
                witnessKey: node.witnessKey, roles: node.roles, links: node.links)
        }
        let report = EvidenceVerifier.verify(
            try Evidence(files: files), trusted: world.federation.id)
        #expect(report.wrong == [])
        #expect(report.unproven.contains { $0.contains("was the best that could be sent") })
    }

    /// Whether the details tell it or not.
    @Test(arguments: [("recall.given", "recalled"), ("approval.refused", "refused")])
    func nothingIsReleasedOnceAnOfficerSaysNo(_ kind: String, _ verb: String) async throws {
        let (sealing, kind) = (try await world.seal(), try EntryKind(kind))
        let no = EntryDraft(kind: kind, transfer: sealing.core.id, details: [:])
        _ = try await world.sender.store.commit { try $0.append(no) }
        let shown = try await world.shown(sealing, try world.verdict())
        for evidence in [
            shown, try shown.withoutDetails(of: kind),
            try shown.withoutDetails(of: kind, "transfer.released"),
        ] {
            #expect(
                EvidenceVerifier.verify(evidence, trusted: world.federation.id).wrong
                    == ["release: an officer had \(verb) it"])
        }
    }

    /// Details that are not here excuse what they themselves would tell, and that is said.
    @Test func whatIsErasedElsewhereExcusesNoReleaseWithoutItsVerdict() async throws {
        let honest = try world.verdict()
        func shown(_ permitted: Verdict) async throws -> Evidence {
            let sealing = try await world.seal()
            let waiting = EntryDraft(
                kind: "transfer.waiting", transfer: sealing.core.id, details: [:])
            _ = try await world.sender.store.commit { try $0.append(waiting) }
            return try await world.shown(sealing, permitted, released: honest)
        }
        func report(_ evidence: Evidence) -> (wrong: [String], unproven: Int) {
            let report = EvidenceVerifier.verify(evidence, trusted: world.federation.id)
            return (
                report.wrong, report.unproven.count { $0.contains("permits, and has the basis") }
            )
        }
        let forged = try await shown(try world.verdict { $0.label = nil })
        for kind in ["transfer.waiting", "transfer.released"] {
            let elsewhere = report(try forged.withoutDetails(of: EntryKind(kind)))
            #expect(
                elsewhere.wrong == ["header: no verdict that permits stands before its release"])
        }
        for evidence in [forged, try await shown(honest)] {
            let left = report(try evidence.withoutDetails(of: "transfer.permitted"))
            #expect(left.wrong == [] && left.unproven == 1)
        }
        for kind in ["transfer.waiting", "transfer.released"] {
            let whole = report(try await shown(honest).withoutDetails(of: EntryKind(kind)))
            #expect(whole.wrong == [] && whole.unproven == 0)
        }
    }

    /// Without the details of its release any header of the sender's could be shown.
    @Test func anEntryWithoutDetailsNamesNoHeader() async throws {
        let shown = try await world.shown(try await world.seal(), try world.verdict())
        let erased = try shown.withoutDetails(of: "transfer.released")
        for (evidence, count) in [(shown, 0), (erased, 1)] {
            let report = EvidenceVerifier.verify(evidence, trusted: world.federation.id)
            #expect(report.isSound)
            #expect(report.unproven.count { $0.contains("names the envelope") } == count)
            #expect(report.unproven.count { $0.contains("that every approval was") } == count)
        }
    }

    /// They would be missing where entries are looked for by what they say.
    @Test func detailsThatAreNoCanonicalJSONAreWrong() async throws {
        let sealing = try await world.seal()
        let odd = EntryDraft(
            kind: "transfer.waiting", transfer: sealing.core.id,
            details: ["cause": .integer(Int64.max)])
        let sequence = try await world.sender.store.commit { try $0.append(odd) }.value
        let shown = try await world.shown(sealing, try world.verdict())
        let wrong = EvidenceVerifier.verify(shown, trusted: world.federation.id).wrong
        #expect(wrong.count == 1)
        #expect(wrong.allSatisfy { $0.hasPrefix("log of SG/hub: entry \(sequence): ") })
    }

    // MARK: What was replaced

    /// A release that an officer has approved, as files.
    private func approved() async throws -> [String: [UInt8]] {
        let verdict = try world.verdict {
            $0.facts["ai-use"] = Fact(.set(["inference"]), .stated)
        }
        let sealing = try await world.seal()
        let word = try world.word(
            about: ApprovalStatement.Subject(
                core: sealing.core, payload: sealing.sealed.identity, dataset: sealing.dataset,
                verdict: verdict))
        return try await world.shown(sealing, verdict, approvals: [word]).files
    }

    private func report(
        _ files: [String: [UInt8]], _ changes: [String: [UInt8]] = [:]
    ) throws -> EvidenceReport {
        EvidenceVerifier.verify(
            try Evidence(files: files.merging(changes) { $1 }), trusted: world.federation.id)
    }

    private static let sentences = [
        "`SG/hub/releasing-officer`, releasing-officer, approved",
        "every approval that the verdict of entry", "SG/hub signed at",
    ]

    /// Which of these sentences are proven.
    private func proven(_ report: EvidenceReport) -> [Bool] {
        Self.sentences.map { sentence in report.proven.contains { $0.hasPrefix(sentence) } }
    }

    /// The list before may have been the maker's newest, or one that it has picked.
    @Test func whatAListHereRevokesByThenIsNotProven() async throws {
        let officer = try #require(world.sender.officers["releasing-officer"]).certificate
        let signer = world.sender.identity.signer.certificate
        let first = try world.revocationList("SG", number: 1)
        world.clock.advance(seconds: 600)
        let (revoked, signerRevoked) = (
            try world.revocationList("SG", number: 2, revoking: [officer]),
            try world.revocationList("SG", number: 2, revoking: [signer])
        )
        world.clock.advance(seconds: 600)
        let files = try await approved()
        world.clock.advance(seconds: 600)
        let later = try world.revocationList("SG", number: 3, revoking: [officer, signer])
        func shown(_ list: [UInt8], former: [UInt8]? = nil) throws -> EvidenceReport {
            var files = files
            files["membership/former/SG.crl"] = former
            return try report(files, ["membership/crls/SG.crl": list])
        }
        for list in [revoked, signerRevoked] {
            #expect(try shown(list).wrong.contains { $0.contains("revoked") })
        }
        let honest: [(list: [UInt8], former: [UInt8]?)] = [
            (first, nil), (later, nil), (later, first),
        ]
        for (list, former) in honest {
            let report = try shown(list, former: former)
            #expect(report.wrong == [] && proven(report) == [true, true, true])
        }
        let word = try shown(revoked, former: first)
        #expect(word.wrong == [] && proven(word) == [false, false, true])
        #expect(word.unproven.contains { $0.hasPrefix("what the officer of entry") })
        #expect(word.unproven.contains { $0.hasPrefix("that every approval was given") })
        let header = try shown(signerRevoked, former: first)
        #expect(header.wrong == [] && proven(header) == [true, true, false])
        #expect(header.unproven.contains { $0.hasPrefix("that SG/hub sent the envelope") })
    }

    /// Who was in the record before may have left it by then.
    @Test func aRecordThatWasOvertakenByThenIsNotProvenToStand() async throws {
        let first = try #require(world.federation.documents.records[world.sender.id.country])
        world.clock.advance(seconds: 600)
        let before = try world.recordWithOfficerRenewed().record
        let signing = try world.recordWithSigningRenewed()
        world.clock.advance(seconds: 600)
        let files = try await approved()
        world.clock.advance(seconds: 600)
        let after = try world.recordWithOfficerRenewed().record
        func report(_ record: [UInt8], without kind: EntryKind? = nil) throws -> EvidenceReport {
            let changes = ["membership/records/SG.cms": record, "membership/former/SG.cms": first]
            var evidence = try Evidence(files: files.merging(changes) { $1 })
            if let kind { evidence = try evidence.withoutDetails(of: kind) }
            return EvidenceVerifier.verify(evidence, trusted: world.federation.id)
        }
        func isDoubted(_ report: EvidenceReport) -> Bool {
            report.unproven.contains { $0.hasPrefix("that the record of SG under `former`") }
        }
        let honest = try report(after)
        #expect(honest.wrong == [] && proven(honest) == [true, true, true])
        #expect(!isDoubted(honest))
        for doubtful in [try report(before), try report(before, without: "transfer.released")] {
            #expect(doubtful.wrong == [] && isDoubted(doubtful))
        }
        // Whoever is in both records counts.
        #expect(proven(try report(before)) == [false, false, true])
        let sent = try report(signing)
        #expect(sent.wrong == [] && isDoubted(sent) && proven(sent) == [true, true, false])
    }

    /// What has replaced a former file may have fallen since, or was left out by the maker.
    @Test func aFormerFileWithoutAnotherIsNotProvenToStand() async throws {
        let first = try #require(world.federation.documents.records[world.sender.id.country])
        let list = try world.revocationList("SG", number: 1)
        let files = try await approved()
        world.clock.advance(seconds: 600)
        let record = try world.recordWithOfficerRenewed().record
        let later = try world.revocationList("SG", number: 2)
        let cases: [(ending: String, former: [UInt8], folder: String, last: [UInt8])] = [
            ("cms", first, "records", record), ("crl", list, "crls", later),
        ]
        for (ending, former, folder, last) in cases {
            var changed = files
            changed["membership/former/SG.\(ending)"] = former
            let others: [([UInt8]?, Int)] = [(last, 0), (nil, 1)]
            for (other, doubts) in others {
                changed["membership/\(folder)/SG.\(ending)"] = other
                let report = try report(changed)
                #expect(report.wrong == [])
                #expect(report.unproven.count { $0.hasSuffix("no other lies beside it") } == doubts)
            }
        }
    }

    /// Nothing shows that what lies here is the newest of its time.
    @Test func thatNothingLaterWasInForceIsNotProven() async throws {
        let issued = try ["SG", "VN"].map { code in
            let country = try Country(code)
            let record = try #require(world.federation.records[country])
            return "\(code) (record issued at \(record.issued))"
        }
        let line =
            "that no later record or revocation list of \(issued.joined(separator: ", ")) than those "
            + "here was in force"
        let files = try await approved()
        #expect(try report(files).unproven.contains(line))
    }

    @Test func whatOfficersAttestedIsNotProven() async throws {
        func unproven(_ verdict: Verdict) async throws -> [String] {
            let shown = try await world.shown(try await world.seal(), verdict)
            return EvidenceVerifier.verify(shown, trusted: world.federation.id).unproven
                .filter { $0.hasPrefix("that an officer has") }
        }
        #expect(try await unproven(world.verdict()) == [])
        let attested = try world.verdict {
            $0.documents = ["SG:consent"]
            $0.isEmergency = true
        }
        #expect(
            try await unproven(attested) == [
                "that an officer has attested `SG:consent`: it is not here",
                "that an officer has declared an emergency: it is not here",
            ])
    }

    @Test func theVerdictOfAReleasePermitsAsTheFirstOneDid() async throws {
        let honest = try world.verdict()
        let refused = try world.verdict { $0.label = nil }
        #expect(
            try await wrong(honest, released: refused).contains { $0.hasSuffix("permits nothing") })
        let approved = try world.verdict {
            $0.facts["ai-use"] = Fact(.set(["inference"]), .stated)
        }
        #expect(
            try await wrong(approved, released: honest).contains {
                $0.contains("other grounds or duties")
            })
    }
}
