// Group commit: the one writer takes all changes that wait, applies each in its own savepoint and
// commits them with one fsync. Only a committed root is ever signed.

import CSQLite
import Dispatch
import GRDB
import SelatAudit
import SelatCore
import Synchronization

/// The committed tree, and its checkpoint, signed when somebody first asks for it: Ed25519 is
/// deterministic, so it does not matter when that is.
final class LatestCheckpoint: Sendable {
    private struct State {
        var size: UInt64
        var root: Digest
        var log: LogIdentity
        var signed: SignedCheckpoint?
        /// While the log is not proven, an older checkpoint stands for it and nothing is signed.
        var held: SignedCheckpoint?
    }

    private let state: Mutex<State>
    private let fatal: @Sendable (StoreError) -> Never

    /// - Parameter held: stands for the log until `release`; nil where it is signed at once.
    init(
        _ tree: LogTree, log: LogIdentity, held: SignedCheckpoint?,
        fatal: @escaping @Sendable (StoreError) -> Never
    ) {
        state = Mutex(State(size: tree.size, root: tree.root, log: log, held: held))
        self.fatal = fatal
    }

    /// A COMMIT has returned.
    func advance(to tree: LogTree) {
        let root = tree.root
        state.withLock { ($0.size, $0.root, $0.signed) = (tree.size, root, nil) }
    }

    /// Whether nothing is signed.
    var isHeld: Bool { state.withLock { $0.held != nil } }

    /// From now on what was shown last stands for the log.
    func hold() {
        let shown = signed
        state.withLock { $0.held = shown }
    }

    /// From now on what is committed is signed, under this origin.
    func release(as log: LogIdentity?) {
        state.withLock { state in
            if let log { state.log = log }
            (state.held, state.signed) = (nil, nil)
        }
    }

    /// The checkpoint of everything committed, or the one that is held.
    var signed: SignedCheckpoint { state.withLock { $0.held ?? newest(&$0) } }

    /// The checkpoint of everything committed; nil where nothing is signed.
    var signedUnlessHeld: SignedCheckpoint? {
        state.withLock { $0.held == nil ? newest(&$0) : nil }
    }

    private func newest(_ state: inout State) -> SignedCheckpoint {
        if let known = state.signed { return known }
        do {
            let signed = try state.log.sign(size: state.size, root: state.root)
            state.signed = signed
            return signed
        } catch {
            // What is committed could never be proven to anybody.
            fatal(.failed("signing a checkpoint", code: SQLITE_ERROR, reason: "\(error)"))
        }
    }
}

/// What the writer works with.
struct WriterSetting: Sendable {
    let path: String
    let clock: any WallClock
    let entropy: any Entropy
    let latest: LatestCheckpoint
    let fatal: @Sendable (StoreError) -> Never
}

/// Runs on its own thread, which alone uses the connection.
final class Writer {
    private let database: Database
    private let setting: WriterSetting
    private let log: LogAppender
    /// Whether the committed tree has no stored checkpoint. It needs no fsync of its own: after a
    /// crash, signing the committed root gives the same bytes again.
    private var isUnsaved: Bool
    /// Whether the write-ahead log may hold details that were erased.
    private var mustTruncate = true
    /// Whether a change of this batch erases something, and is answered only once the log was emptied, or a
    /// reader kept it from being.
    private var eraserWaits = false
    /// When it is tried next, where nobody waits for it: not at once where a reader was in the way.
    private var truncateNext = ContinuousClock.now
    /// Not every checkpoint is stored: a later one proves what an earlier one did.
    private var storeNext = ContinuousClock.now
    private let begin: PreparedStatement
    private let commit: PreparedStatement
    private let savepoint: PreparedStatement
    private let release: PreparedStatement
    private let answers = DispatchQueue(label: "selat-store-answers")

    init(
        database: Database, setting: WriterSetting, tree: LogTree, isStored: Bool
    ) throws {
        guard let connection = database.sqliteConnection else { throw StoreError.closed }
        self.database = database
        self.setting = setting
        isUnsaved = !isStored
        log = try LogAppender(connection: connection, tree: tree, entropy: setting.entropy)
        begin = try PreparedStatement("BEGIN IMMEDIATE", on: connection)
        commit = try PreparedStatement("COMMIT", on: connection)
        savepoint = try PreparedStatement("SAVEPOINT change", on: connection)
        release = try PreparedStatement("RELEASE change", on: connection)
    }

    /// Commits until the queue is closed and empty.
    func run(_ queue: ChangeQueue) {
        while true {
            switch queue.take(patience: patience) {
            case .changes(let changes): settle(changes)
            case .idle: settle([])
            case .closed:
                storeNext = .now
                if isUnsaved && !isHeld { settle([]) }
                return
            }
        }
    }

    private var isHeld: Bool { setting.latest.isHeld }

    /// Seconds until the checkpoint that waits is stored, or the write-ahead log emptied, without a batch; nil
    /// where nothing waits.
    private var patience: Double? {
        let next = [isUnsaved && !isHeld ? storeNext : nil, mustTruncate ? truncateNext : nil]
        return next.compactMap { $0 }.min().map {
            max(0, ContinuousClock.now.duration(to: $0) / Duration.seconds(1))
        }
    }

