// What a log holds, counted.

import GRDB
import SelatCore

/// Entries and the bytes of their details, of one kind, day or actor.
package struct EntryCount: Sendable, Hashable {
    package let name: String
    package let entries: UInt64
    /// Of the details that are there.
    package let detailsBytes: UInt64
}

/// A log in numbers.
package struct LogStatistics: Sendable {
    package let kinds: [EntryCount]
    /// UTC days, `2026-09-01`, ascending.
    package let days: [EntryCount]
    package let actors: [EntryCount]
    /// Entries without details.
    package let erased: UInt64
    /// The whole database file.
    package let databaseBytes: UInt64
}

extension Snapshot {
    /// Counts the entries that `filter` names; its limit and order do not matter. Reads all of them.
    package func statistics(_ filter: EntryFilter) throws -> LogStatistics {
        let days = try counts(filter, by: "time / 86400").map { day in
            EntryCount(
                name: String(
                    Timestamp(seconds: (Int64(day.name) ?? 0) * 86_400).text.prefix(10)),
                entries: day.entries, detailsBytes: day.detailsBytes)
        }
        let (condition, arguments) = filter.condition
        let erased = try UInt64.fetchOne(
            database,
            sql: """
                SELECT count(*) FILTER (WHERE details IS NULL)
                FROM entries LEFT JOIN details USING (sequence)
                """ + condition, arguments: arguments)
        let pages = try UInt64.fetchOne(database, sql: "PRAGMA page_count") ?? 0
        let size = try UInt64.fetchOne(database, sql: "PRAGMA page_size") ?? 0
        return LogStatistics(
            kinds: try counts(filter, by: "kind"), days: days,
            actors: try counts(filter, by: "actor"), erased: erased ?? 0,
            databaseBytes: pages * size)
    }

    private func counts(_ filter: EntryFilter, by column: String) throws -> [EntryCount] {
        let (condition, arguments) = filter.condition
        let rows = try Row.fetchAll(
            database,
            sql: """
                SELECT CAST(\(column) AS TEXT) AS name, count(*) AS entries,
                    coalesce(sum(length(details)), 0) AS bytes
                FROM entries LEFT JOIN details USING (sequence)\(condition)
                GROUP BY 1 ORDER BY 1
                """, arguments: arguments)
        return rows.map { row in
            EntryCount(
                name: row["name"],
                entries: UInt64(row["entries"] as Int64),
                detailsBytes: UInt64(row["bytes"] as Int64))
        }
    }
}
