import SelatAudit
import SelatCore
import SelatCrypto
import SelatDelivery
import SelatEnvelope
import SelatEvidence
import SelatFederation
import SelatPolicy
import SelatStore
import SelatTestSupport
import SelatTransport
import Testing

@testable import SelatExchange

/// Transfers that wait for people: their word is verified at both ends and decides alone.
struct ApprovalTests {
    /// Two persons must approve what serves inference.
    private static let twice = (
        file: "ASEAN.yaml", old: "role: releasing-officer, side: source",
        new: "role: releasing-officer, count: 2, side: source"
    )

    private func refusal(
        _ world: TestFederation, _ message: [UInt8], _ id: TransferID
    ) async -> String? {
        await problem {
            _ = try await world.sender.exchange.take(approval: message, of: id, by: 0)
        }
    }

    @Test func nothingLeavesBeforeAnOfficerHasApproved() async throws {
        let world = try TestFederation()
        let (sender, recipient) = (world.sender, world.recipient)
        let id = try await sender.send(try world.inference())
        try await recipient.serving { await sender.exchange.pursue(id) }
        #expect(try await sender.outbound(id)?.state == "waiting")
        #expect(try await sender.entries("transfer.released") == 0)
        #expect(try await recipient.inbound(id, from: sender) == nil)

        let taken = try await sender.exchange.take(
            approval: try await world.word(on: id), of: id, by: 7)
        #expect(taken.state == .queued)
        #expect(taken.owed.isEmpty)
        try await recipient.serving { await sender.exchange.pursue(id) }
        #expect(try await sender.outbound(id)?.state == "delivered")
        #expect(try await recipient.opened(id) == TestFederation.bytes(5_000))
        #expect(try await sender.entries("approval.given") == 1)
        #expect(try await sender.entries("transfer.approved") == 1)
        let received = try await recipient.store.entries(EntryFilter(kind: "transfer.received"))
        let details = try JSON(parsing: try #require(received.first?.details))
        #expect(details["approvals"]?.arrayValue?.first?["officer"] == "SG/hub/releasing-officer")
    }

    @Test func evidenceHoldsWhatTheOfficersSigned() async throws {
        let world = try TestFederation()
        let (sender, recipient) = (world.sender, world.recipient)
        var folders: [[String: [UInt8]]] = []
        for _ in 0..<2 {
            let id = try await sender.send(try world.inference())
            let word = try await world.word(on: id)
            _ = try await sender.exchange.take(approval: word, of: id, by: 0)
            try await recipient.serving { await sender.exchange.pursue(id) }
            for node in [sender, recipient] {
                folders.append(try await node.exchange.evidence(of: id).files)
            }
        }
        func report(_ files: [String: [UInt8]]) throws -> EvidenceReport {
            EvidenceVerifier.verify(try Evidence(files: files), trusted: world.federation.id)
        }
        func approvals(_ files: [String: [UInt8]]) -> [String: [UInt8]] {
            files.filter { $0.key.hasPrefix("approvals/") }
        }
        for files in folders.prefix(2) {
            let (path, message) = try #require(approvals(files).first)
            let whole = try report(files)
            #expect(whole.wrong == [])
            #expect(
                whole.proven.contains {
                    $0.hasPrefix("`SG/hub/releasing-officer`, releasing-officer, approved")
                })
            var changed = files
            changed[path] = nil
            let without = try report(changed)
            #expect(without.isSound && without.unproven.contains { $0.contains("is not here") })
            changed[path] = Array(message.dropLast())
            #expect(throws: EvidenceError.self) { try report(changed) }
            // Another transfer's approval is nobody's word on this one.
            let (other, foreign) = try #require(approvals(folders[2]).first)
            changed = files
            changed[other] = foreign
            #expect(try report(changed).wrong.contains { $0.contains("no entry names it") })
        }
    }

