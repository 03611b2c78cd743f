// Erasing details: the one thing of the log that ever goes away, and only beside the entry that says
// so (Audit.docc/Format.md, "Erasure").

import CSQLite
import Foundation
import GRDB
package import SelatAudit
package import SelatCore

enum ErasureSchema {
    /// Between an entry's row and its details' row there is a moment that no committed state has: only
    /// in it can an erasure be named and carried out, so both are of the transaction that enters it.
    static let sql = """
        CREATE TABLE erasures (
            erasure INTEGER NOT NULL,
            first INTEGER NOT NULL,
            last INTEGER NOT NULL CHECK (first <= last AND last < erasure),
            PRIMARY KEY (erasure, first)
        ) STRICT, WITHOUT ROWID;

        CREATE TRIGGER erasures_belong_to_the_last_entry BEFORE INSERT ON erasures
        WHEN NEW.erasure IS NOT (SELECT max(sequence) FROM entries)
            OR NEW.erasure <= (SELECT max(sequence) FROM details)
            OR (SELECT kind FROM entries WHERE sequence = NEW.erasure) IS NOT 'details.erased'
            OR EXISTS (
                SELECT 1 FROM erasures WHERE erasure = NEW.erasure AND first = NEW.first)
        BEGIN SELECT raise(ABORT, 'an erasure is entered before it is done'); END;
        CREATE TRIGGER erasures_never_change BEFORE UPDATE ON erasures
        BEGIN SELECT raise(ABORT, 'erasures never change'); END;
        CREATE TRIGGER erasures_are_kept BEFORE DELETE ON erasures
        BEGIN SELECT raise(ABORT, 'erasures are never removed'); END;

        DROP TRIGGER details_are_kept;
        CREATE TRIGGER details_are_kept BEFORE DELETE ON details
        WHEN (SELECT kind FROM entries WHERE sequence = OLD.sequence) IS 'details.erased'
            OR (SELECT max(sequence) FROM entries) <= (SELECT max(sequence) FROM details)
            OR NOT EXISTS (
                SELECT 1 FROM erasures
                WHERE erasure = (SELECT max(sequence) FROM entries)
                    AND OLD.sequence BETWEEN first AND last)
        BEGIN SELECT raise(ABORT, 'details are removed only by the entry that erases them'); END;
        """
}

extension Transaction {
    /// Erases salt and details of entries, and enters that. When the change is durable, their bytes
    /// are overwritten in the database's files too.
    /// - Throws: `StoreError.notErasable` for an entry that is not there, has no details any more, or
    ///   is an erasure itself; `AuditError` for an erasure that cannot be written down.
    @discardableResult
    package func erase(_ erasure: Erasure, by actor: EntryActor) throws -> UInt64 {
        for range in erasure.entries.ranges { try checkErasable(range) }
        let draft = EntryDraft(kind: Erasure.kind, actor: actor, details: erasure.json)
        return try append(draft) { sequence in
            for range in erasure.entries.ranges {
                let bounds = [Int64(range.lowerBound), Int64(range.upperBound)]
                try self.database.execute(
                    sql: "INSERT INTO erasures (erasure, first, last) VALUES (?, ?, ?)",
                    arguments: StatementArguments([Int64(sequence)] + bounds))
                try self.database.execute(
                    sql: "DELETE FROM details WHERE sequence BETWEEN ? AND ?",
                    arguments: StatementArguments(bounds))
            }
            self.erases = true
        }
    }

    private func checkErasable(_ range: ClosedRange<UInt64>) throws {
        guard let last = Int64(exactly: range.upperBound), range.upperBound < logSize else {
            throw StoreError.notErasable(range.upperBound, reason: "there is no such entry")
        }
        let bounds = StatementArguments([Int64(range.lowerBound), last])
        let gone = try Int64.fetchOne(
            database,
            sql: """
                SELECT entries.sequence FROM entries LEFT JOIN details USING (sequence)
                WHERE entries.sequence BETWEEN ? AND ? AND details IS NULL LIMIT 1
                """, arguments: bounds)
        if let gone {
            throw StoreError.notErasable(UInt64(gone), reason: "its details are erased already")
        }
        let erasure = try Int64.fetchOne(
            database,
            sql: """
                SELECT sequence FROM entries
                WHERE sequence BETWEEN ? AND ? AND kind = 'details.erased' LIMIT 1
                """, arguments: bounds)
        if let erasure {
            throw StoreError.notErasable(
                UInt64(erasure), reason: "it says what was erased, and stays")
        }
    }
}

extension Snapshot {
    /// The entry that erased the details of another; nil where none has.
    package func erasure(of sequence: UInt64) throws -> UInt64? {
        let statement = try database.cachedStatement(
            sql: "SELECT erasure FROM erasures WHERE ? BETWEEN first AND last")
        return try Int64.fetchOne(statement, arguments: [Int64(clamping: sequence)])
            .map { UInt64($0) }
    }

    /// The entries that erased details of these, ascending.
    package func erasures(of entries: ClosedRange<UInt64>) throws -> [UInt64] {
        try Int64.fetchAll(
            database,
            sql: """
                SELECT DISTINCT erasure FROM erasures WHERE first <= ? AND last >= ?
                ORDER BY erasure
                """,
            arguments: [Int64(clamping: entries.upperBound), Int64(clamping: entries.lowerBound)]
        ).map { UInt64($0) }
    }

