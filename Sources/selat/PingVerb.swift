import ArgumentParser
import SelatControl
import SelatCore

struct PingVerb: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ping",
        abstract: "Call another node: TLS both ways, and the membership that both go by.",
        discussion: """
            The own node's daemon dials on a connection of its own. Exit status 1 where
            the other node does not answer, or one of both refuses the other's
            certificate.

            Example: selat ping VN/hub
            """)

    @Argument(help: "The node, such as VN/hub.")
    var node: NodeID

    @OptionGroup var client: ClientOptions

    func run() async throws {
        let answer = try await client.withDaemon {
            try await $0.post("/v1/pings", ["node": .string(node.text)])
        }
        if client.json { return Terminal.result(answer) }
        Terminal.result(lines: [
            "\(answer.text("node")) at \(answer.text("address")): \(answer.text("round_trip_ms")) ms, "
                + "handshake \(answer.text("handshake_ms")) ms, list \(answer.text("list_there"))"
        ])
        if answer["same_list"] != true {
            Terminal.warning(
                "it goes by list \(answer.text("list_there")), this node by "
                    + "\(answer.text("list_here")), or by another of that serial")
        } else if answer["same_documents"] != true {
            Terminal.warning("its records or revocation lists are not those held here yet")
        }
    }
}
