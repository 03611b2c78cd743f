package import NIOCore

/// What one connection may cost. Reaching a limit ends the request or the connection with a reason.
package struct HTTPLimits: Sendable {
    /// Connections that a listener serves at once; the next one is closed unanswered.
    package var connectionsMax = 256
    /// Of them, those whose peer is known; the others have room to say who they are. For one more, a connection of
    /// the user or the country that has most is closed, where that has at least two more.
    package var knownConnectionsMax = 224
    /// Of them, those that one user of this machine may have at a unix socket; further ones are closed
    /// unanswered, so that nobody keeps the others out.
    package var connectionsPerUserMax = 128
    /// Of them, those that all nodes of one country may have, for the same reason.
    package var connectionsPerCountryMax = 128
    /// Of those, the ones that one node may have.
    package var connectionsPerNodeMax = 64
    /// One header field, name and value.
    package var fieldBytesMax = 8 << 10
    /// All header fields of one message.
    package var fieldsBytesMax = 32 << 10
    /// Number of header fields of one message.
    package var fieldsMax = 64
    /// A connection without a request is closed after this time; a header must be complete by then.
    package var idle: TimeAmount = .seconds(75)
    /// A peer that owes bytes, or that must take some, has this long for each `progressBytes`.
    package var patience: TimeAmount = .seconds(30)
    /// Whoever sends slower than this many bytes per `patience` is cut off (slow-loris).
    package var progressBytes = 16 << 10
    /// Bytes received and not yet consumed, of heads and bodies, at which reading from the socket pauses.
    package var unreadBytesMax = 512 << 10
    /// The same while nobody has begun to read the body: it may have to wait.
    package var unaskedBytesMax = 4 << 10
    /// How long what the answer left unread of a request body is read away before the connection is
    /// closed behind it: the peer reads the answer meanwhile.
    package var lingering: TimeAmount = .seconds(2)
    /// How long `shutDown` lets running requests finish.
    package var shutdownPatience: TimeAmount = .seconds(20)
    /// Time for a TCP connection to come about.
    package var connectPatience: TimeAmount = .seconds(10)

    package init() {}
}
