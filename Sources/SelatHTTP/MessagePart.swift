import HTTPTypes
import NIOCore
import NIOHTTPTypes

/// Where a part stands in its message.
enum MessageStep {
    /// - Parameter isLast: whether what comes behind the message is of another protocol.
    case head(isLast: Bool)
    case body(bytes: Int)
    case end
}

/// A request part or a response part, as far as the stream cares.
protocol MessagePart: Sendable {
    var step: MessageStep { get }
}

extension HTTPRequestPart: MessagePart {
    var step: MessageStep {
        switch self {
        case .head(let head): .head(isLast: head.asksForAnotherProtocol)
        case .body(let buffer): .body(bytes: buffer.readableBytes)
        case .end: .end
        }
    }
}

extension HTTPResponsePart: MessagePart {
    var step: MessageStep {
        switch self {
        case .head(let head): .head(isLast: head.status == .switchingProtocols)
        case .body(let buffer): .body(bytes: buffer.readableBytes)
        case .end: .end
        }
    }
}

extension HTTPRequest {
    /// Whether its author may go on in another protocol behind it: NIO's decoder decodes nothing more then, and keeps
    /// all that comes. It asks for `Connection: upgrade` too, which not everybody sends who sends `Upgrade`.
    var asksForAnotherProtocol: Bool { method == .connect || headerFields[.upgrade] != nil }
}
