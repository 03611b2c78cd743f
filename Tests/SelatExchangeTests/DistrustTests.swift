import SelatAudit
import SelatCore
import SelatCrypto
import SelatFederation
import SelatStore
import SelatTestSupport
import Testing

@testable import SelatEvidence
@testable import SelatExchange

/// What a node stated counts, after the members cut it off, only as far as others had seen it: real
/// logs, real cosignatures.
@Suite(.serialized) struct DistrustTests {
    let world: TestFederation
    var sender: TestNode { world.sender }
    var recipient: TestNode { world.recipient }

    init() throws {
        var plan = TestFederation.Plan()
        plan.isWitnessed = true
        plan.witnessing = WitnessSettings(interval: 1, refresh: 60, patience: 3_600)
        world = try TestFederation(plan)
    }

    /// Every node serves while `body` runs.
    private func serving(_ body: @escaping @Sendable () async throws -> Void) async throws {
        try await world.sender.serving {
            try await world.recipient.serving { try await world.stranger.serving(body) }
        }
    }

    /// A dataset delivered at the start, cosigned at both ends ten minutes later.
    private func delivered(isWitnessed: Bool = true) async throws -> TransferID {
        // What was in force when is in the databases from the start.
        for node in [sender, recipient] { try await node.register() }
        let id = try await sender.send(try world.request())
        try await serving { [sender, recipient, world] in
            await sender.exchange.pursue(id)
            world.clock.advance(seconds: 600)
            guard isWitnessed else { return }
            for node in [sender, recipient] { try await node.exchange.witnesses.ask() }
            try await sender.exchange.witnesses.renewReceipts()
        }
        world.clock.advance(seconds: 600)
        return id
    }

    private func cut(
        _ node: TestNode, from seconds: Int64, size: UInt64? = nil, at others: [TestNode]
    ) async throws {
        let cut = MembershipList.Cut(
            subject: .node(node.id), distrustFrom: TestFederation.start + seconds, logSize: size)
        let list = try world.list(after: world.federation, cuts: [cut])
        for other in others { _ = try await other.take(lists: [list]) }
    }

    private func standing(_ id: TransferID) async throws -> Exchange.ReceiptStanding {
        let bytes = try #require(try await sender.receipt(of: id))
        return try await sender.exchange.standing(
            of: try Receipt(parsing: bytes), signer: recipient.id)
    }

    private func report(_ id: TransferID, at node: TestNode) async throws -> EvidenceReport {
        let files = try await node.exchange.evidence(of: id).files
        return EvidenceVerifier.verify(try Evidence(files: files), trusted: world.federation.id)
    }

    @Test func whatWasWitnessedBeforeTheCutCounts() async throws {
        let id = try await delivered()
        #expect(try await standing(id) == .witnessed)
        try await cut(recipient, from: 601, size: 1_000, at: [sender])
        #expect(try await standing(id) == .witnessed)
        let report = try await report(id, at: sender)
        #expect(report.wrong == [])
        #expect(report.proven.contains { $0.contains("took in whole this envelope") })
        #expect(report.proven.contains { $0.contains("membership list 2 cuts VN/hub off") })
        #expect(report.unproven.contains { $0.contains("by a membership list after 2") })
    }

    @Test func whatWasWitnessedAfterItDoesNot() async throws {
        let id = try await delivered()
        try await cut(recipient, from: 600, at: [sender])
        let since = TestFederation.start + 600
        let distrust = Distrust(node: recipient.id, reason: .notWitnessedBefore(since))
        #expect(try await standing(id) == .distrusted(distrust))
        let report = try await report(id, at: sender)
        #expect(report.isSound)
        #expect(report.unproven.contains { $0.contains("its receipt does not count") })
        #expect(!report.proven.contains { $0.contains("took in whole") })
    }

    @Test func whatNobodyWitnessedDoesNotEither() async throws {
        let id = try await delivered(isWitnessed: false)
        #expect(try await standing(id) == .signed)
        try await cut(recipient, from: 1_200, at: [sender])
        guard case .distrusted = try await standing(id) else {
            Issue.record("it is trusted")
            return
        }
    }

