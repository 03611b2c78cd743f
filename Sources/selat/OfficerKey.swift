import ArgumentParser
import FoundationEssentials
import SelatCore
import SelatCrypto

/// An officer's own key, for a statement or a policy edition. The daemon never sees it.
struct OfficerKey: ParsableArguments {
    @Option(help: "The officer's private key, PEM; it may be encrypted.")
    var key: String

    @Option(help: "The officer's certificate, PEM, as the member record lists it.")
    var certificate: String

    @Option(help: "The federation's digest, as `selat status` shows it.")
    var federation: Digest

    @Option(help: "A file whose first line is the key's passphrase; without it you are asked.")
    var passphraseFile: String?

    func signer() throws -> CMS.Signer {
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
