import SelatAudit
import SelatCore
import SelatCrypto
import SelatEnvelope
import SelatEvidence
import SelatFederation
import SelatHTTP
import SelatStore
import Testing

@testable import SelatExchange

/// Ids are their senders' to choose: another has used that of a dataset which lies here.
struct SharedIDTests {
    let world: TestFederation
    var sender: TestNode { world.sender }
    var recipient: TestNode { world.recipient }
    var other: TestNode { world.stranger }

    init() throws { world = try TestFederation() }

    /// A dataset in the recipient's inbox, and a row of another sender's under the same id.
    private func delivered(besides state: String) async throws -> TransferID {
        let id = try await sender.send(world.gauges(to: "VN/hub"))
        try await recipient.serving { await sender.exchange.pursue(id) }
        var row = try #require(try await recipient.inbound(id, from: sender))
        (row.from, row.peer, row.state) = (other.id, other.id, state)
        let another = row
        _ = try await recipient.store.commit { try $0.save(another) }
        return id
    }

    private func recall(_ id: TransferID) async throws -> String? {
        _ = try await recipient.exchange.take(recall: try world.recall(id), from: sender.id)
        return try await recipient.inbound(id, from: sender)?.state
    }

    /// It came to nothing, and its sender chose the id for no other purpose.
    @Test(arguments: ["receiving", "refused", "lapsed", "withdrawn", "destroyed"])
    func whatDoesNotLieHereIsInNobodysWay(_ state: String) async throws {
        let id = try await delivered(besides: state)
        #expect(try await recipient.opened(id).isEmpty == false)
        #expect(try await recipient.exchange.manifest(id).core.from == sender.id)
        #expect(try await recipient.exchange.package(id, by: 0).size > 0)
        #expect(try await recipient.exchange.rows(id).inbound.first?.from == sender.id)
        #expect(try await recall(id) == "recalled")
        let row = try await recipient.exchange.destroy(id, reason: "order 17", by: 0)
        #expect(row.from == sender.id)
    }

