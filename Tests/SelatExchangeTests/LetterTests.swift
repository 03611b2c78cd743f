import Foundation
import NIOCore
import SelatAudit
import SelatCore
import SelatCrypto
import SelatDelivery
import SelatEnvelope
import SelatEvidence
import SelatFederation
import SelatHTTP
import SelatPolicy
import SelatStore
import SelatTestSupport
import SelatTransport
import Synchronization
import Testing

@testable import SelatExchange

/// What a recipient does with a dataset reaches its sender, whatever breaks on the way.
struct LetterTests {
    let world: TestFederation
    var sender: TestNode { world.sender }
    var recipient: TestNode { world.recipient }

    init() throws { world = try TestFederation() }

    /// A dataset in the recipient's inbox.
    private func delivered() async throws -> TransferID {
        let id = try await sender.send(world.gauges(to: "VN/hub"))
        try await recipient.serving { await sender.exchange.pursue(id) }
        #expect(try await sender.outbound(id)?.state == "delivered")
        return id
    }

    /// The kinds of statements that the sender holds of the recipient.
    private func story(_ id: TransferID) async throws -> [ReceiptKind] {
        let row = try #require(try await sender.outbound(id))
        return try await sender.exchange.story(of: row).map(\.statement.kind)
    }

    private func own(_ id: TransferID) async throws -> [StoryLine] {
        let row = try #require(try await recipient.inbound(id, from: sender))
        return try await recipient.exchange.story(of: row)
    }

    /// The receipt of the newest own statement, as it would leave.
    private func receipt(_ id: TransferID) async throws -> [UInt8] {
        let rows = try await recipient.store.read { try $0.stated(of: id, from: sender.id) }
        let row = try #require(rows.last)
        return try #require(try await recipient.exchange.receipt(row.statement, row.entry))
    }

    private func bring() async throws {
        let (exchange, to) = (recipient.exchange, sender.id)
        try await sender.serving {
            let task = Task { try await exchange.bringLetters(to: to) }
            try await task.value
        }
    }