    @Test func entriesBehindTheTrustedLogDoNotCountWhateverWasWitnessed() async throws {
        let id = try await delivered()
        let bytes = try #require(try await sender.receipt(of: id))
        let entry = try Receipt(parsing: bytes).entry.sequence
        try await cut(recipient, from: 1_200, size: entry, at: [sender])
        let distrust = Distrust(
            node: recipient.id, reason: .behind(entry: entry, size: entry))
        #expect(try await standing(id) == .distrusted(distrust))
        #expect(
            try await report(id, at: sender).unproven.contains { $0.contains("of which entry") })
    }

    @Test func theLastTrustedEntryCounts() async throws {
        let id = try await delivered()
        let bytes = try #require(try await sender.receipt(of: id))
        let entry = try Receipt(parsing: bytes).entry.sequence
        try await cut(recipient, from: 1_200, size: entry + 1, at: [sender])
        #expect(try await standing(id) == .witnessed)
    }

    @Test(arguments: [(Int64(601), true), (600, false)])
    func aCutNodesOwnEvidenceIsWorthWhatWasWitnessed(_ from: Int64, _ isSound: Bool) async throws {
        let id = try await delivered()
        try await cut(recipient, from: from, at: [recipient])
        let report = try await report(id, at: recipient)
        #expect(report.isSound == isSound, "\(report.wrong)")
        #expect(isSound || report.wrong.contains { $0.contains("distrust what was not witnessed") })
    }

    /// Its log has grown since and was cosigned again, or rests and was cosigned again.
    @Test(arguments: [1, 0])
    func whatIsCosignedLaterTakesNothingFromWhatWasBefore(_ grown: Int) async throws {
        let id = try await delivered()
        for _ in 0..<grown {
            _ = try await recipient.store.commit {
                try $0.append(EntryDraft(kind: "node.started", details: [:]))
            }
        }
        try await serving { [recipient] in try await recipient.exchange.witnesses.ask() }
        try await cut(recipient, from: 601, at: [recipient])
        let report = try await report(id, at: recipient)
        #expect(report.wrong == [])
        #expect(report.proven.contains { $0.contains("is witnessed: cosigned by") })
        // Its receipt lies under the newest state, and its entry was witnessed before.
        #expect(report.proven.contains { $0.contains("took in whole this envelope") })
    }

    /// Who has stolen its keys goes on with its log where nobody sees it.
    @Test func aRecipientsReceiptBehindTheCutDoesNotCountInItsOwnEvidence() async throws {
        let id = try await delivered()
        let shown = try await recipient.exchange.evidence(of: id)
        let size = try #require(shown.entries.map(\.entry.sequence).max()) + 1
        let outcome = try await recipient.stated(
            .delivered, of: id, from: sender.id, 1, as: "transfer.arrived")
        let later = try await recipient.stated(.opened, of: id, from: sender.id, 1)
        let cut = MembershipList.Cut(
            subject: .node(recipient.id), distrustFrom: TestFederation.start + 601, logSize: size)
        let list = try world.list(after: world.federation, cuts: [cut])
        func report(_ changes: [String: [UInt8]]) throws -> EvidenceReport {
            var files = shown.files.merging(changes) { $1 }
            files["membership/later/2.cms"] = list
            return EvidenceVerifier.verify(
                try Evidence(files: files), trusted: world.federation.id)
        }
        let honest = try report([:])
        #expect(honest.wrong == [])
        #expect(honest.proven.contains { $0.contains("took in whole this envelope") })
        let sequence = try Receipt(parsing: later).entry.sequence
        for (path, receipt, claim) in [
            ("receipt.json", outcome, "took in whole this envelope"),
            ("receipts/\(sequence).json", later, "that it opened this envelope"),
        ] {
            let forged = try report([path: receipt])
            #expect(forged.wrong == [])
            #expect(!forged.proven.contains { $0.contains(claim) })
            #expect(forged.unproven.contains { $0.contains("its receipt does not count") })
        }
    }

    /// The entry of another header, without its details, is witnessed too.
    @Test func aCutSendersHeaderCountsByTheEntryThatNamesIt() async throws {
        let id = try await delivered()
        try await cut(sender, from: 601, at: [recipient])
        var files = try await recipient.exchange.evidence(of: id)
            .withoutDetails(of: "transfer.received").files
        func report() throws -> EvidenceReport {
            EvidenceVerifier.verify(try Evidence(files: files), trusted: world.federation.id)
        }
        func counts(_ report: EvidenceReport) -> Bool {
            report.proven.contains { $0.contains("SG/hub signed at") }
                || !report.unproven.contains { $0.contains("signature does not count") }
        }
        let erased = try report()
        #expect(erased.wrong == [] && !counts(erased))
        // It was witnessed in time, for all that anybody knows.
        #expect(
            erased.unproven.contains { $0.hasSuffix("no entry whose details are here names it") }
        )
        // Signed with the stolen key, as of before.
        let content = try CMS.unverifiedContent(try #require(files["header.cms"]), type: .header)
        var members = try #require(try JSON(parsing: content).objectValue)
        members["attempt"] = 2
        files["header.cms"] = try CMS.sign(
            content: JSON.object(members).canonical, type: .header,
            signer: sender.identity.signer, at: TestFederation.start)
        files["receipt.json"] = nil
        let forged = try report()
        #expect(forged.wrong == [] && !counts(forged))
    }

    @Test(arguments: [(Int64(601), true), (600, false)])
    func aCutSendersHeaderCountsByTheRecipientsLog(_ from: Int64, _ counts: Bool) async throws {
        let id = try await delivered()
        try await cut(sender, from: from, at: [recipient])
        let report = try await report(id, at: recipient)
        #expect(report.wrong == [])
        #expect(report.proven.contains { $0.contains("SG/hub signed at") } == counts)
        #expect(report.unproven.contains { $0.contains("signature does not count") } == !counts)
    }

    /// The list by which a transfer was settled may be the very one that cuts an end off.
    @Test(arguments: ["SG/hub", "VN/hub"])
    func aCutByTheListOfTheSettlementIsJudgedAsALaterOne(_ text: String) async throws {
        let id = try await delivered()
        let node = try #require([sender, recipient].first { $0.id.text == text })
        let others = [sender, recipient].filter { $0.id != node.id }
        try await cut(node, from: 601, at: others)
        for maker in others {
            var files = try await maker.exchange.evidence(of: id).files
            files["membership/lists/2.cms"] = files.removeValue(forKey: "membership/later/2.cms")
            let report = EvidenceVerifier.verify(
                try Evidence(files: files), trusted: world.federation.id)
            #expect(report.wrong == [])
            #expect(report.proven.contains { $0.contains("took in whole this envelope") })
        }
    }

    /// The list that cuts it off, and the one that revokes its key, may come in the second of its receipt.
    @Test func aCutNodesReceiptByARevokedKeyIsNotProven() async throws {
        let signer = recipient.identity.signer.certificate
        let (first, other, revoked) = (
            try world.revocationList("VN", number: 1), try world.revocationList("VN", number: 2),
            try world.revocationList("VN", number: 2, revoking: [signer])
        )
        let id = try await delivered()
        try await cut(recipient, from: 601, at: [sender])
        var files = try await sender.exchange.evidence(of: id).files
        files["membership/lists/2.cms"] = files.removeValue(forKey: "membership/later/2.cms")
        files["membership/former/VN.crl"] = first
        for (list, counts) in [(other, true), (revoked, false)] {
            files["membership/crls/VN.crl"] = list
            let report = EvidenceVerifier.verify(
                try Evidence(files: files), trusted: world.federation.id)
            #expect(report.wrong == [])
            #expect(
                report.proven.contains { $0.contains("took in whole this envelope") } == counts)
            #expect(
                report.unproven.contains { $0.contains("took in whole the envelope: by a") }
                    == !counts)
        }
    }

    @Test func aLaterListThatFollowsNothingIsWrong() async throws {
        let id = try await delivered()
        try await cut(recipient, from: 600, at: [sender])
        let files = try await sender.exchange.evidence(of: id).files
        let path = "membership/later/2.cms"
        let list = try #require(files[path])
        func isSound(_ change: (inout [String: [UInt8]]) -> Void) throws -> Bool {
            var changed = files
            change(&changed)
            return EvidenceVerifier.verify(
                try Evidence(files: changed), trusted: world.federation.id
            ).isSound
        }
        #expect(try isSound { _ in })
        // Without it the cut is not known here, and that is said.
        #expect(try isSound { $0[path] = nil })
        #expect(try !isSound { $0["membership/later/3.cms"] = list })
        #expect(try !isSound { $0[path] = Array(list.dropLast()) })
        #expect(try !isSound { $0[path] = files["membership/membership.cms"] })
        let forged = try world.list(after: world.federation, by: ["VN"])
        #expect(try !isSound { $0[path] = forged })
        #expect(throws: EvidenceError.self) { try isSound { $0["membership/later/x.cms"] = list } }
    }
}
