// Verifies the log in a database file: a living node's, a copy of it, or one on a read-only disk.

import CSQLite
package import SelatAudit

package enum LogFile {
    /// Reads the whole log in one read transaction and verifies it. Writes nothing, and disturbs no
    /// daemon that has the database open.
    ///
    /// Blocks for the time of reading. Memory does not grow with the log.
    /// - Parameters:
    ///   - path: the database file; its `-wal` is read with it where there is one.
    ///   - key: the log's key from a source that is trusted. Without one the key that the database
    ///     names is taken, and the report says so.
    /// - Returns: what is wrong with the log, and what it holds.
    /// - Throws: `StoreError` when there is no database to be read.
    package static func verify(path: String, key: VerifierKey? = nil) throws -> LogReport {
        let connection = try ReadOnlyConnection(path: path)
        let own = key == nil ? try ownKey(connection, path) : nil
        var verifier = LogVerifier(key: key ?? own)
        do {
            try checkSchema(connection, path, &verifier)
            try checkPages(connection, &verifier)
            try feed(connection, &verifier)
        } catch let failure as SQLiteFailure {
            // What can still be read was; what cannot is a finding, not an excuse.
            verifier.fail(
                "the database cannot be read behind entry \(verifier.size): \(failure.message)")
        }
        var report = verifier.finish()
        report.key = key ?? own
        report.isKeyItsOwn = key == nil
        return report
    }

    /// One thread reads while this one hashes.
    private static func feed(
        _ connection: ReadOnlyConnection, _ verifier: inout LogVerifier
    ) throws {
        let reader = LogReader(connection)
        reader.start()
        while let entries = reader.next() {
            verifier.take(entries)
            reader.recycle(consume entries)
        }
        let withTransfer = try reader.result()
        try checkSides(connection, withTransfer, &verifier)
    }

    /// The index by transfer shows every entry, and no details lie about without one.
    private static func checkSides(
        _ connection: ReadOnlyConnection, _ withTransfer: Int64, _ verifier: inout LogVerifier
    ) throws {
        let indexed = try connection.integer(
            """
            SELECT count(*) FROM entries INDEXED BY entries_by_transfer
            WHERE transfer IS NOT NULL
            """)
        if indexed != withTransfer {
            verifier.fail(
                "the index by transfer shows \(indexed) entries where \(withTransfer) are")
        }
        let loose = try connection.integer(
            """
            SELECT count(*) FROM details
            WHERE NOT EXISTS (SELECT 1 FROM entries WHERE entries.sequence = details.sequence)
            """)
        if loose > 0 { verifier.fail("\(loose) details belong to no entry") }
        if try connection.erasures() != verifier.erased {
            verifier.fail("the table of erasures is not what the entries say was erased")
        }
    }

    /// The log's tables and triggers are those that `Schema` makes.
    private static func checkSchema(
        _ connection: ReadOnlyConnection, _ path: String, _ verifier: inout LogVerifier
    ) throws {
        let found = try connection.logSchema()
        let version = Int(try connection.integer("SELECT count(*) FROM migrations"))
        guard version <= Schema.migrations.count else {
            throw StoreError.newerSchema(
                path: path, version: version, known: Schema.migrations.count)
        }
        let all = Schema.migrations.prefix(version).map(\.sql).joined()
        let expected = try ReadOnlyConnection.fresh(schema: all).logSchema()
        for name in Set(expected.keys).union(found.keys).sorted()
        where found[name] != expected[name] {
            let fault = found[name] == nil ? "gone" : expected[name] == nil ? "foreign" : "changed"
            verifier.fail("`\(name)` of the log's schema is \(fault)")
        }
    }

    private static func checkPages(
        _ connection: ReadOnlyConnection, _ verifier: inout LogVerifier
    ) throws {
        let check = try connection.prepare("PRAGMA quick_check(10)")
        while try check.step() {
            let finding = String(decoding: check.bytes(0), as: UTF8.self)
            if finding != "ok" { verifier.fail("database: \(finding.prefix(200))") }
        }
    }

    /// The key that the daemon wrote down beside its log.
    private static func ownKey(
        _ connection: ReadOnlyConnection, _ path: String
    ) throws -> VerifierKey? {
        do {
            let statement = try connection.prepare("SELECT value FROM settings WHERE key = ?")
            statement.bind(1, Settings.logKey)
            guard try statement.step() else { return nil }
            return try? VerifierKey(String(decoding: statement.bytes(0), as: UTF8.self))
        } catch let failure as SQLiteFailure where failure.primaryCode == SQLITE_ERROR {
            throw StoreError.foreignSchema(path: path, reason: failure.message)
        } catch let failure as SQLiteFailure {
            throw StoreError("reading database `\(path)`", failure, path: path)
        }
    }
}