    @Test func openedAndDestroyedReachTheSenderAndBothTellTheSameStory() async throws {
        let id = try await delivered()
        let (sender, recipient) = (sender, recipient)
        try await sender.running {
            try await recipient.running {
                _ = try await recipient.opened(id)
                _ = try await recipient.opened(id)
                try await RelayTests.until { try await story(id) == [.delivered, .opened] }
                let held = try await sender.exchange.holdingsOfOthers(limit: 10)
                #expect(held.map(\.stated) == ["opened"])
                let row = try await recipient.exchange.destroy(id, reason: "order 17", by: 1_000)
                #expect(row.state == "destroyed" && row.contentKey == nil)
                #expect(try recipient.parts == [])
                try await RelayTests.until {
                    try await story(id) == [.delivered, .opened, .destroyed]
                }
                // The sender has it before its answer is here.
                try await RelayTests.until {
                    try await recipient.exchange.letters(about: id, from: sender.id).isEmpty
                }
            }
        }
        let row = try #require(try await sender.outbound(id))
        #expect(try await sender.exchange.story(of: row) == (try await own(id)))
        let last = try #require(try await own(id).last)
        #expect(last.statement.reason == "operator: order 17")
        let until = TestFederation.start + Limits.backupLifeSecondsMax
        #expect(
            last.statement.unreached == [
                .opened(by: "uid:0", times: 2, last: TestFederation.start), .backup(until: until),
            ])
        // Nothing is owed any more, and each was entered once.
        #expect(try await recipient.exchange.letters(about: id, from: sender.id).isEmpty)
        #expect(try await recipient.entries("transfer.opened") == 2)
        #expect(try await sender.entries("receipt.taken") == 2)
        #expect(try await sender.entries("receipt.rejected") == 0)
        #expect(try await sender.exchange.holdingsOfOthers(limit: 10).isEmpty)
        let stated = try await recipient.store.read { try $0.stated(of: id, from: sender.id) }
        #expect(stated.allSatisfy { $0.taken != nil })
        // What was destroyed comes never again: the answer is the receipt of then.
        #expect(
            await problem {
                _ = try await recipient.exchange.destroy(id, reason: nil, by: 0)
            } == "not-ready")
        #expect(await problem { _ = try await recipient.opened(id) } == "not-ready")
    }

    /// Two operators at once: one has done it and is told so, and the sender hears of it.
    @Test func oneOfTwoWhoDestroyAtOnceIsToldSo() async throws {
        let id = try await delivered()
        let exchange = recipient.exchange
        let answers = await withTaskGroup(of: String?.self) { group in
            for user in [UInt32(1), 2] {
                group.addTask {
                    await problem { _ = try await exchange.destroy(id, reason: nil, by: user) }
                }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
        #expect(answers.filter { $0 == nil }.count == 1)
        #expect(answers.contains("not-ready"))
        #expect(try await recipient.entries("transfer.destroyed") == 1)
    }

    @Test func aSenderThatIsDownOrForgetsToAnswerHearsOfItLater() async throws {
        let id = try await delivered()
        let (sender, recipient) = (sender, recipient)
        _ = try await recipient.opened(id)
        let exchange = recipient.exchange
        // Nobody there.
        let task = Task { [to = sender.id] in try await exchange.bringLetters(to: to) }
        try await RelayTests.until { await exchange.peers.isOutOfReach(sender.id) }
        task.cancel()
        _ = try? await task.value
        #expect(try await exchange.letters(about: id, from: sender.id).count == 1)
        // A crash of both ends, and an answer that gets lost.
        try await recipient.restart()
        try await sender.restart()
        sender.door.losesAnswers.withLock { $0 = true }
        try await sender.running {
            try await recipient.running {
                try await RelayTests.until { try await sender.entries("receipt.taken") == 1 }
                sender.door.losesAnswers.withLock { $0 = false }
                try await RelayTests.until {
                    try await recipient.exchange.letters(about: id, from: sender.id).isEmpty
                }
            }
        }
        #expect(try await sender.entries("receipt.taken") == 1)
        #expect(try await story(id) == [.delivered, .opened])
    }

    @Test func aRefusedLetterIsBroughtAgain() async throws {
        let id = try await delivered()
        _ = try await recipient.opened(id)
        sender.door.letterRefusals.withLock {
            $0 = [ServiceProblem.logNotProven("unproven"), ServiceProblem.clock("early")]
        }
        try await bring()
        #expect(try await story(id) == [.delivered, .opened])
    }

    /// They are older, and many.
    @Test func lettersForADeadRelayAreInNobodysWay() async throws {
        let world = try RelayTests.world()
        let (sender, relay, recipient) = (world.sender, world.stranger, world.recipient)
        let id = try await world.relayed()
        for node in [sender, relay, recipient] { try await node.restart() }
        let row = try #require(try await recipient.inbound(id, from: sender))
        let gone = try NodeID("MY/gone")
        _ = try await recipient.store.commit { transaction in
            for number in 0..<70 {
                var other = row
                other.id = TransferID(madeAt: row.received, SeededEntropy(UInt64(number)))
                other.peer = gone
                try transaction.save(other)
                try transaction.post(
                    "opened", [0x30], about: other.id, from: sender.id, to: sender.id,
                    until: row.expires)
            }
        }
        _ = try await recipient.opened(id)
        try await recipient.running {
            try await relay.running {
                try await sender.running {
                    try await RelayTests.until { try await sender.entries("receipt.taken") == 1 }
                }
            }
        }
    }

    /// A relay that asks for a rest is not asked for as long, and nor is anything that goes by it brought.
    @Test func whatGoesOneWayWaitsForNothingThatGoesAnother() async throws {
        let id = try await delivered()
        let (exchange, relay, to) = (recipient.exchange, world.stranger.id, sender.id)
        let client = try await world.stranger.serving { try await exchange.peers.take(relay) }
        var problem = Problem(
            type: Problem.tooManyRequestsType, title: "too many requests", status: 429)
        problem.retryAfterSeconds = 60
        await exchange.peers.keep(client, after: problem)
        let next = try await recipient.send(try world.onward(of: id))
        let row = try #require(try await recipient.outbound(next))
        _ = try await recipient.store.commit { transaction in
            var row = row
            row.route = [exchange.identity.node, relay, to]
            try transaction.save(row)
            try transaction.post(
                "opened", [0x30], about: next, from: exchange.identity.node, to: to,
                until: row.expires)
        }
        _ = try await recipient.opened(id)
        try await sender.serving {
            let task = Task { try await exchange.bringLetters(to: to) }
            try await RelayTests.until { try await story(id) == [.delivered, .opened] }
            task.cancel()
            _ = await task.result
        }
    }

    /// A retention sweep ends datasets by the thousand, and each is news.
    @Test(arguments: [false, true])
    func newsForWhoIsAwayIsNoReasonToGoThroughAllLetters(
        wantsToBeLeftAlone: Bool
    ) async throws {
        let id = try await delivered()
        _ = try await recipient.opened(id)
        let (exchange, to, store) = (recipient.exchange, sender.id, recipient.store)
        let until = try #require(try await recipient.inbound(id, from: sender)).expires
        let letter = try #require(try await exchange.letters(about: id, from: to).first)
        #expect(await exchange.pursuits.begin(.letters(to: to)))
        if wantsToBeLeftAlone {
            let client = try await sender.serving { try await exchange.peers.take(to) }
            await exchange.peers.keep(client, after: .tooManyRequests(.seconds(60)))
        }
        // Nobody there.
        let task = Task { try await exchange.bringLetters(to: to) }
        try await RelayTests.until { exchange.hindrance(of: letter) != nil }
        var tries = 0
        for _ in 0..<60 {
            _ = try await store.commit {
                try $0.post("opened", [0x30], about: id, from: to, to: to, until: until)
            }
            await exchange.pursuits.wake(.letters(to: to))
            try await Task.sleep(for: .milliseconds(50))
            guard exchange.hindrance(of: letter)?.cause.hasSuffix("(aged)") == false else {
                continue
            }
            tries += 1
            exchange.ageHindrances(seconds: 0)
        }
        // In three seconds the waits grow to two, or each ends at once; what rests is not asked at all.
        #expect(tries < (wantsToBeLeftAlone ? 3 : 15))
        task.cancel()
        _ = await task.result
    }

    /// Whoever brings a relay the same again and again makes it bring nothing sooner.
    @Test func whatARelayHoldsIsNoNewsToIt() async throws {
        let world = try RelayTests.world()
        let (sender, relay, recipient) = (world.sender, world.stranger, world.recipient)
        let id = try await world.relayed()
        for node in [sender, relay, recipient] { try await node.restart() }
        let receipt = try await recipient.stated(.opened, of: id, from: sender.id, 1)
        let recall = try world.recall(id)
        let (exchange, pursuits) = (relay.exchange, relay.exchange.pursuits)
        for to in [sender.id, recipient.id] {
            #expect(await pursuits.begin(.letters(to: to)))
        }
        @Sendable func isNews(
            to node: NodeID, _ bring: () async throws -> LetterAnswer
        ) async throws -> Bool {
            // What the start has to bring.
            _ = try await pursuits.pause(.letters(to: node), .milliseconds(300))
            #expect(try await bring() == .held)
            return try await pursuits.pause(.letters(to: node), .seconds(1))
        }
        try await relay.running {
            for isNew in [true, false, false] {
                let isReceiptNews = try await isNews(to: sender.id) {
                    try await exchange.take(receipt: receipt, from: recipient.id)
                }
                #expect(isReceiptNews == isNew)
                let isRecallNews = try await isNews(to: recipient.id) {
                    try await exchange.take(recall: recall, from: sender.id)
                }
                #expect(isRecallNews == isNew)
            }
        }
        #expect(try await relay.entries("relay.told") == 1)
        #expect(try await relay.entries("recall.taken") == 1)
    }

    /// It does not know which headers it has signed, so that any attempt may be one.
    @Test func ofARestoredSenderNoNumberOfReceiptsIsKept() async throws {
        let id = try await delivered()
        _ = try await recipient.opened(id)
        sender.membership.use(epoch: 2)
        func taken(_ attempt: UInt64) async throws -> String? {
            let document = try await recipient.stated(
                .opened, of: id, from: sender.id, attempt, envelope: SHA256.digest([1]))
            return await problem {
                _ = try await sender.exchange.take(receipt: document, from: recipient.id)
            }
        }
        for attempt in 2...5 { #expect(try await taken(UInt64(attempt)) == nil) }
        #expect(try await taken(6) == "too-many-letters")
        // What it knows of is taken still.
        let honest = try await recipient.stated(.opened, of: id, from: sender.id, 1)
        _ = try await sender.exchange.take(receipt: honest, from: recipient.id)
        #expect(try await sender.entries("receipt.taken") == 5)
    }

    @Test func aRetentionDutyEndsWithAReceipt() async throws {
        let world = try TestFederation(
            TestFederation.Plan(
                edit: (
                    file: "VN.yaml", old: "  - ground: receive\n    flow: import\n",
                    new: "  - ground: receive\n    flow: import\n"
                        + "    obligations:\n      - retention: {at-most: 1 days}\n"
                )))
        let (sender, recipient) = (world.sender, world.recipient)
        let id = try await sender.send(world.request())
        try await recipient.serving { await sender.exchange.pursue(id) }
        world.clock.advance(seconds: 86_400)
        try await recipient.exchange.endOverdue()
        #expect(try recipient.parts == [])
        let exchange = recipient.exchange
        try await sender.serving { try await exchange.bringLetters(to: sender.id) }
        let row = try #require(try await sender.outbound(id))
        let last = try #require(try await sender.exchange.story(of: row).last)
        #expect(last.statement.kind == .destroyed)
        #expect(last.statement.reason?.hasPrefix("retention: ") == true)
        #expect(last.statement.unreached.count == 1)
    }

    @Test func whatNobodyTakesLapsesAndIsEntered() async throws {
        let id = try await delivered()
        _ = try await recipient.opened(id)
        let exchange = recipient.exchange
        let letter = try #require(try await exchange.letters(about: id, from: sender.id).first)
        exchange.noteHindrance(
            of: letter, "SG/hub: no answer", usual: .unreachable, elsewhere: nil)
        world.clock.advance(seconds: Limits.envelopeLifeSecondsMax - 1)
        try await recipient.exchange.endOverdue()
        #expect(try await recipient.entries("letter.lapsed") == 0)
        #expect(exchange.hindrance(of: letter) != nil)
        world.clock.advance(seconds: 1)
        try await recipient.exchange.endOverdue()
        #expect(exchange.hindrance(of: letter) == nil)
        #expect(try await recipient.entries("letter.lapsed") == 1)
        #expect(try await recipient.exchange.letters(about: id, from: sender.id).isEmpty)
    }

    @Test func whatDerivesFromItAndWasCarriedAwayIsNamed() async throws {
        let id = try await delivered()
        _ = try await recipient.exchange.package(id, by: 7)
        let next = try await recipient.send(try world.onward(of: id))
        let exchange = recipient.exchange
        try await sender.serving { await exchange.pursue(next) }
        try #require(try await recipient.outbound(next)?.state == "delivered")
        _ = try await recipient.exchange.destroy(id, reason: nil, by: 0)
        let last = try #require(try await own(id).last)
        #expect(
            last.statement.unreached.dropLast() == [
                .exported(by: "uid:7", times: 1, last: TestFederation.start),
                .onward(to: sender.id, id: next),
            ])
    }

    // MARK: Bad input

    @Test func aReceiptThatProvesNothingIsRefusedAndEntered() async throws {
        let id = try await delivered()
        _ = try await recipient.opened(id)
        let good = try await receipt(id)
        let exchange = sender.exchange
        let peer = recipient.id
        let refusals = try [
            changed(good, "salt", .string(Base64.encode([UInt8](repeating: 0, count: 32)))),
            changed(good, "details", "{}"),
            changed(good, "statement", .string(Base64.encode(try forged(good, .destroyed)))),
            changed(good, "statement", .string(Base64.encode(try forged(good, .relayed)))),
        ]
        for bytes in refusals {
            #expect(
                await problem { _ = try await exchange.take(receipt: bytes, from: peer) }
                    == "verification-failed")
        }
        #expect(try await sender.entries("receipt.rejected") == refusals.count)
        #expect(try await story(id) == [.delivered])
        for bytes in Mutations.of(good, count: 200, seed: 5) {
            _ = try? await exchange.take(receipt: bytes, from: peer)
        }
        let held = try await story(id)
        #expect(held == [.delivered] || held == [.delivered, .opened])
        #expect(try await exchange.take(receipt: good, from: peer) == .taken)
        #expect(try await exchange.take(receipt: good, from: world.stranger.id) == .taken)
        #expect(try await sender.entries("receipt.taken") == 1)
    }

    @Test func anEntryOfAnotherKindOrTransferRecordsNothing() async throws {
        let id = try await delivered()
        let other = TransferID(milliseconds: 1, entropy: [UInt8](repeating: 1, count: 10))
        let bad = [
            try await recipient.stated(
                .opened, of: id, from: sender.id, 1, as: "transfer.destroyed"),
            try await recipient.stated(.opened, of: id, from: sender.id, 1, about: other),
        ]
        for receipt in bad {
            #expect(
                await problem {
                    _ = try await sender.exchange.take(receipt: receipt, from: recipient.id)
                } == "verification-failed")
        }
        let good = try await recipient.stated(.opened, of: id, from: sender.id, 1)
        #expect(try await sender.exchange.take(receipt: good, from: recipient.id) == .taken)
    }

    /// Each would be kept and entered for good.
    @Test func whatIsStatedOfAnAttemptThatWasNoneIsRefused() async throws {
        let id = try await delivered()
        for attempt: UInt64 in [0, 2, 3] {
            let receipt = try await recipient.stated(.opened, of: id, from: sender.id, attempt)
            #expect(
                await problem {
                    _ = try await sender.exchange.take(receipt: receipt, from: recipient.id)
                } == "verification-failed")
        }
        let receipt = try await recipient.stated(.opened, of: id, from: sender.id, 1)
        #expect(try await sender.exchange.take(receipt: receipt, from: recipient.id) == .taken)
        #expect(try await sender.entries("receipt.taken") == 1)
    }

    /// Whoever passes it on is charged with nothing.
    @Test func aReceiptOfAnUnknownTransferIsRefusedAndNotEntered() async throws {
        let id = try await delivered()
        _ = try await recipient.opened(id)
        let good = try await receipt(id)
        // Neither its sender nor a relay that it passed through.
        let stranger = world.stranger
        // Nor its sender, where it knows no such transfer.
        let other = TransferID(milliseconds: 1, entropy: [UInt8](repeating: 1, count: 10))
        let unknown = try await statedOfUnknown(other)
        for _ in 0...Limits.refusalsPerMinuteMax {
            for (node, receipt) in [(stranger, good), (sender, unknown)] {
                #expect(
                    await problem {
                        _ = try await node.exchange.take(receipt: receipt, from: recipient.id)
                    } == "unknown-transfer")
            }
        }
        for node in [stranger, sender] {
            #expect(try await node.entries("receipt.rejected") == 0)
            try await node.exchange.enterCounted()
            #expect(try await node.entries("offers.refused") == 0)
        }
        #expect(
            await problem {
                _ = try await stranger.exchange.take(receipt: [0x7B], from: recipient.id)
            } == "verification-failed")
    }

    @Test func rejectionsOfOnePeerAreEnteredUpToARate() async throws {
        let id = try await delivered()
        _ = try await recipient.opened(id)
        let bad = try changed(try await receipt(id), "details", "{}")
        for _ in 0..<Limits.refusalsPerMinuteMax + 5 {
            _ = try? await sender.exchange.take(receipt: bad, from: recipient.id)
        }
        #expect(try await sender.entries("receipt.rejected") == Limits.refusalsPerMinuteMax)
        try await sender.exchange.enterCounted()
        #expect(try await sender.entries("offers.refused") == 1)
    }

    /// A key that was stolen, and revoked since, dates nothing back: the log enters it when it does.
    @Test func aStatementIsAsOldAsItsEntry() async throws {
        let (id, skew) = (try await delivered(), Limits.clockSkewSecondsMax)
        let dated = try await recipient.stated(
            .opened, of: id, from: sender.id, 1, ago: skew + 1)
        #expect(
            await problem {
                _ = try await sender.exchange.take(receipt: dated, from: recipient.id)
            } == "verification-failed")
        var files = try await sender.exchange.evidence(of: id).files
        let sequence = try Receipt(parsing: dated).entry.sequence
        files["receipts/\(sequence).json"] = dated
        let report = EvidenceVerifier.verify(
            try Evidence(files: files), trusted: world.federation.id)
        #expect(report.wrong.contains { $0.hasSuffix("more than five minutes apart") })
        let good = try await recipient.stated(.opened, of: id, from: sender.id, 1, ago: skew)
        #expect(try await sender.exchange.take(receipt: good, from: recipient.id) == .taken)
    }

    /// The recipient's word about a transfer that its sender does not know.
    private func statedOfUnknown(_ id: TransferID) async throws -> [UInt8] {
        let content = ReceiptStatement(
            federation: world.federation.id, kind: .opened, from: sender.id, id: id,
            envelope: SHA256.digest([1]), attempt: 1, signer: recipient.id,
            time: world.clock.now(), reason: nil)
        let message = try CMS.sign(
            content: content.json.canonical, type: .receipt, signer: recipient.identity.signer,
            at: world.clock.now())
        let draft = EntryDraft(
            kind: "transfer.opened", transfer: id, actor: .user(0),
            details: [Receipt.statementKey: .string(SHA256.digest(message).text)])
        let entry = try await recipient.store.commit { try $0.append(draft) }.value
        return try #require(try await recipient.exchange.receipt(message, entry))
    }

    private func changed(_ document: [UInt8], _ key: String, _ value: JSON) throws -> [UInt8] {
        var members = try #require(try JSON(parsing: document).objectValue)
        members[key] = value
        return JSON.object(members).canonical
    }

    /// Another statement under the same entry.
    private func forged(_ document: [UInt8], _ kind: ReceiptKind) throws -> [UInt8] {
        let honest = try Receipt(parsing: document).unverifiedStatement
        let statement = ReceiptStatement(
            federation: honest.federation, kind: kind, from: honest.from, id: honest.id,
            envelope: honest.envelope, attempt: honest.attempt, signer: honest.signer,
            time: honest.time, reason: kind.hasReason ? "operator" : nil)
        return try CMS.sign(
            content: statement.json.canonical, type: .receipt, signer: recipient.identity.signer,
            at: world.clock.now())
    }
}

