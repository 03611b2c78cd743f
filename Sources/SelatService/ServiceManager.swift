import Glibc

/// What the daemon tells its service manager (Service.md, *Notifications*); silent where nobody
/// listens.
package struct ServiceManager: Sendable {
    private let socketPath: String?
    /// How often the watchdog wants to hear, half of what it allows; nil without one.
    package let watchdogInterval: Duration?

    package init(_ environment: ServiceEnvironment) {
        socketPath = environment["NOTIFY_SOCKET"]
        let owner = environment["WATCHDOG_PID"].map { Int32($0) }
        let limit = environment["WATCHDOG_USEC"].flatMap { Int64($0) }.flatMap { $0 > 0 ? $0 : nil }
        let isOurs = owner == nil || owner == environment.process
        watchdogInterval = isOurs ? limit.map { .microseconds($0 / 2) } : nil
    }

    /// Serving, for the first time or again after a reload.
    package func ready(_ status: String) { send(["READY=1", Self.line(status)]) }

    /// What `systemctl status` shows.
    package func status(_ status: String) { send([Self.line(status)]) }

    /// Reading the configuration again; `ready` ends it. The time tells the manager which of two
    /// reloads this answers.
    package func reloading() {
        var now = timespec()
        clock_gettime(CLOCK_MONOTONIC, &now)
        let microseconds = Int64(now.tv_sec) * 1_000_000 + Int64(now.tv_nsec) / 1_000
        send(["RELOADING=1", "MONOTONIC_USEC=\(microseconds)", "STATUS=reading the configuration"])
    }

    package func stopping() { send(["STOPPING=1", "STATUS=stopping"]) }

    /// The daemon makes progress: only after a beat has passed through what could stand still.
    package func alive() { send(["WATCHDOG=1"]) }

    /// A line of its own must not come out of a status: the next line is the next variable.
    private static func line(_ status: String) -> String {
        "STATUS=" + String(status.map { $0.isNewline ? " " : $0 })
    }

    private func send(_ lines: [String]) {
        guard let socketPath, var address = Self.address(socketPath) else { return }
        let socket = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard socket >= 0 else { return }
        defer { close(socket) }
        let bytes = Array(lines.joined(separator: "\n").utf8)
        // A manager that does not read must not hold the daemon up: what it misses is said again.
        withUnsafePointer(to: &address.value) { value in
            value.withMemoryRebound(to: sockaddr.self, capacity: 1) { value in
                _ = sendto(
                    socket, bytes, bytes.count, Int32(MSG_NOSIGNAL | MSG_DONTWAIT),
                    value, address.length)
            }
        }
    }

    /// A path, or after `@` a name in the abstract namespace, where a NUL stands first.
    private static func address(_ path: String) -> (value: sockaddr_un, length: socklen_t)? {
        var bytes = Array(path.utf8)
        guard bytes.first == UInt8(ascii: "/") || bytes.first == UInt8(ascii: "@") else {
            return nil
        }
        if bytes[0] == UInt8(ascii: "@") { bytes[0] = 0 }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        guard bytes.count < MemoryLayout.size(ofValue: address.sun_path),
            let start = MemoryLayout<sockaddr_un>.offset(of: \.sun_path)
        else { return nil }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        return (address, socklen_t(start + bytes.count))
    }
}
