import Foundation
import SelatAudit
import SelatCore
import SelatCrypto
import Testing

@testable import SelatStore

/// Copies of database and spool, while both are in use.
struct CopyTests {
    private static func store(_ folder: TemporaryFolder) throws -> Store {
        let log = try LogIdentity(origin: "selat/ab/SG/csa/1", key: try .generate(.ed25519))
        return try Store.open(
            path: "\(folder.path)/selat.sqlite", log: log, clock: SystemClock(),
            entropy: SystemEntropy(), fatal: { preconditionFailure("\($0)") })
    }

    private static func spool(_ folder: TemporaryFolder) throws -> SpoolFolder {
        try FileManager.default.createDirectory(
            atPath: "\(folder.path)/spool", withIntermediateDirectories: true)
        return SpoolFolder("\(folder.path)/spool")
    }

    private static let states = SpooledStates(
        outbound: ["waiting"], inbound: ["receiving"], relayed: ["holding"])

    private static func inbound(_ state: String, durable: UInt64) throws -> InboundRow {
        var row = InboundRow(
            from: try NodeID("VN/hub"),
            id: TransferID(milliseconds: UInt64(durable), entropy: Array(repeating: 7, count: 10)),
            received: SystemClock().now(), expires: SystemClock().now() + 60, state: state,
            payloadSize: 100, fixedParts: SHA256.digest([1]), header: [1])
        row.durable = durable
        return row
    }

    private static func put(_ count: Int, _ path: String) throws {
        try Data([UInt8](repeating: 1, count: count)).write(to: URL(filePath: path))
    }

    @Test func aCopyIsOneStateAlthoughTheWriterGoesOn() async throws {
        let folder = try TemporaryFolder()
        let (store, spool) = (try Self.store(folder), try Self.spool(folder))
        let writing = Task {
            for count in 0... {
                try Task.checkCancellation()
                _ = try await store.commit {
                    try $0.append(EntryDraft(kind: "node.started", details: [:]))
                    try $0.setValue("count", Array("\(count)".utf8))
                }
            }
        }
        for _ in 0..<5 {
            let copy = try Store.copy(
                path: store.path, spool: spool, states: Self.states, into: "\(folder.path)/backup")
            // The value and the entry were written together.
            let report = try LogFile.verify(path: copy.database)
            #expect(report.isSound && report.size == copy.logSize && report.root == copy.root)
            #expect(copy.spooled.isEmpty && copy.gone == 0)
            #expect(try Store.contents(path: copy.database).schema == Store.schemaVersion)
            Store.removeCopies("\(folder.path)/backup", spool)
        }
        writing.cancel()
        _ = try? await writing.value
        await store.close()
        #expect(!FileManager.default.fileExists(atPath: "\(folder.path)/backup"))
    }

