import ArgumentParser
import NIOCore
import SelatCore
import SelatCrypto
import SelatFederation

/// The officer's own key, and where what it signs is written.
struct OfficerOptions: ParsableArguments {
    @OptionGroup var own: OfficerKey

    @Option(help: "The file to write the signed statement to; it must not exist.")
    var out: String

    @Flag(help: "Print one JSON document instead of text.")
    var json = false

    /// Signs a statement and writes it.
    func sign(_ statement: OfficerStatement) throws {
        let message: [UInt8]
        do {
            message = try statement.signed(by: try own.signer())
        } catch let error as FederationError {
            throw Ending(.failed, "\(error)")
        }
        let file = try ExportedFile(out)
        try file.write(ByteBuffer(bytes: message))
        try file.publish()
        guard !json else {
            return Terminal.result([
                "statement": statement.json, "path": .string(out),
                "digest": .string(SHA256.digest(message).text),
            ])
        }
        Terminal.result("\(out): signed")
        Terminal.result(statement.json.pretty)
    }
}