    /// Entries that a retention rule lets go: older than `before`, of `kind` or below it, their
    /// details still there.
    /// - Parameters:
    ///   - after: looks only behind this sequence, so that nothing is looked at twice.
    ///   - limit: how many entries are looked at.
    /// - Returns: those that are due, and how far was looked.
    package func due(
        kind: EntryKind, before: Timestamp, after: UInt64?, limit: Int
    ) throws -> (entries: SequenceSet, lookedUpTo: UInt64?) {
        let rows = try Row.fetchAll(
            database,
            sql: """
                SELECT sequence, (kind = ? OR (kind > ? AND kind < ?)) AND EXISTS (
                    SELECT 1 FROM details WHERE details.sequence = entries.sequence) AS due
                FROM entries WHERE sequence > ? AND time < ? ORDER BY sequence LIMIT ?
                """,
            arguments: [
                kind.text, kind.text + ".", kind.text + "/", after.map { Int64($0) } ?? -1,
                before.seconds, limit,
            ])
        var due = SequenceSet()
        for row in rows where row["due"] as Bool {
            let sequence = UInt64(row["sequence"] as Int64)
            guard due.ranges.count < Limits.erasureRangesMax else {
                return (due, due.ranges.last?.upperBound)
            }
            due.append(sequence...sequence)
        }
        return (due, rows.last.map { UInt64($0["sequence"] as Int64) })
    }
}

// Who else has what is erased here.
extension Snapshot {
    /// The other ends of the entries' transfers, whose logs and receipts tell of the same acts, and
    /// the exports that hold the details.
    package func holders(of entries: SequenceSet) throws -> [String] {
        var holders: Set<String> = []
        for range in entries.ranges {
            let bounds = StatementArguments([
                Int64(clamping: range.lowerBound), Int64(clamping: range.upperBound),
            ])
            holders.formUnion(
                try String.fetchAll(
                    database,
                    sql: """
                        WITH ids AS (
                            SELECT DISTINCT transfer FROM entries
                            WHERE sequence BETWEEN ? AND ? AND transfer IS NOT NULL)
                        SELECT recipient FROM outbound WHERE id IN ids
                        UNION SELECT sender FROM inbound WHERE id IN ids LIMIT 200
                        """, arguments: bounds))
        }
        let exports = try self.entries(EntryFilter(kind: "audit.exported", newest: true, limit: 50))
        for export in exports where try Self.covers(export, entries) {
            holders.insert("export \(export.entry.sequence) by \(export.entry.actor)")
        }
        return Array(holders.sorted().prefix(Limits.erasureHoldersMax))
    }

    private static func covers(_ export: EntryRow, _ entries: SequenceSet) throws -> Bool {
        guard let details = try export.details.map({ try JSON(parsing: $0) }),
            let first = details["first"]?.integerValue, let last = details["last"]?.integerValue
        else { return false }
        return entries.ranges.contains {
            $0.overlaps(UInt64(clamping: first)...UInt64(clamping: last))
        }
    }
}

extension Store {
    /// Enters that details of these entries leave the log in a file.
    package func enterExport(of entries: ClosedRange<UInt64>, by actor: EntryActor) async throws {
        _ = try await commit { transaction in
            try transaction.append(
                EntryDraft(
                    kind: "audit.exported", actor: actor,
                    details: [
                        "first": .integer(entries.lowerBound), "last": .integer(entries.upperBound),
                    ]))
        }
    }

    /// Erases details, and enters that; when this returns their bytes are in none of the database's
    /// files, unless a reader held an older state open: then the writer tries again by itself.
    /// - Throws: `StoreError.notErasable`, `AuditError`.
    package func erase(_ erasure: Erasure, by actor: EntryActor) async throws -> UInt64 {
        try await commit { try $0.erase(erasure, by: actor) }.value
    }

    /// Erases what retention rules let go.
    /// - Parameters:
    ///   - rules: entries' kind, or the kinds below it, to the seconds that details are kept.
    /// - Returns: how many entries' details were erased.
    @discardableResult
    package func eraseDue(_ rules: [EntryKind: Int64], at now: Timestamp) async throws -> UInt64 {
        var count: UInt64 = 0
        for (kind, seconds) in rules.sorted(by: { $0.key.text < $1.key.text }) {
            let key = "retention.\(kind).\(seconds)"
            let (due, end) = try await read { snapshot in
                let after = try snapshot.value(key).flatMap {
                    UInt64(String(decoding: $0, as: UTF8.self))
                }
                return try snapshot.due(
                    kind: kind, before: now + -seconds, after: after, limit: Self.dueEntriesMax)
            }
            guard let end else { continue }
            _ = try await commit { transaction in
                if !due.isEmpty {
                    try transaction.erase(
                        Erasure(
                            entries: due, reason: "retention of \(kind): \(seconds) seconds",
                            complete: now + Limits.backupLifeSecondsMax),
                        by: .daemon)
                }
                try transaction.setValue(key, Array("\(end)".utf8))
            }
            count += due.count
        }
        return count
    }

    /// Entries that one round of one rule looks at.
    private static let dueEntriesMax = 100_000
}