    /// A certificate that is replaced before the release takes the approval with it: the node asks for
    /// another one, and an auditor finds no fault.
    @Test func anApprovalFallsWithItsCertificate() async throws {
        let world = try TestFederation()
        let (sender, recipient) = (world.sender, world.recipient)
        for node in [sender, recipient] { try await node.register() }
        let id = try await sender.send(try world.inference())
        let exchange = sender.exchange
        _ = try await exchange.take(approval: try await world.word(on: id), of: id, by: 0)
        world.clock.advance(seconds: 60)
        let renewed = try world.recordWithOfficerRenewed()
        for node in [sender, recipient] { _ = try await node.take(records: ["SG": renewed.record]) }
        try await recipient.serving { await exchange.pursue(id) }
        #expect(try await sender.outbound(id)?.state == "waiting")
        let word = try await world.word(on: id, signer: renewed.officer)
        _ = try await exchange.take(approval: word, of: id, by: 0)
        try await recipient.serving { await exchange.pursue(id) }
        #expect(try await sender.outbound(id)?.state == "delivered")
        for (node, fallen) in [(sender, 1), (recipient, 0)] {
            let files = try await node.exchange.evidence(of: id).files
            let report = EvidenceVerifier.verify(
                try Evidence(files: files), trusted: world.federation.id)
            #expect(report.wrong == [])
            #expect(report.proven.count { $0.hasPrefix("`SG/hub/releasing-officer`") } == 1)
            #expect(report.unproven.count { $0.contains("no record here lists who") } == fallen)
        }
    }

    /// What officers say of a transfer.
    private typealias Words = (ApprovalStatement.Subject) throws -> [[UInt8]]

    /// What counts neither for a node nor for an auditor.
    private static func forgeries(in world: TestFederation) -> [Words] {
        [
            { [try world.word(about: $0), try world.word(about: $0, life: 60)] },
            { [try world.word(about: $0, of: world.recipient)] },
            { [try world.word(about: $0, signer: try world.unlistedOfficer())] },
            { [try world.word(about: $0, review: .description)] },
            { [try world.word(about: $0, decision: .refuse)] },
            { [try world.word(about: $0, issued: -7_200, life: 3_600)] },
            { [try world.word(about: $0, issued: 600)] },
        ]
    }

    /// What a node asks before anything leaves, an auditor asks of what left.
    @Test func aReleaseWithoutWhatIsOwedIsWrong() async throws {
        let world = try TestFederation()
        let verdict = try world.verdict {
            $0.facts["ai-use"] = Fact(.set(["inference"]), .stated)
        }
        func report(
            isEntered: Bool = true, without kinds: [EntryKind] = [],
            _ words: (ApprovalStatement.Subject) throws -> [[UInt8]]
        ) async throws -> EvidenceReport {
            let sealing = try await world.seal()
            let subject = ApprovalStatement.Subject(
                core: sealing.core, payload: sealing.sealed.identity, dataset: sealing.dataset,
                verdict: verdict)
            var shown = try await world.shown(
                sealing, verdict, approvals: try words(subject), isEntered: isEntered)
            for kind in kinds { shown = try shown.withoutDetails(of: kind) }
            return EvidenceVerifier.verify(shown, trusted: world.federation.id)
        }
        let whole = try await report { [try world.word(about: $0)] }
        #expect(whole.wrong == [])
        #expect(whole.proven.contains { $0.hasPrefix("every approval that the verdict of entry") })
        let without = try await report { _ in [] }
        #expect(without.wrong.contains { $0.hasSuffix("went: 1 × releasing-officer, source") })
        let late = try await report(isEntered: false) { [try world.word(about: $0)] }
        #expect(late.wrong.contains { $0.contains("was not entered before the release") })
        // What was erased elsewhere changes nothing.
        let hidden = try await report(isEntered: false, without: ["transfer.permitted"]) {
            [try world.word(about: $0)]
        }
        #expect(hidden.wrong.contains { $0.contains("was not entered before the release") })
        // An honest node erases the details of its entries, and keeps the messages.
        let erased = try await report(without: ["approval.given"]) { [try world.word(about: $0)] }
        #expect(erased.wrong == [])
        #expect(erased.unproven.contains { $0.contains("was entered before the release") })
        let bare = try await report(without: ["approval.given", "transfer.released"]) {
            [try world.word(about: $0)]
        }
        #expect(bare.wrong == [])
        #expect(bare.unproven.contains { $0.contains("signed: no entry here names it") })
        let forgeries: [Words] =
            Self.forgeries(in: world) + [
                { [try world.word(about: $0, by: "data-protection-officer")] },
                { [try world.word(about: $0.changing(5))] },
                { [try world.word(about: $0, by: "emergency-officer", role: "releasing-officer")] },
            ]
        for (number, forged) in forgeries.enumerated() {
            #expect(try await report(forged).wrong != [], "forgery \(number)")
        }
    }

