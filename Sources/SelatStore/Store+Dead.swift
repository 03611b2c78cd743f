// Own transfers that ended as nobody here asked for.

import GRDB
package import SelatCore

/// Which dead letters, newest first. Only what was sealed counts: before that nothing was promised.
package struct DeadFilter: Sendable {
    /// States in which a transfer is dead.
    package var outcomes: Set<String>
    /// A state in which it is, unless somebody here put it there.
    package var unlessAsked: String
    /// Ended at this time or later.
    package var since: Timestamp?
    package var limit: Int

    package init(
        outcomes: Set<String>, unlessAsked: String, since: Timestamp? = nil, limit: Int = 1_000
    ) {
        self.outcomes = outcomes
        self.unlessAsked = unlessAsked
        self.since = since
        self.limit = limit
    }

    /// The entry of the outcome tells when, and who asked. What ended lately was begun not long before,
    /// and ids sort by that: old ones are not looked at.
    fileprivate var condition: (sql: String, arguments: StatementArguments) {
        let states = outcomes.union([unlessAsked]).sorted()
        let marks = repeatElement("?", count: states.count).joined(separator: ", ")
        let since = since?.seconds ?? .min / 2
        let begun = since < 0 ? 0 : max(0, since - Limits.envelopeLifeSecondsMax - 86_400)
        let oldest = TransferID(
            milliseconds: UInt64(begun) * 1_000, entropy: [UInt8](repeating: 0, count: 10))
        let sql = """
            WHERE state IN (\(marks)) AND id >= ? AND EXISTS (
              SELECT 1 FROM outbound_documents AS sealed
              WHERE sealed.id = outbound.id AND sealed.kind = 'sealed')
            AND EXISTS (
              SELECT 1 FROM entries WHERE entries.transfer = outbound.id
                AND entries.kind = 'transfer.' || outbound.state AND entries.time >= ?
                AND (outbound.state <> ? OR entries.actor NOT LIKE 'uid:%'))
            """
        return (sql, StatementArguments(states) + [oldest.text, since, unlessAsked])
    }
}

extension Snapshot {
    package func outbound(_ filter: DeadFilter) throws -> [OutboundRow] {
        let (sql, arguments) = filter.condition
        return try OutboundRow.fetch(
            database, sql + " ORDER BY id DESC LIMIT ?", arguments + [filter.limit])
    }

    /// How many there are, at most the filter's limit.
    package func count(_ filter: DeadFilter) throws -> Int {
        let (sql, arguments) = filter.condition
        return try Int.fetchOne(
            database, sql: "SELECT count(*) FROM (SELECT 1 FROM outbound \(sql) LIMIT ?)",
            arguments: arguments + [filter.limit]) ?? 0
    }
}
