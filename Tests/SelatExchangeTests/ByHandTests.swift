import NIOCore
import SelatAudit
import SelatCore
import SelatCrypto
import SelatDelivery
import SelatEnvelope
import SelatEvidence
import SelatFederation
import SelatHTTP
import SelatStore
import SelatTestSupport
import SelatTransport
import Testing

@testable import SelatExchange

/// Packages and receipts that a courier carries: no link stands between these nodes.
struct ByHandTests {
    let world: TestFederation
    var sender: TestNode { world.sender }
    var recipient: TestNode { world.recipient }

    init() throws { world = try TestFederation() }

    /// A package as it is exported, in its two parts.
    private struct Carried: Sendable {
        let id: TransferID
        var front: [UInt8]
        var payload: [UInt8]
    }

    /// Sends where nobody answers, and exports what lies there then.
    private func exported(size: Int = 3_000_000) async throws -> Carried {
        try await exported(try await sender.send(try world.request(size: size)))
    }

    private func exported(_ id: TransferID) async throws -> Carried {
        let exchange = sender.exchange
        let task = Task { await exchange.pursue(id) }
        while try await sender.outbound(id)?.attempt == 0 { await Task.yield() }
        task.cancel()
        await task.value
        let opening = try await exchange.package(id, by: 7)
        var bytes: [UInt8] = []
        while let piece = try await opening.next() { bytes += Array(piece.readableBytesView) }
        let row = try #require(try await sender.outbound(id))
        #expect(row.handedOn)
        let head = try EnvelopeHead(
            parsing: try await exchange.part(.head, of: SpoolFolder.Name(outbound: id)))
        let front = head.encoded().count
        return Carried(
            id: id, front: Array(bytes[..<front]),
            payload: Array(bytes[front..<front + Int(head.payloadSize)]))
    }

    private func take(
        _ carried: Carried, at node: TestNode, pieces: Int = 300_000,
        breakingAfter limit: Int? = nil
    ) async throws -> Exchange.BroughtPackage {
        try await node.exchange.take(
            packageFront: carried.front,
            payload: CarriedBody(
                bytes: carried.payload, piece: pieces, limit: limit ?? carried.payload.count),
            by: 8)
    }

    private func problem(_ carried: Carried, at node: TestNode) async -> String? {
        do {
            _ = try await take(carried, at: node)
            return nil
        } catch let problem as Problem {
            return problem.type.replacing("urn:selat:problem:", with: "")
        } catch {
            return "\(error)"
        }
    }

