import NIOCore
import SelatAudit
import SelatCore
import SelatEnvelope
import SelatEvidence
import SelatHTTP
import SelatStore
import SelatTestSupport
import SelatTransport
import Testing

@testable import SelatExchange

/// What a member's node that lies could send another, over real mutual TLS: neighbours of everything that is
/// brought from node to node.
struct MutatedBodyTests {
    let world: TestFederation
    private var sender: TestNode { world.sender }
    private var recipient: TestNode { world.recipient }

    init() throws { world = try TestFederation() }

    @Test(.timeLimit(.minutes(1)))
    func neighboursOfWhatNodesBringAreRefusedOverTheLink() async throws {
        let bodies = try await Bodies(world)
        let before = try await (kinds(at: sender).count, kinds(at: recipient).count)
        try await recipient.serving {
            try await sender.serving {
                // First: of more than a minute's share of one peer's refusals only the number is entered.
                try await refuse(bodies.mutants(of: bodies.recall, 40), by: sender, at: recipient) {
                    _ = try await $0.bring(recall: $1)
                }
                try await refuse(bodies.mutants(of: bodies.head, 40), by: sender, at: recipient) {
                    _ = try await $0.offer(bodies.offered.upload, head: $1, payload: nil)
                }
                let count = bodies.packageHead.count
                // Under a head that is whole an offer is recorded, whatever the payload: that one is an upload's affair.
                let packages = bodies.mutants(of: bodies.packageHead + bodies.packed.payload, 40)
                    .filter { !$0.starts(with: bodies.packageHead) }
                try await refuse(packages, by: sender, at: recipient) {
                    _ = try await $0.offer(
                        bodies.packed.upload, head: Array($1.prefix(count)),
                        payload: Array($1.dropFirst(count)))
                }
                let payloads = bodies.mutants(of: bodies.uploaded.payload, 60)
                try await refuse(payloads, by: sender, at: recipient) {
                    try await upload(bodies.uploaded, $1, through: $0)
                }
                // Another layout of the same document is the same receipt.
                let receipts = bodies.mutants(of: bodies.receipt, 60).filter {
                    (try? Receipt(parsing: $0))?.json.canonical != bodies.receipt
                }
                try await refuse(receipts, by: recipient, at: sender) {
                    _ = try await $0.bring(receipt: $1)
                }
                try await expectOnlyRefusals(since: before)
                try await takeAll(bodies)
            }
        }
        #expect(try await recipient.opened(bodies.packed.core.id) == TestFederation.bytes(5_000))
        #expect(try await recipient.opened(bodies.uploaded.core.id) == TestFederation.bytes(5_000))
    }

    /// One of each kind that nodes bring each other, whole and good.
    private struct Bodies: Sendable {
        let offered: Sealing
        let head: [UInt8]
        let packed: Sealing
        let packageHead: [UInt8]
        /// Its head was taken.
        let uploaded: Sealing
        let receipt: [UInt8]
        let recall: [UInt8]

        init(_ world: TestFederation) async throws {
            let (sender, recipient) = (world.sender, world.recipient)
            let id = try await sender.send(world.gauges(to: "VN/hub"))
            try await recipient.serving { await sender.exchange.pursue(id) }
            _ = try await recipient.opened(id)
            let from = sender.id
            let stated = try await recipient.store.read { try $0.stated(of: id, from: from) }
            let row = try #require(stated.last)
            receipt = try #require(try await recipient.exchange.receipt(row.statement, row.entry))
            recall = try world.recall(id)
            offered = try await world.seal()
            head = try world.head(offered)
            packed = try await world.seal()
            packageHead = try world.head(packed)
            uploaded = try await world.seal()
            _ = try await recipient.exchange.offer(
                head: try world.head(uploaded), payload: nil, from: from)
        }

        func mutants(of body: [UInt8], _ count: Int) -> [[UInt8]] {
            Mutations.of(body, count: count, seed: 17).filter { $0 != body }
        }
    }

    /// Each is answered with a problem that is the caller's fault, by a node that then answers the next.
    private func refuse(
        _ bodies: [[UInt8]], by peer: TestNode, at node: TestNode,
        _ send: (PeerClient, [UInt8]) async throws -> Void
    ) async throws {
        var client = try await peer.exchange.peers.dial(node.id)
        for body in bodies {
            if !client.isOpen { client = try await peer.exchange.peers.dial(node.id) }
            do {
                try await send(client, body)
                Issue.record("taken: \(Base64.encode(body))")
            } catch let problem as Problem {
                #expect((400..<500).contains(problem.status), "\(problem)")
            }
        }
        await client.close()
    }

    /// Sends all of a payload; it is one segment, of which nothing is kept before it is whole and good.
    private func upload(
        _ sealing: Sealing, _ payload: [UInt8], through client: PeerClient
    ) async throws {
        var rest = Optional(ByteBuffer(bytes: payload))
        do {
            _ = try await client.upload(sealing.upload, from: 0, length: UInt64(payload.count)) {
                defer { rest = nil }
                return rest
            }
        } catch {
            // The node may have answered before it had all, and closes then.
            await client.close()
            throw error
        }
    }

    private func kinds(at node: TestNode) async throws -> [EntryKind] {
        try await node.store.entries(EntryFilter(limit: 10_000)).map(\.entry.kind)
    }

    private func expectOnlyRefusals(since before: (sender: Int, recipient: Int)) async throws {
        let sent = try await kinds(at: sender).dropFirst(before.sender)
        #expect(Set(sent).subtracting(["receipt.rejected", "peer.program"]).isEmpty)
        let received = try await kinds(at: recipient).dropFirst(before.recipient)
        let refusals: Set<EntryKind> = [
            "offer.refused", "offers.refused", "recall.rejected", "peer.program",
        ]
        #expect(Set(received).subtracting(refusals).isEmpty)
        #expect(received.contains("offer.refused") && received.contains("recall.rejected"))
        #expect(sent.contains("receipt.rejected"))
    }

    /// What was mutated is taken as it is.
    private func takeAll(_ bodies: Bodies) async throws {
        let client = try await sender.exchange.peers.dial(recipient.id)
        let offered = try await client.offer(
            bodies.offered.upload, head: bodies.head, payload: nil)
        #expect(offered.state == "receiving")
        let packed = try await client.offer(
            bodies.packed.upload, head: bodies.packageHead, payload: bodies.packed.payload)
        #expect(packed.state == "delivered")
        try await upload(bodies.uploaded, bodies.uploaded.payload, through: client)
        #expect(try await client.bring(recall: bodies.recall) == .taken)
        await client.close()
        let back = try await recipient.exchange.peers.dial(sender.id)
        #expect(try await back.bring(receipt: bodies.receipt) == .taken)
        await back.close()
    }
}