    /// An entry without its details is that of one approval.
    @Test func eachApprovalHasAnEntryOfItsOwn() async throws {
        let world = try TestFederation()
        let verdict = try world.verdict {
            $0.facts["ai-use"] = Fact(.set(["inference"]), .stated)
        }
        func report(entered: Int) async throws -> EvidenceReport {
            let sealing = try await world.seal()
            let subject = ApprovalStatement.Subject(
                core: sealing.core, payload: sealing.sealed.identity, dataset: sealing.dataset,
                verdict: verdict)
            let words = try ["releasing-officer", "deputy"].map {
                try world.word(about: subject, by: $0, role: "releasing-officer")
            }
            let drafts = words.prefix(entered).map { word in
                EntryDraft(
                    kind: "approval.given", transfer: sealing.core.id,
                    details: ["digest": .string(SHA256.digest(word).text)])
            }
            _ = try await world.sender.store.commit { transaction in
                for draft in drafts { try transaction.append(draft) }
            }
            let shown = try await world.shown(
                sealing, verdict, approvals: words, isEntered: false
            ).withoutDetails(of: "approval.given")
            return EvidenceVerifier.verify(shown, trusted: world.federation.id)
        }
        let honest = try await report(entered: 2)
        #expect(honest.wrong == [])
        #expect(honest.unproven.contains { $0.contains("was entered before the release") })
        let forged = try await report(entered: 1)
        #expect(forged.wrong.count == 1)
        #expect(forged.wrong.allSatisfy { $0.contains("was not entered before the release") })
    }

    @Test func aWaitingTransferSurvivesARestart() async throws {
        let world = try TestFederation()
        let (sender, recipient) = (world.sender, world.recipient)
        let id = try await sender.send(try world.inference())
        try await sender.restart()
        let exchange = sender.exchange
        _ = try await exchange.take(approval: try await world.word(on: id), of: id, by: 0)
        try await sender.restart()
        let again = sender.exchange
        try await recipient.serving { await again.pursue(id) }
        #expect(try await sender.outbound(id)?.state == "delivered")
    }

