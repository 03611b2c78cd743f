import Glibc
import HTTPTypes
import Hummingbird
import SelatCore
import SelatCrypto
import SelatHTTP
import Synchronization

/// Who may look: the browser that was given the printed address, on this machine, and no page of
/// another site in it.
final class ConsoleEntry: Sendable {
    private let token: String
    /// What the browser shows from then on; knowing it does not tell the address.
    private let pass: String
    private let isSocket: Bool
    private let port = Mutex<Int?>(nil)

    init(isSocket: Bool) {
        token = Self.secret()
        pass = Self.secret()
        self.isSocket = isSocket
    }

    /// The address that lets in.
    var address: Address { Address("enter", query: ["token": token]) }

    func listens(on address: HTTPAddress) {
        if case .tcp(_, let number) = address { port.withLock { $0 = number } }
    }

    /// Why a request is not answered; nil for one that may look.
    func refusal(of request: Request, from peer: ConnectionPeer) -> ConsoleRefusal? {
        guard request.method == .get || request.method == .head else { return .method }
        if isSocket {
            guard [0, geteuid()].contains(peer.process?.user) else { return .stranger }
        } else {
            // A name that another site lets point here (DNS rebinding) is none of ours.
            guard isOwnHost(request.head.authority) else { return .host }
        }
        if let site = request.headers[Self.fetchSite], !["none", "same-origin"].contains(site) {
            return .otherSite
        }
        if request.uri.path == "/enter" || request.uri.path == "/style.css" { return nil }
        return hasPass(request) ? nil : .noPass
    }

    /// Lets a browser in that knows the token.
    func enter(_ request: Request) -> Response? {
        let given = request.uri.queryParameters["token"].map(String.init) ?? ""
        guard Self.isSame(given, token) else { return nil }
        var response = Response(status: .seeOther)
        response.headers[.location] = Address().text
        response.headers[.setCookie] = "\(cookie)=\(pass); Path=/; HttpOnly; SameSite=Strict"
        return response
    }

    /// Two consoles on one machine share the browser's cookies, which know no ports.
    private var cookie: String { "selat-console-\(port.withLock { $0 } ?? 0)" }

    private func hasPass(_ request: Request) -> Bool {
        request.headers[values: .cookie].flatMap { $0.split(separator: ";") }.contains { pair in
            let parts = pair.split(separator: "=", maxSplits: 1)
            return parts.count == 2 && parts[0].drop { $0 == " " } == cookie
                && Self.isSame(String(parts[1]), pass)
        }
    }

    private func isOwnHost(_ host: String?) -> Bool {
        guard let port = port.withLock({ $0 }), let host else { return false }
        guard let (name, number) = Console.loopback(host) else {
            return host == "localhost:\(port)"
        }
        return number == port && !name.isEmpty
    }

    private static let fetchSite = HTTPField.Name("Sec-Fetch-Site")!

    /// 256 bits in letters that an address may have.
    private static func secret() -> String { Hex.encode(SystemEntropy().bytes(32)) }

    /// Compares in a time that does not tell how much is right.
    private static func isSame(_ a: String, _ b: String) -> Bool {
        let (a, b) = (Array(a.utf8), Array(b.utf8))
        guard a.count == b.count else { return false }
        return zip(a, b).reduce(0) { $0 | ($1.0 ^ $1.1) } == 0
    }
}

/// Why the console does not answer.
enum ConsoleRefusal {
    case method, stranger, host, otherSite, noPass

    var status: HTTPResponse.Status {
        switch self {
        case .method: .methodNotAllowed
        case .host: .misdirectedRequest
        case .stranger, .otherSite, .noPass: .forbidden
        }
    }

    var words: Html {
        switch self {
        case .method: "These pages are read only."
        case .stranger: "This socket belongs to somebody else."
        case .host: "This is not the address that the console printed."
        case .otherSite: "A page of another site asked for this; the console answers none."
        case .noPass:
            "Open the address that `selat console` printed: it lets this browser in until the console ends."
        }
    }
}
