import FoundationEssentials
import Glibc
import NIOCore

/// A listening unix socket whose file is made with its final permissions, never replaces the socket
/// of a living daemon, and goes away with its listener.
package struct UnixSocket: Sendable {
    /// What goes over it.
    package enum Kind: Sendable {
        case stream
        /// Whole packets, in order (SOCK_SEQPACKET).
        case packets
    }

    package let path: String
    /// It listens, and does not block.
    package let descriptor: Int32
    /// Which file is ours, so that a successor's socket is not removed by mistake.
    private let identity: FileIdentity

    /// - Throws: `HTTPFault` when a daemon answers on the path, something else stands there, or a
    ///   system call fails.
    package init(path: String, mode: UInt32, kind: Kind = .stream) throws(HTTPFault) {
        var address = try Self.address(path)
        try Self.removeStale(path, &address, kind)
        let descriptor = try Self.open(path, kind)
        do throws(HTTPFault) {
            // The file that bind makes takes its mode from the socket, less the umask of the whole
            // process (unix(7)); chmod gives it the rest. Nobody connects before it listens.
            try Self.check("fchmod", path, fchmod(descriptor, mode & 0o777))
            try Self.check("bind", path, Self.with(&address) { bind(descriptor, $0, $1) })
            try Self.check("chmod", path, chmod(path, mode & 0o777))
            try Self.check("listen", path, listen(descriptor, Self.backlog))
            identity = try FileIdentity(path)
        } catch {
            Glibc.close(descriptor)
            throw error
        }
        self.path = path
        self.descriptor = descriptor
    }

    /// A connection to whoever listens at `path`; the caller closes it.
    /// - Throws: `HTTPFault` where nobody does.
    package static func connected(to path: String, kind: Kind) throws(HTTPFault) -> Int32 {
        var address = try address(path)
        let descriptor = try open(path, kind)
        do throws(HTTPFault) {
            try check("connect", path, with(&address) { connect(descriptor, $0, $1) })
        } catch {
            Glibc.close(descriptor)
            throw error
        }
        return descriptor
    }

    /// Removes the socket file if it is still ours.
    package func unlink() {
        guard let current = try? FileIdentity(path), current == identity else { return }
        _ = Glibc.unlink(path)
    }

    /// Dials before it unlinks: a socket that answers belongs to a living daemon.
    private static func removeStale(
        _ path: String, _ address: inout sockaddr_un, _ kind: Kind
    ) throws(HTTPFault) {
        guard let file = try? FileIdentity(path) else { return }
        guard file.isSocket else { throw .notASocket(path: path) }
        let descriptor = try open(path, kind)
        defer { Glibc.close(descriptor) }
        let outcome = with(&address) { connect(descriptor, $0, $1) }
        // Only a refused connection proves that nobody listens; a full backlog (EAGAIN) or a
        // missing permission does not.
        guard outcome != 0, errno == ECONNREFUSED || errno == ENOENT else {
            throw .socketInUse(path: path)
        }
        _ = Glibc.unlink(path)
    }

    private static func open(_ path: String, _ kind: Kind) throws(HTTPFault) -> Int32 {
        let bytes = kind == .stream ? SOCK_STREAM : SOCK_SEQPACKET
        let type = Int32(bytes.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
        return try check("socket", path, socket(AF_UNIX, type, 0))
    }

    @discardableResult
    private static func check(
        _ call: String, _ path: String, _ result: Int32
    ) throws(HTTPFault) -> Int32 {
        guard result >= 0 else {
            let number = errno
            throw .socket(
                call, path: path, errno: number, reason: String(cString: strerror(number)))
        }
        return result
    }

    private static func address(_ path: String) throws(HTTPFault) -> sockaddr_un {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8)
        let fits = withUnsafeMutableBytes(of: &address.sun_path) { storage in
            guard bytes.count < storage.count else { return false }
            storage.copyBytes(from: bytes)
            return true
        }
        guard fits else { throw .socketPathTooLong(path: path) }
        return address
    }

    private static func with<Result>(
        _ address: inout sockaddr_un,
        _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
    ) -> Result {
        withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
    }

    private static let backlog: Int32 = 256

    /// A file as the file system knows it, whatever its name; links are not followed.
    ///
    /// Foundation asks the system: `struct stat` has two owners where NIO's C module is loaded too,
    /// and which one the compiler names depends on the order of loading.
    private struct FileIdentity: Equatable {
        let device: UInt
        let inode: UInt
        let isSocket: Bool

        init(_ path: String) throws(HTTPFault) {
            guard let attributes = try? FileManager.default.attributesOfItem(atPath: path),
                let device = attributes[.systemNumber] as? UInt,
                let inode = attributes[.systemFileNumber] as? UInt
            else { throw .socket("lstat", path: path, errno: ENOENT, reason: "cannot be read") }
            self.device = device
            self.inode = inode
            isSocket = attributes[.type] as? FileAttributeType == .typeSocket
        }
    }
}

extension ProcessCredentials {
    /// The process that connected; nil where the kernel does not say.
    package init?(ofPeer descriptor: Int32) {
        var credentials = KernelCredentials()
        var length = socklen_t(MemoryLayout<KernelCredentials>.size)
        guard getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &credentials, &length) == 0 else {
            return nil
        }
        var groups = KernelGroups()
        length = socklen_t(MemoryLayout<KernelGroups>.size)
        let known =
            getsockopt(descriptor, SOL_SOCKET, SO_PEERGROUPS, &groups, &length) == 0
            ? groups.present : []
        self.init(
            process: credentials.pid, user: credentials.uid,
            groups: known.union([credentials.gid]))
    }

    /// Asks the kernel who connected. SO_PEERCRED and SO_PEERGROUPS are fixed when the connection is
    /// made (unix(7)): a process keeps the groups that it had then, and no name service is asked,
    /// which could be slow, or another's.
    static func ofPeer(_ channel: any Channel) -> EventLoopFuture<ProcessCredentials> {
        guard let provider = channel as? any SocketOptionProvider else {
            return channel.eventLoop.makeFailedFuture(HTTPFault.connectionLost("not a socket"))
        }
        let answer: EventLoopFuture<KernelCredentials> = provider.unsafeGetSocketOption(
            level: .socket, name: NIOBSDSocket.Option(rawValue: SO_PEERCRED))
        let groups: EventLoopFuture<KernelGroups> = provider.unsafeGetSocketOption(
            level: .socket, name: NIOBSDSocket.Option(rawValue: SO_PEERGROUPS))
        // More groups than are asked for are none: who gets fewer rights says so, who gets more
        // does not.
        let known = groups.map(\.present).recover { _ in [] }
        return answer.and(known).map { credentials, groups in
            ProcessCredentials(
                process: credentials.pid, user: credentials.uid,
                groups: groups.union([credentials.gid]))
        }
    }
}

/// Supplementary groups as the kernel writes them, without their number: what it did not write is
/// zero, so group 0 counts only as a process's effective group.
private struct KernelGroups: Sendable {
    var numbers = InlineArray<1_024, UInt32>(repeating: 0)

    var present: Set<UInt32> {
        var present: Set<UInt32> = []
        for index in numbers.indices where numbers[index] != 0 { present.insert(numbers[index]) }
        return present
    }
}

/// `struct ucred` of unix(7): three 32-bit numbers.
private struct KernelCredentials: Sendable {
    var pid: Int32 = 0
    var uid: UInt32 = 0
    var gid: UInt32 = 0
}
