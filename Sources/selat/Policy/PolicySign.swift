import ArgumentParser
import SelatCore
import SelatCrypto
import SelatPolicy

struct PolicySign: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sign",
        abstract: "Sign policy editions with an officer's own key; needs no daemon.",
        discussion: """
            Writes FILE.p7s, or adds to the signatures in it: a detached CMS message over
            the file's very bytes, for one federation. Read the file before you sign it;
            afterwards not a byte of it may change. A draft is not signed: set `standing:
            published` first.

            With --instrument it is the text of one agreement that is signed, for the
            officer's own country, and the signature comes into `agreements.yaml` itself;
            the file's own signatures follow once every party has signed.

            Examples:
              selat policy sign Policies/SG.yaml --key lee.key --certificate lee.pem \\
                --federation sha256:4f62…
              selat policy sign Policies/agreements.yaml --instrument sg-vn-relief-2026 \\
                --text letters.pdf --key lee.key --certificate lee.pem \\
                --federation sha256:4f62…
            """)

    @Argument(help: "The policy files.")
    var files: [String]

    @Option(help: "Sign the text of this instrument, not the file.")
    var instrument: String?

    @Option(help: "With --instrument: the document that was agreed on; its digest is compared.")
    var text: String?

    @OptionGroup var officer: OfficerKey

    @Flag(help: "Begin anew where FILE.p7s holds signatures over another edition.")
    var anew = false

    @Flag(help: "Print one JSON document instead of text.")
    var json = false

    func validate() throws {
        guard (instrument == nil) == (text == nil) else {
            throw ValidationError("--instrument and --text go together")
        }
        guard instrument == nil || files.count == 1 && !anew else {
            throw ValidationError("--instrument takes one file, and no --anew")
        }
    }

    func run() async throws {
        let now = SystemClock().now()
        if let instrument, let text { return try signAgreement(instrument, text, now) }
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

    private func signAgreement(_ instrument: String, _ text: String, _ now: Timestamp) throws {
        let signing = AgreementSigning(
            edition: try EditionFile(files[0]), instrument: instrument, text: text)
        let statement = try signing.sign(
            by: try officer.signer(), federation: officer.federation, at: now)
        let after = try EditionFile(files[0]).head.signings.first { $0.instrument == instrument }
        let missing = (after?.missing ?? []).sorted().map(\.code)
        if json {
            return Terminal.result([
                "file": .string(files[0]), "instrument": .string(instrument),
                "party": .string(statement.party.code), "text": .string(statement.text.text),
                "missing": .strings(missing),
            ])
        }
        Terminal.result(
            "\(files[0]): `\(instrument)` signed for \(statement.party)"
                + (missing.isEmpty ? "" : ", missing: \(missing.joined(separator: ", "))"))
        Terminal.hint(
            missing.isEmpty
                ? "the file itself is signed next: selat policy sign \(files[0])"
                : "the others sign in the same file, or add their lines of `signatures` to it")
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
