import NIOCore
import SelatAudit
import SelatCore
import SelatCrypto
import SelatEnvelope
import SelatEvidence
import SelatFederation
import SelatHTTP
import SelatPolicy
import SelatStore
import SelatTestSupport
import SelatTransport
import Testing

@testable import SelatExchange

/// Receipts that prove nothing, and the one that does.
struct ReceiptTests {
    let world: TestFederation
    let document: [UInt8]
    let id: TransferID

    init() async throws {
        let world = try TestFederation()
        let sealing = try await world.seal()
        let answer = try await world.recipient.exchange.offer(
            head: world.head(sealing), payload: sealing.payload, from: world.sender.id)
        document = try #require(answer.receipt).canonical
        id = sealing.core.id
        self.world = world
    }

    private func verify(_ document: [UInt8]) throws -> ReceiptStatement {
        let node = world.recipient.id
        let record = try world.federation.node(node, at: world.clock.now())
        return try Receipt(parsing: document).verify(
            signer: { try world.federation.signer($0, node: node, at: world.clock.now()) },
            log: try VerifierKey(record.logKey))
    }

    private func changed(_ key: String, _ value: JSON) throws -> [UInt8] {
        var members = try #require(try JSON(parsing: document).objectValue)
        members[key] = value
        return JSON.object(members).canonical
    }

    private func statement(by node: TestNode, _ signer: NodeID) throws -> [UInt8] {
        let statement = ReceiptStatement(
            federation: world.federation.id, kind: .delivered, from: world.sender.id, id: id,
            envelope: SHA256.digest([1]), attempt: 1, signer: signer, time: world.clock.now())
        return try CMS.sign(
            content: statement.json.canonical, type: .receipt, signer: node.identity.signer,
            at: world.clock.now())
    }

    @Test func theRecipientsReceiptProvesTheDelivery() throws {
        let statement = try verify(document)
        #expect(statement.kind == .delivered)
        #expect(statement.id == id)
        #expect(statement.signer == world.recipient.id)
    }

    @Test func aStatementOfAnotherNodeProvesNothing() throws {
        let stranger = world.stranger
        for name in [stranger.id, world.recipient.id] {
            let forged = try statement(by: stranger, name)
            #expect(throws: FederationError.self) {
                try verify(try changed("statement", .string(Base64.encode(forged))))
            }
        }
    }

    @Test func aStatementThatNoEntryHoldsProvesNothing() throws {
        let other = try statement(by: world.recipient, world.recipient.id)
        #expect(throws: ReceiptError.notRecorded) {
            try verify(try changed("statement", .string(Base64.encode(other))))
        }
    }

    @Test func aStatementInAnothersNameProvesNothing() throws {
        let other = try statement(by: world.recipient, world.stranger.id)
        #expect(throws: ReceiptError.foreignSigner(world.stranger.id)) {
            try verify(try changed("statement", .string(Base64.encode(other))))
        }
    }

    @Test func changedDetailsAreNotThoseOfTheEntry() throws {
        #expect(throws: ReceiptError.detailsDiffer) {
            try verify(try changed("details", "{}"))
        }
        #expect(throws: ReceiptError.detailsDiffer) {
            try verify(
                try changed("salt", .string(Base64.encode([UInt8](repeating: 0, count: 32)))))
        }
    }

    @Test func aProofOfAnotherEntryProvesNothing() async throws {
        let other = try world.recipient.store.proof(of: 0)
        let text = JSON.string(String(decoding: other.bytes, as: UTF8.self))
        #expect(throws: (any Error).self) { try verify(try changed("proof", text)) }
    }

    @Test func aMutatedReceiptIsRefusedWithATypedError() throws {
        let intact = try verify(document)
        for mutation in Mutations.of(document, count: 150, seed: 3) {
            let statement = try? verify(mutation)
            #expect(statement == nil || statement == intact)
        }
    }

    @Test func aWrappedKeyIsWorthNothingUnderAnotherRow() throws {
        let storage = StorageKey(Random.secret(32))
        let other = TransferID(milliseconds: 1, entropy: [UInt8](repeating: 1, count: 10))
        let content = Random.secret(32)
        let wrapped = try storage.wrap(content, for: .outbound(id))
        // The copies that are wiped are copies.
        for _ in 0..<2 {
            let unwrapped = try storage.unwrap(wrapped, for: .outbound(id))
            #expect(unwrapped.revealed() == content.revealed())
        }
        let owners: [StorageKey.Owner] = [
            .outbound(other), .inbound(id, from: world.sender.id),
        ]
        for owner in owners {
            #expect(throws: CryptoError.self) { try storage.unwrap(wrapped, for: owner) }
        }
        #expect(throws: CryptoError.self) {
            try storage.unwrap(Array(wrapped.dropLast()), for: .outbound(id))
        }
        #expect(throws: CryptoError.self) { try storage.unwrap([], for: .outbound(id)) }
    }
}

/// Receipts whose certificate has left its node's record since it signed them.
struct FormerReceiptTests {
    let world: TestFederation
    var sender: TestNode { world.sender }
    var recipient: TestNode { world.recipient }

