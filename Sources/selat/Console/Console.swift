import ArgumentParser
import Glibc
import Hummingbird
import Logging
import SelatControl
import SelatCore
import SelatHTTP

struct Console: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "console",
        abstract:
            "Serve pages about the node to a browser on this machine, to look and not to change.",
        discussion: """
            Transfers with their timelines, what waits for officers, the policy matrix,
            holdings, the audit log and a map of the members: as much of it as whoever
            runs this command may see at the control socket. Open the address that it
            prints; Ctrl-C ends it.

            It listens on a loopback address or a socket of your own alone, answers only
            the browser that was given the printed address, and changes nothing: every
            page is read only. To look from another machine, forward the port with ssh.

            Examples:
              selat console
              selat console --listen 127.0.0.1:8080
              ssh -L 8080:127.0.0.1:8080 hub selat console --listen 127.0.0.1:8080
              selat console --socket-out /run/user/1000/selat.sock
            """)

    @Option(help: "A loopback address and port; port 0 takes a free one.")
    var listen: String = "127.0.0.1:0"

    @Option(help: "A unix socket to serve on instead; only its owner may connect.")
    var socketOut: String?

    @OptionGroup var client: ClientOptions

    func validate() throws {
        if socketOut == nil, Self.loopback(listen) == nil {
            throw ValidationError(
                "--listen `\(listen)` is no loopback address with a port, such as 127.0.0.1:8080")
        }
    }

    func run() async throws {
        // Whether a daemon answers is known before a browser is sent there.
        try await client.withDaemon { _ = try await $0.getJSON("/v1/status") }
        let point = try self.point
        let entry = ConsoleEntry(isSocket: socketOut != nil)
        let listener = try await HTTPListener.bind(
            point, limits: Self.limits,
            logger: Logger(label: "selat") { _ in SwiftLogNoOpLogHandler() },
            responder: ConsoleRoutes(source: ConsoleSource(client), entry: entry).responder)
        entry.listens(on: listener.address)
        report(listener.address, entry)
        try await listener.run()
    }

    private var point: ListenPoint {
        get throws {
            if let socketOut { return .unix(path: AbsolutePath.of(socketOut), mode: 0o600) }
            guard let (host, port) = Self.loopback(listen) else { throw Ending(.usage) }
            return .tcp(host: host, port: port)
        }
    }

    private func report(_ address: HTTPAddress, _ entry: ConsoleEntry) {
        let (url, socket): (String, String?) =
            switch address {
            case .tcp: ("http://\(address)\(entry.address.text)", nil)
            case .unix(let path): ("http://localhost\(entry.address.text)", path)
            }
        if client.json {
            var members: JSON.Object = ["url": .string(url)]
            members["socket"] = socket.map { .string($0) }
            Terminal.result(.object(members))
        } else {
            Terminal.result(url)
        }
        if let socket {
            Terminal.hint("curl --unix-socket \(socket) -L -c /tmp/cookies '\(url)'")
        } else {
            Terminal.hint("open it in a browser on this machine; Ctrl-C ends it")
        }
    }

    /// Host and port, where the host is this machine and nothing else.
    static func loopback(_ text: String) -> (host: String, port: Int)? {
        guard let colon = text.lastIndex(of: ":"),
            let port = UInt16(text[text.index(after: colon)...])
        else { return nil }
        let name = text[..<colon]
        let host = name.hasPrefix("[") && name.hasSuffix("]") ? name.dropFirst().dropLast() : name
        var v4 = in_addr()
        var v6 = in6_addr()
        if inet_pton(AF_INET, String(host), &v4) == 1, UInt32(bigEndian: v4.s_addr) >> 24 == 127 {
            return (String(host), Int(port))
        }
        if host == "::1", inet_pton(AF_INET6, "::1", &v6) == 1 { return ("::1", Int(port)) }
        return nil
    }

    /// One person's browser.
    private static var limits: HTTPLimits {
        var limits = HTTPLimits()
        limits.connectionsMax = 64
        return limits
    }
}

/// Where pages come from: the control socket, with the rights of whoever runs the console.
struct ConsoleSource: Sendable {
    private let socket: String

    init(_ options: ClientOptions) { socket = options.path }

    /// The answers to all of `paths`, on one connection.
    func get(_ paths: String...) async throws -> [JSON] {
        let daemon = try await ControlClient(socket: socket)
        do {
            var answers: [JSON] = []
            for path in paths { answers.append(try await daemon.getJSON(path)) }
            await daemon.close()
            return answers
        } catch {
            await daemon.close()
            throw error
        }
    }
}
