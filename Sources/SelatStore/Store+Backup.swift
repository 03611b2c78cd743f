// A copy of everything that a node keeps, while it goes on: one committed state of the database, and
// the spool's files that belong to it under second names (Backup.docc, *What is taken when*).

import CSQLite
import GRDB
import Glibc
import SelatAudit
package import SelatCore

/// States in which a transfer has files in the spool, as words of the exchange's machines.
package struct SpooledStates: Sendable {
    package let outbound: Set<String>
    package let inbound: Set<String>
    package let relayed: Set<String>

    package init(outbound: Set<String>, inbound: Set<String>, relayed: Set<String>) {
        (self.outbound, self.inbound, self.relayed) = (outbound, inbound, relayed)
    }
}

extension Snapshot {
    /// Whether a transfer is in one of the states in which its files belong to it.
    package func hasFiles(_ name: SpoolFolder.Name, in states: SpooledStates) throws -> Bool {
        let (table, states) = states.of(name.direction)
        let sender = name.from == nil ? "" : " AND sender = ?"
        let statement = try BorrowedStatement(
            "SELECT state FROM \(table) WHERE id = ?\(sender)", in: database)
        statement.bind(1, name.transfer.text)
        if let from = name.from { statement.bind(2, from.text) }
        return try statement.rows { states.contains($0.text(0)) }.first ?? false
    }
}

extension SpooledStates {
    fileprivate func of(
        _ direction: SpoolFolder.Name.Direction
    ) -> (table: String, states: Set<String>) {
        switch direction {
        case .outbound: ("outbound", outbound)
        case .inbound: ("inbound", inbound)
        case .relayed: ("relayed", relayed)
        }
    }
}

/// A copied database and its spool, until they are removed.
package struct StoreCopy: Sendable {
    package let database: String
    package let databaseSize: UInt64
    /// Entries of the log in the copy, and the root over them.
    package let logSize: UInt64
    package let root: Digest
    /// In the order of their names.
    package let spooled: [SpooledFile]
    /// Transfers that ended while the copy was made, so that their files are not in it.
    package let gone: Int

    /// One file of the spool.
    package struct SpooledFile: Sendable {
        package let name: String
        /// Its second name, which nobody else removes.
        package let path: String
        /// How many of its first bytes belong to the copied state: an upload goes on behind them.
        package let size: UInt64
    }
}

extension Store {
    /// How many migrations this program knows.
    package static let schemaVersion = Schema.migrations.count

    /// Copies a database that is in use, and links the files of its transfers. Blocks on the disk for as
    /// long as the database takes; the writer goes on meanwhile.
    /// - Parameter folder: for the database's copy; it is made, and must not be there.
    /// - Throws: `StoreError`, `FileFault`; both folders are gone then.
    package static func copy(
        path: String, spool: SpoolFolder, states: SpooledStates, into folder: String
    ) throws -> StoreCopy {
        removeCopies(folder, spool)
        do {
            for folder in [folder, spool.linkFolder] where mkdir(folder, 0o700) != 0 {
                throw FileFault.latest("making", folder)
            }
            return try made(path, spool, states, folder)
        } catch {
            removeCopies(folder, spool)
            throw StoreError.mapped("copying the database", error, path: path)
        }
    }

    /// Removes a copy, or what a crash has left of one.
    package static func removeCopies(_ folder: String, _ spool: SpoolFolder) {
        Files.removeFolder(folder)
        Files.removeFolder(spool.linkFolder)
    }

    /// A transfer may end between the moment that the database is read at and the link to its file; so
    /// a few moments are tried, and what still is not there counts as ended.
    private static func made(
        _ path: String, _ spool: SpoolFolder, _ states: SpooledStates, _ folder: String
    ) throws -> StoreCopy {
        for attempt in 1... {
            let connection = try ReadOnlyConnection(path: path)
            var files: [StoreCopy.SpooledFile] = []
            var gone = 0
            for transfer in try connection.spooled(states) {
                let linked = try spool.link(transfer.name, payload: transfer.payload)
                files += linked
                if linked.isEmpty { gone += 1 }
            }
            if gone > 0, attempt < momentsMax {
                Files.emptyFolder(spool.linkFolder)
                continue
            }
            let copy = "\(folder)/selat.sqlite"
            try connection.copy(to: copy)
            let (size, root) = try checked(copy)
            return StoreCopy(
                database: copy, databaseSize: try Files.size(copy), logSize: size, root: root,
                spooled: files.sorted {
                    Array($0.name.utf8).lexicographicallyPrecedes($1.name.utf8)
                },
                gone: gone)
        }
        preconditionFailure("the last moment is taken as it is")
    }

    private static let momentsMax = 3