extension TestNode {
    /// What its key signs and its log holds, whatever became of the dataset.
    func stated(
        _ kind: ReceiptKind, of id: TransferID, from: NodeID, _ attempt: UInt64,
        envelope: Digest? = nil, reason: String? = nil, as entryKind: EntryKind = "transfer.opened",
        about entered: TransferID? = nil, ago seconds: Int64 = 0
    ) async throws -> [UInt8] {
        let row = try #require(try await store.read { try $0.inbound(id, from: from) })
        let now = exchange.clock.now()
        let content = ReceiptStatement(
            federation: exchange.federation.id, kind: kind, from: from, id: id,
            envelope: envelope ?? SHA256.digest(row.header), attempt: attempt, signer: self.id,
            time: now + -seconds, reason: reason)
        let message = try CMS.sign(
            content: content.json.canonical, type: .receipt, signer: identity.signer, at: now)
        let entry = try await store.commit { transaction in
            try transaction.append(
                EntryDraft(
                    kind: entryKind, transfer: entered ?? id, actor: .user(0),
                    details: [Receipt.statementKey: .string(SHA256.digest(message).text)]))
        }.value
        return try #require(try await exchange.receipt(message, entry))
    }
}

extension Exchange {
    /// As if the letters that wait here had been kept from their addressees for so much longer. The cause says so, until
    /// they are tried again.
    func ageHindrances(seconds: Int64) {
        hindered.withLock { hindered in
            hindered = hindered.mapValues { letters in
                letters.mapValues { old in
                    LetterHindrance(
                        since: old.since, begun: old.begun - .seconds(seconds),
                        cause: "\(old.cause) (aged)", isOnRoute: old.isOnRoute,
                        isPassedOn: old.isPassedOn,
                        elsewhereFrom: old.elsewhereFrom.map { $0 - .seconds(seconds) })
                }
            }
        }
    }
}

