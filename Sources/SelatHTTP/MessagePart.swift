import NIOCore
import NIOHTTPTypes

/// Where a part stands in its message.
enum MessageStep {
    case head
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
        case .head: .head
        case .body(let buffer): .body(bytes: buffer.readableBytes)
        case .end: .end
        }
    }
}

extension HTTPResponsePart: MessagePart {
    var step: MessageStep {
        switch self {
        case .head: .head
        case .body(let buffer): .body(bytes: buffer.readableBytes)
        case .end: .end
        }
    }
}
