import ArgumentParser
import SelatControl
import SelatCore

struct Status: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show how the node stands: membership, policies, log, transfers, warnings.",
        discussion: "Example: selat status --json")

    @OptionGroup var client: ClientOptions

    func run() async throws {
        let status = try await client.withDaemon { try await $0.getJSON("/v1/status") }
        if client.json { return Terminal.result(status) }
        Terminal.result(lines(status).joined(separator: "\n"))
    }

    private func witnessLine(_ log: JSON) -> String {
        guard log["quorum"] != nil else { return "witnesses: none in this federation" }
        let witnesses = (log["witnesses"]?.arrayValue ?? []).map { witness in
            witness["cause"] != nil
                ? "\(witness.text("node")) silent"
                : witness.text("missing") == "0"
                    ? witness.text("node")
                    : "\(witness.text("node")) lacks \(witness.text("missing"))"
        }
        return "witnesses: \(log.text("standing")), \(log.text("witnessed")) entries witnessed, "
            + "\(log.text("unwitnessed")) unwitnessed; quorum \(log.text("quorum")) of "
            + witnesses.joined(separator: ", ")
    }

    /// The edition that waits for its moment.
    private static func next(_ edition: JSON) -> String {
        guard let next = edition["waiting"]?.arrayValue?.first else { return "" }
        return " (\(next.text("edition")) from \(next.text("in_force")))"
    }

    private func lines(_ status: JSON) -> [String] {
        var lines = ["node: \(status.text("node")), selatd \(status.text("version"))"]
        if let membership = status["membership"] {
            lines.append(
                "membership: serial \(membership.text("serial")), \(membership.text("members")) "
                    + "members, expires \(membership.text("expires"))")
        }
        if let policies = status["policies"] {
            let editions = (policies["editions"]?.objectValue ?? [:]).sorted { $0.key < $1.key }
            lines.append(
                "policies: "
                    + editions.map { "\($0.key) \($0.value.text("edition"))\(Self.next($0.value))" }
                    .joined(separator: ", "))
        }
        if let log = status["log"] {
            lines.append("log: \(log.text("size")) entries, \(log.text("origin"))")
            lines.append(witnessLine(log))
        }
        for direction in ["outbound", "inbound"] {
            let counts = (status[direction]?.objectValue ?? [:]).sorted { $0.key < $1.key }
            let words = counts.map { "\($0.value.integerValue ?? 0) \($0.key)" }
            lines.append(
                "\(direction): " + (words.isEmpty ? "none" : words.joined(separator: ", ")))
        }
        lines.append("openssl: \(status["openssl"]?.text("version") ?? "")")
        lines += (status["warnings"]?.arrayValue ?? []).compactMap(\.stringValue)
            .map { "warning: \($0)" }
        return lines
    }
}
