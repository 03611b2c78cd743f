import ArgumentParser
import FoundationEssentials
import NIOCore
import SelatCore
import SelatCrypto
import SelatFederation

/// The officer's own key, and where what it signs is written. The daemon never sees the key.
struct OfficerOptions: ParsableArguments {
    @Option(help: "The officer's private key, PEM; it may be encrypted.")
    var key: String

    @Option(help: "The officer's certificate, PEM, as the member record lists it.")
    var certificate: String

    @Option(help: "The federation's digest, as `selat status` shows it.")
    var federation: Digest

    @Option(help: "A file whose first line is the key's passphrase; without it you are asked.")
    var passphraseFile: String?

    @Option(help: "The file to write the signed statement to; it must not exist.")
    var out: String

    @Flag(help: "Print one JSON document instead of text.")
    var json = false

    /// Signs a statement and writes it.
    func sign(_ statement: OfficerStatement) throws {
        let message: [UInt8]
        do {
            message = try statement.signed(by: try signer())
        } catch let error as FederationError {
            throw Ending(.failed, "\(error)")
        }
        let file = ExportedFile(out)
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

    private func signer() throws -> CMS.Signer {
        let pem = try Self.bytes(of: key)
        let passphrase = try Passphrase.forKey(pem, at: key, file: passphraseFile)
        do {
            return try CMS.Signer(
                certificate: try Certificate(pem: try Self.bytes(of: certificate)),
                key: try PrivateKey(pem: pem, passphrase: passphrase))
        } catch let error as CryptoError {
            throw Ending(
                .failed, "key `\(key)` with certificate `\(certificate)`: \(error)",
                hint: "both in PEM, of one key pair; check the passphrase")
        }
    }

    static func bytes(of path: String) throws -> [UInt8] {
        guard let contents = FileManager.default.contents(atPath: path) else {
            throw Ending(.failed, "reading `\(path)`: it cannot be read")
        }
        return Array(contents)
    }
}