    /// Reads every page of the copy, and its log's end.
    /// - Throws: `StoreError.damaged`: a copy of a damaged database is no backup.
    private static func checked(_ path: String) throws -> (size: UInt64, root: Digest) {
        var configuration = Configuration()
        configuration.readonly = true
        let copy = try DatabaseQueue(path: path, configuration: configuration)
        defer { try? copy.close() }
        return try copy.read { database in
            let lines = try String.fetchAll(database, sql: "PRAGMA quick_check(1)")
            guard lines == ["ok"] else {
                throw StoreError.damaged(path: path, reason: lines.first ?? "it cannot be read")
            }
            let snapshot = Snapshot(database: database)
            let size = try snapshot.size()
            return (size, try snapshot.root(of: size))
        }
    }

    /// Writes down in a restored database how much of the log the backup had: what the node appends from
    /// now on is not what the lost one did.
    package static func noteRestored(path: String, entries: UInt64) throws {
        do {
            let queue = try DatabaseQueue(path: path)
            defer { try? queue.close() }
            try queue.write {
                try Settings.setValue(Settings.restored, Array("\(entries)".utf8), in: $0)
            }
        } catch {
            throw StoreError.mapped("writing to the restored database", error, path: path)
        }
    }

    /// The number of migrations that a database file has, and how many transfers stand in which state.
    /// - Throws: `StoreError`, also for a file that is no database of ours.
    package static func contents(path: String) throws -> StoredContents {
        do {
            let connection = try ReadOnlyConnection(path: path)
            guard try connection.integer("PRAGMA application_id") == Int64(Schema.applicationID)
            else {
                throw StoreError.foreignSchema(path: path, reason: "its application id differs")
            }
            let schema = Int(try connection.integer("SELECT count(*) FROM migrations"))
            var states: [String: [String: UInt64]] = [:]
            for table in ["outbound", "inbound", "relayed"]
            where try connection.integer(
                "SELECT count(*) FROM sqlite_schema WHERE name = '\(table)'") > 0
            {
                states[table] = try connection.counts(
                    "SELECT state, count(*) FROM \(table) GROUP BY state")
            }
            return StoredContents(schema: schema, transfers: states)
        } catch let failure as SQLiteFailure {
            throw StoreError("reading database `\(path)`", failure, path: path)
        }
    }
}

/// What a database file holds, for a report.
package struct StoredContents: Sendable {
    package let schema: Int
    /// Direction to state to count.
    package let transfers: [String: [String: UInt64]]
}

extension ReadOnlyConnection {
    fileprivate struct Spooled {
        let name: SpoolFolder.Name
        /// How much of the payload belongs to this state; nil for all.
        let payload: UInt64?
    }

    /// The transfers that have files in the spool, in this state: those whose parts do not lie in the database.
    fileprivate func spooled(_ states: SpooledStates) throws -> [Spooled] {
        let outbound = try rows(
            "SELECT id, '', 0, 'out.' || id AS file FROM outbound", states.outbound
        ) { id, _, _ in
            Spooled(name: SpoolFolder.Name(outbound: try TransferID(id)), payload: nil)
        }
        let inbound = try rows(
            """
            SELECT id, sender, durable, 'in.' || replace(sender, '/', '-') || '.' || id AS file
            FROM inbound
            """, states.inbound
        ) {
            let name = SpoolFolder.Name(inbound: try TransferID($0), from: try NodeID($1))
            return Spooled(name: name, payload: $2)
        }
        let relayed = try rows(
            """
            SELECT id, sender, durable, 'via.' || replace(sender, '/', '-') || '.' || id AS file
            FROM relayed
            """, states.relayed
        ) {
            let name = SpoolFolder.Name(relayed: try TransferID($0), from: try NodeID($1))
            return Spooled(name: name, payload: $2)
        }
        return outbound + inbound + relayed
    }

    private func rows(
        _ selection: String, _ states: Set<String>,
        _ row: (_ id: String, _ sender: String, _ durable: UInt64) throws -> Spooled
    ) throws -> [Spooled] {
        let marks = states.map { "'\($0)'" }.sorted().joined(separator: ", ")
        let statement = try prepare(
            """
            \(selection) WHERE state IN (\(marks))
            AND NOT EXISTS (SELECT 1 FROM parts WHERE parts.name = file AND part = 'payload')
            """)
        var rows: [Spooled] = []
        while try statement.step() {
            rows.append(
                try row(
                    String(decoding: statement.bytes(0), as: UTF8.self),
                    String(decoding: statement.bytes(1), as: UTF8.self),
                    UInt64(clamping: statement.integer(2))))
        }
        return rows
    }

    fileprivate func counts(_ sql: String) throws -> [String: UInt64] {
        let statement = try prepare(sql)
        var counts: [String: UInt64] = [:]
        while try statement.step() {
            counts[String(decoding: statement.bytes(0), as: UTF8.self)] = UInt64(
                clamping: statement.integer(1))
        }
        return counts
    }
}