    /// At most one checkpoint in this time is stored, with a batch if there is one.
    private static let storeInterval = Duration.milliseconds(100)
    private static let truncateInterval = Duration.seconds(1)
}

// One batch.
extension Writer {
    private typealias Resume = @Sendable (_ treeSize: UInt64) -> Void

    /// Commits a batch and resumes its callers, each with its own outcome.
    private func settle(_ changes: [PendingChange]) {
        let before = log.tree
        var resumes: [Resume] = []
        var refusals: [@Sendable () -> Void] = []
        do {
            try begin.run()
            let isDue = isUnsaved && ContinuousClock.now >= storeNext
            let stored = isDue ? setting.latest.signedUnlessHeld : nil
            if let stored { try log.insert(stored) }
            for change in changes {
                do {
                    resumes.append(try apply(change))
                } catch let refusal as Refusal {
                    refusals.append { change.fail(refusal.cause) }
                }
            }
            try commitOrEnd()
            if stored != nil {
                isUnsaved = false
                storeNext = .now + Self.storeInterval
            }
        } catch {
            rollBack(to: before)
            eraserWaits = false
            storeNext = .now + Self.storeInterval
            truncateNext = storeNext
            let failure = StoreError.mapped("committing", error, path: setting.path)
            for change in changes { change.fail(failure) }
            return
        }
        if log.tree.size > before.size {
            setting.latest.advance(to: log.tree)
            isUnsaved = true
        }
        if eraserWaits { truncate() }
        answer(resumes, log.tree.size, refusals)
        if mustTruncate, ContinuousClock.now >= truncateNext { truncate() }
    }

    /// Empties the write-ahead log, whose older frames hold what was erased. With a reader on an older
    /// state that cannot be; it is tried again with the next batch that erases, and a second later.
    private func truncate() {
        // The batches that wait are not to wait for a reader.
        sqlite3_busy_timeout(database.sqliteConnection, 100)
        defer { sqlite3_busy_timeout(database.sqliteConnection, Connections.busyMilliseconds) }
        let code = sqlite3_wal_checkpoint_v2(
            database.sqliteConnection, "main", SQLITE_CHECKPOINT_TRUNCATE, nil, nil)
        (mustTruncate, eraserWaits) = (code != SQLITE_OK, false)
        truncateNext = .now + Self.truncateInterval
    }

    /// Resumes the callers, on another thread where there are many: waking them costs a third of
    /// what writing their rows does, and the next batch waits.
    private func answer(
        _ resumes: [Resume], _ size: UInt64, _ refusals: [@Sendable () -> Void]
    ) {
        let all: @Sendable () -> Void = {
            for resume in resumes { resume(size) }
            for refuse in refusals { refuse() }
        }
        if resumes.count + refusals.count > Self.answersInline {
            answers.async(execute: all)
        } else {
            all()
        }
    }

    private static let answersInline = 2

    /// A change that was undone alone; the batch goes on.
    private struct Refusal: Error {
        let cause: any Error
    }

    /// - Throws: `Refusal` when the change alone failed; anything else undoes the whole batch.
    private func apply(_ change: PendingChange) throws -> Resume {
        let before = log.tree
        try savepoint.run()
        do {
            let transaction = Transaction(
                database: database, log: log, time: setting.clock.now(), path: setting.path)
            let resume = try change.apply(transaction)
            if transaction.erases {
                // Before the commit: whenever this process ends, nothing counts as erased that a copy
                // still holds. What cannot be removed refuses this change alone.
                try Files.removeMigrationCopies(of: setting.path)
                (mustTruncate, eraserWaits) = (true, true)
            }
            try release.run()
            return resume
        } catch {
            // A full disk makes SQLite undo the whole transaction by itself.
            guard sqlite3_get_autocommit(database.sqliteConnection) == 0,
                SQLiteFailure.code(of: error) != SQLITE_FULL
            else { throw error }
            try database.execute(sql: "ROLLBACK TO change; RELEASE change")
            log.tree = before
            throw Refusal(cause: StoreError.mapped("applying a change", error, path: setting.path))
        }
    }

    /// COMMIT. A failure that leaves it open what the disk holds ends the process: a second fsync
    /// may succeed without having written what the first one lost.
    private func commitOrEnd() throws {
        do {
            try commit.run()
        } catch let failure as SQLiteFailure {
            // In these cases no commit frame was completed.
            let certain = [SQLITE_FULL, SQLITE_READONLY, SQLITE_BUSY, SQLITE_CONSTRAINT]
            guard certain.contains(failure.primaryCode) else {
                setting.fatal(StoreError("committing", failure, path: setting.path))
            }
            throw failure
        }
    }

    private func rollBack(to tree: LogTree) {
        log.tree = tree
        guard let connection = database.sqliteConnection, sqlite3_get_autocommit(connection) == 0
        else { return }
        guard sqlite3_exec(connection, "ROLLBACK", nil, nil, nil) == SQLITE_OK else {
            setting.fatal(
                StoreError("rolling back", SQLiteFailure(connection), path: setting.path))
        }
    }
}

extension SQLiteFailure {
    /// The primary result code behind an error, if it is SQLite's.
    static func code(of error: any Error) -> Int32? {
        switch error {
        case let error as DatabaseError: SQLiteFailure(error).primaryCode
        case let failure as SQLiteFailure: failure.primaryCode
        default: nil
        }
    }
}