    /// Its sealed parts lie here, and whoever asks for them is told what they wait for.
    @Test func whatMayNotLeaveYetSaysWhatItWaitsFor() async throws {
        func refusal(_ id: TransferID) async throws -> Problem {
            try await #require(throws: Problem.self) {
                _ = try await sender.exchange.package(id, by: 7)
            }
        }
        let id = try await sender.send(try world.inference())
        let waiting = try await refusal(id)
        #expect(waiting.detail == "`\(id)` may not leave yet: an approval is owed")
        #expect(waiting.remedy?.contains("`selat approve \(id)`") == true)
        let word = try await world.word(on: id)
        _ = try await sender.exchange.take(approval: word, of: id, by: 0)
        let queued = try await refusal(id)
        #expect(queued.detail == "`\(id)` is not released yet")
        #expect(queued.remedy?.contains("`selat retry \(id)`") == true)
        #expect(try await sender.entries("transfer.exported") == 0)
    }

    @Test func aPackageArrivesAndItsReceiptSettlesTheTransfer() async throws {
        let carried = try await exported()
        let taken = try await take(carried, at: recipient)
        #expect(taken.state == "delivered" && taken.from == sender.id)
        #expect(try await recipient.opened(carried.id) == TestFederation.bytes(3_000_000))
        let imported = try await recipient.store.entries(EntryFilter(kind: "transfer.imported"))
        #expect(imported.map(\.entry.actor) == [.user(8)])
        // Who brings it was entered before the payload was whole.
        let arrived = try await recipient.store.entries(EntryFilter(kind: "transfer.arrived"))
        #expect(
            try #require(imported.first).entry.sequence
                < (try #require(arrived.first)).entry.sequence)

        let receipt = try #require(taken.receipt)
        let brought = try await sender.exchange.take(receipt: receipt, by: .user(9))
        #expect(brought.state == "delivered" && brought.isNew && brought.kind == .delivered)
        let row = try #require(try await sender.outbound(carried.id))
        #expect(row.state == "delivered" && row.contentKey == nil)
        #expect(try await sender.receipt(of: carried.id) == receipt)
        #expect(try sender.parts == [])
        let ended = try await sender.store.entries(EntryFilter(kind: "transfer.delivered"))
        #expect(ended.map(\.entry.actor) == [.user(9)])
        let again = try await sender.exchange.take(receipt: receipt, by: .user(9))
        #expect(again.state == "delivered" && !again.isNew)
        #expect(try await sender.entries("transfer.delivered") == 1)
    }

    /// Its officer's certificate is replaced while the courier is on the way.
    @Test func aReleaseIsJudgedByTheRecordsOfThen() async throws {
        for node in [sender, recipient] { try await node.register() }
        let id = try await sender.send(try world.inference())
        let word = try await world.word(on: id)
        _ = try await sender.exchange.take(approval: word, of: id, by: 0)
        let taken = try await take(try await exported(id), at: recipient)
        world.clock.advance(seconds: 600)
        let renewed = try world.recordWithOfficerRenewed()
        _ = try await sender.take(records: ["SG": renewed.record])
        world.clock.advance(seconds: 600)
        let receipt = try #require(taken.receipt)
        let brought = try await sender.exchange.take(receipt: receipt, by: .user(9))
        #expect(brought.state == "delivered")
        let files = try await sender.exchange.evidence(of: id).files
        func report(_ record: [UInt8]?) throws -> EvidenceReport {
            var files = files
            files["membership/former/SG.cms"] = record
            return EvidenceVerifier.verify(
                try Evidence(files: files), trusted: world.federation.id)
        }
        let former = try #require(files["membership/former/SG.cms"])
        let whole = try report(former)
        #expect(whole.wrong == [])
        #expect(whole.proven.contains { $0.hasPrefix("`SG/hub/releasing-officer`") })
        #expect(whole.proven.contains { $0.contains("took in whole this envelope") })
        #expect(try report(nil).wrong.contains { $0.hasPrefix("approval of entry") })
        for mutant in Mutations.of(former, count: 5, seed: 7) where mutant != former {
            #expect(try report(mutant).wrong.contains { $0.hasPrefix("former membership") })
        }
    }

    @Test func aPackageThatWasCutShortGoesOnWhereItStopped() async throws {
        let carried = try await exported()
        await #expect(throws: (any Error).self) {
            _ = try await take(carried, at: recipient, breakingAfter: 2_200_000)
        }
        let row = try #require(try await recipient.inbound(carried.id, from: sender))
        #expect(row.state == "receiving" && row.durable > 1_000_000)
        let taken = try await take(carried, at: recipient, pieces: 70_001)
        #expect(taken.state == "delivered")
        #expect(try await recipient.opened(carried.id) == TestFederation.bytes(3_000_000))
    }

    /// The link had brought a part of it, and stands still.
    @Test func aCourierOvertakesAnUploadThatRuns() async throws {
        let carried = try await exported()
        let offered = try await recipient.exchange.offer(
            head: carried.front, payload: nil, from: sender.id)
        #expect(offered.state == "receiving")
        let older = try await UploadTests.running(
            offered.upload, carried.payload, upTo: 2_500_000, at: recipient)
        #expect(try await take(carried, at: recipient).state == "delivered")
        #expect(await older.value == "upload-superseded")
        #expect(try await recipient.opened(carried.id) == TestFederation.bytes(3_000_000))
        #expect(try await recipient.entries("transfer.arrived") == 1)
    }

    /// Its sender tries again by itself, several times a second, and would never let a slow import end.
    @Test func anImportIsNotFencedOffByTheLink() async throws {
        let carried = try await exported()
        let (taken, told) = AsyncStream<Void>.makeStream()
        let (stands, goOn) = AsyncStream<Void>.makeStream()
        let body = LateBody(
            pieces: [Array(carried.payload[..<1_500_000]), Array(carried.payload[1_500_000...])],
            waits: told, released: stands)
        let node = recipient
        let importing = Task {
            try await node.exchange.take(packageFront: carried.front, payload: body, by: 8)
        }
        for await _ in taken {}
        let offered = try await node.exchange.offer(
            head: carried.front, payload: nil, from: sender.id)
        #expect(offered.state == "receiving")
        let over = await SelatExchangeTests.problem {
            _ = try await node.exchange.append(
                offered.upload, from: sender.id, offset: offered.offset, length: nil,
                complete: true, body: UploadBody(Pieces(pieces: [carried.payload])))
        }
        #expect(over == "upload-superseded")
        goOn.finish()
        #expect(try await importing.value.state == "delivered")
        #expect(try await node.opened(carried.id) == TestFederation.bytes(3_000_000))
    }

    @Test func anExportEndsWhereTheDatasetIsTakenBack() async throws {
        let carried = try await exported()
        _ = try await take(carried, at: recipient)
        let opening = try await recipient.exchange.package(carried.id, by: 7)
        _ = try await opening.next()
        _ = try await opening.next()
        _ = try await recipient.exchange.destroy(carried.id, reason: nil, by: 0)
        #expect(await SelatExchangeTests.problem { _ = try await opening.next() } == "not-ready")
    }

    /// A copy that leaves after the destruction was stated would be one that nobody is told of.
    @Test(.timeLimit(.minutes(2)), arguments: [100, 200_000])
    func nothingIsExportedAfterItsDestruction(size: Int) async throws {
        let carried = try await exported(size: size)
        _ = try await take(carried, at: recipient)
        let exchange = recipient.exchange
        async let destroyed = exchange.destroy(carried.id, reason: nil, by: 0)
        var exports = 0
        while (try? await exchange.package(carried.id, by: 7)) != nil { exports += 1 }
        _ = try await destroyed
        let kinds = try await recipient.store.entries(EntryFilter(transfer: carried.id)).map {
            $0.entry.kind.text
        }
        #expect(kinds.filter { $0 == "transfer.exported" }.count == exports)
        #expect(kinds.last == "transfer.destroyed")
    }

    /// Each export is news, after which what was signed of the dataset's end has to be signed anew.
    @Test func whoGoesOnExportingPutsNoEndOff() async throws {
        let carried = try await exported(size: 100)
        _ = try await take(carried, at: recipient)
        let exchange = recipient.exchange
        let upload = UploadID(from: sender.id, transfer: carried.id)
        var tries = 0
        let settled = try await exchange.untilSettled(upload) { () -> Int? in
            tries += 1
            #expect(exchange.isWithdrawn(upload) == (tries > 1))
            let problem = await SelatExchangeTests.problem {
                _ = try await exchange.package(carried.id, by: 7)
            }
            #expect((problem == nil) == (tries == 1))
            return tries < 3 ? nil : tries
        } unless: { _ in
            true
        }
        #expect(settled == 3)
        // It ended nothing: all is as before.
        _ = try await exchange.package(carried.id, by: 7)
        #expect(try await recipient.entries("transfer.exported") == 2)
    }

    /// The head of the next attempt lies in the spool before its release is committed.
    @Test func onlyAHeadThatWasReleasedIsExported() async throws {
        let carried = try await exported()
        let row = try #require(try await sender.outbound(carried.id))
        let before = try await sender.entries("transfer.exported")
        let exchange = sender.exchange
        #expect(
            await SelatExchangeTests.problem {
                try await exchange.recordExport(of: row, as: SHA256.digest("other".utf8), by: 7)
            } == "not-ready")
        #expect(try await sender.entries("transfer.exported") == before)
        let head = try EnvelopeHead(parsing: carried.front)
        try await exchange.recordExport(of: row, as: head.unverifiedIdentity(), by: 7)
        #expect(try await sender.entries("transfer.exported") == before + 1)
    }

    @Test func aPackageThatIsHereIsAnsweredWithItsReceipt() async throws {
        let carried = try await exported(size: 5_000)
        _ = try await take(carried, at: recipient)
        let again = try await take(carried, at: recipient)
        #expect(again.state == "delivered" && again.receipt != nil)
        #expect(try await recipient.entries("transfer.arrived") == 1)
        let transfers = try await recipient.store.read { try $0.inbound(carried.id) }
        #expect(transfers.count == 1)
    }

    @Test func nobodyElsesPackageIsTaken() async throws {
        let carried = try await exported(size: 5_000)
        #expect(await problem(carried, at: world.stranger) == "wrong-address")
        for bytes in [[], [1], Array(carried.front.dropLast()), carried.front + [0]] {
            let other = Carried(id: carried.id, front: bytes, payload: carried.payload)
            #expect(await problem(other, at: recipient) == "verification-failed")
        }
        for bytes in Mutations.of(carried.front, count: 60, seed: 21) where bytes != carried.front {
            let other = Carried(id: carried.id, front: bytes, payload: carried.payload)
            #expect(await problem(other, at: recipient) != nil)
        }
        #expect(try await recipient.inbound(carried.id, from: sender) == nil)
        #expect(try await recipient.entries("transfer.imported") == 0)
    }

    @Test func aPayloadThatIsNotTheHeadersIsNotTaken() async throws {
        var carried = try await exported()
        let whole = carried.payload
        carried.payload[1_500_000] ^= 1
        #expect(await problem(carried, at: recipient) == "payload-invalid")
        #expect(try await recipient.inbound(carried.id, from: sender)?.state == "receiving")
        carried.payload = Array(whole.dropLast())
        #expect(await problem(carried, at: recipient) != nil)
        carried.payload = whole + [0]
        #expect(await problem(carried, at: recipient) != nil)
        carried.payload = whole
        #expect(try await take(carried, at: recipient).state == "delivered")
    }

    /// A courier's bad disk says nothing of the node in whose place the courier stands.
    @Test func whatIsRefusedIsTheActOfWhoeverCarriesIt() async throws {
        func actors(at node: TestNode) async throws -> Set<EntryActor> {
            let entries = try await node.store.entries(EntryFilter(kind: "offer.refused"))
            return Set(entries.map(\.entry.actor))
        }
        let astray = try await exported(size: 5_000)
        let other = world.stranger
        for _ in 0...Limits.refusalsPerMinuteMax {
            #expect(await problem(astray, at: other) == "wrong-address")
        }
        #expect(try await other.entries("offer.refused") == Limits.refusalsPerMinuteMax + 1)
        #expect(try await actors(at: other) == [.user(8)])
        // The sender's own share of this minute is untouched.
        try await other.exchange.enterCounted()
        #expect(try await other.entries("offers.refused") == 0)
        var torn = try await exported()
        torn.payload[1_500_000] ^= 1
        #expect(await problem(torn, at: recipient) == "payload-invalid")
        #expect(try await actors(at: recipient) == [.user(8)])
    }

    @Test func aReceiptThatProvesNothingSettlesNothing() async throws {
        let carried = try await exported(size: 5_000)
        let receipt = try #require(try await take(carried, at: recipient).receipt)
        func refused(_ bytes: [UInt8]) async -> Bool {
            do {
                _ = try await sender.exchange.take(receipt: bytes, by: .user(9))
                return false
            } catch {
                return error is Problem
            }
        }
        for bytes in Mutations.of(receipt, count: 150, seed: 5) {
            // Another layout of the same document is the same receipt.
            if (try? Receipt(parsing: bytes))?.json.canonical == receipt { continue }
            #expect(await refused(bytes))
        }
        #expect(await refused([]))
        // A receipt for a transfer that nobody here has sent.
        let other = try TestFederation()
        let theirs = try await other.sender.send(try other.request(size: 100))
        #expect(try await sender.outbound(theirs) == nil)
        do {
            _ = try await other.sender.exchange.take(receipt: receipt, by: .user(9))
            Issue.record("it is another federation's")
        } catch let problem as Problem {
            #expect(problem.type == "urn:selat:problem:unknown-transfer")
        }
        #expect(try await sender.outbound(carried.id)?.state == "queued")
        #expect(try await sender.exchange.take(receipt: receipt, by: .user(9)).isNew)
    }

    /// A recall goes the way that the dataset went, and what is stated later comes back like the first receipt.
    @Test func aRecallAndLaterReceiptsAreCarriedToo() async throws {
        let carried = try await exported(size: 5_000)
        let (id, recall) = (carried.id, try world.recall(carried.id))
        _ = try await sender.exchange.take(recallWord: recall, by: 1_000)
        func taken(at node: TestNode) async throws -> Exchange.TakenRecall {
            try await node.exchange.take(recallWord: recall, by: 1_001)
        }
        // It comes before its transfer, and where it is none of.
        #expect(
            await SelatExchangeTests.problem { _ = try await taken(at: recipient) }
                == "unknown-transfer")
        #expect(
            await SelatExchangeTests.problem { _ = try await taken(at: world.stranger) }
                == "bad-recall")
        _ = try await take(carried, at: recipient)
        _ = try await recipient.opened(id)
        let obeyed = try await taken(at: recipient)
        #expect(obeyed.state == "recalled" && obeyed.row.message == recall)
        #expect(try await taken(at: recipient).row == obeyed.row)
        #expect(
            await SelatExchangeTests.problem { _ = try await recipient.opened(id) } == "not-ready")
        let entries = try await recipient.store.entries(EntryFilter(kind: "transfer.recalled"))
        #expect(entries.map(\.entry.actor) == [.user(1_001)])
        _ = try await recipient.exchange.destroy(id, reason: nil, by: 1_001)

        let row = try #require(try await recipient.inbound(id, from: sender))
        let outcome = try #require(try await recipient.exchange.receipt(of: row))
        let receipts = try await [outcome] + recipient.exchange.laterReceipts(of: row)
        let stated = try receipts.map { try Receipt(parsing: $0).unverifiedStatement.kind }
        #expect(stated == [.delivered, .opened, .recalled, .destroyed])
        // In whatever order the courier's folder has them.
        for receipt in receipts.reversed() {
            let brought = try await sender.exchange.take(receipt: receipt, by: .user(9))
            #expect(brought.isNew)
        }
        let sent = try #require(try await sender.outbound(id))
        #expect(sent.state == "delivered")
        let story = try await sender.exchange.story(of: sent)
        #expect(story.map(\.statement.kind) == stated)
        #expect(try await recipient.exchange.story(of: row) == story)
        #expect(try await sender.exchange.holdingsOfOthers(limit: 10).isEmpty)
    }

    @Test func aReceiptSettlesWhatIsUnconfirmedToo() async throws {
        let carried = try await exported(size: 5_000)
        let receipt = try #require(try await take(carried, at: recipient).receipt)
        // It expired at the sender, to whom nobody has said anything.
        world.clock.advance(seconds: 7_200)
        await sender.exchange.pursue(carried.id)
        #expect(try await sender.outbound(carried.id)?.state == "unconfirmed")
        let brought = try await sender.exchange.take(receipt: receipt, by: .user(9))
        #expect(brought.isNew && brought.state == "delivered")
    }

    /// What the recipient did with it proves that it has arrived, and its `delivered` may come after.
    @Test func whatWasDoneWithItSettlesWhatIsUnconfirmed() async throws {
        let carried = try await exported(size: 5_000)
        let outcome = try #require(try await take(carried, at: recipient).receipt)
        _ = try await recipient.opened(carried.id)
        let row = try #require(try await recipient.inbound(carried.id, from: sender))
        let later = try await recipient.exchange.laterReceipts(of: row)
        world.clock.advance(seconds: 7_200)
        await sender.exchange.pursue(carried.id)
        #expect(try await sender.outbound(carried.id)?.state == "unconfirmed")
        let told = try await sender.exchange.take(
            receipt: try #require(later.first), by: .user(9))
        #expect(told.isNew && told.kind == .opened && told.state == "delivered")
        #expect(try await sender.receipt(of: carried.id) == nil)
        for isNew in [true, false] {
            let brought = try await sender.exchange.take(receipt: outcome, by: .user(9))
            #expect(brought.isNew == isNew && brought.state == "delivered")
        }
        #expect(try await sender.receipt(of: carried.id) == outcome)
        #expect(try await sender.entries("transfer.delivered") == 1)
        #expect(try await sender.entries("receipt.taken") == 2)
    }

    /// A backup that is older than the export was laid down.
    @Test func whatHasArrivedIsRecalledAndNotTakenBack() async throws {
        let carried = try await exported(size: 5_000)
        let id = carried.id
        _ = try await take(carried, at: recipient)
        _ = try await recipient.opened(id)
        let arrived = try #require(try await recipient.inbound(id, from: sender))
        let later = try await recipient.exchange.laterReceipts(of: arrived)
        _ = try await sender.store.commit { transaction in
            guard var row = try transaction.outbound(id) else { return }
            row.handedOn = false
            try transaction.save(row)
        }
        let parts = try sender.parts
        let told = try await sender.exchange.take(
            receipt: try #require(later.first), by: .user(9))
        #expect(told.kind == .opened && told.state == "queued")
        #expect(try await sender.outbound(id)?.handedOn == true)
        #expect(try sender.parts == parts)
        let exchange = sender.exchange
        #expect(
            await SelatExchangeTests.problem {
                _ = try await exchange.cancel(id, reason: "by hand", by: 9)
            } == "not-ready")
        let recalled = try await exchange.take(recallWord: try world.recall(id), by: 1_000)
        #expect(recalled.state == "queued")
        let to = recipient.id
        let letters = try await sender.store.read { try $0.letters(to: to, after: 0, limit: 10) }
        #expect(letters.map(\.kind) == [Exchange.recallLetter])
    }
}

/// Bytes in pieces, which end with a fault after some.
private struct CarriedBody: AsyncSequence, Sendable {
    let bytes: [UInt8]
    let piece: Int
    let limit: Int

    struct Broken: Error {}

    func makeAsyncIterator() -> Iterator { Iterator(body: self) }

    struct Iterator: AsyncIteratorProtocol {
        let body: CarriedBody
        var offset = 0

        mutating func next() async throws -> ByteBuffer? {
            guard offset < body.bytes.count else { return nil }
            guard offset < body.limit else { throw Broken() }
            let end = Swift.min(offset + body.piece, body.bytes.count)
            defer { offset = end }
            return ByteBuffer(bytes: body.bytes[offset..<end])
        }
    }
}
