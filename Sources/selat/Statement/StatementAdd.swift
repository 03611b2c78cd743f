import ArgumentParser
import SelatControl
import SelatCore

struct StatementAdd: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "add",
        abstract: "Hand officers' signed statements to the node, which verifies and keeps them.",
        discussion: """
            From then on they count for every transfer that they are about, as long as
            they last, and travel with it, so that the recipient verifies them too.

            Example:
              selat statement add tia-sg.cms
            """)

    @Argument(help: "The signed statements.")
    var files: [String]

    @OptionGroup var client: ClientOptions

    func run() async throws {
        let messages = try files.map { try OfficerKey.bytes(of: $0) }
        let taken = try await client.withDaemon { daemon in
            var taken: [JSON] = []
            for message in messages {
                taken.append(
                    try await daemon.post(
                        "/v1/statements", ["statement": .string(Base64.encode(message))]))
            }
            return taken
        }
        if client.json { return Terminal.result(["statements": .array(taken)]) }
        for statement in taken { Terminal.result(lines: [StatementText.line(statement)]) }
    }
}

/// A kept statement in one line.
enum StatementText {
    static func line(_ kept: JSON) -> String {
        guard let statement = kept["statement"] else {
            return "cannot be read: \(kept["fault"]?.stringValue ?? "")"
        }
        func text(_ key: String) -> String { statement[key]?.stringValue ?? "" }
        let officer = kept["officer"]?.stringValue ?? "unknown"
        let fault = kept["fault"]?.stringValue.map { "; counts for nothing: \($0)" } ?? ""
        guard text("type") == "declaration" else {
            return "attestation  \(text("document"))  \(text("from")) to \(text("to"))  by "
                + "\(officer), \(text("issued"))\(fault)"
        }
        let to = (statement["to"]?.arrayValue ?? []).compactMap(\.stringValue)
        return "declaration  \(text("reference"))  \(text("from")) to "
            + "\(to.joined(separator: ", "))  by \(officer), until \(text("until"))\(fault)"
    }
}
