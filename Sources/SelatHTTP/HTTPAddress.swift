/// Where a listener listens or a client dials.
package enum HTTPAddress: Hashable, Sendable, CustomStringConvertible {
    /// A host (name or literal address) and a TCP port; port 0 lets the system choose.
    case tcp(host: String, port: Int)
    /// A unix domain socket.
    case unix(path: String)

    package var description: String {
        switch self {
        case .tcp(let host, let port): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        case .unix(let path): path
        }
    }
}

/// What a listener takes connections from.
package enum ListenPoint: Hashable, Sendable {
    case tcp(host: String, port: Int)
    /// - Parameter mode: permission bits of the socket file, such as 0o660, whatever the umask.
    case unix(path: String, mode: UInt32)
    /// A socket that someone else bound, such as systemd; the listener closes it at the end.
    case inherited(descriptor: Int32)
}
