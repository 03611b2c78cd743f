import Foundation
import SelatAudit
import SelatCore
import SelatCrypto
import SelatTestSupport
import Testing

@testable import SelatStore

/// Parts of small transfers, in the database.
struct PartTests {
    private let folder: TemporaryFolder
    private let store: Store

    init() throws {
        folder = try TemporaryFolder()
        store = try Store.open(
            path: folder.database,
            log: try LogIdentity(origin: "selat/ab/SG/csa/1", key: try .generate(.ed25519)),
            clock: FixedClock(), entropy: SeededEntropy(7), fatal: { preconditionFailure("\($0)") })
    }

    private static let id = TransferID(milliseconds: 1, entropy: Array(repeating: 7, count: 10))
    private static let later = Timestamp(seconds: 9)

    private func part(_ part: SpoolFolder.Name.Part, _ name: SpoolFolder.Name) throws -> [UInt8]? {
        try store.lookUp { try $0.part(part, of: name) }
    }

    /// Whether a part that came with a row is there after the row's next change.
    private func outlives(
        _ name: SpoolFolder.Name, _ first: @escaping @Sendable (Transaction) throws -> Void,
        _ change: @escaping @Sendable (Transaction) throws -> Void
    ) async throws -> Bool {
        _ = try await store.commit {
            try $0.keep([1], as: .payload, of: name)
            try first($0)
        }
        _ = try await store.commit { try change($0) }
        return try part(.payload, name) == [1]
    }

    @Test func aPartIsReplacedAndOthersAreNotTouched() async throws {
        let (name, other) = (
            SpoolFolder.Name(outbound: Self.id),
            SpoolFolder.Name(inbound: Self.id, from: try NodeID("SG/hub"))
        )
        _ = try await store.commit {
            try $0.keep([1], as: .head, of: name)
            try $0.keep([], as: .payload, of: name)
            try $0.keep([3], as: .head, of: other)
            try $0.keep([4, 5], as: .head, of: name)
        }
        #expect(try part(.head, name) == [4, 5])
        #expect(try part(.payload, name) == [])
        #expect(try part(.head, other) == [3])
        #expect(try part(.payload, other) == nil)
        #expect(try part(.leaves, name) == nil)
    }

    @Test(arguments: [
        ("sealing", true), ("waiting", true), ("queued", true), ("sending", true),
        ("relayed", true), ("delivered", false), ("refused", false), ("cancelled", false),
        ("expired", false), ("unconfirmed", false),
    ])
    func whatIsSentGoesWithItsOutcome(state: String, isKept: Bool) async throws {
        let name = SpoolFolder.Name(outbound: Self.id)
        let row = OutboundRow(
            id: Self.id, to: try NodeID("VN/hub"), created: Timestamp(seconds: 1),
            expires: Self.later, precedence: .routine, state: "sealing", payloadSize: 1)
        var later = row
        later.state = state
        let after = later
        let outlives = try await outlives(name, { try $0.save(row) }, { try $0.save(after) })
        #expect(outlives == isKept)
    }

    @Test(arguments: [
        ("receiving", true), ("delivered", true), ("opened", true), ("recalled", true),
        ("refused", false), ("lapsed", false), ("withdrawn", false), ("destroyed", false),
    ])
    func whatIsReceivedGoesWhenItIsOver(state: String, isKept: Bool) async throws {
        let from = try NodeID("SG/hub-2")
        let name = SpoolFolder.Name(inbound: Self.id, from: from)
        let row = InboundRow(
            from: from, id: Self.id, received: Timestamp(seconds: 1), expires: Self.later,
            state: "receiving", payloadSize: 1, fixedParts: SHA256.digest([1]), header: [1])
        var later = row
        later.state = state
        let after = later
        let outlives = try await outlives(name, { try $0.save(row) }, { try $0.save(after) })
        #expect(outlives == isKept)
    }