    @Test func whereTwoLieHereTheSenderIsNamed() async throws {
        let id = try await delivered(besides: "delivered")
        let exchange = recipient.exchange
        for step in [
            { _ = try await exchange.open(id, by: 0) },
            { _ = try await exchange.package(id, by: 0) },
            { _ = try await exchange.destroy(id, reason: nil, by: 0) },
        ] as [() async throws -> Void] {
            do {
                try await step()
                Issue.record("it chose one of two")
            } catch let problem as Problem {
                #expect(problem.type == "urn:selat:problem:not-ready")
                #expect(
                    problem.detail == "`MY/hub` and `SG/hub` have used the id `\(id)`")
                #expect(problem.remedy == "say whose it is with `--from`")
            }
        }
        let from = sender.id
        #expect(try await exchange.open(id, from: from, by: 0).size > 0)
        #expect(try await exchange.package(id, from: from, by: 0).size > 0)
        #expect(try await exchange.rows(id, from: other.id).inbound.map(\.from) == [other.id])
        #expect(
            await problem { _ = try await exchange.open(id, from: recipient.id, by: 0) }
                == "not-ready")
        // Its sender's officer wants it back, whoever else used the id.
        #expect(try await recall(id) == "recalled")
        #expect(
            try await exchange.destroy(id, from: from, reason: "order 17", by: 0).from == from)
        #expect(try await recipient.inbound(id, from: other)?.state == "delivered")
    }

    private func onward(of id: TransferID, from node: TestNode) async throws -> [TransferID] {
        let sender = node.id
        return try await recipient.store.read { try $0.derived(from: id, of: sender).map(\.id) }
    }

    @Test func whatIsSentOnOfEitherIsToldApart() async throws {
        let id = try await delivered(besides: "delivered")
        let exchange = recipient.exchange
        do {
            _ = try await recipient.send(try world.onward(of: id))
            Issue.record("it chose one of two")
        } catch let problem as Problem {
            #expect(problem.type == "urn:selat:problem:bad-facts")
            #expect(
                problem.detail
                    == "derived from `\(id)`: `MY/hub` and `SG/hub` have used the id `\(id)`")
            #expect(problem.remedy?.hasSuffix("say whose it is: `CC/node:ID`") == true)
        }
        let part = TransferReference(id, from: sender.id)
        let next = try await recipient.send(try world.gauges(to: "SG/hub", derivedFrom: [part]))
        try await sender.serving { await exchange.pursue(next) }
        #expect(try await onward(of: id, from: other) == [])
        #expect(try await recall(id) == "recalled")
        let row = try #require(try await exchange.recall(of: id, from: sender.id))
        #expect(try await exchange.view(of: row).onward.map(\.row.id) == [next])
        // What an earlier version recorded names the id alone, and may be either's.
        _ = try await recipient.store.commit { try $0.derive(next, from: [TransferReference(id)]) }
        #expect(try await onward(of: id, from: other) == [next])
        #expect(try await onward(of: id, from: sender) == [next])
    }

    /// Another may use the id later.
    @Test func whatIsSentOnIsRecordedWithItsSender() async throws {
        let id = try await delivered(besides: "destroyed")
        let next = try await recipient.send(try world.onward(of: id))
        #expect(try await onward(of: id, from: sender) == [next])
        #expect(try await onward(of: id, from: other) == [])
        let filter = EntryFilter(transfer: next, kind: "transfer.permitted")
        let entry = try #require(try await recipient.store.entries(filter).first)
        let details = try JSON(parsing: try #require(entry.details))
        #expect(details["derived-from"] == .strings(["SG/hub:\(id)"]))
    }

    @Test func evidenceIsOfOneTransferAlone() async throws {
        let id = try await delivered(besides: "delivered")
        let filter = EntryFilter(transfer: id, kind: "transfer.received")
        let entry = try #require(try await recipient.store.entries(filter).first)
        let bytes = try #require(entry.details)
        var details = try #require(try JSON(parsing: bytes).objectValue)
        var own = try #require(details[Receipt.importKey]?.objectValue)
        own["from"] = .string(other.id.text)
        details[Receipt.importKey] = .object(own)
        let draft = EntryDraft(
            kind: "transfer.received", transfer: id, actor: .node(other.id),
            details: .object(details))
        let foreign = try await recipient.store.commit { try $0.append(draft) }.value
        let evidence = try await recipient.exchange.evidence(of: id, from: sender.id)
        let shown = evidence.entries.map(\.entry.sequence)
        #expect(shown.contains(entry.entry.sequence) && !shown.contains(foreign))
        let report = EvidenceVerifier.verify(evidence, trusted: world.federation.id)
        #expect(report.isSound, "\(report.wrong)")
    }

    /// Whoever takes away what another has sent under the id reaches no copy of this one.
    @Test func onlyOwnCopiesAreNotReached() async throws {
        let id = try await delivered(besides: "destroyed")
        let (from, other) = (sender.id, other.id)
        _ = try await recipient.exchange.package(id, from: from, by: 1)
        _ = try await recipient.store.commit { transaction in
            for kind: EntryKind in ["transfer.opened", "transfer.exported"] {
                try transaction.append(
                    EntryDraft(
                        kind: kind, transfer: id, actor: .user(2),
                        details: ["from": .string(other.text)]))
            }
        }
        _ = try await recipient.exchange.destroy(id, from: from, reason: "order 17", by: 0)
        let stated = try await recipient.store.read { try $0.stated(of: id, from: from) }
        let message = try #require(stated.last?.statement)
        let statement = try ReceiptStatement(
            canonical: try CMS.unverifiedContent(message, type: .receipt))
        #expect(statement.kind == .destroyed)
        let copies = statement.unreached.map(\.json)
        #expect(copies.compactMap { $0["by"]?.stringValue } == ["uid:1"])
    }

    /// What nobody can read any more, such as after a fault of the disk.
    @Test func aRecallClosesWhatCannotBeRead() async throws {
        let id = try await delivered(besides: "refused")
        let name = SpoolFolder.Name(inbound: id, from: sender.id)
        try await recipient.replace(.head, of: name, by: [0x30, 0])
        #expect(try await recall(id) == "recalled")
    }

    @Test func anOwnTransferIsNotHiddenByOneThatCame() async throws {
        let id = try await sender.send(world.request())
        // Its recipient is away.
        let exchange = sender.exchange
        let pursuing = Task { await exchange.pursue(id) }
        try await RelayTests.until { try await sender.outbound(id)?.attempt == 1 }
        pursuing.cancel()
        await pursuing.value
        let own = try #require(try await sender.outbound(id))
        var row = InboundRow(
            from: other.id, id: id, received: own.created, expires: own.expires,
            state: "delivered", payloadSize: own.payloadSize, fixedParts: SHA256.digest([]),
            header: [])
        row.durable = own.payloadSize
        let another = row
        _ = try await sender.store.commit { try $0.save(another) }
        #expect(try await sender.exchange.rows(id).outbound?.id == id)
        #expect(try await sender.exchange.package(id, by: 0).size > own.payloadSize)
        #expect(try await sender.outbound(id)?.handedOn == true)
    }
}
