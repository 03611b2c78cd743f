import GRDB
package import SelatCore

/// What one transfer adds to one counter.
package struct CountedRow: Hashable, Sendable {
    package let transfer: TransferID
    package let counter: String
    package let destination: Country
    /// Transfers of one series hold the same persons.
    package let series: String?
    package let time: Timestamp
    package let amount: UInt64

    package init(
        transfer: TransferID, counter: String, destination: Country, series: String?,
        time: Timestamp, amount: UInt64
    ) {
        self.transfer = transfer
        self.counter = counter
        self.destination = destination
        self.series = series
        self.time = time
        self.amount = amount
    }
}

/// Which transfers a counter adds up.
package struct CounterWindow: Sendable {
    package let counter: String
    /// Only transfers after this moment.
    package let after: Timestamp
    /// Only those to this country; nil for all.
    package let destination: Country?
    /// The transfer that is judged is not among them.
    package let excluding: TransferID

    package init(
        counter: String, after: Timestamp, destination: Country?, excluding: TransferID
    ) {
        self.counter = counter
        self.after = after
        self.destination = destination
        self.excluding = excluding
    }
}

enum CounterSchema {
    static let sql = """
        CREATE TABLE counted (
          transfer TEXT NOT NULL, counter TEXT NOT NULL, destination TEXT NOT NULL,
          series TEXT, time INTEGER NOT NULL, amount INTEGER NOT NULL CHECK (amount >= 0),
          PRIMARY KEY (transfer, counter)
        ) STRICT, WITHOUT ROWID;
        CREATE INDEX counted_by_counter ON counted (counter, time);
        """

    /// A window is added up before each permit, while other changes wait: all that this reads lies in the
    /// index, in the order of the series.
    static let bySeries = """
        DROP INDEX counted_by_counter;
        CREATE INDEX counted_by_series ON counted (counter, series, time, destination, amount);
        """
}

extension Transaction {
    /// Raises a counter by a transfer, once however often it is said: when it was said last, as it leaves
    /// only then. What waits for a person since long counts in the window in which it is let go.
    package func count(_ row: CountedRow) throws {
        try database.cachedStatement(
            sql: """
                INSERT INTO counted (transfer, counter, destination, series, time, amount)
                VALUES (?, ?, ?, ?, ?, ?)
                ON CONFLICT (transfer, counter) DO UPDATE
                SET amount = excluded.amount, time = max(time, excluded.time)
                """
        ).execute(arguments: [
            row.transfer.text, row.counter, row.destination.code, row.series, row.time.seconds,
            Int64(row.amount),
        ])
    }

    /// Lowers every counter by a transfer of which no byte left.
    package func uncount(_ transfer: TransferID) throws {
        try database.cachedStatement(sql: "DELETE FROM counted WHERE transfer = ?")
            .execute(arguments: [transfer.text])
    }

    /// The sum of a window, by series; those of none under nil.
    package func counted(in window: CounterWindow) throws -> [String?: UInt64] {
        try window.sums(in: database)
    }
}

extension Snapshot {
    /// The sum of a window, by series; those of none under nil.
    package func counted(in window: CounterWindow) throws -> [String?: UInt64] {
        try window.sums(in: database)
    }
}

extension CounterWindow {
    /// Of a series the largest number counts; all others are added up. Two selections, for in the index only
    /// those of no series lie in the order of their times.
    static let sumsBySeries = """
        SELECT NULL, total(amount) FROM counted
        WHERE counter = ?1 AND series IS NULL AND time > ?2 AND transfer <> ?3
          AND (?4 IS NULL OR destination = ?4)
        UNION ALL
        SELECT series, max(amount) FROM counted
        WHERE counter = ?1 AND series NOTNULL AND time > ?2 AND transfer <> ?3
          AND (?4 IS NULL OR destination = ?4)
        GROUP BY series
        """

    fileprivate func sums(in database: Database) throws -> [String?: UInt64] {
        // `total` cannot overflow as `sum` can; beyond 2^53 the number is beyond every limit.
        let rows = try Row.fetchAll(
            database.cachedStatement(sql: Self.sumsBySeries),
            arguments: [counter, after.seconds, excluding.text, destination?.code])
        var sums: [String?: UInt64] = [:]
        for row in rows {
            let amount: Double = row[1]
            sums[row[0] as String?] = UInt64(min(amount, Double(JSON.integerMax)))
        }
        return sums
    }
}
