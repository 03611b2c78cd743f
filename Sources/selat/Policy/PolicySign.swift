import ArgumentParser
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

    @OptionGroup var officer: OfficerKey

    @Flag(help: "Begin anew where FILE.p7s holds signatures over another edition.")
    var anew = false

    @Flag(help: "Print one JSON document instead of text.")
    var json = false

    func run() async throws {
        let now = SystemClock().now()
        let editions = try files.map { try EditionFile($0) }
        for edition in editions { try check(edition) }
        let signer = try officer.signer()
        let signed = try editions.map { edition in
            let message = try sign(edition, signer, officer.federation, now)
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
