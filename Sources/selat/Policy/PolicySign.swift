import ArgumentParser
import FoundationEssentials
import SelatCore
import SelatCrypto
import SelatPolicy

struct PolicySign: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sign",
        abstract: "Sign policy editions with an officer's own key; needs no daemon.",
        discussion: """
            Writes FILE.p7s, or adds to the signatures in it: a detached CMS message over the file's
            very bytes, for one federation. Read the file before you sign it; afterwards not a byte
            of it may change. A draft is not signed: set `standing: published` first.

            Example:
              selat policy sign Policies/SG.yaml --key lee.key --certificate lee.pem \\
                --federation sha256:4f62…
            """)

    @Argument(help: "The policy files.")
    var files: [String]

    @Option(help: "The officer's private key, PEM; it may be encrypted.")
    var key: String

    @Option(help: "The officer's certificate, PEM, as the member record lists it.")
    var certificate: String

    @Option(help: "The federation's digest, as `selat status` shows it.")
    var federation: String

    @Option(help: "A file whose first line is the key's passphrase; without it you are asked.")
    var passphraseFile: String?

    @Flag(help: "Begin anew where FILE.p7s holds signatures over another edition.")
    var anew = false

    @Flag(help: "Print one JSON document instead of text.")
    var json = false

    func run() async throws {
        let (federation, now) = (try Digest(federation), SystemClock().now())
        let editions = try files.map { try EditionFile($0) }
        for edition in editions { try check(edition) }
        let signer = try signer()
        let signed = try editions.map { edition in
            let message = try sign(edition, signer, federation, now)
            return (edition, message)
        }
        for (edition, message) in signed { try edition.write(signatures: message) }
        try report(signed.map(\.0.path))
    }

    private func check(_ edition: EditionFile) throws {
        guard edition.head.standing != .draft else {
            throw Ending(
                .invalidConfiguration, "`\(edition.path)` is a draft, and drafts are not signed",
                hint: "set `standing: published`, and sign the file as it then is")
        }
        if !anew { _ = try edition.unverifiedCount() }
    }

    private func signer() throws -> CMS.Signer {
        let pem = try bytes(of: key)
        let passphrase = try Passphrase.forKey(pem, at: key, file: passphraseFile)
        do {
            return try CMS.Signer(
                certificate: try Certificate(pem: try bytes(of: certificate)),
                key: try PrivateKey(pem: pem, passphrase: passphrase))
        } catch let error as CryptoError {
            throw Ending(
                .failed, "key `\(key)` with certificate `\(certificate)`: \(error)",
                hint: "both in PEM, of one key pair; check the passphrase")
        }
    }

    private func sign(
        _ edition: EditionFile, _ signer: CMS.Signer, _ federation: Digest, _ now: Timestamp
    ) throws -> [UInt8] {
        do {
            guard let before = edition.signatures, !anew else {
                return try CMS.signDetached(
                    content: edition.source.bytes, type: .policyEdition, federation: federation,
                    signers: [signer], at: now)
            }
            return try CMS.addSignature(
                toDetached: before, content: edition.source.bytes, type: .policyEdition,
                federation: federation, signer: signer, at: now)
        } catch {
            throw Ending(.failed, "signing `\(edition.path)`: \(error)")
        }
    }

    private func bytes(of path: String) throws -> [UInt8] {
        guard let contents = FileManager.default.contents(atPath: path) else {
            throw Ending(.failed, "reading `\(path)`: it cannot be read")
        }
        return Array(contents)
    }

    private func report(_ paths: [String]) throws {
        let signed = try paths.map { path -> JSON in
            let edition = try EditionFile(path)
            return [
                "file": .string(path), "edition": .integer(edition.head.number),
                "digest": .string(edition.head.digest.text),
                "in_force": .string(edition.head.inForce.text),
                "path": .string(edition.signaturesPath),
                "signatures": .integer(Int64(try edition.unverifiedCount())),
            ]
        }
        if json { return Terminal.result(["signed": .array(signed)]) }
        for edition in signed {
            Terminal.result(
                "\(edition.text("path")): edition \(edition.text("edition")), in force from "
                    + "\(edition.text("in_force")), \(edition.text("signatures")) signatures")
        }
    }
}