extension TestFederation {
    /// What may be sent on, as far as its sender is concerned.
    func gauges(to: String, derivedFrom: [TransferReference] = []) throws -> OutboundRequest {
        let to = try NodeID(to)
        var facts = TestFederation.facts()
        facts["national-category"] = Fact(.set([]), .stated)
        return OutboundRequest(
            to: to,
            label: Label(
                classification: .unclassified, releasableTo: [to.country], tlp: .green),
            facts: facts, ground: nil, precedence: .routine,
            dataset: try TestFederation.dataset(5_000), derivedFrom: derivedFrom)
    }

    /// What its recipient sends back of it.
    func onward(of id: TransferID) throws -> OutboundRequest {
        try gauges(to: "SG/hub", derivedFrom: [TransferReference(id)])
    }
}

/// Letters that pass through a relay.
struct RelayedLetterTests {
    @Test func aRelayHoldsLettersUntilTheSenderIsBack() async throws {
        let world = try RelayTests.world()
        let (sender, relay, recipient) = (world.sender, world.stranger, world.recipient)
        let id = try await recipient.running {
            try await relay.running {
                try await sender.running {
                    let id = try await sender.send(world.request())
                    #expect(try await sender.ended(id).state == "delivered")
                    // The relay told it by itself: nothing had to be asked for.
                    try await RelayTests.until {
                        try await relay.exchange.letters(about: id, from: sender.id).isEmpty
                    }
                    return id
                }
            }
        }
        // The sender is away; the relay takes it, dies, and brings it when the sender is back.
        for node in [sender, relay, recipient] { try await node.restart() }
        try await recipient.running {
            try await relay.running {
                _ = try await recipient.opened(id)
                try await RelayTests.until { try await relay.entries("relay.told") == 1 }
            }
        }
        try await relay.restart()
        try await recipient.restart()
        try await recipient.running {
            try await relay.running {
                try await sender.running {
                    try await RelayTests.until {
                        try await recipient.exchange.letters(about: id, from: sender.id).isEmpty
                    }
                }
            }
        }
        let row = try #require(try await sender.outbound(id))
        let story = try await sender.exchange.story(of: row)
        #expect(story.map(\.statement.kind) == [.delivered, .opened])
        let own = try #require(try await recipient.inbound(id, from: sender))
        #expect(try await recipient.exchange.story(of: own) == story)
        let passed = try #require(try await relay.relayed(id, from: sender))
        #expect(try await relay.exchange.story(of: passed) == story)
        #expect(try await relay.entries("relay.told") == 1)
    }

