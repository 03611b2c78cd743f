import Foundation
import Synchronization
import Testing

@testable import SelatService

/// Sockets that a service manager hands over: real ones, at descriptors that nobody else uses.
@Suite struct HandedSocketTests {
    /// Of each test's own: tests may run beside each other.
    private let first = Self.block.withLock { block in
        block += 8
        return block
    }
    /// Near the limit, where nobody else opens anything.
    private static let block = Mutex<Int32>(
        {
            var limit = rlimit()
            getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
            return Int32(min(limit.rlim_cur, 60_000)) - 400
        }())

    enum Kind: Sendable { case unix, tcp, tcpNotListening, datagram, file }

    /// Puts a socket of each kind at the next descriptor.
    private func hand(
        _ kinds: [Kind], _ values: [String: String], process: Int32 = 100,
        _ body: (Result<HandedSockets, any Error>) throws -> Void
    ) throws {
        let folder = FileManager.default.temporaryDirectory.path
        let path = "\(folder)/selat-\(UUID().uuidString.prefix(8))"
        defer { unlink(path) }
        for (index, kind) in kinds.enumerated() {
            let made = try descriptor(kind, path)
            try #require(dup2(made, first + Int32(index)) >= 0)
            close(made)
        }
        defer { for index in kinds.indices { close(first + Int32(index)) } }
        let environment = ServiceEnvironment(values, process: process)
        let result: Result<HandedSockets, any Error>
        do throws(HandedSocketFault) {
            result = .success(try HandedSockets(environment, first: first))
        } catch {
            result = .failure(error)
        }
        try body(result)
    }

    private func descriptor(_ kind: Kind, _ path: String) throws -> Int32 {
        switch kind {
        case .file: return open("/dev/null", O_RDONLY)
        case .datagram: return socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0)
        case .tcpNotListening: return socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        case .tcp:
            let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            try #require(listen(descriptor, 1) == 0)
            return descriptor
        case .unix:
            let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
            var address = sockaddr_un()
            address.sun_family = sa_family_t(AF_UNIX)
            withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
            let bound = withUnsafePointer(to: &address) { address in
                address.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
                }
            }
            try #require(bound == 0 && listen(descriptor, 1) == 0)
            return descriptor
        }
    }

    private func values(_ names: String, count: String? = nil) -> [String: String] {
        let count = count ?? "\(names.split(separator: ":").count)"
        return ["LISTEN_PID": "100", "LISTEN_FDS": count, "LISTEN_FDNAMES": names]
    }

    @Test func eachSocketIsFoundByItsName() throws {
        try hand([.tcp, .unix, .tcp], values("node:control:metrics")) { result in
            let sockets = try result.get()
            for (purpose, original) in zip([SocketPurpose.node, .control, .metrics], Int32(0)...) {
                let copy = try #require(try sockets.descriptor(for: purpose))
                defer { close(copy) }
                #expect(fcntl(copy, F_GETFD) == FD_CLOEXEC)
                #expect(fcntl(first + original, F_GETFD) == FD_CLOEXEC)
                var status = (stat(), stat())
                fstat(copy, &status.0)
                fstat(first + original, &status.1)
                #expect(status.0.st_ino == status.1.st_ino)
            }
        }
    }

    /// A listener closes its own copy; the socket still takes who comes next.
    @Test func theSocketOutlivesItsCopies() throws {
        try hand([.unix], values("control")) { result in
            let sockets = try result.get()
            for _ in 0..<3 {
                let copy = try #require(try sockets.descriptor(for: .control))
                #expect(close(copy) == 0)
            }
            let other = try sockets.descriptor(for: .node)
            #expect(other == nil)
        }
    }

    @Test(arguments: [
        [:], ["LISTEN_FDS": "1", "LISTEN_FDNAMES": "control"],
        ["LISTEN_PID": "101", "LISTEN_FDS": "1", "LISTEN_FDNAMES": "control"],
        ["LISTEN_PID": "100"], ["LISTEN_PID": "100", "LISTEN_FDS": "0"],
        ["LISTEN_PID": "100x", "LISTEN_FDS": "1", "LISTEN_FDNAMES": "control"],
    ])
    func whatIsNotForThisProcessIsNothing(_ values: [String: String]) throws {
        try hand([.unix], values) { result in
            let descriptor = try result.get().descriptor(for: .control)
            #expect(descriptor == nil)
        }
    }

    @Test(arguments: [
        ("control", "2"), ("control:node", "1"), ("control", "-1"), ("control", "one"),
        ("control", "65"), ("control", "4294967297"), ("", "1"), ("control:", "1"),
    ])
    func aCountThatIsNotThatOfTheNamesIsRefused(_ names: String, _ count: String) throws {
        try hand([.unix], values(names, count: count)) { result in
            #expect(throws: HandedSocketFault.self) { _ = try result.get() }
        }
    }

    @Test(arguments: [
        ("web", [Kind.unix], "must be one of `control`, `node`, `metrics`"),
        ("", [.unix], "LISTEN_FDNAMES is ``"),
        ("Control", [.unix], "socket `Control`"),
        ("control:control", [.unix, .tcp], "two sockets `control`"),
        ("control", [.tcp], "no listening unix stream socket"),
        ("node", [.unix], "no listening TCP stream socket"),
        ("metrics", [.unix], "no listening TCP stream socket"),
        ("node", [.tcpNotListening], "no listening TCP stream socket"),
        ("node", [.datagram], "no listening TCP stream socket"),
        ("node", [.file], "socket `node` handed over: Socket operation on non-socket"),
        ("node", [], "socket `node` handed over: Bad file descriptor"),
    ])
    func anotherSocketIsRefused(_ names: String, _ kinds: [Kind], _ says: String) throws {
        let count = names.isEmpty ? "2" : nil
        try hand(kinds, values(names, count: count)) { result in
            let fault = try #require(throws: HandedSocketFault.self) { _ = try result.get() }
            #expect(fault.description.contains(says), "\(fault)")
        }
    }
}
