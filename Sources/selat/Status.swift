import ArgumentParser
import SelatControl
import SelatCore

struct Status: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Show how the node stands: membership, policies, log, transfers, warnings.",
        discussion: "Example: selat status --json")

    @OptionGroup var client: ClientOptions

    func run() async throws {
        let status = try await client.withDaemon { try await $0.getJSON("/v1/status") }
        if client.json { return Terminal.result(status) }
        Terminal.result(lines: lines(status))
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

    private func suiteLine(_ suites: JSON) -> String {
        let peers = (suites["peers"]?.arrayValue ?? []).map { peer in
            let suite = peer["suite"] == nil ? peer.text("fault") : "suite \(peer.text("suite"))"
            return "\(peer.text("node")) \(suite)"
        }
        let high = suites["high_from"] == nil ? "" : ", high from \(suites.text("high_from")) on"
        return "suites: profile \(suites.text("profile"))\(high); "
            + (peers.isEmpty ? "no peers" : peers.joined(separator: ", "))
    }

    private func opensslLine(_ openssl: JSON) -> String {
        let providers = (openssl["providers"]?.arrayValue ?? []).compactMap(\.stringValue)
        return "openssl: \(openssl.text("version")), providers \(providers.joined(separator: ", "))"
            + (openssl["properties"] == nil ? "" : ", query \(openssl.text("properties"))")
    }

    /// Nil where nothing goes on.
    private static func linkLine(_ link: JSON) -> String? {
        func words(_ key: String) -> [String] {
            let counts = (link[key]?.objectValue ?? [:]).sorted { $0.key < $1.key }
            return counts.map { "\(key) \($0.value.integerValue ?? 0) \($0.key)" }
        }
        var words = words("sending") + words("waiting")
        if let seconds = link["waiting_seconds"]?.integerValue {
            words.append("longest wait \(seconds) s")
        }
        if let count = link["giving_way"]?.integerValue, count > 0 {
            words.append("\(count) giving way")
        }
        return words.isEmpty ? nil : "link \(link.text("node")): \(words.joined(separator: ", "))"
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
        lines += (status["links"]?.arrayValue ?? []).compactMap(Self.linkLine)
        if let suites = status["suites"] { lines.append(suiteLine(suites)) }
        if let openssl = status["openssl"] { lines.append(opensslLine(openssl)) }
        lines += (status["warnings"]?.arrayValue ?? []).compactMap(\.stringValue)
            .map { "warning: \($0)" }
        return lines
    }
}
