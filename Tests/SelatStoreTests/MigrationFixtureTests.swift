import CSQLite
import Foundation
import GRDB
import SelatAudit
import SelatCore
import SelatCrypto
import SelatTestSupport
import Testing

@testable import SelatStore

/// Databases of every schema that there was (`Tests/Vectors/schema`), opened by this program.
struct MigrationFixtureTests {
    static let versions = Array(1...Schema.migrations.count)

    private static let fixtures = URL(filePath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "Vectors/schema")

    private static func text(_ version: Int, _ suffix: String) -> String? {
        let number = (version < 10 ? "0" : "") + "\(version)"
        let name = "\(number)-\(Schema.migrations[version - 1].name)\(suffix).sql"
        return try? String(contentsOf: fixtures.appending(path: name), encoding: .utf8)
    }

    private static func log() throws -> LogIdentity {
        let base64 = try String(
            contentsOf: fixtures.appending(path: "log.key.txt"), encoding: .utf8)
        let key = try PrivateKey(
            pem: Array("-----BEGIN PRIVATE KEY-----\n\(base64)-----END PRIVATE KEY-----\n".utf8))
        let federation = "af3ba245c369633221f855bf60add7d6f3b9dcc6915d92ad4a6809ab43f0d30c"
        return try LogIdentity(origin: "selat/\(federation)/SG/hub/1", key: key)
    }