    /// A later attempt went another way: what the recipient says of it passes here all the same.
    @Test func aRelayBringsWhatIsSaidOfAnotherAttempt() async throws {
        let world = try RelayTests.world()
        let (sender, relay, recipient) = (world.sender, world.stranger, world.recipient)
        try await recipient.running {
            try await relay.running {
                try await sender.running {
                    let id = try await sender.send(world.request())
                    #expect(try await sender.ended(id).state == "delivered")
                    _ = try await relay.store.commit { transaction in
                        guard var row = try transaction.relayed(id, from: sender.id) else { return }
                        (row.attempt, row.header) = (0, [])
                        try transaction.save(row)
                    }
                    _ = try await recipient.opened(id)
                    try await RelayTests.until {
                        let row = try #require(try await sender.outbound(id))
                        return try await sender.exchange.story(of: row).map(\.statement.kind)
                            == [.delivered, .opened]
                    }
                    #expect(try await relay.entries("receipt.rejected") == 0)
                }
            }
        }
    }

    /// It cannot know what went past it; what it holds of one transfer is bounded all the same.
    @Test func aRelayHoldsAFewAttemptsOfOneTransfer() async throws {
        let world = try RelayTests.world()
        let (sender, relay, recipient) = (world.sender, world.stranger, world.recipient)
        let id = try await world.relayed()
        var answers: [String?] = []
        for attempt: UInt64 in 2...6 {
            let receipt = try await recipient.stated(.opened, of: id, from: sender.id, attempt)
            answers.append(
                await problem {
                    let answer = try await relay.exchange.take(receipt: receipt, from: recipient.id)
                    #expect(answer == .held)
                })
        }
        #expect(answers == [nil, nil, nil, nil, "too-many-letters"])
        #expect(try await relay.entries("relay.told") == 4)
    }

