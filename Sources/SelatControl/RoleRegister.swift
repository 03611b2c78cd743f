import Synchronization

/// Who may be what now: the configuration may be read again while the daemon serves.
package final class RoleRegister: Sendable {
    private let held: Mutex<RoleBook>

    package init(_ book: RoleBook) { held = Mutex(book) }

    package var book: RoleBook { held.withLock { $0 } }

    /// Calls from now on are judged by `book`; those that run go on.
    package func replace(_ book: RoleBook) { held.withLock { $0 = book } }
}
