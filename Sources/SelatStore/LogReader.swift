// Reads a log's rows on a thread of its own, ahead of whoever verifies them.

import Foundation
import SelatAudit

/// A few buffers of rows between a thread that reads and one that hashes.
// SAFETY: the connection is used by the reading thread alone until it has ended; every access to the
// other variables holds the condition's lock.
final class LogReader: @unchecked Sendable {
    private let connection: ReadOnlyConnection
    private let condition = NSCondition()
    private var ready: [FoundEntries] = []
    private var spare = [FoundEntries](repeating: FoundEntries(), count: 3)
    private var outcome: Result<Int64, any Error>?

    init(_ connection: ReadOnlyConnection) { self.connection = connection }

    func start() {
        let thread = Thread { [self] in
            let outcome = Result { try read() }
            condition.lock()
            self.outcome = outcome
            condition.signal()
            condition.unlock()
        }
        thread.name = "selat-log-reader"
        thread.start()
    }

    /// The next rows; nil when there are no more, or reading has failed.
    func next() -> FoundEntries? {
        condition.lock()
        defer { condition.unlock() }
        while ready.isEmpty {
            if outcome != nil { return nil }
            condition.wait()
        }
        return ready.removeFirst()
    }

    /// Gives a buffer back.
    func recycle(_ entries: FoundEntries) {
        condition.lock()
        spare.append(entries)
        condition.signal()
        condition.unlock()
    }

    /// How many entries are of a transfer, once `next` has given nil; the connection is free then.
    /// - Throws: `SQLiteFailure` where reading ended early.
    func result() throws -> Int64 {
        condition.lock()
        defer { condition.unlock() }
        guard let outcome else { preconditionFailure("the log is still being read") }
        return try outcome.get()
    }
}

// The reading thread.
extension LogReader {
    private func takeSpare() -> FoundEntries {
        condition.lock()
        defer { condition.unlock() }
        while spare.isEmpty { condition.wait() }
        return spare.removeLast()
    }

    private func hand(over entries: FoundEntries) {
        condition.lock()
        ready.append(entries)
        condition.signal()
        condition.unlock()
    }

    /// Entries and checkpoints, merged by size; details, merged by sequence.
    private func read() throws -> Int64 {
        let rows = try LogRows(connection)
        var withTransfer: Int64 = 0
        while !rows.isAtEnd {
            var entries = takeSpare()
            entries.removeAll()
            do {
                while !entries.isFull, try rows.next(into: &entries, &withTransfer) {}
            } catch {
                hand(over: entries)
                throw error
            }
            hand(over: consume entries)
        }
        return withTransfer
    }
}

/// Three cursors that go through the log side by side: cheaper than a join, which would seek the
/// details of each row.
private final class LogRows {
    private let entries: PreparedStatement
    private let details: PreparedStatement
    private let checkpoints: PreparedStatement
    private var hasEntry: Bool
    private var hasDetails: Bool
    private var hasCheckpoint: Bool

    init(_ connection: ReadOnlyConnection) throws {
        entries = try connection.prepare(
            """
            SELECT sequence, time, kind, transfer, actor, commitment, nodes
            FROM entries ORDER BY sequence
            """)
        details = try connection.prepare(
            "SELECT sequence, salt, details FROM details ORDER BY sequence")
        checkpoints = try connection.prepare("SELECT size, note FROM checkpoints ORDER BY size")
        hasEntry = try entries.step()
        hasDetails = try details.step()
        hasCheckpoint = try checkpoints.step()
    }

    var isAtEnd: Bool { !hasEntry && !hasCheckpoint }

    /// Takes one entry, or the checkpoints that stand before it.
    /// - Returns: whether there is more.
    func next(into found: inout FoundEntries, _ withTransfer: inout Int64) throws -> Bool {
        let sequence = hasEntry ? entries.integer(0) : .max
        if hasCheckpoint, checkpoints.integer(0) <= sequence {
            found.add(checkpoint: checkpoints.bytes(1), storedSize: checkpoints.integer(0))
            hasCheckpoint = try checkpoints.step()
            return !isAtEnd
        }
        guard hasEntry else { return false }
        found.begin(sequence: sequence, seconds: entries.integer(1))
        for column: Int32 in 2...6 { entries.add(column, to: &found) }
        if !entries.isNull(3) { withTransfer += 1 }
        // Details of no entry are counted elsewhere.
        while hasDetails, details.integer(0) < sequence { hasDetails = try details.step() }
        if hasDetails, details.integer(0) == sequence {
            details.add(1, to: &found)
            details.add(2, to: &found)
        } else {
            found.addNothing()
            found.addNothing()
        }
        hasEntry = try entries.step()
        return !isAtEnd
    }
}

extension PreparedStatement {
    fileprivate func add(_ column: Int32, to found: inout FoundEntries) {
        guard !isNull(column) else { return found.addNothing() }
        withBytes(column) { found.add($0.bytes) }
    }
}