    @Test func anOutcomeThatIsBroughtIsEnteredWithItsCause() async throws {
        let world = try RelayTests.world()
        let (sender, relay, recipient) = (world.sender, world.stranger, world.recipient)
        let id = try await world.relayed()
        _ = try await relay.store.commit { transaction in
            guard var row = try transaction.relayed(id, from: sender.id) else { return }
            (row.state, row.receipt) = (Relay.State.forwarded.rawValue, nil)
            try transaction.save(row)
        }
        let receipt = try await recipient.stated(
            .refused, of: id, from: sender.id, 1, reason: "hash-differs: it is damaged",
            as: "offer.refused")
        _ = try await relay.exchange.take(receipt: receipt, from: recipient.id)
        let entries = try await relay.store.entries(EntryFilter(kind: "relay.refused"))
        let entry = try #require(entries.first)
        #expect(entry.entry.actor == .node(recipient.id))
        let details = try JSON(parsing: try #require(entry.details))
        #expect(details["cause"] == "hash-differs: it is damaged")
        #expect(details["receipt"] == .string(SHA256.digest(receipt).text))
    }

    /// A dataset whose header goes by the relay, which was down: somebody carried it past, and its receipt back.
    private func carriedPast(_ world: TestFederation) async throws -> TransferID {
        let (sender, exchange) = (world.sender, world.sender.exchange)
        let id = try await sender.send(try world.request())
        let pursuit = Task { await exchange.pursue(id) }
        while try await sender.outbound(id)?.attempt == 0 { await Task.yield() }
        pursuit.cancel()
        await pursuit.value
        let opening = try await exchange.package(id, by: 7)
        var bytes: [UInt8] = []
        while let piece = try await opening.next() { bytes += Array(piece.readableBytesView) }
        let head = try EnvelopeHead(
            parsing: try await exchange.part(.head, of: SpoolFolder.Name(outbound: id)))
        let front = head.encoded().count
        let brought = try await world.recipient.exchange.take(
            packageFront: Array(bytes[..<front]),
            payload: Pieces(pieces: [Array(bytes[front..<front + Int(head.payloadSize)])]), by: 8)
        let receipt = try #require(brought.receipt)
        let settled = try await exchange.take(receipt: receipt, by: .user(9))
        #expect(settled.state == "delivered")
        await exchange.peers.forgive()
        return id
    }

    /// It knows nothing of the transfer, and no other way leads from one end to the other.
    @Test func lettersPassARelayThatThePackageWasCarriedPast() async throws {
        let world = try RelayTests.world()
        let (sender, relay, recipient) = (world.sender, world.stranger, world.recipient)
        let id = try await carriedPast(world)
        try await recipient.running {
            try await relay.running {
                try await sender.running {
                    _ = try await recipient.opened(id)
                    try await RelayTests.until { try await sender.entries("receipt.taken") == 1 }
                    _ = try await sender.exchange.take(recallWord: try world.recall(id), by: 0)
                    try await RelayTests.until {
                        let row = try #require(try await sender.outbound(id))
                        return try await sender.exchange.story(of: row).map(\.statement.kind)
                            == [.delivered, .opened, .recalled]
                    }
                    for node in [sender, relay, recipient] {
                        try await RelayTests.until {
                            try await node.exchange.letters(about: id, from: sender.id).isEmpty
                        }
                    }
                }
            }
        }
        #expect(try await recipient.inbound(id, from: sender)?.state == "recalled")
        // It has brought them, and nothing of them lies there.
        for kind: EntryKind in [
            "relay.told", "recall.taken", "receipt.rejected", "recall.rejected",
        ] {
            #expect(try await relay.entries(kind) == 0, "\(kind.text)")
        }
        try await keepsNothing(relay, of: id, from: sender)
    }

    private func keepsNothing(
        _ relay: TestNode, of id: TransferID, from sender: TestNode
    ) async throws {
        let from = sender.id
        #expect(try await relay.store.read { try $0.receipts(of: id, from: from) }.isEmpty)
        #expect(try await relay.exchange.letters(about: id, from: from).isEmpty)
        #expect(try await relay.exchange.recall(of: id, from: from) == nil)
    }

    /// What it does not know it brings to its addressee alone and at once, and answers what that says.
    @Test func strayLettersAreVerifiedAndPassedOn() async throws {
        let world = try RelayTests.world()
        let (sender, relay, recipient) = (world.sender, world.stranger, world.recipient)
        let id = try await carriedPast(world)
        @Sendable func problemOf(_ receipt: [UInt8], from peer: TestNode) async -> String? {
            await problem {
                let answer = try await relay.exchange.take(receipt: receipt, from: peer.id)
                #expect(answer == .taken)
            }
        }
        let bad = try await recipient.stated(
            .opened, of: id, from: sender.id, 1, as: "transfer.destroyed")
        #expect(await problemOf(bad, from: recipient) == "verification-failed")
        let relays = try await recipient.stated(
            .relayed, of: id, from: sender.id, 1, as: "relay.held")
        #expect(await problemOf(relays, from: recipient) == "verification-failed")
        #expect(try await relay.entries("receipt.rejected") == 2)
        let good = try await recipient.stated(.opened, of: id, from: sender.id, 1)
        let unsent = try await recipient.stated(.opened, of: id, from: sender.id, 7)
        #expect(await problemOf(good, from: recipient) == "peer-unreachable")
        await relay.exchange.peers.forgive()
        try await sender.serving {
            #expect(await problemOf(unsent, from: recipient) == "verification-failed")
            #expect(await problemOf(good, from: recipient) == nil)
        }
        #expect(try await sender.entries("receipt.taken") == 1)
        #expect(try await sender.entries("receipt.rejected") == 1)
        #expect(try await relay.entries("receipt.rejected") == 2)
        #expect(try await relay.entries("relay.told") == 0)
        try await keepsNothing(relay, of: id, from: sender)
        // Its addressee has it already.
        #expect(await problemOf(good, from: sender) == "unknown-transfer")
    }

    @Test func ofStrayLettersOneMemberBringsAFewInAMinute() async throws {
        let world = try RelayTests.world()
        let (sender, relay, recipient) = (world.sender, world.stranger, world.recipient)
        let id = try await carriedPast(world)
        let unsent = try await recipient.stated(.opened, of: id, from: sender.id, 7)
        @Sendable func answer() async -> String? {
            await problem {
                _ = try await relay.exchange.take(receipt: unsent, from: recipient.id)
            }
        }
        try await sender.serving {
            for _ in 0..<Limits.straysPerMinuteMax {
                #expect(await answer() == "verification-failed")
            }
            #expect(await answer() == "too-many-letters")
            try await relay.exchange.enterCounted()
            #expect(await answer() == "verification-failed")
        }
    }

    @Test func ofStrayLettersThoseAreNotCountedForWhichNobodyIsDialled() async throws {
        let world = try RelayTests.world()
        let (sender, relay, recipient) = (world.sender, world.stranger, world.recipient)
        let id = try await carriedPast(world)
        let good = try await recipient.stated(.opened, of: id, from: sender.id, 1)
        func answer() async -> String? {
            await problem {
                _ = try await relay.exchange.take(receipt: good, from: recipient.id)
            }
        }
        // Now and then one of them dials.
        for _ in 0..<3 * Limits.straysPerMinuteMax {
            #expect(await answer() == "peer-unreachable")
        }
    }

    /// The sender will have none of the strays in front: the relay has no room for those behind them, but for what it knows.
    @Test func whatARelayHasNoRoomForInAMinuteItPassesOnInTheNext() async throws {
        let world = try RelayTests.world()
        let (sender, relay, recipient) = (world.sender, world.stranger, world.recipient)
        let known = try await world.relayed()
        for node in [sender, relay, recipient] { try await node.restart() }
        let id = try await carriedPast(world)
        let row = try #require(try await recipient.inbound(id, from: sender))
        let unsent = try await recipient.stated(.opened, of: id, from: sender.id, 7)
        let from = sender.id
        _ = try await recipient.store.commit { transaction in
            for _ in 0..<Limits.straysPerMinuteMax + 2 {
                try transaction.post(
                    "opened", unsent, about: id, from: from, to: from, until: row.expires)
            }
        }
        _ = try await recipient.opened(id)
        _ = try await recipient.opened(known)
        let exchange = recipient.exchange
        let stray = try #require(try await exchange.letters(about: id, from: from).last)
        let letter = try #require(try await exchange.letters(about: known, from: from).last)
        try #require(stray.number < letter.number)
        try await relay.serving {
            try await sender.serving {
                let task = Task { try await exchange.bringLetters(to: from) }
                try await RelayTests.until { exchange.hindrance(of: letter)?.isHeld == true }
                let cause = exchange.hindrance(of: stray)?.cause
                #expect(cause?.contains("too many letters") == true, "\(cause ?? "")")
                #expect(try await sender.entries("receipt.taken") == 0)
                try await relay.exchange.enterCounted()
                try await RelayTests.until { try await sender.entries("receipt.taken") == 1 }
                task.cancel()
                _ = await task.result
            }
        }
        #expect(try await relay.entries("relay.told") == 1)
    }

    @Test func ofStrayLettersOneMemberBringsAFewAtATime() throws {
        var strays = Strays()
        let (one, other) = (try Country("VN"), try Country("SG"))
        let begun = (0...Limits.straysAtOnceMax).map { _ in strays.begin(one) }
        #expect(begun.filter { $0 }.count == Limits.straysAtOnceMax && begun.last == false)
        let others = strays.begin(other)
        #expect(others)
        strays.end(one)
        let again = strays.begin(one)
        #expect(again)
    }

    /// The link of the two is down for long, and a relay stands between them as well.
    @Test(arguments: [true, false])
    func aLetterGoesByAnotherRelayWhereItsLawLetsTheDatasetPass(isPermitted: Bool) async throws {
        let world = try RelayTests.world(links: [:], isPermitted: isPermitted)
        let (sender, relay, recipient) = (world.sender, world.stranger, world.recipient)
        let id = try await sender.send(try world.request())
        try await recipient.serving { await sender.exchange.pursue(id) }
        _ = try await recipient.opened(id)
        let (exchange, to) = (recipient.exchange, sender.id)
        let letter = try #require(try await exchange.letters(about: id, from: to).first)
        relay.door.letterRefusals.withLock { $0 = [ServiceProblem.logNotProven("unproven")] }
        @Sendable func isAsked() -> Bool { relay.door.letterRefusals.withLock { $0.isEmpty } }
        try await relay.serving {
            let task = Task { try await exchange.bringLetters(to: to) }
            try await RelayTests.until { exchange.hindrance(of: letter) != nil }
            let hindrance = try #require(exchange.hindrance(of: letter))
            #expect(hindrance.cause.hasPrefix("SG/hub: "), "\(hindrance.cause)")
            #expect(!exchange.isStuck(letter))
            task.cancel()
            _ = await task.result
            #expect(try await exchange.letterWarnings() == [])
            // Whoever sets the clock makes nothing late.
            world.clock.advance(seconds: Exchange.stuckSeconds)
            #expect(!exchange.isStuck(letter))
            exchange.ageHindrances(seconds: Exchange.stuckSeconds)
            #expect(exchange.isStuck(letter))
            let aged = exchange.hindrance(of: letter)
            let warnings = try await exchange.letterWarnings()
            #expect(warnings.count == 1)
            let warning = try #require(warnings.first)
            #expect(
                warning.hasPrefix("the receipt `opened` of `\(id)` has been kept from `SG/hub`"))
            #expect(warning.contains(hindrance.cause))
            #expect(warning.hasSuffix("`selat receipt export \(id) FOLDER`"))
            #expect(!isAsked())
            let later = Task { try await exchange.bringLetters(to: to) }
            try await RelayTests.until { exchange.hindrance(of: letter) != aged }
            later.cancel()
            _ = await later.result
            #expect(isAsked() == isPermitted)
        }
    }

