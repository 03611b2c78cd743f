import GRDB
package import SelatCore

/// Transfers of one precedence in one state that have not ended.
package struct QueueCount: Hashable, Sendable {
    package let precedence: Precedence
    package let state: String
    package let count: Int
    /// Of their files, or of what a relay holds sealed.
    package let bytes: UInt64
}

extension Snapshot {
    /// What is under way from here, by precedence and state.
    /// - Parameters:
    ///   - outbound: states of own transfers that are no outcome.
    ///   - relayed: states of others' in which something lies here.
    package func queues(outbound: [String], relayed: [String]) throws -> [QueueCount] {
        try counts("outbound", outbound) + counts("relayed", relayed)
    }

    private func counts(_ table: String, _ states: [String]) throws -> [QueueCount] {
        let marks = repeatElement("?", count: states.count).joined(separator: ", ")
        let rows = try Row.fetchAll(
            database,
            sql: """
                SELECT precedence, state, count(*), sum(payload_size) FROM \(table)
                WHERE state IN (\(marks)) GROUP BY precedence, state
                """, arguments: StatementArguments(states))
        return rows.compactMap { row in
            Precedence(rawValue: row[0]).map {
                QueueCount(
                    precedence: $0, state: row[1], count: row[2],
                    bytes: UInt64(clamping: row[3] as Int64))
            }
        }
    }
}