    /// A database as the program of that schema left it.
    private static func make(_ version: Int, at path: String) throws {
        let database = try DatabaseQueue(path: path)
        try database.write { database in
            try database.execute(
                sql: """
                    PRAGMA application_id = \(Schema.applicationID);
                    CREATE TABLE migrations (number INTEGER PRIMARY KEY, name TEXT NOT NULL) STRICT;
                    """)
            for number in 1...version {
                try database.execute(sql: try #require(text(number, "")))
                try database.execute(sql: text(number, ".rows") ?? "")
                try database.execute(
                    sql: "INSERT INTO migrations VALUES (?, ?)",
                    arguments: [number, Schema.migrations[number - 1].name])
            }
        }
        try database.close()
    }

    /// Every row of every table, by the columns that it had then; those that a start writes are left out.
    private static func rows(_ path: String, like columns: [String: [String]]? = nil) throws
        -> (columns: [String: [String]], rows: [String: [Row]])
    {
        let database = try DatabaseQueue(path: path)
        defer { try? database.close() }
        return try database.read { database in
            let names = try String.fetchAll(
                database,
                sql: """
                    SELECT name FROM sqlite_schema WHERE type = 'table'
                        AND name NOT IN ('migrations', 'settings', 'checkpoints', 'sqlite_sequence')
                    """)
            var found = columns ?? [:]
            if columns == nil {
                for name in names { found[name] = try database.columns(in: name).map(\.name) }
            }
            let rows = try Dictionary(
                uniqueKeysWithValues: found.map { name, columns in
                    (
                        name,
                        try Row.fetchAll(
                            database,
                            sql: "SELECT \(columns.joined(separator: ", ")) FROM \(name) ORDER BY 1"
                        )
                    )
                })
            return (found, rows)
        }
    }

    /// The same of a database as the program of that schema left it.
    private static func rows(
        before version: Int, like columns: [String: [String]]
    ) throws -> [String: [Row]] {
        let folder = try TemporaryFolder()
        try make(version, at: folder.database)
        return try rows(folder.database, like: columns).rows
    }

    /// A document of the transfer that was sent, from where it lay.
    private static func document(
        _ kind: OutboundDocument, in found: (columns: [String: [String]], rows: [String: [Row]])
    ) -> [UInt8]? {
        let moved = found.rows["outbound_documents"]?.first { $0["kind"] == kind.rawValue }
        let bytes: Data? =
            moved.map { $0["document"] } ?? found.rows["outbound"]?.first?[kind.rawValue]
        return bytes.map { Array($0) }
    }

    @Test(arguments: versions) func aReleasedMigrationIsNeverEdited(version: Int) {
        #expect(Self.text(version, "") == Schema.migrations[version - 1].sql + "\n")
    }

    @Test(arguments: versions) func anOldDatabaseIsBroughtUpToDate(version: Int) async throws {
        let folder = try TemporaryFolder()
        try Self.make(version, at: folder.database)
        let before = try Self.rows(folder.database)
        #expect(before.rows["entries"]?.count == 11)

        let store = try Store.open(
            path: folder.database, log: try Self.log(), clock: FixedClock(),
            entropy: SeededEntropy(7), fatal: { preconditionFailure("\($0)") })
        #expect(store.latestCheckpoint.checkpoint.size == 11)
        #expect(
            try await store.read { try $0.value("kept") }
                == (version > 1 ? Array("as it was".utf8) : nil))
        // The rows are read as what they are.
        let sent = try await store.read { try $0.outbound(TransferFilter()) }
        let received = try await store.read { try $0.inbound(TransferFilter()) }
        #expect(sent.map(\.to.text) == (version > 2 ? ["VN/hub"] : []))
        #expect(received.map(\.peer.text) == (version > 2 ? ["MY/hub"] : []))
        for row in sent {
            for kind in OutboundDocument.allCases {
                let document = try store.lookUp { try $0.document(kind, of: row.id) }
                #expect(document == Self.document(kind, in: before), "\(kind)")
            }
        }
        let load = try store.lookUp { try $0.inboundLoad(of: try Country("MY")) }
        #expect(load.transfers == received.count)
        #expect(load.bytes == received.reduce(0) { $0 + $1.payloadSize })
        let queue = try store.lookUp { try $0.outboundLoad() }
        let underWay = sent.filter { $0.state == "queued" || $0.state == "sending" }
        #expect(queue.transfers == underWay.count)
        #expect(queue.bytes == underWay.reduce(0) { $0 + $1.payloadSize })
        let passing = try store.lookUp { try $0.relayedLoads() }
        #expect(passing.map { $0.held.bytes } == (version > 22 ? [100] : []))
        try await store.append(1)
        await store.close()

        var kept = before.columns
        // Its documents were moved.
        kept["outbound"]?.removeAll { OutboundDocument(rawValue: $0) != nil }
        let after = try Self.rows(folder.database, like: kept)
        for (table, rows) in try Self.rows(before: version, like: kept)
        where !["entries", "details"].contains(table) {
            #expect(after.rows[table] == rows, "\(table) of schema \(version)")
        }
        #expect(
            after.rows["entries"]?.prefix(11).elementsEqual(before.rows["entries"] ?? []) == true)
        let report = try LogFile.verify(path: folder.database)
        #expect(report.isSound && report.entries == 12, "\(report.failures)")
        #expect(try Store.contents(path: folder.database).schema == Store.schemaVersion)
        // The state before lies beside it, whole.
        guard version < Schema.migrations.count else { return }
        let copy = "\(folder.database).before-\(Schema.migrations[version].name)"
        #expect(try Self.rows(copy).rows["entries"] == before.rows["entries"])
    }

    /// Nothing that was kept for long is late at once, and what passes through here is none of the own transfers,
    /// whatever its id.
    @Test func whatIsKeptOfOwnTransfersAwaitsWitnessesFromTheUpgradeOn() async throws {
        let folder = try TemporaryFolder()
        try Self.make(21, at: folder.database)
        let database = try DatabaseQueue(path: folder.database)
        try await database.write { database in
            try database.execute(
                sql: """
                    INSERT INTO receipts (sender, id, kind, signer, attempt, taken, document)
                    SELECT 'SG/hub', id, 'opened', recipient, 1, 1796000000, X'7b7d' FROM outbound
                    """)
            #expect(try Int.fetchOne(database, sql: "SELECT count(*) FROM receipts") == 2)
        }
        try database.close()
        let start = Int64(Date().timeIntervalSince1970)
        let store = try Store.open(
            path: folder.database, log: try Self.log(), clock: FixedClock(),
            entropy: SeededEntropy(7), fatal: { preconditionFailure("\($0)") })
        let open = try await store.read {
            try $0.unwitnessedReceipts(
                of: try NodeID("VN/hub"), dueAt: Timestamp(seconds: 1 << 40), limit: 10)
        }
        #expect(open.count == 1)
        #expect(open.allSatisfy { $0.since.seconds >= start })
        await store.close()
    }

    /// What was under way through here at the upgrade takes room still.
    @Test func theRelaysLoadBeginsWithWhatLiesHere() async throws {
        let folder = try TemporaryFolder()
        try Self.make(22, at: folder.database)
        let database = try DatabaseQueue(path: folder.database)
        try await database.write { database in
            try database.execute(
                sql: """
                    INSERT INTO relayed
                    SELECT 'SG/hub', id, recipient, previous, next, received, expires, precedence,
                      'holding', 0, attempt, cause, 100, durable, fixed_parts, header, statement,
                      statement_entry, receipt FROM relayed
                    """)
        }
        try database.close()
        let store = try Store.open(
            path: folder.database, log: try Self.log(), clock: FixedClock(),
            entropy: SeededEntropy(7), fatal: { preconditionFailure("\($0)") })
        let load = try store.lookUp { try $0.relayedLoad(of: try Country("SG")) }
        #expect(load.transfers == 1 && load.bytes == 100)
        await store.close()
    }

    /// The disk fills up at whatever moment: the start fails, and a start with room goes on.
    @Test(arguments: [0, 1, 2, 4, 8, 16, 32, 64])
    func aFullDiskDuringMigrationLosesNothing(pagesMore: Int) async throws {
        let folder = try TemporaryFolder()
        try Self.make(3, at: folder.database)
        let before = try Self.rows(folder.database)
        let database = try DatabaseQueue(path: folder.database)
        var failure: (any Error)?
        do {
            try await database.writeWithoutTransaction { database in
                // What the file may have at most stands for the disk's end.
                let pages = try Int.fetchOne(database, sql: "PRAGMA page_count") ?? 0
                try database.execute(sql: "PRAGMA max_page_count = \(pages + pagesMore)")
                try Migrator(path: folder.database, migrations: Schema.migrations).run(
                    on: database)
            }
        } catch { failure = error }
        try database.close()
        if pagesMore < 8 {
            #expect(failure != nil)
            let after = try Self.rows(folder.database)
            #expect(after.columns == before.columns && after.rows == before.rows)
        }
        let store = try Store.open(
            path: folder.database, log: try Self.log(), clock: FixedClock(),
            entropy: SeededEntropy(7), fatal: { preconditionFailure("\($0)") })
        await store.close()
        #expect(try LogFile.verify(path: folder.database).isSound)
    }
}