    init() async throws {
        world = try TestFederation()
        try await world.sender.register()
        world.clock.advance(seconds: 3_600)
    }

    /// A dataset that lies at the recipient, of which its sender has not heard.
    private func arrived() async throws -> (id: TransferID, receipt: [UInt8]) {
        let id = try await sender.send(world.request())
        let exchange = sender.exchange
        let task = Task { await exchange.pursue(id) }
        while try await sender.outbound(id)?.attempt == 0 { await Task.yield() }
        task.cancel()
        await task.value
        let name = SpoolFolder.Name(outbound: id)
        let head = try await exchange.part(.head, of: name)
        let payload = try await exchange.part(.payload, of: name)
        let answer = try await recipient.exchange.offer(
            head: head, payload: payload, from: sender.id)
        return (id, try #require(answer.receipt).canonical)
    }

    /// The sender's record of VN names another certificate from now on.
    private func renew(revoking revoked: [Certificate] = []) async throws {
        let record = try world.recordWithSigningRenewed(of: recipient)
        var lists: [String: [UInt8]] = [:]
        if !revoked.isEmpty {
            lists["VN"] = try world.revocationList("VN", number: 1, revoking: revoked)
        }
        _ = try await sender.take(records: ["VN": record], crls: lists)
    }

    @Test func whatWasEnteredBeforeCounts() async throws {
        let (id, receipt) = try await arrived()
        world.clock.advance(seconds: 60)
        try await renew()
        let brought = try await sender.exchange.take(receipt: receipt, by: .node(recipient.id))
        #expect(brought.state == "delivered" && brought.isNew)
        #expect(try await sender.outbound(id)?.state == "delivered")
        // Both ends prove it to others, whatever certificate the record names by then.
        for node in [sender, recipient] {
            let report = EvidenceVerifier.verify(
                try await node.exchange.evidence(of: id), trusted: world.federation.id)
            #expect(report.wrong == [])
            #expect(report.proven.contains { $0.contains("that it took in whole this envelope") })
        }
    }

    /// The record may change while a dataset is on its way to a node that has not heard of it: its evidence holds
    /// the record before for the receipt, and the next one for the release.
    @Test func whatWasReleasedUnderTheNextRecordCounts() async throws {
        try await renew()
        world.clock.advance(seconds: 60)
        let (id, receipt) = try await arrived()
        let brought = try await sender.exchange.take(receipt: receipt, by: .node(recipient.id))
        #expect(brought.state == "delivered")
        let files = try await sender.exchange.evidence(of: id).files
        #expect(files["membership/former/VN.cms"] != nil)
        world.clock.advance(seconds: Limits.clockSkewSecondsMax)
        let later = try world.recordWithOfficerRenewed().record
        func wrong(_ former: [String: [UInt8]]) throws -> [String] {
            let evidence = try Evidence(files: files.merging(former) { $1 })
            return EvidenceVerifier.verify(evidence, trusted: world.federation.id).wrong
        }
        #expect(try wrong([:]) == [])
        world.clock.advance(seconds: 1)
        #expect(try wrong(["membership/former/SG.cms": later]) == [])
        let after = try world.recordWithOfficerRenewed().record
        #expect(
            try wrong(["membership/former/SG.cms": after]).contains {
                $0.contains("the record of SG was issued at") && $0.hasSuffix("after that")
            })
    }

    /// Whoever brings a receipt could write another one into it.
    @Test func aMomentThatTheLogDoesNotBearOutNamesNoRecord() async throws {
        let receipt = try Receipt(parsing: try await arrived().receipt)
        world.clock.advance(seconds: 60)
        try await renew()
        let entry = receipt.entry
        let moved = Receipt(
            statement: receipt.statement,
            entry: Entry(
                sequence: entry.sequence, time: entry.time + 1, kind: entry.kind,
                transfer: entry.transfer, actor: entry.actor, commitment: entry.commitment),
            details: receipt.details, salt: receipt.salt, proof: receipt.proof)
        let exchange = sender.exchange
        for (receipt, isNamed) in [(receipt, true), (moved, false)] {
            let former = try exchange.formerRecord(
                behind: try receipt.claim, of: recipient.id, now: exchange.federation)
            #expect((former != nil) == isNamed)
        }
    }

    /// What a log enters by then bears the time of then, whatever the old key signs.
    @Test func whatIsEnteredAfterwardsDoesNotCount() async throws {
        try await renew()
        world.clock.advance(seconds: 2 * Limits.clockSkewSecondsMax)
        let (id, receipt) = try await arrived()
        #expect(
            await problem {
                _ = try await sender.exchange.take(receipt: receipt, by: .node(recipient.id))
            } == "verification-failed")
        #expect(try await sender.outbound(id)?.state != "delivered")
    }

    @Test func whatWasRevokedCountsForNothing() async throws {
        let (id, receipt) = try await arrived()
        world.clock.advance(seconds: 60)
        try await renew(revoking: [recipient.identity.signer.certificate])
        #expect(
            await problem {
                _ = try await sender.exchange.take(receipt: receipt, by: .node(recipient.id))
            } == "verification-failed")
        #expect(try await sender.outbound(id)?.state != "delivered")
    }
}
