import HTTPTypes
import NIOCore
import NIOHTTPTypes

/// Where a part stands in its message.
enum MessageStep {
    /// - Parameter isLast: whether what comes behind the message is of another protocol.
    case head(isLast: Bool)
    case body
    case end
}

/// A request part or a response part, as far as the stream cares.
protocol MessagePart: Sendable {
    var step: MessageStep { get }
    /// How much it holds of what was received.
    var bytes: Int { get }
}

extension HTTPRequestPart: MessagePart {
    var step: MessageStep {
        switch self {
        case .head(let head): .head(isLast: head.asksForAnotherProtocol)
        case .body: .body
        case .end: .end
        }
    }

    var bytes: Int {
        switch self {
        case .head(let head):
            (head.path?.utf8.count ?? 0) + (head.authority?.utf8.count ?? 0)
                + head.headerFields.bytes
        case .body(let buffer): buffer.readableBytes
        case .end(let trailers): trailers?.bytes ?? 0
        }
    }
}

extension HTTPResponsePart: MessagePart {
    var step: MessageStep {
        switch self {
        case .head(let head): .head(isLast: head.status == .switchingProtocols)
        case .body: .body
        case .end: .end
        }
    }

    var bytes: Int {
        switch self {
        case .head(let head): head.headerFields.bytes
        case .body(let buffer): buffer.readableBytes
        case .end(let trailers): trailers?.bytes ?? 0
        }
    }
}

extension HTTPRequest {
    /// Whether its author may go on in another protocol behind it: NIO's decoder decodes nothing more then, and keeps
    /// all that comes. It asks for `Connection: upgrade` too, which not everybody sends who sends `Upgrade`.
    var asksForAnotherProtocol: Bool { method == .connect || headerFields[.upgrade] != nil }
}

extension HTTPFields {
    fileprivate var bytes: Int {
        reduce(0) { $0 + $1.name.rawName.utf8.count + $1.value.utf8.count }
    }
}