    /// A recipient's receipts go to ID first, as if the dataset had come from there, and MY stands beside it.
    private func besideAnotherRelay(
        count: Int = 1
    ) async throws -> (world: TestFederation, neighbour: TestNode, letters: [LetterRow]) {
        let world = try RelayTests.world(links: ["SG": ["MY"], "VN": ["ID", "MY"]]) {
            $0.countries.append("ID")
        }
        let (from, recipient) = (world.sender.id, world.recipient)
        let neighbour = try #require(world.nodes[try NodeID("ID/hub")])
        for _ in 0..<count {
            let id = try await carriedPast(world)
            _ = try await recipient.store.commit { transaction in
                guard var row = try transaction.inbound(id, from: from) else { return }
                row.peer = neighbour.id
                try transaction.save(row)
            }
            _ = try await recipient.opened(id)
        }
        let letters = try await recipient.store.read {
            try $0.letters(to: from, after: 0, limit: 10)
        }
        try #require(letters.count == count)
        return (world, neighbour, letters)
    }

    /// Brings the letters for a node until something has come about.
    private func bring(
        _ exchange: Exchange, to addressee: NodeID, until condition: () async throws -> Bool
    ) async throws {
        let task = Task { try await exchange.bringLetters(to: addressee) }
        try await RelayTests.until(condition)
        task.cancel()
        _ = await task.result
    }

