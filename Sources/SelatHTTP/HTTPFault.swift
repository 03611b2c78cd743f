/// What ends a connection or refuses a socket. Refusals of requests are `Problem`s, not faults.
package enum HTTPFault: Error, Hashable, Sendable, CustomStringConvertible {
    /// The peer sent bytes that are no HTTP/1.1 message.
    case malformedMessage(_ reason: String)
    /// Header fields larger or more than the limits allow.
    case headerTooLarge
    /// A body larger than the reader allows.
    case bodyTooLarge(bytesMax: Int)
    /// The connection ended inside a message.
    case truncated
    /// The peer took longer than the limits allow.
    case stalled
    /// The connection is closed.
    case closed
    /// The body of the previous response has not been read to its end.
    case responseUnread
    /// No connection came about.
    case unreachable(_ address: String, reason: String)
    /// The operating system ended the connection.
    case connectionLost(_ reason: String)
    /// A daemon that answers already listens on this path.
    case socketInUse(path: String)
    /// A file that is no socket stands at the path.
    case notASocket(path: String)
    /// A path longer than a socket address holds (107 bytes on Linux).
    case socketPathTooLong(path: String)
    /// A system call on a socket failed.
    case socket(_ call: String, path: String, errno: Int32, reason: String)

    package var description: String {
        switch self {
        case .malformedMessage(let reason): "not an HTTP/1.1 message: \(reason)"
        case .headerTooLarge: "the header fields exceed the limits"
        case .bodyTooLarge(let bytesMax): "the body exceeds \(bytesMax) bytes"
        case .truncated: "the connection ended inside a message"
        case .stalled: "the peer was too slow"
        case .closed: "the connection is closed"
        case .responseUnread: "the body of the previous response has not been read"
        case .unreachable(let address, let reason): "connecting to \(address): \(reason)"
        case .connectionLost(let reason): "connection lost: \(reason)"
        case .socketInUse(let path): "a running daemon answers on `\(path)`; stop it first"
        case .notASocket(let path): "`\(path)` is not a socket; remove it or choose another path"
        case .socketPathTooLong(let path): "socket path `\(path)` is longer than 107 bytes"
        case .socket(let call, let path, _, let reason): "\(call) on `\(path)`: \(reason)"
        }
    }
}
