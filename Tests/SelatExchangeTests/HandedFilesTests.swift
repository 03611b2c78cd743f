import Foundation
import SelatAudit
import SelatCore
import SelatEnvelope
import SelatStore
import SelatTestSupport
import Testing

@testable import SelatExchange

/// Datasets that are sealed from, and opened into, files that the caller has opened.
struct HandedFilesTests: Sendable {
    private let world: TestFederation
    private let folder: MemoryFolder
    private var sender: TestNode { world.sender }
    private var recipient: TestNode { world.recipient }

    init() throws {
        world = try TestFederation()
        folder = try MemoryFolder()
    }

    private func path(_ name: String) -> String { "\(folder.path)/\(name)" }

    private func handed(_ name: String, _ content: [UInt8]) throws -> HandedFiles {
        try HandedFiles([folder.open(name, content)])
    }

    private func content(_ name: String) throws -> [UInt8] {
        Array(try Data(contentsOf: URL(filePath: path(name))))
    }

    /// One in the database, one of one segment, one of several, one that ends with a segment.
    @Test(arguments: [0, 5_000, 300_000, 3_500_000, 4 << 20])
    func theyAreSealedAndOpenedLikeBytes(size: Int) async throws {
        let bytes = TestFederation.bytes(size)
        let begun = try await sender.exchange.begin(
            world.request(size: size), lifeSeconds: 3_600, by: 0)
        _ = try await sender.exchange.seal(begun.id, try handed("in", bytes), by: 0)
        try await recipient.serving { await sender.exchange.pursue(begun.id) }
        #expect(try await sender.outbound(begun.id)?.state == "delivered")
        #expect(try await recipient.opened(begun.id) == bytes)
        // What was in a file before is not left behind its end.
        let out = try handed("out", [UInt8](repeating: 9, count: size + 10_000))
        try await recipient.exchange.open(begun.id, into: out, by: 7)
        #expect(try content("out") == bytes)
        let entries = try await recipient.store.entries(EntryFilter(kind: "transfer.opened"))
        #expect(entries.map(\.entry.actor.text) == ["uid:0", "uid:7"])
    }

    @Test(arguments: [-1, 1], [5_000, 3_500_000])
    func filesOfAnotherSizeEndTheTransfer(difference: Int, size: Int) async throws {
        let begun = try await sender.exchange.begin(
            world.request(size: size), lifeSeconds: 3_600, by: 0)
        let files = try handed("in", TestFederation.bytes(size + difference))
        await #expect(throws: PlainFiles.Unusable.self) {
            _ = try await sender.exchange.seal(begun.id, files, by: 0)
        }
        #expect(try await sender.outbound(begun.id)?.state == "cancelled")
        #expect(try sender.parts == [])
    }

    @Test func theirNumberIsTheDatasets() async throws {
        let begun = try await sender.exchange.begin(world.request(), lifeSeconds: 3_600, by: 0)
        await #expect(throws: PlainFiles.Unusable.self) {
            _ = try await sender.exchange.seal(begun.id, try HandedFiles([]), by: 0)
        }
        #expect(try await sender.outbound(begun.id)?.state == "cancelled")
        let id = try await sender.send(world.request())
        try await recipient.serving { await sender.exchange.pursue(id) }
        await #expect(throws: PlainFiles.Unusable.self) {
            try await recipient.exchange.open(id, into: try HandedFiles([]), by: 0)
        }
        // Nothing was handed out, and nothing was entered.
        #expect(try await recipient.entries("transfer.opened") == 0)
    }

    @Test func aTamperedPayloadIsNeverWhole() async throws {
        let id = try await sender.send(world.request(size: 3_500_000))
        try await recipient.serving { await sender.exchange.pursue(id) }
        let name = SpoolFolder.Name(inbound: id, from: sender.id)
        let payload = recipient.exchange.spool.path(of: name, .payload)
        let file = open(payload, O_WRONLY)
        _ = pwrite(file, [1, 2, 3], 3, 2_000_000)
        close(file)
        let out = try handed("out", [])
        #expect(
            await problem {
                try await recipient.exchange.open(id, into: out, by: 0)
            } == "verification-failed")
    }
}
