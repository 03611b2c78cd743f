import ArgumentParser
import SelatControl
import SelatCore

struct KeysRotate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rotate",
        abstract: "Let the daemon make its next key: tls, signing, agreement or witness.",
        discussion: """
            The key is made in the daemon's state directory and never leaves it. The country's
            authority issues a certificate from the request, having compared the fingerprint, and
            publishes a record that lists it first. The node takes the key up by itself, and destroys
            the old one once nothing can name it any more. Asked again, the same request is answered.

            Example:
              selat keys rotate signing --out signing.csr
            """)

    @Argument(help: "What the key is for.")
    var purpose: String

    @OptionGroup var client: ClientOptions

    @Option(help: "Where the request is written; without it, it goes to stdout.")
    var out: String?

    func run() async throws {
        let rotated = try await client.withDaemon {
            try await $0.post("/v1/keys/\(Self.escaped(purpose))/rotation")
        }
        let request = rotated["request"]?.stringValue
        if let request, let out { try NewFile.write(request, to: AbsolutePath.of(out)) }
        if client.json { return Terminal.result(rotated) }
        if out == nil || request == nil {
            Terminal.result(request.map(Self.trimmed) ?? rotated.text("listing"))
        }
        let made = rotated["made"]?.boolValue == true ? "made" : "already made, not listed yet"
        Terminal.note("\(rotated.text("node")) \(purpose): \(made)")
        Terminal.note("fingerprint: \(rotated.text("fingerprint"))")
        Terminal.hint(
            request == nil
                ? "the authority puts it into the record: selat members propose --record"
                : "the authority issues (certs/README.md), then: selat members propose --record")
    }

    /// A word that is no purpose is the daemon's to refuse, and must not become another path.
    private static func escaped(_ word: String) -> String {
        let safe = word.utf8.allSatisfy { (0x61...0x7A).contains($0) || $0 == 0x2D }
        return safe && !word.isEmpty ? word : "unknown"
    }

    private static func trimmed(_ text: String) -> String {
        text.hasSuffix("\n") ? String(text.dropLast()) : text
    }
}
