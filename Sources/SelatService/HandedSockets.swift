import Glibc

/// What a listening socket is for; the raw value is its name (Service.md, *Sockets*).
package enum SocketPurpose: String, CaseIterable, Sendable {
    /// Operators' programs on this machine.
    case control
    /// Other nodes.
    case node
    /// What watches the daemon.
    case metrics
}

/// Listening sockets that the service manager opened and handed over (sd_listen_fds(3)).
///
/// They outlive the daemon: who connects while it starts again waits, and is not refused.
package struct HandedSockets: Sendable {
    private let descriptors: [SocketPurpose: Int32]

    /// Takes what the environment names and looks at each socket.
    /// - Parameter first: where the descriptors begin; tests have others at 3.
    package init(
        _ environment: ServiceEnvironment, first: Int32 = Self.firstDescriptor
    ) throws(HandedSocketFault) {
        guard environment["LISTEN_PID"].map({ Int32($0) }) == environment.process,
            let announced = environment["LISTEN_FDS"]
        else {
            descriptors = [:]
            return
        }
        guard let count = Int32(announced), (0...Self.countMax).contains(count) else {
            throw .malformed("LISTEN_FDS", announced)
        }
        let names = (environment["LISTEN_FDNAMES"] ?? "")
            .split(separator: ":", omittingEmptySubsequences: false)
        guard count == 0 || names.count == count else {
            throw .malformed("LISTEN_FDNAMES", environment["LISTEN_FDNAMES"] ?? "")
        }
        var found: [SocketPurpose: Int32] = [:]
        for (name, descriptor) in zip(names, first..<first + count) {
            guard let purpose = SocketPurpose(rawValue: String(name)) else {
                throw .unknownName(String(name))
            }
            guard found[purpose] == nil else { throw .repeated(purpose) }
            try Self.check(descriptor, purpose)
            found[purpose] = descriptor
        }
        descriptors = found
    }

    /// A descriptor of the socket that the caller owns and closes; nil where none was handed over.
    /// The socket itself stays with the manager.
    package func descriptor(for purpose: SocketPurpose) throws(HandedSocketFault) -> Int32? {
        guard let descriptor = descriptors[purpose] else { return nil }
        let copy = fcntl(descriptor, F_DUPFD_CLOEXEC, 0)
        guard copy >= 0 else { throw .unusable(purpose, String(cString: strerror(errno))) }
        return copy
    }

    /// Whether it listens, and where it is meant to.
    private static func check(
        _ descriptor: Int32, _ purpose: SocketPurpose
    ) throws(HandedSocketFault) {
        guard fcntl(descriptor, F_SETFD, FD_CLOEXEC) == 0,
            let type = option(SO_TYPE, of: descriptor),
            let domain = option(SO_DOMAIN, of: descriptor),
            let listens = option(SO_ACCEPTCONN, of: descriptor)
        else { throw .unusable(purpose, String(cString: strerror(errno))) }
        let isLocal = domain == AF_UNIX
        let isNetwork = domain == AF_INET || domain == AF_INET6
        guard type == Int32(SOCK_STREAM.rawValue), listens != 0,
            purpose == .control ? isLocal : isNetwork
        else {
            let kind = purpose == .control ? "unix" : "TCP"
            throw .unusable(purpose, "it is no listening \(kind) stream socket")
        }
    }

    private static func option(_ name: Int32, of descriptor: Int32) -> Int32? {
        var value: Int32 = 0
        var length = socklen_t(MemoryLayout<Int32>.size)
        return getsockopt(descriptor, SOL_SOCKET, name, &value, &length) == 0 ? value : nil
    }

    /// SD_LISTEN_FDS_START.
    package static let firstDescriptor: Int32 = 3
    /// More than there are purposes, so that a mistake is named as what it is.
    private static let countMax: Int32 = 64
}

/// Why the sockets that were handed over cannot be used.
package enum HandedSocketFault: Error, Hashable, CustomStringConvertible {
    case malformed(_ variable: String, _ value: String)
    case unknownName(String)
    case repeated(SocketPurpose)
    case unusable(SocketPurpose, _ reason: String)

    package var description: String {
        let known = SocketPurpose.allCases.map { "`\($0.rawValue)`" }.joined(separator: ", ")
        return switch self {
        case .malformed(let variable, let value):
            "sockets handed over: \(variable) is `\(value)`, which is not what sd_listen_fds(3) says"
        case .unknownName(let name):
            "socket `\(name)` handed over: FileDescriptorName= must be one of \(known)"
        case .repeated(let purpose):
            "two sockets `\(purpose.rawValue)` handed over: the socket unit may have one ListenStream="
        case .unusable(let purpose, let reason):
            "socket `\(purpose.rawValue)` handed over: \(reason)"
        }
    }
}
