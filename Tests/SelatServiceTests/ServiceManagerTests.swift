import Foundation
import Testing

@testable import SelatService

/// The notification protocol, over a real datagram socket.
@Suite struct ServiceManagerTests {
    /// What a service manager listens at.
    private final class Listener {
        let descriptor: Int32
        let name: String
        private let path: String?

        init(isAbstract: Bool = false) throws {
            descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
            let unique = "selat-notify-\(UUID().uuidString.prefix(8))"
            path = isAbstract ? nil : "/tmp/\(unique)"
            name = path ?? "@\(unique)"
            var bytes = Array(name.utf8)
            if isAbstract { bytes[0] = 0 }
            var address = sockaddr_un()
            address.sun_family = sa_family_t(AF_UNIX)
            withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
            let start = try #require(MemoryLayout<sockaddr_un>.offset(of: \.sun_path))
            let bound = withUnsafePointer(to: &address) { address in
                address.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    bind(descriptor, $0, socklen_t(start + bytes.count))
                }
            }
            try #require(bound == 0)
        }

        deinit {
            close(descriptor)
            if let path { unlink(path) }
        }

        /// The next datagram's lines; empty where none has come.
        func lines() -> [String] {
            var bytes = [UInt8](repeating: 0, count: 4_096)
            let count = recv(descriptor, &bytes, bytes.count, Int32(MSG_DONTWAIT))
            guard count > 0 else { return [] }
            return String(decoding: bytes[..<count], as: UTF8.self).components(separatedBy: "\n")
        }
    }

    private func manager(_ values: [String: String]) -> ServiceManager {
        ServiceManager(ServiceEnvironment(values, process: 100))
    }

    @Test(arguments: [false, true])
    func eachWordIsOneDatagram(isAbstract: Bool) throws {
        let listener = try Listener(isAbstract: isAbstract)
        let manager = manager(["NOTIFY_SOCKET": listener.name])
        manager.ready("serving as SG/hub")
        manager.status("busy")
        manager.alive()
        manager.stopping()
        #expect(listener.lines() == ["READY=1", "STATUS=serving as SG/hub"])
        #expect(listener.lines() == ["STATUS=busy"])
        #expect(listener.lines() == ["WATCHDOG=1"])
        #expect(listener.lines() == ["STOPPING=1", "STATUS=stopping"])
        #expect(listener.lines().isEmpty)
    }

    @Test func aReloadSaysWhenItBegan() throws {
        let listener = try Listener()
        manager(["NOTIFY_SOCKET": listener.name]).reloading()
        let lines = listener.lines()
        #expect(lines.count == 3 && lines[0] == "RELOADING=1")
        let time = try #require(Int64(lines[1].dropFirst("MONOTONIC_USEC=".count)))
        #expect(time > 0)
    }

    @Test(arguments: ["a\nREADY=1", "a\r\nREADY=1", "a\u{2028}READY=1"])
    func aStatusIsOneLine(_ status: String) throws {
        let listener = try Listener()
        manager(["NOTIFY_SOCKET": listener.name]).status(status)
        #expect(listener.lines() == ["STATUS=a READY=1"])
    }

    @Test(arguments: [
        nil, "", "relative", "/nowhere/socket", "@" + String(repeating: "x", count: 200),
    ])
    func withoutAListenerItIsSilent(_ name: String?) {
        let manager = manager(name.map { ["NOTIFY_SOCKET": $0] } ?? [:])
        manager.ready("x")
        manager.alive()
    }

    /// A manager that does not read must not hold the daemon up.
    @Test func aFullQueueIsNoObstacle() throws {
        let listener = try Listener()
        let manager = manager(["NOTIFY_SOCKET": listener.name])
        for _ in 0..<2_000 { manager.alive() }
        #expect(listener.lines() == ["WATCHDOG=1"])
    }

    @Test(arguments: [
        (["WATCHDOG_USEC": "30000000"], Duration.seconds(15)),
        (["WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "100"], .seconds(15)),
        (["WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "101"], nil),
        (["WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "x"], nil),
        (["WATCHDOG_USEC": "0"], nil), (["WATCHDOG_USEC": "-1"], nil),
        (["WATCHDOG_USEC": "soon"], nil), ([:], nil),
    ])
    func theWatchdogHearsHalfOfItsTime(_ values: [String: String], _ interval: Duration?) {
        #expect(manager(values).watchdogInterval == interval)
    }

    @Test func whatIsTakenIsGone() {
        setenv("LISTEN_FDNAMES", "control", 1)
        let environment = ServiceEnvironment.taken()
        #expect(environment["LISTEN_FDNAMES"] == "control")
        #expect(getenv("LISTEN_FDNAMES") == nil)
        #expect(environment.process == getpid())
    }
}
