package import SelatCore

/// What makes a connection to a peer useless, beside what TLS and HTTP report themselves.
package enum TransportFault: Error, Hashable, Sendable, CustomStringConvertible {
    /// A node of the federation answered, but not the one that was dialled.
    case anotherNode(expected: NodeID, found: NodeID)
    /// The peer's answer does not keep to the protocol.
    case unexpectedAnswer(_ reason: String)

    package var description: String {
        switch self {
        case .anotherNode(let expected, let found): "dialled `\(expected)`, found `\(found)`"
        case .unexpectedAnswer(let reason): "the peer answered \(reason)"
        }
    }
}
