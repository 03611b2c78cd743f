// Which entries a reader wants, as one query.

import GRDB
package import SelatAudit
package import SelatCore

/// Which entries, oldest first. What is not stated excludes nothing.
package struct EntryFilter: Sendable {
    package var transfer: TransferID?
    /// This kind and those below it: `transfer` names `transfer.opened` too.
    package var kind: EntryKind?
    package var actor: EntryActor?
    /// Acts of this country's nodes, and entries of transfers to or from them.
    package var country: Country?
    /// At this time or later.
    package var since: Timestamp?
    /// Before this time.
    package var until: Timestamp?
    /// Only entries behind this sequence.
    package var after: UInt64?
    /// When more match than `limit`: whether the newest are taken, or the oldest.
    package var newest: Bool
    package var limit: Int

    package init(
        transfer: TransferID? = nil, kind: EntryKind? = nil, actor: EntryActor? = nil,
        country: Country? = nil, since: Timestamp? = nil, until: Timestamp? = nil,
        after: UInt64? = nil, newest: Bool = false, limit: Int = 1_000
    ) {
        self.transfer = transfer
        self.kind = kind
        self.actor = actor
        self.country = country
        self.since = since
        self.until = until
        self.after = after
        self.newest = newest
        self.limit = limit
    }

    static let selection = """
        SELECT sequence, time, kind, transfer, actor, commitment, salt, details
        FROM entries LEFT JOIN details USING (sequence)
        """

    var query: (sql: String, arguments: StatementArguments) {
        let (condition, arguments) = condition
        return (
            Self.selection + condition + " ORDER BY sequence\(newest ? " DESC" : "") LIMIT ?",
            arguments + [limit]
        )
    }

    /// What stands behind the tables; empty when everything is wanted.
    var condition: (sql: String, arguments: StatementArguments) {
        var conditions: [String] = []
        var arguments = StatementArguments()
        func add(_ condition: String, _ values: StatementArguments) {
            conditions.append(condition)
            arguments += values
        }
        if let transfer { add("transfer = ?", [transfer.text]) }
        if let kind {
            // `.` and the character behind it: everything below the kind, and nothing beside it.
            add(
                "(kind = ? OR kind > ? AND kind < ?)",
                [kind.text, kind.text + ".", kind.text + "/"])
        }
        if let actor { add("actor = ?", [actor.text]) }
        if let country {
            let nodes = (country.code + "/", country.code + "0")
            add(
                """
                (actor > ? AND actor < ? OR transfer IN (
                    SELECT id FROM outbound WHERE recipient > ? AND recipient < ?
                    UNION SELECT id FROM inbound WHERE sender > ? AND sender < ?))
                """, [nodes.0, nodes.1, nodes.0, nodes.1, nodes.0, nodes.1])
        }
        if let since { add("time >= ?", [since.seconds]) }
        if let until { add("time < ?", [until.seconds]) }
        if let after { add("sequence > ?", [Int64(clamping: after)]) }
        let sql = conditions.isEmpty ? "" : " WHERE " + conditions.joined(separator: " AND ")
        return (sql, arguments)
    }
}
