import ArgumentParser
import SelatControl
import SelatCore

struct Watch: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "watch",
        abstract: "Watch the node, or one transfer until it has ended, as it lives.",
        discussion: """
            On a terminal a page that renews itself: queues by precedence, peers with
            rates, what is under way, who is waited for, warnings. Ctrl-C ends it.
            Elsewhere a line for each change; with --json a document a line for each look.

            Of one transfer the exit status is its outcome's, as with `send --wait`.

            Examples:
              selat watch
              selat watch 0198f3a2-7c41-7d2e-9b1a-0f6c2d8e4a11
              selat watch --json --count 1
            """)

    @Argument(help: "A transfer's id (default: the whole node).")
    var id: TransferID?

    @Option(help: "Seconds between two looks: 1 to 3600.")
    var interval: Int = 2

    @Option(help: "End after this many looks (default: never).")
    var count: Int?

    @OptionGroup var client: ClientOptions

    func validate() throws {
        try (1...3_600).require(interval, of: "--interval")
        guard count.map({ $0 > 0 }) ?? true else {
            throw ValidationError("--count must be at least 1")
        }
    }

    func run() async throws {
        if let id {
            try await follow(id)
        } else {
            try await followNode()
        }
    }

    private var isPage: Bool { Terminal.stdoutIsTerminal && !client.json }

    // MARK: The node

    private func followNode() async throws {
        var look = try await client.withDaemon { try await NodeLook($0) }
        var changes = NodeChanges()
        let screen = isPage ? FullScreen() : nil
        defer { screen?.leave() }
        for round in 1... {
            if client.json {
                Terminal.result(String(decoding: look.json.canonical, as: UTF8.self))
            } else if let screen {
                screen.show { NodePage(look, columns: $0, rows: $1).lines }
            } else {
                for line in changes.lines(since: look) { Terminal.result(line) }
            }
            guard round < count ?? .max else { return }
            look = try await next(after: look, screen)
        }
    }

    /// The next look; while no daemon answers the page says so, and nothing else ends the watch.
    private func next(after look: NodeLook, _ screen: FullScreen?) async throws -> NodeLook {
        while true {
            try await Task.sleep(for: .seconds(interval))
            Terminal.requireReader()
            do {
                return try await client.withDaemon { try await NodeLook($0, after: look) }
            } catch let error where screen != nil {
                let ending = Ending(explaining: error)
                guard ending.status == .unreachable else { throw error }
                screen?.show { columns, rows in
                    let page = NodePage(look, columns: columns, rows: rows - 2).lines
                    let message = Terminal.plain(ending.message ?? "")
                    return [PageLine(message, .alarm), PageLine()] + page
                }
            }
        }
    }

    // MARK: One transfer

    private func follow(_ id: TransferID) async throws {
        var looks = TransferLooks()
        let screen = isPage ? FullScreen() : nil
        defer { screen?.leave() }
        for round in 1... {
            let transfer = try await client.withDaemon {
                try await $0.getJSON("/v1/transfers/\(id.text)")
            }
            let isNew = looks.take(transfer)
            if let screen {
                screen.show { columns, _ in looks.page(columns: columns) }
            } else if isNew {
                Terminal.result(
                    client.json
                        ? String(decoding: transfer.canonical, as: UTF8.self) : looks.line)
            }
            if looks.hasEnded {
                screen?.leave()
                if screen != nil { Terminal.result(looks.line) }
                return try looks.end()
            }
            guard round < count ?? .max else { return }
            try await Task.sleep(for: .seconds(interval))
            Terminal.requireReader()
        }
    }
}
