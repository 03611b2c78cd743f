import Foundation
import SelatAudit
import SelatCore
import SelatCrypto
import SelatDelivery
import SelatEvidence
import SelatFederation
import SelatHTTP
import SelatStore
import SelatTestSupport
import SelatTransport
import Synchronization
import Testing

@testable import SelatExchange

extension TestFederation {
    /// A recall of a transfer from SG to VN, by SG's releasing officer unless said otherwise.
    func recall(
        _ id: TransferID, by signer: CMS.Signer? = nil, from: NodeID? = nil, to: NodeID? = nil,
        reason: String = "the wrong roster", issued: Int64 = 0, federation other: Digest? = nil
    ) throws -> [UInt8] {
        try RecallStatement(
            federation: other ?? federation.id, from: from ?? sender.id, to: to ?? recipient.id,
            id: id, reason: reason, issued: clock.now() + issued
        ).signed(by: try signer ?? officer(sender))
    }

    /// An answer to a recall, by VN's releasing officer unless said otherwise.
    func answer(
        _ recall: [UInt8], of id: TransferID, _ decision: RecallAnswer.Decision,
        ground: String? = nil, by signer: CMS.Signer? = nil
    ) throws -> [UInt8] {
        try RecallAnswer(
            federation: federation.id, recall: SHA256.digest(recall), from: sender.id,
            to: recipient.id, id: id, decision: decision, ground: ground, issued: clock.now()
        ).signed(by: try signer ?? officer(recipient))
    }

    func officer(_ node: TestNode) throws -> CMS.Signer {
        try #require(node.officers["releasing-officer"])
    }
}

/// Datasets that a sender's officer wants back.
struct RecallTests {
    let world: TestFederation
    var sender: TestNode { world.sender }
    var recipient: TestNode { world.recipient }

    init() throws { world = try TestFederation() }

    /// A dataset in the recipient's inbox, opened there.
    private func opened() async throws -> TransferID {
        let id = try await sender.send(world.gauges(to: "VN/hub"))
        try await recipient.serving { await sender.exchange.pursue(id) }
        _ = try await recipient.opened(id)
        return id
    }

    private func state(_ id: TransferID) async throws -> String? {
        try await recipient.inbound(id, from: sender)?.state
    }

    /// The kinds of statements that the sender holds of the recipient.
    private func story(_ id: TransferID) async throws -> [ReceiptKind] {
        let row = try #require(try await sender.outbound(id))
        return try await sender.exchange.story(of: row).map(\.statement.kind)
    }

    /// Brings all letters of both ends.
    private func exchangeLetters() async throws {
        let (a, b) = (sender, recipient)
        let (ours, theirs) = (a.exchange, b.exchange)
        try await b.serving { try await ours.bringLetters(to: b.id) }
        try await a.serving { try await theirs.bringLetters(to: a.id) }
    }

