import ArgumentParser
import FoundationEssentials
import SelatCore
import SelatCrypto

/// A person's own key: a file, or a token that the person holds. The daemon never sees it.
struct PersonalKey: ParsableArguments {
    @Option(
        help: """
            The private key: a PEM file, which may be encrypted, or one in a token, such as \
            `pkcs11:token=lee;object=signing`.
            """)
    var key: String

    @Option(help: "The key's certificate, PEM, as the member record or list has it.")
    var certificate: String

    @Option(help: "A file whose first line is the key's passphrase; without it you are asked.")
    var passphraseFile: String?

    @Option(help: "The PKCS#11 module of the token, such as opensc-pkcs11.so, with its path.")
    var module: String?

    @Option(help: "A file whose first line is the token's PIN; without it you are asked.")
    var pinFile: String?

    /// - Throws: `Ending` in words for the one who typed; it holds no secret.
    func signer() throws -> CMS.Signer {
        SecretMemory.protect()
        do {
            let certificate = try Certificate(pem: try Self.bytes(of: certificate))
            let key = try Self.privateKey(
                key, passphraseFile: passphraseFile, module: module, pinFile: pinFile)
            return try CMS.Signer(certificate: certificate, key: key)
        } catch let error as CryptoError {
            throw Ending(
                .failed, "key `\(key)` with certificate `\(certificate)`: \(error)",
                hint: Self.hint(for: error))
        }
    }

    /// - Parameter key: a file's path, or the name of a key in the token.
    static func privateKey(
        _ key: String, passphraseFile: String?, module: String?, pinFile: String?
    ) throws -> PrivateKey {
        guard TokenKeyName.isOne(key) else {
            let pem = try bytes(of: key)
            let passphrase = try Passphrase.forKey(pem, at: key, file: passphraseFile)
            return try PrivateKey(pem: pem, passphrase: passphrase)
        }
        let name = try TokenKeyName(key)
        guard let module else {
            throw Ending(
                .usage, "key `\(key)` lies in a token, and nothing says how to reach it",
                hint: "name the token's PKCS#11 module with --module")
        }
        let pin = Secret(copying: try Passphrase.pin(of: key, file: pinFile))
        return try Token(module: module, pin: pin).key(name)
    }

    static func hint(for error: CryptoError) -> String {
        switch error {
        case .tokenPINRefused: "try again with the right PIN; few wrong ones lock a token"
        case .tokenUnavailable:
            "check that the token is there, and see `pkcs11-tool --module MODULE --list-objects`"
        default: "both of one key pair; check the passphrase"
        }
    }

    static func bytes(of path: String) throws -> [UInt8] {
        guard let contents = FileManager.default.contents(atPath: path) else {
            throw Ending(.failed, "reading `\(path)`: \(InputFile.hindrance(path))")
        }
        return Array(contents)
    }
}
