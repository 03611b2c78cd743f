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

    /// Which erasure an entry's details went with is asked for each row that is shown without them.
    static let byFirst = """
        CREATE INDEX erasures_by_first ON erasures (first);
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
        let statement = try BorrowedStatement(Self.erasureOfEntry, in: database)
        statement.bind(1, Int64(clamping: sequence))
        return try statement.rows { try $0.unsigned(0) }.first
    }

    /// Nothing is erased twice, so that only the last range that begins before the entry may hold it.
    static let erasureOfEntry = """
        SELECT erasure FROM (
            SELECT erasure, last FROM erasures WHERE first <= ?1 ORDER BY first DESC LIMIT 1)
        WHERE last >= ?1
        """

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

    /// Whether an entry is of a rule's kind or below it, and has details that may go: what an erasure says
    /// stays, whatever rule covers it.
    private static let isErasable = """
        (kind = ? OR (kind > ? AND kind < ?)) AND kind <> 'details.erased' AND EXISTS (
            SELECT 1 FROM details WHERE details.sequence = entries.sequence)
        """

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
                SELECT sequence, \(Self.isErasable) AS due
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

    /// The same among entries that were passed already: one that was made while the clock was ahead was
    /// not due then, though later ones were.
    /// - Parameters:
    ///   - sequences: where to look.
    ///   - limit: how many entries are looked at, however many are due later.
    /// - Returns: those that are due, and the first that this rule may still have to do with.
    func dueAmongPassed(
        kind: EntryKind, before: Timestamp, in sequences: ClosedRange<UInt64>, limit: Int
    ) throws -> (entries: SequenceSet, rest: UInt64) {
        let rows = try Row.fetchAll(
            database,
            sql: """
                SELECT sequence, time < ? AS is_over, \(Self.isErasable) AS is_held
                FROM entries WHERE sequence BETWEEN ? AND ? ORDER BY sequence LIMIT ?
                """,
            arguments: [
                before.seconds, kind.text, kind.text + ".", kind.text + "/",
                Int64(clamping: sequences.lowerBound), Int64(clamping: sequences.upperBound), limit,
            ])
        var due = SequenceSet()
        var rest: UInt64?
        for row in rows where row["is_held"] as Bool {
            let sequence = UInt64(row["sequence"] as Int64)
            guard row["is_over"] as Bool else {
                rest = rest ?? sequence
                continue
            }
            guard due.ranges.count < Limits.erasureRangesMax else {
                return (due, rest ?? sequence)
            }
            due.append(sequence...sequence)
        }
        let last = rows.last.map { UInt64($0["sequence"] as Int64) } ?? sequences.upperBound
        return (due, rest ?? last + 1)
    }

    /// A sequence that is kept under a name.
    fileprivate func sequence(_ key: String) throws -> UInt64? {
        try value(key).flatMap { UInt64(String(decoding: $0, as: UTF8.self)) }
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

    /// Erases all that retention rules let go, unless the task is cancelled meanwhile.
    /// - Parameters:
    ///   - rules: entries' kind, or the kinds below it, to the seconds that details are kept.
    /// - Returns: how many entries' details were erased.
    /// - Throws: the first failure, once every rule had its turn.
    @discardableResult
    package func eraseDue(_ rules: [EntryKind: Int64], at now: Timestamp) async throws -> UInt64 {
        var count: UInt64 = 0
        var failure: (any Error)?
        for (kind, seconds) in rules.sorted(by: { $0.key.text < $1.key.text }) {
            do {
                count += try await eraseDue(RetentionRule(kind: kind, seconds: seconds), at: now)
            } catch {
                failure = failure ?? error
            }
        }
        if let failure { throw failure }
        return count
    }

    /// In as many rounds as it takes, a commit each: other changes come in between, and a log that grows
    /// by more than a round's limits until the next time would never be caught up with.
    private func eraseDue(_ rule: RetentionRule, at now: Timestamp) async throws -> UInt64 {
        var count: UInt64 = 0
        while !Task.isCancelled, let erased = try await eraseNewlyDue(rule, at: now) {
            count += erased
        }
        while !Task.isCancelled, let erased = try await eraseAmongPassed(rule, at: now) {
            count += erased
        }
        return count
    }

    private struct RetentionRule {
        let kind: EntryKind
        let seconds: Int64

        /// Under which it is kept how far was looked.
        var key: String { "retention.\(kind).\(seconds)" }
        /// Under which it is kept from where on something may have been passed.
        var passedKey: String { "\(key).passed" }
    }

    /// - Returns: nil where nothing is left to be looked at.
    private func eraseNewlyDue(
        _ rule: RetentionRule, at now: Timestamp
    ) async throws -> UInt64? {
        let (due, end) = try await read { snapshot in
            try snapshot.due(
                kind: rule.kind, before: now + -rule.seconds,
                after: try snapshot.sequence(rule.key), limit: Self.dueEntriesMax)
        }
        guard let end else { return nil }
        return try await erase(due, by: rule, at: now, noting: end, as: rule.key)
    }

    /// Looks again from the first entry that was passed and is not due yet, which is one of a clock that
    /// was ahead; there is none where no clock ever was. Such an entry may stay the first for years, so a
    /// round looks at `dueEntriesMax` entries from it on and no further. Where nothing is noted yet, it
    /// begins with the log.
    /// - Returns: nil where nothing more is to be found.
    private func eraseAmongPassed(
        _ rule: RetentionRule, at now: Timestamp
    ) async throws -> UInt64? {
        let found = try await read { snapshot -> (entries: SequenceSet, rest: UInt64)? in
            let first = try snapshot.sequence(rule.passedKey) ?? 0
            guard let last = try snapshot.sequence(rule.key), first <= last else { return nil }
            let found = try snapshot.dueAmongPassed(
                kind: rule.kind, before: now + -rule.seconds, in: first...last,
                limit: Self.dueEntriesMax)
            return found.rest == first && found.entries.isEmpty ? nil : found
        }
        guard let found else { return nil }
        return try await erase(
            found.entries, by: rule, at: now, noting: found.rest, as: rule.passedKey)
    }

    /// Erases entries, and notes how far was looked, in one change.
    private func erase(
        _ due: SequenceSet, by rule: RetentionRule, at now: Timestamp, noting place: UInt64,
        as key: String
    ) async throws -> UInt64 {
        _ = try await commit { transaction in
            if !due.isEmpty {
                try transaction.erase(
                    Erasure(
                        entries: due,
                        reason: "retention of \(rule.kind): \(rule.seconds) seconds",
                        complete: now + Limits.backupLifeSecondsMax),
                    by: .daemon)
            }
            try transaction.setValue(key, Array("\(place)".utf8))
        }
        return due.count
    }

    /// Entries that one round of one rule looks at.
    private static let dueEntriesMax = 100_000
}