    /// Down, or up and too busy for as long as one likes.
    @Test(arguments: [true, false])
    func anotherRelayPassesALetterOnWhateverTheNeighbourAnswers(isUp: Bool) async throws {
        let (world, neighbour, letters) = try await besideAnotherRelay()
        let (sender, relay) = (world.sender, world.stranger)
        let (exchange, letter) = (world.recipient.exchange, try #require(letters.first))
        neighbour.door.letterRefusals.withLock {
            $0 = Array(repeating: ServiceProblem.logNotProven("unproven"), count: 1_000)
        }
        @Sendable func check() async throws {
            try await bring(exchange, to: sender.id) { exchange.hindrance(of: letter) != nil }
            #expect(try await sender.entries("receipt.taken") == 0)
            exchange.ageHindrances(seconds: Exchange.stuckSeconds)
            try await bring(exchange, to: sender.id) {
                exchange.hindrance(of: letter)?.isHeld == true
            }
            #expect(try await sender.entries("receipt.taken") == 1)
            try await keepsNothing(relay, of: letter.id, from: sender)
            // Its word is no proof, and it is not asked again soon.
            #expect(try await exchange.letters(about: letter.id, from: sender.id) == [letter])
            #expect(try await exchange.letterWarnings() == [])
            let held = try #require(exchange.hindrance(of: letter))
            #expect(held.cause.hasPrefix("ID/hub: "), "\(held.cause)")
            exchange.ageHindrances(seconds: Exchange.stuckSeconds - 60)
            let aged = try #require(exchange.hindrance(of: letter))
            try await bring(exchange, to: sender.id) { exchange.hindrance(of: letter) != aged }
            let later = try #require(exchange.hindrance(of: letter))
            #expect(later.isHeld && later.elsewhereFrom == aged.elsewhereFrom)
            exchange.ageHindrances(seconds: Exchange.heldSeconds)
            let warning = try #require(try await exchange.letterWarnings().first)
            #expect(warning.contains("is not known to have come to `SG/hub`"), "\(warning)")
        }
        try await relay.serving {
            try await sender.serving {
                guard isUp else { return try await check() }
                try await neighbour.serving { try await check() }
            }
        }
    }

    /// The sender will not have the first one, now or ever.
    @Test func aRefusedLetterIsInTheWayOfNoneBehindIt() async throws {
        let (world, _, letters) = try await besideAnotherRelay(count: 2)
        let (sender, relay, exchange) = (world.sender, world.stranger, world.recipient.exchange)
        let (first, second) = (letters[0], letters[1])
        try await relay.serving {
            try await sender.serving {
                try await bring(exchange, to: sender.id) {
                    exchange.hindrance(of: second) != nil
                }
                exchange.ageHindrances(seconds: Exchange.stuckSeconds)
                sender.door.letterRefusals.withLock {
                    $0 = [ServiceProblem.unknownTransfer(first.id)]
                }
                try await bring(exchange, to: sender.id) {
                    exchange.hindrance(of: second)?.isHeld == true
                }
                let refused = try #require(exchange.hindrance(of: first))
                #expect(!refused.isHeld && refused.elsewhereFrom != nil)
                #expect(refused.cause.contains("`SG/hub`: this node knows no transfer"))
                #expect(try await sender.entries("receipt.taken") == 1)
            }
        }
    }

    /// A federation whose sender waits for a second at most, and owes its recipient recalls, which that does not take,
    /// and behind them one other letter.
    private func owing(recalls: Int) async throws -> (world: TestFederation, last: LetterRow) {
        var plan = TestFederation.Plan()
        plan.patience = .seconds(1)
        let world = try TestFederation(plan)
        let (sender, recipient) = (world.sender, world.recipient)
        let (from, to) = (sender.id, recipient.id)
        let id = try await sender.send(world.request())
        try await recipient.serving { await sender.exchange.pursue(id) }
        let row = try #require(try await sender.outbound(id))
        #expect(row.state == "delivered")
        let kinds =
            Array(repeating: Exchange.recallLetter, count: recalls)
            + [ReceiptKind.cancelled.rawValue]
        _ = try await sender.store.commit { transaction in
            for kind in kinds {
                try transaction.post(
                    kind, [0x30], about: id, from: from, to: to, until: row.expires)
            }
        }
        recipient.door.letterRefusals.withLock {
            $0 = Array(repeating: ServiceProblem.logNotProven("unproven"), count: 1_000)
        }
        return (world, try #require(try await sender.exchange.letters(about: id, from: from).last))
    }

    /// They are brought in every pass, and take all of its time here.
    @Test func manyRecallsAreInTheWayOfNothingBehindThem() async throws {
        let (world, last) = try await owing(recalls: 30)
        let (exchange, recipient) = (world.sender.exchange, world.recipient)
        recipient.door.stillness.withLock { $0 = .milliseconds(50) }
        try await recipient.serving {
            try await bring(exchange, to: recipient.id) { exchange.hindrance(of: last) != nil }
        }
    }

    /// It goes first each time, and its addressee never answers it in time.
    @Test func aRecallWithoutAnAnswerIsInTheWayOfNothingBehindIt() async throws {
        let (world, last) = try await owing(recalls: 1)
        let (exchange, recipient) = (world.sender.exchange, world.recipient)
        recipient.door.recallStillness.withLock { $0 = .seconds(5) }
        try await recipient.serving {
            try await bring(exchange, to: recipient.id) {
                exchange.hindrance(of: last).map { !$0.cause.contains("no answer") } ?? false
            }
        }
    }

    @Test func aHoldThatIsLostWarnsAgain() async throws {
        let world = try RelayTests.world()
        let (sender, relay, recipient) = (world.sender, world.stranger, world.recipient)
        let id = try await world.relayed()
        for node in [sender, relay, recipient] { try await node.restart() }
        _ = try await recipient.opened(id)
        let exchange = recipient.exchange
        let letter = try #require(try await exchange.letters(about: id, from: sender.id).first)
        try await relay.serving {
            try await bring(exchange, to: sender.id) {
                exchange.hindrance(of: letter)?.isHeld == true
            }
        }
        exchange.ageHindrances(seconds: Exchange.stuckSeconds)
        #expect(try await exchange.letterWarnings() == [])
        try await bring(exchange, to: sender.id) {
            exchange.hindrance(of: letter)?.isHeld == false
        }
        let warning = try #require(try await exchange.letterWarnings().first)
        #expect(warning.contains("has been kept from `SG/hub`"), "\(warning)")
    }

    /// Whoever wrote it watches it, and it must not take the own letters' places.
    @Test func whatKeepsOthersLettersIsNotNoted() async throws {
        let world = try RelayTests.world()
        let (sender, relay) = (world.sender, world.stranger)
        let id = try await world.relayed()
        try await relay.restart()
        let receipt = try await world.recipient.stated(.opened, of: id, from: sender.id, 2)
        let answer = try await relay.exchange.take(receipt: receipt, from: world.recipient.id)
        #expect(answer == .held)
        let exchange = relay.exchange
        let letters = try await exchange.letters(about: id, from: sender.id)
        #expect(!letters.isEmpty)
        for letter in letters {
            exchange.noteHindrance(
                of: letter, "SG/hub: no answer", usual: .unreachable, elsewhere: nil)
            #expect(exchange.hindrance(of: letter) == nil)
            #expect(!exchange.isDueElsewhere(letter, hasWay: false))
        }
    }

    @Test func aRelayHoldsNothingThatItsRecipientHasNotSigned() async throws {
        let world = try RelayTests.world()
        let (sender, relay, recipient) = (world.sender, world.stranger, world.recipient)
        let id = try await world.relayed()
        let row = try #require(try await relay.relayed(id, from: sender))
        let held = try #require(try await relay.exchange.receipt(row.statement, row.statementEntry))
        #expect(
            await problem {
                _ = try await relay.exchange.take(receipt: held, from: recipient.id)
            } == "verification-failed")
        #expect(try await relay.entries("receipt.rejected") == 1)
    }
}
