import ArgumentParser
import SelatControl
import SelatCore

struct KeysShow: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show",
        abstract: "Show every key of the node, and its member's certificates, with days left.",
        discussion: """
            A key is `in-use`, `next` (made, and not listed or not spread yet), `old`
            (kept until nothing can name it any more), `unlisted` (in no record) or
            `destroyed`.

            Example:
              selat keys
            """)

    @OptionGroup var client: ClientOptions

    func run() async throws {
        let keys = try await client.withDaemon { try await $0.getJSON("/v1/keys") }
        if client.json { return Terminal.result(keys) }
        Terminal.result([own(keys), member(keys)].joined(separator: "\n\n"))
        for warning in keys["warnings"]?.arrayValue ?? [] {
            Terminal.warning(warning.stringValue ?? "")
        }
        for file in keys["remove"]?.arrayValue ?? [] {
            Terminal.warning(
                "`\(file.stringValue ?? "")` is over, and the daemon cannot remove it: remove it")
        }
    }

    private func own(_ keys: JSON) -> String {
        var table = Table(["key", "kind", "state", "fingerprint", "until", "days", "where"])
        for key in keys["keys"]?.arrayValue ?? [] {
            let until = key.text(key["until"] == nil ? "not_after" : "until")
            table.add([
                key.text("purpose"), key.text("kind"), key.text("state"), key.text("fingerprint"),
                until,
                key.text("days_left"), key.text("place"),
            ])
        }
        return table.text
    }

    private func member(_ keys: JSON) -> String {
        var table = Table(["of the member", "fingerprint", "until", "days"])
        for group in ["officers", "policy_signers", "authorities", "cas"] {
            for certificate in keys[group]?.arrayValue ?? [] {
                table.add([
                    certificate.text("id"), certificate.text("fingerprint"),
                    certificate.text("not_after"), certificate.text("days_left"),
                ])
            }
        }
        for list in keys["crls"]?.arrayValue ?? [] {
            table.add([
                "revocation list", "-", list.text("next_update"), list.text("days_left"),
            ])
        }
        return table.text
    }
}