    @Test func aRecalledDatasetIsUnopenableAtOnceAndDestroyedAfterTheHold() async throws {
        let id = try await opened()
        let reading = try await recipient.exchange.open(id, by: 0)
        let recall = try world.recall(id)
        let taken = try await sender.exchange.take(recallWord: recall, by: 1_000)
        #expect(taken.state == "delivered")
        try await exchangeLetters()
        #expect(try await state(id) == "recalled")
        #expect(await problem { _ = try await recipient.opened(id) } == "not-ready")
        #expect(
            await problem { _ = try await recipient.exchange.package(id, by: 0) } == "not-ready")
        // Whoever reads it already gets no more.
        #expect(await problem { _ = try await reading.next() } == "not-ready")
        #expect(try await story(id) == [.delivered, .opened, .recalled])
        let row = try #require(try await sender.outbound(id))
        let said = try #require(try await sender.exchange.story(of: row).last?.statement)
        #expect(said.recall == SHA256.digest(recall))
        #expect(said.until == world.clock.now() + Limits.recallHoldSeconds)
        #expect(
            said.unreached.first == .opened(by: "uid:0", times: 2, last: TestFederation.start))
        #expect(try await sender.entries("recall.given") == 1)
        #expect(try await recipient.entries("transfer.recalled") == 1)

        // No duty orders its destruction: an own officer must agree.
        let day = Limits.recallHoldSeconds
        world.clock.advance(seconds: day)
        try await recipient.exchange.endOverdue()
        #expect(try await state(id) == "recalled")
        #expect(try await recipient.exchange.recallWarnings().count == 1)
        let agreed = try await recipient.exchange.take(
            recallWord: try world.answer(recall, of: id, .destroy), by: 1_001)
        #expect(agreed.state == "destroyed")
        #expect(try recipient.parts == [])
        try await exchangeLetters()
        #expect(try await story(id) == [.delivered, .opened, .recalled, .destroyed])
        let last = try #require(try await sender.exchange.story(of: row).last?.statement)
        #expect(last.reason == "recall: SG/hub/releasing-officer: the wrong roster")
        #expect(
            await problem {
                _ = try await sender.exchange.take(recallWord: try world.recall(id), by: 0)
            } == "already-recalled")
    }

    /// An officer who gives it again does not want to wait for the next try.
    @Test func theSameRecallAgainTriesWhoIsAwayAnew() async throws {
        let id = try await opened()
        let (peers, to) = (sender.exchange.peers, recipient.id)
        let recall = try world.recall(id)
        _ = try await sender.exchange.take(recallWord: recall, by: 1_000)
        try await RelayTests.until {
            if let client = try? await peers.take(to) { await peers.drop(client) }
            return await peers.isOutOfReach(to)
        }
        _ = try await sender.exchange.take(recallWord: recall, by: 1_000)
        #expect(await !peers.isOutOfReach(to))
        #expect(try await sender.entries("recall.given") == 1)
    }

    @Test func whatARecipientHasStatedLastIsTheLastOfItsLogHoweverItCame() async throws {
        let id = try await opened()
        let recall = try world.recall(id)
        _ = try await sender.exchange.take(recallWord: recall, by: 1_000)
        #expect(try await recipient.exchange.take(recall: recall, from: sender.id) == .taken)
        let row = try #require(try await recipient.inbound(id, from: sender))
        let receipts = try await recipient.exchange.laterReceipts(of: row)
        #expect(receipts.count == 2)
        for receipt in receipts.reversed() {
            world.clock.advance(seconds: 1)
            _ = try await sender.exchange.take(receipt: receipt, by: .user(9))
        }
        let held = try await sender.exchange.holdingsOfOthers(limit: 10)
        #expect(held.map(\.stated) == ["recalled"])
    }

    /// Between the commit of a recall and what follows it nobody is handed a byte: reading ends before.
    /// A recipient may say that it closed a dataset for any recall.
    @Test func evidenceTellsWhichRecallIsAnswered() async throws {
        let id = try await opened()
        let recall = try world.recall(id)
        _ = try await sender.exchange.take(recallWord: recall, by: 1_000)
        try await exchangeLetters()
        let trusted = world.federation.id
        func unproven(_ evidence: Evidence) -> Int {
            let report = EvidenceVerifier.verify(evidence, trusted: trusted)
            #expect(report.wrong == [])
            #expect(report.proven.contains { $0.contains("that it opens no more this envelope") })
            return report.unproven.count { $0.contains("answers a recall") }
        }
        for node in [sender, recipient] {
            let shown = try await node.exchange.evidence(of: id)
            #expect(unproven(shown) == 0)
            let without = shown.entries.filter { !$0.entry.kind.text.contains("recall") }
            let cut = Evidence(
                subject: shown.subject, membership: shown.membership, header: shown.header,
                entries: without, receipt: shown.receipt, policies: shown.policies,
                laterReceipts: shown.laterReceipts)
            #expect(unproven(cut) == 1)
        }
    }

    @Test func whoReadsIsStoppedBeforeTheRecallIsCommitted() async throws {
        let id = try await opened()
        let (exchange, from) = (recipient.exchange, sender.id)
        let upload = UploadID(from: from, transfer: id)
        let reading = try await exchange.open(id, by: 0)
        let recall = try world.recall(id)
        let (isHeld, held) = AsyncStream<Void>.makeStream()
        let release = DispatchSemaphore(value: 0)
        let store = recipient.store
        let before = Task {
            try await store.commit { _ in
                held.finish()
                release.wait()
            }
        }
        for await _ in isHeld {}
        // Its commit waits behind that one.
        let recalled = Task { try await exchange.take(recall: recall, from: from) }
        try await RelayTests.until { exchange.isWithdrawn(upload) }
        #expect(try await state(id) == "opened")
        #expect(await problem { _ = try await reading.next() } == "not-ready")
        release.signal()
        _ = try await before.value
        #expect(try await recalled.value == .taken)
        #expect(try await state(id) == "recalled")
        #expect(await problem { _ = try await reading.next() } == "not-ready")
    }

    @Test func whereARecallEndsNothingReadingGoesOn() async throws {
        let id = try await opened()
        let exchange = recipient.exchange
        let upload = UploadID(from: sender.id, transfer: id)
        let reading = try await exchange.open(id, by: 0)
        struct Failed: Error {}
        await #expect(throws: Failed.self) {
            try await exchange.withdrawing(upload) { () async throws -> Bool in
                throw Failed()
            } unless: { _ in
                false
            }
        }
        #expect(!exchange.isWithdrawn(upload))
        _ = try await exchange.withdrawing(upload) {
            false
        } unless: {
            !$0
        }
        #expect(try await reading.next() != nil)
        // What was ended by another hand meanwhile stays ended.
        _ = try await exchange.withdrawing(upload) {
            true
        } unless: {
            !$0
        }
        _ = try await exchange.withdrawing(upload) {
            false
        } unless: {
            !$0
        }
        #expect(exchange.isWithdrawn(upload))
        #expect(await problem { _ = try await reading.next() } == "not-ready")
    }

    @Test func whoAgreesEarlyWaitsForTheHold() async throws {
        let id = try await opened()
        let recall = try world.recall(id)
        _ = try await sender.exchange.take(recallWord: recall, by: 0)
        try await exchangeLetters()
        let answer = try world.answer(recall, of: id, .destroy)
        #expect(try await recipient.exchange.take(recallWord: answer, by: 0).state == "recalled")
        world.clock.advance(seconds: Limits.recallHoldSeconds - 1)
        try await recipient.restart()
        try await recipient.exchange.endOverdue()
        #expect(try await state(id) == "recalled")
        world.clock.advance(seconds: 1)
        try await recipient.exchange.endOverdue()
        #expect(try await state(id) == "destroyed")
        #expect(
            await problem { _ = try await recipient.exchange.take(recallWord: answer, by: 0) }
                == "not-ready")
    }

    /// Whose hold is not over, should the clock be ahead.
    @Test func anAgreementDestroysNothingElseByAClockThatMayBeWrong() async throws {
        let (one, other) = (try await opened(), try await opened())
        var answers: [TransferID: [UInt8]] = [:]
        for id in [one, other] {
            let recall = try world.recall(id)
            _ = try await sender.exchange.take(recallWord: recall, by: 0)
            answers[id] = try world.answer(recall, of: id, .destroy)
        }
        try await exchangeLetters()
        let exchange = recipient.exchange
        let early = try await exchange.take(recallWord: try #require(answers[other]), by: 0)
        #expect(early.state == "recalled")
        world.clock.advance(seconds: Limits.recallHoldSeconds)
        exchange.witnesses.noteStep(by: Limits.recallHoldSeconds)
        let agreed = try await exchange.take(recallWord: try #require(answers[one]), by: 0)
        #expect(agreed.state == "destroyed")
        #expect(try await state(other) == "recalled")
        exchange.witnesses.state.withLock { $0.clockDoubt = nil }
        try await exchange.endOverdue()
        #expect(try await state(other) == "destroyed")
    }

    @Test func whereADutyHasItDestroyedTheHoldEndsItWithoutAWord() async throws {
        let world = try TestFederation(
            TestFederation.Plan(
                edit: (
                    file: "VN.yaml", old: "  - ground: receive\n    flow: import\n",
                    new: "  - ground: receive\n    flow: import\n"
                        + "    obligations:\n      - retention: {at-most: 20 days}\n"
                )))
        let (sender, recipient) = (world.sender, world.recipient)
        let id = try await sender.send(world.request())
        try await recipient.serving { await sender.exchange.pursue(id) }
        #expect(
            try await recipient.exchange.take(recall: try world.recall(id), from: sender.id)
                == .taken)
        #expect(try await recipient.exchange.recallWarnings().isEmpty)
        world.clock.advance(seconds: Limits.recallHoldSeconds)
        try await recipient.exchange.endOverdue()
        #expect(try await recipient.inbound(id, from: sender)?.state == "destroyed")
        #expect(try recipient.parts == [])
    }

    @Test func anOwnOfficerKeepsItOnALegalGround() async throws {
        let id = try await opened()
        let recall = try world.recall(id)
        _ = try await sender.exchange.take(recallWord: recall, by: 0)
        try await exchangeLetters()
        let answer = try world.answer(recall, of: id, .refuse, ground: "Court order 17/2026")
        let taken = try await recipient.exchange.take(recallWord: answer, by: 1_001)
        #expect(taken.state == "opened")
        #expect(try await recipient.opened(id) == TestFederation.bytes(5_000))
        try await exchangeLetters()
        #expect(try await story(id) == [.delivered, .opened, .recalled, .retained])
        let row = try #require(try await sender.outbound(id))
        let last = try #require(try await sender.exchange.story(of: row).last?.statement)
        #expect(last.reason == "VN/hub/releasing-officer: Court order 17/2026")
        world.clock.advance(seconds: Limits.recallHoldSeconds)
        try await recipient.exchange.endOverdue()
        #expect(try await state(id) == "opened")
        // Brought again it changes nothing.
        #expect(try await recipient.exchange.take(recall: recall, from: sender.id) == .taken)
        #expect(try await state(id) == "opened")
        // Nobody destroys it without a word about that.
        #expect(
            await problem {
                _ = try await recipient.exchange.destroy(id, reason: nil, by: 0)
            } == "not-ready")
        #expect(try await recipient.opened(id) == TestFederation.bytes(5_000))
        let over = try await recipient.exchange.destroy(id, reason: "the order is over", by: 0)
        #expect(over.state == "destroyed")
    }

    @Test func whatHasNotLeftWholeIsCancelled() async throws {
        let id = try await sender.send(world.request())
        let taken = try await sender.exchange.take(recallWord: try world.recall(id), by: 0)
        #expect(taken.state == "cancelled")
        #expect(try sender.parts == [])
        #expect(try await sender.exchange.letters(about: id, from: sender.id).isEmpty)
        #expect(
            try await sender.outbound(id)?.cause
                == "recalled: SG/hub/releasing-officer: the wrong roster")
    }

    @Test func whatIsArrivingIsRefusedAndItsSenderHearsThat() async throws {
        let id = try await sender.send(world.request(size: 2_500_000))
        recipient.door.breaks.withLock { $0 = [1_200_000, 0, 0, 0, 0, 0, 0, 0] }
        let exchange = sender.exchange
        let (sender, recipient) = (sender, recipient)
        let recall = try world.recall(id)
        try await recipient.serving {
            let pursuit = Task { await exchange.pursue(id) }
            try await RelayTests.until {
                try await recipient.inbound(id, from: sender)?.durable ?? 0 > 0
            }
            #expect(
                try await recipient.exchange.take(recall: recall, from: sender.id) == .taken)
            recipient.door.breaks.withLock { $0 = [] }
            await pursuit.value
        }
        let row = try #require(try await sender.outbound(id))
        #expect(row.state == "refused")
        #expect(row.cause == "recalled: SG/hub/releasing-officer: the wrong roster")
        #expect(try recipient.parts == [])
        #expect(try await recipient.inbound(id, from: sender)?.contentKey == nil)
    }

    /// A dataset that somebody carried away, so that it may have arrived, while its recipient was down.
    private func carriedAway(size: Int) async throws -> TransferID {
        let id = try await sender.send(world.request(size: size))
        let exchange = sender.exchange
        let pursuit = Task { await exchange.pursue(id) }
        while try await sender.outbound(id)?.cause == nil { await Task.yield() }
        pursuit.cancel()
        await pursuit.value
        _ = try await exchange.package(id, by: 0)
        await exchange.peers.forgive()
        return id
    }

    private func lane(_ number: UInt64, _ precedence: Precedence, size: UInt64) -> Lanes.Lane {
        Lanes.Lane(
            to: recipient.id, precedence, size: size,
            TransferID(milliseconds: number, entropy: [UInt8](repeating: 7, count: 10)))
    }

    /// That may take hours, and it hears of nothing meanwhile.
    @Test func whatIsRecalledWhileItWaitsForItsTurnDoesNotLeave() async throws {
        let id = try await carriedAway(size: 2_500_000)
        let (sender, recipient, exchange) = (sender, recipient, sender.exchange)
        let recall = try world.recall(id)
        let busy = (1...UInt64(Lanes.uploadsPerPeer)).map { lane($0, .routine, size: 10 << 20) }
        for lane in busy { await exchange.lanes.enter(lane) }
        try await recipient.serving {
            let pursuit = Task { await exchange.pursue(id) }
            while await !exchange.linkLoads.contains(where: { !$0.waiting.isEmpty }) {
                await Task.yield()
            }
            _ = try await exchange.take(recallWord: recall, by: 0)
            for lane in busy { await exchange.lanes.leave(lane) }
            try await RelayTests.until {
                let row = try await sender.outbound(id)
                let isAsked = row?.cause?.hasPrefix("it is recalled") ?? false
                return isAsked || row?.state == "delivered"
            }
            pursuit.cancel()
            await pursuit.value
        }
        #expect(try await sender.outbound(id)?.state == "queued")
        let row = try #require(try await recipient.inbound(id, from: sender))
        #expect(row.state == "receiving" && row.durable == 0)
    }

    /// The clock shows one second all the while.
    @Test(arguments: [false, true])
    func nothingThatIsRecalledGetsWhole(isUnderWay: Bool) async throws {
        let id = try await carriedAway(size: 8 << 20)
        let (sender, recipient, exchange) = (sender, recipient, sender.exchange)
        let recall = try world.recall(id)
        let row = try #require(try await sender.outbound(id))
        let passage = Passage(
            upload: UploadID(from: sender.id, transfer: id),
            name: SpoolFolder.Name(outbound: id), recipient: recipient.id,
            lane: Lanes.Lane(to: recipient.id, .routine, size: row.payloadSize, id),
            expires: row.expires, attempt: row.attempt)
        let flash = lane(1, .flash, size: 1)
        try await recipient.serving {
            _ = try await exchange.offer(passage, isInline: false, handOn: {})
            if isUnderWay {
                // It gives way before each piece.
                await exchange.lanes.enter(flash)
            } else {
                _ = try await exchange.take(recallWord: recall, by: 0)
            }
            let upload = Task { try await exchange.upload(passage, from: 0, handOn: {}) }
            if isUnderWay {
                while await !exchange.linkLoads.contains(where: { $0.givingWay > 0 }) {
                    await Task.yield()
                }
                _ = try await exchange.take(recallWord: recall, by: 0)
                await exchange.lanes.leave(flash)
            }
            await #expect(throws: Exchange.Overtaken.self) { _ = try await upload.value }
        }
        #expect(try await recipient.entries("transfer.arrived") == 0)
    }

    /// Who sent it may have given it up, and asks no more.
    @Test func whoAsksNoMoreHearsThatItsArrivalWasEnded() async throws {
        let id = try await sender.send(world.request(size: 2_500_000))
        recipient.door.breaks.withLock { $0 = [1_200_000, 0, 0, 0, 0, 0, 0, 0] }
        let exchange = sender.exchange
        let (sender, recipient) = (sender, recipient)
        try await recipient.serving {
            let pursuit = Task { await exchange.pursue(id) }
            try await RelayTests.until {
                try await recipient.inbound(id, from: sender)?.durable ?? 0 > 0
            }
            pursuit.cancel()
            await pursuit.value
        }
        #expect(
            try await recipient.exchange.take(recall: try world.recall(id), from: sender.id)
                == .taken)
        #expect(try await recipient.exchange.letters(about: id, from: sender.id).count == 1)
        try await exchangeLetters()
        let row = try #require(try await sender.outbound(id))
        #expect(row.state == "refused")
        #expect(row.cause == "recalled: SG/hub/releasing-officer: the wrong roster")
        let own = try #require(try await recipient.inbound(id, from: sender))
        #expect(try await recipient.exchange.story(of: own).map(\.statement.kind) == [.refused])
        #expect(try await recipient.exchange.letters(about: id, from: sender.id).isEmpty)
    }

    @Test func whatWasSentOnIsAskedForAlongTheLineage() async throws {
        let id = try await opened()
        let next = try await recipient.send(try world.onward(of: id))
        let theirs = recipient.exchange
        try await sender.serving { await theirs.pursue(next) }
        let recall = try world.recall(id)
        #expect(try await theirs.take(recall: recall, from: sender.id) == .taken)
        let row = try #require(try await theirs.recall(of: id, from: sender.id))
        let onward = try await theirs.view(of: row).onward
        #expect(onward.map(\.row.id) == [next] && onward.map(\.isRecalled) == [false])
        #expect(try await theirs.recallWarnings().contains { $0.contains("selat recall \(next)") })
        _ = try await theirs.take(
            recallWord: try world.recall(
                next, by: try world.officer(recipient), from: recipient.id, to: sender.id), by: 0)
        #expect(try await theirs.view(of: row).onward.map(\.isRecalled) == [true])
        try await exchangeLetters()
        #expect(try await sender.inbound(next, from: recipient)?.state == "recalled")
    }

    @Test func acrossACrashNothingIsForgotten() async throws {
        let id = try await opened()
        sender.door.losesAnswers.withLock { $0 = true }
        _ = try await sender.exchange.take(recallWord: try world.recall(id), by: 0)
        try await sender.restart()
        recipient.door.losesAnswers.withLock { $0 = true }
        let (sender, recipient) = (sender, recipient)
        try await recipient.running {
            try await sender.running {
                // It is obeyed, and the answer gets lost.
                try await RelayTests.until {
                    try await recipient.inbound(id, from: sender)?.state == "recalled"
                }
                recipient.door.losesAnswers.withLock { $0 = false }
                sender.door.losesAnswers.withLock { $0 = false }
                try await RelayTests.until {
                    try await sender.exchange.letters(about: id, from: sender.id).isEmpty
                }
            }
        }
        #expect(try await recipient.entries("transfer.recalled") == 1)
    }

    /// While it waits its officer's certificate leaves the record, and its recipient refuses it.
    @Test func aRecallThatCountsNoMoreGivesWayToAnother() async throws {
        let id = try await opened()
        let (first, exchange) = (try world.recall(id), sender.exchange)
        let (record, renewed) = try world.recordWithOfficerRenewed(after: world.federation)
        _ = try await exchange.take(recallWord: first, by: 0)
        let second = try world.recall(id, by: renewed, reason: "the wrong roster, still")
        for node in [sender, recipient] { _ = try await node.take(records: ["SG": record]) }
        #expect(
            await problem {
                _ = try await recipient.exchange.take(recall: first, from: sender.id)
            } == "bad-recall")
        let taken = try await exchange.take(recallWord: second, by: 0)
        #expect(taken.row.message == second && taken.state == "delivered")
        // The same again is nothing new, and while it counts no other one does.
        #expect(try await exchange.take(recallWord: second, by: 0).row == taken.row)
        func another(by signer: CMS.Signer) async -> String? {
            await problem {
                _ = try await exchange.take(recallWord: try world.recall(id, by: signer), by: 0)
            }
        }
        #expect(await another(by: renewed) == "already-recalled")
        #expect(try await sender.entries("recall.given") == 2)
        #expect(try await exchange.letters(about: id, from: sender.id).count == 1)
        try await exchangeLetters()
        #expect(try await state(id) == "recalled")
        #expect(try await story(id) == [.delivered, .opened, .recalled])
        let row = try #require(try await sender.outbound(id))
        let said = try await exchange.story(of: row).last?.statement
        #expect(said?.recall == SHA256.digest(second))
        #expect(try await recipient.exchange.recall(of: id, from: sender.id)?.message == second)
        // One that was answered gives way to none, whatever becomes of its officer.
        let next = try world.recordWithOfficerRenewed(after: exchange.federation)
        _ = try await sender.take(records: ["SG": next.record])
        #expect(await another(by: next.officer) == "already-recalled")
    }

    /// Whoever passes a recall on can give its signature another form, as good and of other bytes.
    @Test func aRecallIsTheSameWhateverItsSignaturesBytes() async throws {
        let id = try await opened()
        // So does signing it twice.
        let (altered, good) = (try world.recall(id), try world.recall(id))
        #expect(altered != good)
        let exchange = recipient.exchange
        #expect(try await exchange.take(recall: altered, from: world.stranger.id) == .taken)
        #expect(try await exchange.take(recall: good, from: sender.id) == .taken)
        #expect(try await recipient.entries("transfer.recalled") == 1)
        #expect(try await recipient.entries("recall.rejected") == 0)
        for word in [good, altered] {
            let taken = try await sender.exchange.take(recallWord: word, by: 0)
            #expect(taken.row.message == good)
        }
        #expect(try await sender.entries("recall.given") == 1)
    }

    // MARK: Bad input

    @Test func onlyTheSendersOfficersOwnWordCounts() async throws {
        let id = try await opened()
        let exchange = recipient.exchange
        let other = TransferID(milliseconds: 1, entropy: [UInt8](repeating: 7, count: 10))
        let good = try world.recall(id)
        let content = try CMS.unverifiedContent(good, type: .recall)
        let refused = try [
            // Another country's officer, the recipient's own, a node's key, another type of message.
            world.recall(id, by: try world.officer(world.stranger)),
            world.recall(id, by: try world.officer(recipient)),
            world.recall(id, by: sender.identity.signer),
            CMS.sign(
                content: content, type: .approval, signer: try world.officer(sender),
                at: world.clock.now()),
            // Another federation, a moment that has not come, one that is long over.
            world.recall(id, federation: SHA256.digest([1])),
            world.recall(id, issued: Limits.clockSkewSecondsMax + 1),
            world.recall(id, issued: -Limits.envelopeLifeSecondsMax - 1),
        ]
        for message in refused {
            #expect(
                await problem { _ = try await exchange.take(recall: message, from: sender.id) }
                    == "bad-recall")
        }
        // Unknown ones: another id, another sender, another recipient.
        let unknown = try [
            world.recall(other),
            world.recall(
                id, by: try world.officer(world.stranger), from: world.stranger.id),
            world.recall(id, to: world.stranger.id),
        ]
        for message in unknown {
            #expect(
                await problem { _ = try await exchange.take(recall: message, from: sender.id) }
                    == "unknown-transfer")
        }
        #expect(
            // What is brought again without anything new is entered once.
            try await recipient.entries("recall.rejected") == refused.count + unknown.count - 1)
        #expect(try await state(id) == "opened")
        // A second recall of the same transfer.
        #expect(try await exchange.take(recall: good, from: sender.id) == .taken)
        #expect(try await exchange.take(recall: good, from: sender.id) == .taken)
        #expect(
            await problem {
                _ = try await exchange.take(
                    recall: try world.recall(id, reason: "again"), from: sender.id)
            } == "already-recalled")
        #expect(try await recipient.entries("transfer.recalled") == 1)
    }

    @Test func neighboursOfARecallAreRefused() async throws {
        let id = try await opened()
        let good = try world.recall(id)
        for bytes in Mutations.of(good, count: 40, seed: 9) where bytes != good {
            await #expect(throws: (any Error).self) {
                try await recipient.exchange.take(recall: bytes, from: sender.id)
            }
        }
        for bytes in [good + [0], Array(good.dropLast()), []] {
            await #expect(throws: (any Error).self) {
                try await recipient.exchange.take(recall: bytes, from: sender.id)
            }
        }
        #expect(try await state(id) == "opened")
    }

    @Test func recallsOfOneMembersThatAPeerBringsAreLimited() async throws {
        let (id, relay) = (try await opened(), world.stranger)
        let good = try world.recall(id)
        func problemOf(_ recall: [UInt8], from peer: TestNode) async -> String? {
            await problem { _ = try await recipient.exchange.take(recall: recall, from: peer.id) }
        }
        // Those of another member use up nothing of what is this one's; neither does what verifies as nobody's.
        for number in 0...Limits.recallsPerMinuteMax {
            let others = try world.recall(
                TransferID(madeAt: world.clock.now(), SeededEntropy(UInt64(number))),
                by: try world.officer(relay), from: relay.id)
            #expect(
                await problemOf(others, from: relay)
                    == (number < Limits.recallsPerMinuteMax
                        ? "unknown-transfer" : "too-many-recalls"))
            #expect(await problemOf([0x30], from: relay) == "bad-recall")
        }
        #expect(try await recipient.exchange.take(recall: good, from: relay.id) == .taken)
        // Nor does what is known: a relay brings it until it hears that it came.
        for _ in 0..<2 * Limits.recallsPerMinuteMax {
            #expect(try await recipient.exchange.take(recall: good, from: relay.id) == .taken)
        }
        #expect(
            await problemOf(try world.recall(id, reason: "again"), from: relay)
                == "already-recalled")
    }

    @Test func answersAreTheRecipientsOfficersAboutThisRecall() async throws {
        let id = try await opened()
        let recall = try world.recall(id)
        let exchange = recipient.exchange
        let early = try world.answer(recall, of: id, .destroy)
        #expect(
            await problem { _ = try await exchange.take(recallWord: early, by: 0) } == "not-ready")
        #expect(try await exchange.take(recall: recall, from: sender.id) == .taken)
        let wrong = try [
            world.answer(recall, of: id, .destroy, by: try world.officer(sender)),
            world.answer([1], of: id, .destroy),
        ]
        for message in wrong {
            #expect(
                await problem { _ = try await exchange.take(recallWord: message, by: 0) }
                    == "bad-recall")
        }
        #expect(try await exchange.take(recallWord: recall, by: 0).row.message == recall)
        #expect(try await state(id) == "recalled")
        #expect(
            await problem {
                _ = try await sender.exchange.take(recallWord: early, by: 0)
            } == "bad-recall")
    }
}

