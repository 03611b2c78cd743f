import ArgumentParser
import SelatControl
import SelatCore

struct KeysRotate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rotate",
        abstract:
            "Let the daemon make its next key: tls, signing, agreement, mlkem or witness.",
        discussion: """
            The key is made in the daemon's state directory and never leaves it. The
            country's authority issues a certificate from the request, having compared the
            fingerprint, and publishes a record that lists it first. ML-KEM and witness
            keys have no certificate: what is printed goes into the record as it is. The
            node takes the key up by itself, and destroys the old one once nothing can
            name it any more. Asked again, the same request is answered.

            Examples:
              selat keys rotate signing --out signing.csr
              selat keys rotate mlkem --out mlkem.pub
              selat members propose --record SG --mlkem SG/csa=mlkem.pub
            """)

    @Argument(help: "What the key is for.")
    var purpose: String

    @Option(
        help: ArgumentHelp(
            "P-256, P-384, ML-KEM-768 or ML-KEM-1024 (default: what is listed first now).",
            valueName: "kind"))
    var kind: String?

    @OptionGroup var client: ClientOptions

    @Option(
        help: "Where the request, or the record's line, is written; without it, it goes to stdout.")
    var out: String?

    func run() async throws {
        let query = kind.map { "?kind=\(Self.escaped($0))" } ?? ""
        let rotated = try await client.withDaemon {
            try await $0.post("/v1/keys/\(Self.escaped(purpose))/rotation\(query)")
        }
        let request = rotated["request"]?.stringValue
        let asked = request ?? rotated.text("listing") + "\n"
        if let out { try NewFile.write(asked, to: AbsolutePath.of(out)) }
        if client.json { return Terminal.result(rotated) }
        if out == nil { Terminal.result(Self.trimmed(asked)) }
        let made = rotated["made"]?.boolValue == true ? "made" : "already made, not listed yet"
        Terminal.note("\(rotated.text("node")) \(purpose), \(rotated.text("kind")): \(made)")
        Terminal.note("fingerprint: \(rotated.text("fingerprint"))")
        Terminal.hint(next(rotated, request))
    }

    private func next(_ rotated: JSON, _ request: String?) -> String {
        let node = rotated.text("node")
        let propose = "selat members propose --record \(node.prefix(2))"
        guard request == nil else {
            return "the authority issues (certs/README.md), then: \(propose) --certificate PEM"
        }
        return "the authority puts it into the record: \(propose) "
            + "--\(purpose) \(node)=\(out ?? "FILE")"
    }

    /// A word that is no purpose or kind is the daemon's to refuse, and must not become another path.
    private static func escaped(_ word: String) -> String {
        let safe = word.utf8.allSatisfy { byte in
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D: true
            default: false
            }
        }
        return safe && !word.isEmpty ? word : "unknown"
    }

    private static func trimmed(_ text: String) -> String {
        text.hasSuffix("\n") ? String(text.dropLast()) : text
    }
}