    @Test func twoApprovalsAreTwoPersons() async throws {
        let world = try TestFederation(TestFederation.Plan(edit: Self.twice))
        let (sender, recipient) = (world.sender, world.recipient)
        let id = try await sender.send(try world.inference())
        let exchange = sender.exchange
        let first = try await world.word(on: id)
        let one = try await exchange.take(approval: first, of: id, by: 0)
        #expect(one.state == .waiting)
        #expect(one.owed.map(\.count) == [1])
        #expect(await refusal(world, first, id) == "bad-approval")
        #expect(await refusal(world, try await world.word(on: id), id) == "bad-approval")
        // A renewal is taken, and still is one person.
        let renewed = try await world.word(on: id, life: 7_200)
        #expect(try await exchange.take(approval: renewed, of: id, by: 0).owed.map(\.count) == [1])
        let second = try await world.word(on: id, by: "deputy", role: "releasing-officer")
        #expect(try await exchange.take(approval: second, of: id, by: 0).state == .queued)
        #expect(
            await refusal(world, try await world.word(on: id, subjectOf: id), id) == "not-ready")
        try await recipient.serving { await exchange.pursue(id) }
        #expect(try await sender.outbound(id)?.state == "delivered")
    }

    @Test func aWordThatDoesNotCountChangesNothing() async throws {
        let world = try TestFederation(TestFederation.Plan(edit: Self.twice))
        let id = try await world.sender.send(try world.inference())
        let other = try await world.sender.send(try world.inference())
        typealias Subject = ApprovalStatement.Subject
        let words: [[UInt8]] = [
            try await world.word(on: id, by: "data-protection-officer", role: "releasing-officer"),
            try await world.word(on: id, by: "data-protection-officer"),
            try await world.word(on: id, of: world.recipient),
            try await world.word(on: id, of: world.recipient, side: .destination),
            try await world.word(on: id, of: world.stranger),
            try await world.word(on: id, review: .description),
            try await world.word(on: id, issued: -7_200, life: 3_600),
            try await world.word(on: id, issued: 600),
            try await world.word(on: id, subjectOf: other),
            try await world.word(on: id, by: "emergency-officer", isBreakGlass: true),
            try await world.word(on: id, signer: try world.unlistedOfficer()),
            try await world.word(on: id, signer: world.sender.identity.signer),
            try await world.word(on: id) + [0], [],
            try world.consent(),
        ]
        for word in words { #expect(await refusal(world, word, id) == "bad-approval") }
        for part in 0..<6 {
            let word = try await world.word(on: id) { $0.changing(part) }
            #expect(await refusal(world, word, id) == "bad-approval", "part \(part)")
        }
        for bytes in Mutations.of(try await world.word(on: id), count: 100, seed: 9) {
            guard let verified = try? world.federation.verifyApproval(bytes, at: world.clock.now())
            else { continue }
            #expect(verified.message == bytes)
        }
        #expect(try await world.sender.outbound(id)?.state == "waiting")
        #expect(try await world.sender.entries("approval.given") == 0)
        #expect(try await world.sender.store.read { try $0.approvals(of: id) }.isEmpty)
    }

    @Test func aRefusalEndsTheTransferAndLeavesNothing() async throws {
        let world = try TestFederation()
        let sender = world.sender
        let id = try await sender.send(try world.inference())
        let no = try await world.word(on: id, decision: .refuse, reason: "names in column 3")
        let foreign = try await world.word(
            on: id, by: "data-protection-officer", decision: .refuse, reason: "no")
        #expect(await refusal(world, foreign, id) == "bad-approval")
        let taken = try await sender.exchange.take(approval: no, of: id, by: 0)
        #expect(taken.state == .refused)
        let row = try #require(try await sender.outbound(id))
        #expect(row.cause?.contains("SG/hub/releasing-officer") == true)
        #expect(row.cause?.contains("names in column 3") == true)
        #expect(row.contentKey == nil)
        #expect(try sender.parts == [])
        #expect(try await sender.entries("approval.refused") == 1)
        #expect(try await sender.entries("transfer.refused") == 1)
        let exchange = sender.exchange
        try await world.recipient.serving { await exchange.pursue(id) }
        #expect(try await world.recipient.inbound(id, from: sender) == nil)
        #expect(await refusal(world, no, id) == "not-ready")
    }

    @Test func aRefusalAfterTheOthersApprovedStillCounts() async throws {
        let world = try TestFederation()
        let sender = world.sender
        let id = try await sender.send(try world.inference())
        let no = try await world.word(
            on: id, by: "deputy", role: "releasing-officer", decision: .refuse, reason: "no")
        _ = try await sender.exchange.take(
            approval: try await world.word(on: id), of: id, by: 0)
        #expect(try await sender.outbound(id)?.state == "queued")
        #expect(try await sender.exchange.take(approval: no, of: id, by: 0).state == .refused)
    }

    @Test func whatExpiredBeforeTheReleaseIsOwedAgain() async throws {
        let world = try TestFederation()
        let (sender, recipient) = (world.sender, world.recipient)
        let id = try await sender.send(try world.inference(), life: 86_400)
        let exchange = sender.exchange
        _ = try await exchange.take(approval: try await world.word(on: id), of: id, by: 0)
        world.clock.advance(seconds: 3_601)
        try await recipient.serving { await exchange.pursue(id) }
        let row = try #require(try await sender.outbound(id))
        #expect(row.state == "waiting")
        #expect(row.cause == "owed: 1 × releasing-officer, source")
        #expect(try await sender.entries("transfer.waiting") == 1)
        #expect(try await exchange.approvals(of: row).given.first?.fault != nil)
        _ = try await exchange.take(approval: try await world.word(on: id), of: id, by: 0)
        try await recipient.serving { await exchange.pursue(id) }
        #expect(try await sender.outbound(id)?.state == "delivered")
    }

    /// One was taken before marks of direction were refused; the other cannot be read.
    @Test func whatWasTakenBeforeCountsAndHidesNoOthers() async throws {
        let world = try TestFederation()
        let sender = world.sender
        let id = try await sender.send(try world.inference())
        let officer = try #require(sender.officers["releasing-officer"])
        let word = try await world.word(on: id)
        let now = try ApprovalStatement(
            content: CMS.unverifiedContent(word, type: .approval))
        let old = ApprovalStatement(
            .approve, of: now.subject, role: now.role, side: now.side, reason: "a\u{200F}b",
            review: now.review, issued: now.issued, notAfter: now.notAfter)
        let message = try CMS.sign(
            content: old.json.canonical, type: .approval, signer: officer, at: old.issued)
        #expect(await refusal(world, message, id) == "bad-approval")
        let taken = world.clock.now()
        _ = try await sender.store.commit { transaction in
            for bytes in [message, [1]] {
                _ = try transaction.keep(
                    ApprovalRow(
                        transfer: id, digest: SHA256.digest(bytes), taken: taken, message: bytes))
            }
        }
        let row = try #require(try await sender.outbound(id))
        let standing = try await sender.exchange.approvals(of: row)
        #expect(standing.owed.isEmpty && standing.given.count == 2)
        #expect(standing.given.contains { $0.statement == old && $0.fault == nil })
        #expect(standing.given.contains { $0.statement == nil && $0.fault != nil })
    }

    @Test func aTransferThatNobodyApprovesExpires() async throws {
        let world = try TestFederation()
        let sender = world.sender
        let id = try await sender.send(try world.inference())
        let exchange = sender.exchange
        await exchange.pursue(id)
        world.clock.advance(seconds: 3_600)
        try await exchange.endOverdue()
        await exchange.pursue(id)
        #expect(try await sender.outbound(id)?.state == "expired")
        #expect(try sender.parts == [])
    }

    // MARK: Both sides

    private static let importsApproved = (
        file: "VN.yaml", old: "  - ground: receive\n    flow: import\n",
        new: "  - ground: receive\n    flow: import\n    obligations:\n"
            + "      - approval: {role: data-protection-officer}\n"
    )

    @Test func theDestinationsOfficerApprovesTheDescription() async throws {
        let world = try TestFederation(TestFederation.Plan(edit: Self.importsApproved))
        let (sender, recipient) = (world.sender, world.recipient)
        let id = try await sender.send(try world.inference())
        let exchange = sender.exchange
        let own = try await exchange.take(approval: try await world.word(on: id), of: id, by: 0)
        #expect(own.owed.map(\.description) == ["1 × data-protection-officer, destination"])
        let wrong = try await world.word(
            on: id, by: "data-protection-officer", side: .destination)
        #expect(await refusal(world, wrong, id) == "bad-approval")
        let theirs = try await world.word(
            on: id, by: "data-protection-officer", of: recipient, side: .destination,
            review: .description)
        #expect(try await exchange.take(approval: theirs, of: id, by: 0).state == .queued)
        try await recipient.serving { await exchange.pursue(id) }
        #expect(try await sender.outbound(id)?.state == "delivered")
    }

    // MARK: What changes meanwhile

    /// The verdict made again has another basis than the one of which approvals are asked for.
    @Test func whereATransitGroundIsRenamedNoApprovalIsAskedForAnyMore() async throws {
        let world = try RelayTests.world()
        let sender = world.sender
        let register = try await world.register(of: sender)
        let transit = RelayTests.transit
        func passing(_ number: Int, as ground: String) throws -> SignedEdition {
            let rule = transit.new.replacing("ground: pass\n", with: "ground: \(ground)\n")
            return try world.later("MY", number) { $0.replacing(transit.old, with: rule) }
        }
        #expect(try await register.refusal(try passing(8, as: "pass")) == nil)
        try sender.judge(by: register)
        let id = try await sender.send(try world.inference())
        #expect(try await sender.outbound(id)?.state == "waiting")
        _ = try await sender.exchange.approvalRequest(id)
        #expect(try await register.refusal(try passing(9, as: "let-through")) == nil)
        let answer = await problem { _ = try await sender.exchange.approvalRequest(id) }
        #expect(answer == "not-ready")
        let row = try #require(try await sender.outbound(id))
        let judged = try await sender.exchange.judgeAgain(row)
        #expect(judged.again.permit != nil && judged.permit == nil)
    }

    // MARK: What the recipient finds out

    private func answer(
        _ world: TestFederation,
        _ approvals: (ApprovalStatement.Subject) async throws -> [[UInt8]]
    ) async throws -> String? {
        let sealing = try await world.seal()
        let verdict = try world.verdict {
            $0.facts["ai-use"] = Fact(.set(["inference"]), .stated)
        }
        let subject = ApprovalStatement.Subject(
            core: sealing.core, payload: sealing.sealed.identity, dataset: sealing.dataset,
            verdict: verdict)
        let head = try world.head(
            sealing, verdict: verdict, approvals: try await approvals(subject))
        let (sender, recipient) = (world.sender.id, world.recipient)
        var state: String?
        let refused = await problem {
            state = try await recipient.exchange.offer(head: head, payload: nil, from: sender).state
        }
        return refused ?? state
    }

    @Test func theRecipientVerifiesEachApproval() async throws {
        let world = try TestFederation()
        let good = try await answer(world) { [try world.word(about: $0)] }
        #expect(good == "receiving")
        #expect(try await answer(world) { _ in [] } == "refused")
        let unowed = try await answer(world) {
            [try world.word(about: $0, by: "data-protection-officer")]
        }
        #expect(unowed == "refused")
        let forgeries: [Words] =
            Self.forgeries(in: world) + [
                { [try world.word(about: $0), try world.word(about: $0)] },
                { [Array(try world.word(about: $0).dropLast())] },
                { [try world.word(about: $0), []] },
                { [try world.word(about: $0), try world.consent()] },
            ]
        for forged in forgeries {
            #expect(try await answer(world, forged) == "approval-invalid")
        }
        for part in 0..<6 {
            let forged = try await answer(world) { [try world.word(about: $0.changing(part))] }
            #expect(forged == "approval-invalid", "part \(part)")
        }
        #expect(try await world.recipient.entries("transfer.received") == 1)
    }

    @Test func breakGlassOpensNothingWithoutAnEmergency() async throws {
        let world = try TestFederation()
        let answer = try await answer(world) {
            [try world.word(about: $0, by: "emergency-officer", isBreakGlass: true)]
        }
        #expect(answer == "refused")
    }

    // MARK: Emergencies

    @Test func oneOfficerReleasesWhatRestsOnAnEmergency() async throws {
        let world = try TestFederation()
        let (sender, recipient) = (world.recipient, world.sender)
        let exchange = sender.exchange
        _ = try await exchange.take(statement: try world.typhoon(), by: 0)
        var request = try world.health(150_000, emergency: "2026/17")
        request = request.with(use: "inference")
        let id = try await sender.send(request)
        #expect(try await sender.outbound(id)?.state == "waiting")
        let word = try await world.word(
            on: id, at: sender, by: "emergency-officer", isBreakGlass: true)
        #expect(try await exchange.take(approval: word, of: id, by: 0).state == .queued)
        #expect(try await sender.entries("approval.break-glass") == 1)
        #expect(try await exchange.reportWarnings().count == 1)
        try await recipient.serving { await exchange.pursue(id) }
        #expect(try await recipient.inbound(id, from: sender)?.state == "delivered")

        _ = try await exchange.enterReport(SHA256.digest([1]), on: id, by: 0)
        #expect(try await exchange.reportWarnings().isEmpty)
        #expect(
            await problem { _ = try await exchange.enterReport(SHA256.digest([2]), on: id, by: 0) }
                == "not-ready")
        #expect(try await sender.entries("approval.reported") == 1)
    }
}
