/// Why the store said no, or could not answer.
package enum StoreError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The database could not be opened.
    case cannotOpen(path: String, reason: String)
    /// Another process has the database.
    case alreadyOpen(path: String)
    /// A newer version has migrated the database.
    case newerSchema(path: String, version: Int, known: Int)
    /// The database holds other migrations than this version's.
    case foreignSchema(path: String, reason: String)
    /// A migration failed; the database is as it was.
    case migrationFailed(path: String, name: String, reason: String)
    /// SQLite did not take a setting that durability or safety rests on.
    case settingRefused(_ setting: String, is: String, needs: String)
    /// The database or its file system cannot be written.
    case readOnly(path: String)
    /// No space is left; nothing of the change was applied.
    case diskFull(path: String)
    /// Another process kept the database locked; nothing of the change was applied.
    case locked(path: String)
    /// More changes are waiting than the limit allows.
    case overloaded(waiting: Int)
    /// The store has been closed.
    case closed
    /// What the log says about itself does not fit together.
    case damaged(path: String, reason: String)
    /// A row of the log is no entry.
    case damagedEntry(_ sequence: Int64, reason: String)
    /// No such entry, or none that a checkpoint covers yet.
    case noSuchEntry(_ sequence: UInt64)
    /// The details of an entry cannot be erased.
    case notErasable(_ sequence: UInt64, reason: String)
    /// SQLite failed otherwise.
    case failed(_ operation: String, code: Int32, reason: String)

    package var description: String {
        switch self {
        case .cannotOpen(let path, let reason): "opening database `\(path)`: \(reason)"
        case .alreadyOpen(let path):
            "database `\(path)` is in use by another daemon; stop that one first"
        case .newerSchema(let path, let version, let known):
            "database `\(path)` has schema \(version), this program knows \(known): a later version has "
                + "been here; install that one again, or restore a backup from before it"
        case .foreignSchema(let path, let reason):
            "database `\(path)` is not of this program: \(reason)"
        case .migrationFailed(let path, let name, let reason):
            "migrating database `\(path)` with `\(name)`: \(reason); it is as it was"
        case .settingRefused(let setting, let value, let needed):
            "SQLite setting `\(setting)` is `\(value)`, must be `\(needed)`"
        case .readOnly(let path): "database `\(path)` is read-only; check its permissions and mount"
        case .diskFull(let path): "no space left for database `\(path)`; nothing was changed"
        case .locked(let path):
            "database `\(path)` is locked by another process; nothing was changed"
        case .overloaded(let waiting): "\(waiting) changes are waiting; try again later"
        case .closed: "the database is closed"
        case .damaged(let path, let reason):
            "log in `\(path)` is damaged: \(reason)"
        case .damagedEntry(let sequence, let reason): "entry \(sequence) is damaged: \(reason)"
        case .noSuchEntry(let sequence): "no entry \(sequence) that a checkpoint covers"
        case .notErasable(let sequence, let reason):
            "entry \(sequence): \(reason)"
        case .failed(let operation, let code, let reason):
            "\(operation): \(reason) (SQLite code \(code))"
        }
    }
}
