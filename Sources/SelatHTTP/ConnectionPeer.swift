package import NIOCore
package import SelatCore

/// Who is at the other end, as far as the connection itself proves it.
package enum ConnectionPeer: Hashable, Sendable {
    /// A TCP connection without TLS: nobody in particular.
    case anyone
    /// A process on this machine, as the kernel vouches (SO_PEERCRED).
    case process(ProcessCredentials)
    /// A node of the federation, proved by its TLS certificate (DER), which may be judged again.
    case node(NodeID, certificate: [UInt8])

    /// The node behind a TLS connection.
    package var node: NodeID? { if case .node(let node, _) = self { node } else { nil } }
    /// The process behind a unix socket.
    package var process: ProcessCredentials? {
        if case .process(let credentials) = self { credentials } else { nil }
    }
}

/// The identity of a local process at the time it connected.
package struct ProcessCredentials: Hashable, Sendable {
    package let process: Int32
    package let user: UInt32
    /// Its effective group and its supplementary ones: what the process had when it connected, not
    /// what the group database says by now.
    package let groups: Set<UInt32>

    package init(process: Int32, user: UInt32, groups: Set<UInt32>) {
        self.process = process
        self.user = user
        self.groups = groups
    }
}

/// Puts handlers below HTTP (TLS) and tells, once the peer is known, who it is.
///
/// Called on the channel's event loop while the channel is set up. The future must end in a bounded
/// time; when it fails the connection is closed.
package typealias ConnectionSecurity =
    @Sendable (any Channel) throws -> EventLoopFuture<ConnectionPeer>