    @Test func filesStayAlthoughTheirTransferEnds() async throws {
        let folder = try TemporaryFolder()
        let (store, spool) = (try Self.store(folder), try Self.spool(folder))
        let rows = [
            try Self.inbound("receiving", durable: 40), try Self.inbound("delivered", durable: 100),
            try Self.inbound("receiving", durable: 0),
        ]
        let names = rows.map { SpoolFolder.Name(inbound: $0.id, from: $0.from) }
        try Self.put(100, spool.path(of: names[0], .payload))
        try Self.put(7, spool.path(of: names[0], .head))
        try Self.put(100, spool.path(of: names[1], .payload))
        _ = try await store.commit { transaction in
            for row in rows { try transaction.save(row) }
        }
        let copy = try Store.copy(
            path: store.path, spool: spool, states: Self.states, into: "\(folder.path)/backup")
        // The one whose payload is not there has ended; of the upload only what is durable counts.
        #expect(copy.gone == 1)
        #expect(copy.spooled.map(\.size).sorted() == [7, 40])
        await spool.remove(names[0])
        for file in copy.spooled { #expect(FileManager.default.fileExists(atPath: file.path)) }
        // What lies in the spool beside that is not taken for a transfer's.
        #expect(spool.removeAll(unless: { _ in false }) == 1)
        for file in copy.spooled { #expect(FileManager.default.fileExists(atPath: file.path)) }
        Store.removeCopies("\(folder.path)/backup", spool)
        #expect(try FileManager.default.contentsOfDirectory(atPath: spool.path) == [])
        await store.close()
    }

    /// Each file is asked for by its name.
    @Test func filesGoThatNoTransferHas() async throws {
        let folder = try TemporaryFolder()
        let (store, spool) = (try Self.store(folder), try Self.spool(folder))
        let held = try Self.inbound("receiving", durable: 1)
        let over = try Self.inbound("delivered", durable: 2)
        let sent = OutboundRow(
            id: held.id, to: held.from, created: held.received, expires: held.expires,
            precedence: .routine, state: "waiting", payloadSize: 1)
        _ = try await store.commit { transaction in
            for row in [held, over] { try transaction.save(row) }
            try transaction.save(sent)
        }
        let kept = [
            SpoolFolder.Name(inbound: held.id, from: held.from),
            SpoolFolder.Name(outbound: sent.id),
        ]
        let others = [
            SpoolFolder.Name(inbound: over.id, from: over.from),
            SpoolFolder.Name(inbound: held.id, from: try NodeID("VN/hub-2")),
            SpoolFolder.Name(relayed: held.id, from: held.from),
            SpoolFolder.Name(outbound: over.id),
        ]
        for name in kept + others { try Self.put(1, spool.path(of: name, .payload)) }
        // What a daemon left that ended while it wrote, and what was never a transfer's.
        try Self.put(1, spool.path(of: kept[0], .head) + ".new")
        for name in ["out.x.payload", "in.VN.\(held.id).payload", "out.head", "foreign"] {
            try Self.put(1, "\(spool.path)/\(name)")
        }
        let removed = try await store.read { snapshot in
            try spool.removeAll { try snapshot.hasFiles($0, in: Self.states) }
        }
        #expect(removed == others.count + 4)
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: spool.path).sorted()
                == ["foreign"] + kept.map { "\($0).payload" })
        await store.close()
    }

    /// Their parts are in the copy of the database: no file is looked for.
    @Test func smallTransfersNeedNoFiles() async throws {
        let folder = try TemporaryFolder()
        let (store, spool) = (try Self.store(folder), try Self.spool(folder))
        let row = try Self.inbound("receiving", durable: 100)
        let name = SpoolFolder.Name(inbound: row.id, from: row.from)
        _ = try await store.commit {
            try $0.save(row)
            try $0.keep([1], as: .payload, of: name)
        }
        let copy = try Store.copy(
            path: store.path, spool: spool, states: Self.states, into: "\(folder.path)/backup")
        #expect(copy.gone == 0 && copy.spooled.isEmpty)
        Store.removeCopies("\(folder.path)/backup", spool)
        await store.close()
    }

    @Test func aLeftoverIsReplacedAndADamagedDatabaseIsNoBackup() async throws {
        let folder = try TemporaryFolder()
        let (store, spool) = (try Self.store(folder), try Self.spool(folder))
        let place = "\(folder.path)/backup"
        try FileManager.default.createDirectory(
            atPath: place, withIntermediateDirectories: true)
        try Self.put(9, "\(place)/selat.sqlite")
        _ = try Store.copy(path: store.path, spool: spool, states: Self.states, into: place)
        await store.close()
        Store.removeCopies(place, spool)

        let file = try FileHandle(forUpdating: URL(filePath: store.path))
        let size = try file.seekToEnd()
        for page in stride(from: UInt64(4_096), to: size, by: 4_096) {
            try file.seek(toOffset: page)
            try file.write(contentsOf: Data(repeating: 0x55, count: 64))
        }
        try file.close()
        #expect(throws: (any Error).self) {
            _ = try Store.copy(path: store.path, spool: spool, states: Self.states, into: place)
        }
        #expect(!FileManager.default.fileExists(atPath: place))
    }

    @Test func whatWasRestoredIsRememberedUntilItIsKnown() async throws {
        let folder = try TemporaryFolder()
        let store = try Self.store(folder)
        await store.close()
        try Store.noteRestored(path: store.path, entries: 12)
        let again = try Self.store(folder)
        #expect(try await again.restoredSize() == 12)
        try await again.forgetRestored()
        #expect(try await again.restoredSize() == nil)
        await again.close()
    }
}