    @Test(arguments: [
        ("receiving", true), ("holding", true), ("forwarded", true), ("returned", true),
        ("delivered", false), ("refused", false), ("lapsed", false), ("withdrawn", false),
    ])
    func whatIsRelayedGoesWithItsOutcome(state: String, isKept: Bool) async throws {
        let from = try NodeID("SG/hub")
        let name = SpoolFolder.Name(relayed: Self.id, from: from)
        let row = RelayedRow(
            from: from, id: Self.id, to: try NodeID("VN/hub"), previous: from,
            next: try NodeID("VN/hub"), received: Timestamp(seconds: 1), expires: Self.later,
            precedence: .routine, state: "receiving", attempt: 1, payloadSize: 1,
            fixedParts: SHA256.digest([1]), header: [1])
        var later = row
        later.state = state
        let after = later
        let outlives = try await outlives(name, { try $0.save(row) }, { try $0.save(after) })
        #expect(outlives == isKept)
    }

    /// What came whole and too late has ended when it is first recorded.
    @Test func whatHasEndedAtOnceKeepsNothing() async throws {
        let from = try NodeID("SG/hub")
        let (inbound, relayed) = (
            SpoolFolder.Name(inbound: Self.id, from: from),
            SpoolFolder.Name(relayed: Self.id, from: from)
        )
        let (received, held) = (
            InboundRow(
                from: from, id: Self.id, received: Timestamp(seconds: 1), expires: Self.later,
                state: "lapsed", payloadSize: 1, fixedParts: SHA256.digest([1]), header: [1]),
            RelayedRow(
                from: from, id: Self.id, to: try NodeID("VN/hub"), previous: from,
                next: try NodeID("VN/hub"), received: Timestamp(seconds: 1), expires: Self.later,
                precedence: .routine, state: "lapsed", attempt: 1, payloadSize: 1,
                fixedParts: SHA256.digest([1]), header: [1])
        )
        _ = try await store.commit {
            for name in [inbound, relayed] {
                try $0.keep([1], as: .head, of: name)
                try $0.keep([1], as: .payload, of: name)
            }
            try $0.save(received)
            try $0.save(held)
        }
        for name in [inbound, relayed] {
            #expect(try part(.head, name) == nil)
            #expect(try part(.payload, name) == nil)
        }
    }

    /// What a change is to leave no trace of is neither in the database's file nor in the write-ahead log.
    @Test func whatIsDestroyedLeavesTheFilesToo() async throws {
        let from = try NodeID("SG/hub")
        let name = SpoolFolder.Name(inbound: Self.id, from: from)
        let secret = Array("a sealed payload that is to be gone from every file".utf8)
        let row = InboundRow(
            from: from, id: Self.id, received: Timestamp(seconds: 1), expires: Self.later,
            state: "delivered", payloadSize: 1, fixedParts: SHA256.digest([1]), header: [1])
        func isFound() throws -> Bool {
            try ["", "-wal"].contains { suffix in
                let file = try Data(contentsOf: URL(filePath: folder.database + suffix))
                return file.range(of: Data(secret)) != nil
            }
        }
        _ = try await store.commit {
            try $0.keep(secret, as: .payload, of: name)
            try $0.save(row)
        }
        #expect(try isFound())
        _ = try await store.commit {
            var row = row
            row.state = "destroyed"
            $0.leaveNoTrace()
            try $0.save(row)
        }
        // It is emptied when the batch is through.
        for _ in 0..<100 where try isFound() { try await Task.sleep(for: .milliseconds(20)) }
        #expect(try !isFound())
    }

    @Test func aStoredPayloadReadsLikeAFile() throws {
        let bytes = (0..<10_000).map { UInt8(truncatingIfNeeded: $0) }
        let payload = StoredPayload(bytes, of: SpoolFolder.Name(outbound: Self.id))
        var memory = [UInt8](repeating: 0, count: 16_384)
        func read(_ range: Range<UInt64>) throws -> [UInt8] {
            var span = memory.mutableSpan
            var room = span.mutableBytes
            let start = try payload.read(range, into: &room)
            return Array(memory[start..<start + range.count])
        }
        for range: Range<UInt64> in [0..<10_000, 0..<0, 4_097..<9_999, 10_000..<10_000] {
            #expect(try read(range) == Array(bytes[Int(range.lowerBound)..<Int(range.upperBound)]))
        }
        #expect(throws: FileFault.self) { try read(9_999..<10_001) }
    }
}
