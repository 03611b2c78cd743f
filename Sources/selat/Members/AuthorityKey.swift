import ArgumentParser
import SelatCore
import SelatCrypto

/// An authority's own key, for lists and records. No daemon ever sees it.
struct AuthorityKey: ParsableArguments {
    @Option(help: "The authority's private key, PEM; it may be encrypted.")
    var key: String

    @Option(help: "The authority's certificate, PEM, as the membership list names it.")
    var certificate: String

    @Option(help: "A file whose first line is the key's passphrase; without it you are asked.")
    var passphraseFile: String?

    func signer() throws -> CMS.Signer {
        let pem = try OfficerKey.bytes(of: key)
        let passphrase = try Passphrase.forKey(pem, at: key, file: passphraseFile)
        do {
            return try CMS.Signer(
                certificate: try Certificate(pem: try OfficerKey.bytes(of: certificate)),
                key: try PrivateKey(pem: pem, passphrase: passphrase))
        } catch let error as CryptoError {
            throw Ending(
                .failed, "key `\(key)` with certificate `\(certificate)`: \(error)",
                hint: "both in PEM, of one key pair; check the passphrase")
        }
    }
}
