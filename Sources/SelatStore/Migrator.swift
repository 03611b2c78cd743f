// Brings a database's schema up to date: forward only, one transaction for all steps, a copy first.

import CSQLite
import GRDB
import Glibc

struct Migrator {
    let path: String
    let migrations: [Migration]

    /// - Throws: `StoreError.newerSchema`, `.foreignSchema`, `.migrationFailed`, `.cannotOpen`.
    func run(on database: Database) throws {
        let applied = try check(database)
        guard applied < migrations.count else { return }
        if applied > 0 { try backUp(database, before: migrations[applied]) }
        var step = migrations[applied]
        do {
            try database.inTransaction(.immediate) {
                for migration in migrations[applied...] {
                    step = migration
                    try database.execute(sql: migration.sql)
                    try database.execute(
                        sql: "INSERT INTO migrations (number, name) VALUES (?, ?)",
                        arguments: [try number(after: database), migration.name])
                }
                return .commit
            }
        } catch {
            throw StoreError.migrationFailed(path: path, name: step.name, reason: "\(error)")
        }
    }

    /// How many of our migrations the database has; makes the table of them in a new one.
    private func check(_ database: Database) throws -> Int {
        let identity = try Int32.fetchOne(database, sql: "PRAGMA application_id")
        if try !database.tableExists("migrations") {
            let tables = try Int.fetchOne(database, sql: "SELECT count(*) FROM sqlite_schema")
            guard tables == 0 else { throw foreign("it holds another program's tables") }
            try database.execute(
                sql: """
                    PRAGMA application_id = \(Schema.applicationID);
                    CREATE TABLE migrations (number INTEGER PRIMARY KEY, name TEXT NOT NULL) STRICT;
                    """)
            return 0
        }
        guard identity == Schema.applicationID else { throw foreign("its application id differs") }
        let names = try String.fetchAll(
            database, sql: "SELECT name FROM migrations ORDER BY number")
        guard names.count <= migrations.count else {
            throw StoreError.newerSchema(
                path: path, version: names.count, known: migrations.count)
        }
        for (name, migration) in zip(names, migrations) where name != migration.name {
            throw foreign("it has migration `\(name)` where this one has `\(migration.name)`")
        }
        return names.count
    }

    private func number(after database: Database) throws -> Int {
        try Int.fetchOne(database, sql: "SELECT coalesce(max(number), 0) + 1 FROM migrations") ?? 1
    }

    private func foreign(_ reason: String) -> StoreError {
        .foreignSchema(path: path, reason: reason)
    }

    /// A whole copy beside the database, durable before the first step; replaces one of the same
    /// step, which only an unfinished migration leaves.
    private func backUp(_ database: Database, before step: Migration) throws {
        let copy = "\(path).before-\(step.name)"
        unlink(copy)
        // VACUUM INTO fills an empty file, so the copy is never readable by others.
        try Files.create(copy)
        do {
            try database.execute(sql: "VACUUM INTO ?", arguments: [copy])
            try Files.synchronize(copy)
        } catch {
            // A part of a copy helps nobody, and the disk may be full because of it.
            unlink(copy)
            throw error
        }
        try Files.synchronizeFolder(of: copy)
    }
}
