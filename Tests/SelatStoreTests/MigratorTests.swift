import Foundation
import GRDB
import SelatAudit
import SelatCore
import Testing

@testable import SelatStore

@Suite struct MigratorTests {
    let folder: TemporaryFolder
    let more = Migration(name: "more", sql: "CREATE TABLE more (a INTEGER) STRICT;")

    init() throws { folder = try TemporaryFolder() }

    private var backup: String { folder.database + ".before-more" }

    @Test func migrationKeepsTheLogAndACopyOfTheOld() async throws {
        let old = try Store.openForTest(folder)
        try await old.append(3)
        await old.close()
        let new = try Store.openForTest(folder, migrations: Schema.migrations + [more])
        try await new.append(1)
        #expect(try await new.entries().count == 4)
        await new.close()
        #expect(try LogFile.verify(path: backup).entries == 3)
        let attributes = try FileManager.default.attributesOfItem(atPath: backup)
        #expect(attributes[.posixPermissions] as? Int == 0o600)
    }

    @Test func newDatabaseNeedsNoCopy() async throws {
        let store = try Store.openForTest(folder, migrations: Schema.migrations + [more])
        await store.close()
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
        #expect(!names.contains { $0.contains(".before-") })
    }

    @Test func databaseOfANewerVersionIsRefused() async throws {
        let store = try Store.openForTest(folder, migrations: Schema.migrations + [more])
        await store.close()
        let count = Schema.migrations.count
        #expect(
            throws: StoreError.newerSchema(
                path: folder.database, version: count + 1, known: count)
        ) { try Store.openForTest(folder) }
    }

    @Test func failedMigrationLeavesTheDatabaseAsItWas() async throws {
        let old = try Store.openForTest(folder)
        try await old.append(3)
        await old.close()
        let broken = Migration(name: "broken", sql: "CREATE TABLE b (a); CREATE TABLE b (a);")
        #expect(throws: StoreError.self) {
            try Store.openForTest(folder, migrations: Schema.migrations + [more, broken])
        }
        let again = try Store.openForTest(folder)
        #expect(try await again.entries().count == 3)
        await again.close()
    }

    @Test func migrationsOfAnotherProgramAreRefused() async throws {
        let store = try Store.openForTest(folder, migrations: Schema.migrations + [more])
        await store.close()
        let other = Migration(name: "other", sql: "CREATE TABLE other (a);")
        #expect(throws: StoreError.self) {
            try Store.openForTest(folder, migrations: Schema.migrations + [other])
        }
    }

    @Test func databaseOfAnotherProgramIsRefused() throws {
        let queue = try DatabaseQueue(path: folder.database)
        try queue.write { try $0.execute(sql: "CREATE TABLE theirs (a)") }
        try queue.close()
        #expect(throws: StoreError.self) { try Store.openForTest(folder) }
    }

    @Test(.enabled(if: geteuid() != 0, "the superuser can write everything"))
    func readOnlyDatabaseIsRefusedByName() async throws {
        let store = try Store.openForTest(folder)
        await store.close()
        try FileManager.default.setAttributes(
            [.posixPermissions: 0o400], ofItemAtPath: folder.database)
        #expect(throws: StoreError.readOnly(path: folder.database)) {
            try Store.openForTest(folder)
        }
    }
}