/// Recalls of what a relay holds, or has passed on.
struct RelayedRecallTests {
    @Test func aRelayLetsGoAndTheRecipientIsToldOfIt() async throws {
        let world = try RelayTests.world()
        let (sender, relay, recipient) = (world.sender, world.stranger, world.recipient)
        let id = try await relay.running {
            try await sender.running {
                let id = try await sender.send(world.request())
                try await RelayTests.until { try await sender.outbound(id)?.state == "relayed" }
                let recall = try world.recall(id)
                let taken = try await sender.exchange.take(recallWord: recall, by: 0)
                #expect(taken.state == "relayed")
                try await RelayTests.until {
                    try await relay.relayed(id, from: sender)?.state == "withdrawn"
                }
                #expect(try relay.parts == [])
                #expect(
                    await problem {
                        _ = try await relay.exchange.take(
                            recall: try world.recall(id, reason: "again"), from: sender.id)
                    } == "already-recalled")
                return id
            }
        }
        #expect(try await relay.entries("recall.taken") == 1)
        #expect(try await relay.exchange.letters(about: id, from: sender.id).count == 1)
        // The recipient never had it, and says so.
        let recall = try #require(try await sender.exchange.recall(of: id, from: sender.id))
        #expect(
            await problem {
                _ = try await recipient.exchange.take(recall: recall.message, from: relay.id)
            } == "unknown-transfer")
    }

    @Test func aRecallReachesTheRecipientOverTheRelay() async throws {
        let world = try RelayTests.world()
        let (sender, relay, recipient) = (world.sender, world.stranger, world.recipient)
        try await recipient.running {
            try await relay.running {
                try await sender.running {
                    let id = try await sender.send(world.request())
                    #expect(try await sender.ended(id).state == "delivered")
                    _ = try await sender.exchange.take(recallWord: try world.recall(id), by: 0)
                    try await RelayTests.until {
                        let row = try #require(try await sender.outbound(id))
                        return try await sender.exchange.story(of: row).map(\.statement.kind)
                            == [.delivered, .recalled]
                    }
                    #expect(
                        try await recipient.inbound(id, from: sender)?.state == "recalled")
                }
            }
        }
    }

    /// It lies with a relay, which lets go of it: before, that led to another attempt.
    @Test func whatIsRecalledIsSentNoOtherWay() async throws {
        let world = try RelayTests.world()
        let (sender, relay) = (world.sender, world.stranger)
        let id = try await relay.running {
            try await sender.running {
                let id = try await sender.send(world.request())
                try await RelayTests.until { try await sender.outbound(id)?.state == "relayed" }
                _ = try await sender.exchange.take(recallWord: try world.recall(id), by: 0)
                try await RelayTests.until {
                    try await sender.outbound(id)?.cause == "the relay does not hold it any more"
                }
                return id
            }
        }
        let row = try #require(try await sender.outbound(id))
        #expect(row.state == "relayed" && row.attempt == 1)
        #expect(try await sender.entries("transfer.released") == 1)
        #expect(
            await problem { _ = try await sender.exchange.package(id, by: 0) } == "not-ready")
        #expect(try await sender.entries("transfer.exported") == 0)
    }

    /// It says that the recipient has it, and keeps it to itself.
    @Test func noRecallEndsByARelaysWordAlone() async throws {
        let world = try RelayTests.world()
        let (sender, relay, recipient) = (world.sender, world.stranger, world.recipient)
        let id = try await world.relayed()
        for node in [sender, relay] { try await node.restart() }
        let recall = try world.recall(id)
        #expect(try await relay.exchange.take(recall: recall, from: sender.id) == .held)
        for letter in try await relay.exchange.letters(about: id, from: sender.id) {
            _ = try await relay.store.commit { try $0.end(letter) }
        }
        #expect(try await relay.exchange.take(recall: recall, from: sender.id) == .taken)
        _ = try await sender.exchange.take(recallWord: recall, by: 0)
        try await relay.running {
            try await sender.running {
                try await Task.sleep(for: .seconds(1))
                #expect(
                    try await sender.exchange.letters(about: id, from: sender.id).count == 1)
            }
        }
        // The recipient's own word ends it, whoever brings that.
        _ = try await recipient.exchange.take(recall: recall, from: relay.id)
        let row = try #require(
            try await recipient.store.read { try $0.stated(of: id, from: sender.id) }.last)
        let receipt = try #require(try await recipient.exchange.receipt(row.statement, row.entry))
        for node in [sender, relay] { try await node.restart() }
        _ = try await sender.exchange.take(receipt: receipt, from: relay.id)
        try await relay.running {
            try await sender.running {
                try await RelayTests.until {
                    try await sender.exchange.letters(about: id, from: sender.id).isEmpty
                }
            }
        }
    }

    @Test func aRecallThatNobodyTakesSaysWhy() async throws {
        let world = try RelayTests.world()
        let (sender, id) = (world.sender, try await world.relayed())
        try await sender.restart()
        let exchange = sender.exchange
        let given = try await exchange.take(recallWord: try world.recall(id), by: 0)
        #expect(try await exchange.view(of: given.row).cause == nil)
        let to = world.recipient.id
        let task = Task { try await exchange.bringLetters(to: to) }
        try await RelayTests.until { try await exchange.view(of: given.row).cause != nil }
        task.cancel()
        _ = await task.result
        let cause = try #require(try await exchange.view(of: given.row).cause)
        #expect(cause.hasPrefix("MY/hub: "), "\(cause)")
        exchange.ageHindrances(seconds: Exchange.stuckSeconds)
        let warning = try #require(try await exchange.letterWarnings().first)
        #expect(warning.hasPrefix("the recall of `\(id)` has been kept from `VN/hub` since "))
        #expect(warning.hasSuffix("`selat recall export \(id) FILE`"))
    }

    @Test func aRelayTakesTheSameRecallInAnotherForm() async throws {
        let world = try RelayTests.world()
        let (sender, relay) = (world.sender, world.stranger)
        let id = try await world.relayed()
        try await relay.restart()
        let (first, second) = (try world.recall(id), try world.recall(id))
        #expect(first != second)
        for recall in [first, second] {
            #expect(try await relay.exchange.take(recall: recall, from: sender.id) == .held)
        }
        #expect(try await relay.entries("recall.taken") == 1)
        #expect(try await relay.entries("recall.rejected") == 0)
    }

    @Test func aRelayBringsTheRecallThatCounts() async throws {
        let world = try RelayTests.world()
        let (sender, relay, recipient) = (world.sender, world.stranger, world.recipient)
        let id = try await world.relayed()
        try await relay.restart()
        let first = try world.recall(id)
        #expect(try await relay.exchange.take(recall: first, from: sender.id) == .held)
        let (record, renewed) = try world.recordWithOfficerRenewed(after: world.federation)
        for node in [relay, recipient] { _ = try await node.take(records: ["SG": record]) }
        let second = try world.recall(id, by: renewed)
        #expect(try await relay.exchange.take(recall: second, from: sender.id) == .held)
        #expect(try await relay.exchange.recall(of: id, from: sender.id)?.message == second)
        let letters = try await relay.exchange.letters(about: id, from: sender.id)
            .filter { $0.kind == Exchange.recallLetter }
        let waiting = try await relay.store.read { snapshot in
            try letters.map { try snapshot.document(of: $0) }
        }
        #expect(waiting == [second])
        #expect(try await recipient.exchange.take(recall: second, from: relay.id) == .taken)
        #expect(try await recipient.inbound(id, from: sender)?.state == "recalled")
    }

    /// Its newest attempt was to go by a relay that never took it, and its receipt was lost.
    @Test func aRecallIsBroughtPastWhoeverDoesNotKnowTheTransfer() async throws {
        let world = try RelayTests.world(links: [:])
        let (sender, relay, recipient) = (world.sender, world.stranger, world.recipient)
        try await recipient.running {
            try await relay.running {
                try await sender.running {
                    let id = try await sender.send(world.request())
                    #expect(try await sender.ended(id).route == [sender.id, recipient.id])
                    _ = try await sender.store.commit { transaction in
                        guard var row = try transaction.outbound(id) else { return }
                        row.state = Sender.State.unconfirmed.rawValue
                        row.route = [sender.id, relay.id, recipient.id]
                        try transaction.save(row)
                    }
                    _ = try await sender.exchange.take(recallWord: try world.recall(id), by: 0)
                    try await RelayTests.until {
                        try await recipient.inbound(id, from: sender)?.state == "recalled"
                    }
                    // It does not know it, and passes it on all the same.
                    #expect(try await relay.entries("recall.taken") == 0)
                    #expect(try await relay.entries("recall.rejected") == 0)
                }
            }
        }
    }

    /// Its newest attempt went by another relay's way: those of earlier ones are told too.
    @Test func aRecallIsBroughtToWhereEarlierAttemptsWent() async throws {
        let world = try RelayTests.world()
        let (sender, relay, recipient) = (world.sender, world.stranger, world.recipient)
        try await recipient.running {
            try await relay.running {
                try await sender.running {
                    let id = try await sender.send(world.request())
                    #expect(try await sender.ended(id).state == "delivered")
                    _ = try await sender.store.commit { transaction in
                        guard var row = try transaction.outbound(id) else { return }
                        row.route = [sender.id, recipient.id]
                        try transaction.save(row)
                    }
                    _ = try await sender.exchange.take(recallWord: try world.recall(id), by: 0)
                    try await RelayTests.until {
                        try await recipient.inbound(id, from: sender)?.state == "recalled"
                    }
                }
            }
        }
    }
}
