import Glibc

/// What a service manager such as systemd left in this process's environment.
package struct ServiceEnvironment: Sendable {
    private let values: [String: String]
    /// The process that the values may name; what is meant for another one is nothing here.
    let process: Int32

    package init(_ values: [String: String], process: Int32) {
        self.values = values
        self.process = process
    }

    /// Reads the values and removes them: a child must neither speak for this process nor take its
    /// sockets for its own. Call once, before there are other threads.
    package static func taken() -> ServiceEnvironment {
        var values: [String: String] = [:]
        for name in names {
            values[name] = getenv(name).map { String(cString: $0) }
            unsetenv(name)
        }
        return ServiceEnvironment(values, process: getpid())
    }

    subscript(name: String) -> String? { values[name] }

    private static let names = [
        "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "LISTEN_FDS", "LISTEN_PID",
        "LISTEN_FDNAMES",
    ]
}
