import Glibc

/// What the daemon tells systemd (sd_notify(3)); silent where nobody listens.
struct ServiceManager: Sendable {
    private let socketPath: String?
    /// How often the watchdog wants to hear, half of what systemd allows; nil without one.
    let watchdogInterval: Duration?

    init() {
        socketPath = getenv("NOTIFY_SOCKET").map { String(cString: $0) }
        let owner = getenv("WATCHDOG_PID").flatMap { Int32(String(cString: $0)) }
        let limit = getenv("WATCHDOG_USEC").flatMap { Int64(String(cString: $0)) }
        watchdogInterval =
            owner == nil || owner == getpid() ? limit.map { .microseconds($0 / 2) } : nil
        // Children must not speak for this process.
        unsetenv("NOTIFY_SOCKET")
        unsetenv("WATCHDOG_USEC")
        unsetenv("WATCHDOG_PID")
    }

    func ready(_ status: String) { send("READY=1\nSTATUS=\(status)") }
    func stopping() { send("STOPPING=1\nSTATUS=stopping") }
    func alive() { send("WATCHDOG=1") }

    private func send(_ message: String) {
        guard let socketPath, let first = socketPath.utf8.first else { return }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        var path = Array(socketPath.utf8)
        // `@` means the abstract namespace, where a NUL stands first.
        if first == UInt8(ascii: "@") { path[0] = 0 }
        let room = MemoryLayout.size(ofValue: address.sun_path)
        guard path.count < room else { return }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path) }
        let length = MemoryLayout<sockaddr_un>.offset(of: \.sun_path).map { $0 + path.count } ?? 0
        let socket = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard socket >= 0 else { return }
        defer { close(socket) }
        let bytes = Array(message.utf8)
        withUnsafePointer(to: &address) { address in
            address.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                _ = sendto(
                    socket, bytes, bytes.count, Int32(MSG_NOSIGNAL), address,
                    socklen_t(length))
            }
        }
    }
}
