import FoundationEssentials
import SelatCore
import SelatCrypto
import SelatPolicy

/// Signs the text of one instrument for one party, and puts the signature into the file.
struct AgreementSigning {
    let edition: EditionFile
    let instrument: String
    /// The document that was agreed on.
    let text: String

    /// - Returns: what was signed.
    func sign(
        by signer: CMS.Signer, federation: Digest, at now: Timestamp
    ) throws -> AgreementStatement {
        guard let signing = edition.head.signings.first(where: { $0.instrument == instrument })
        else {
            throw Ending(
                .usage, "instrument `\(instrument)` of `\(edition.path)` asks for no signatures",
                hint: "add `signatures: []` to it, or look for its `id`")
        }
        try checkText(signing)
        let party = try party(of: signer, signing)
        let statement = AgreementStatement(
            federation: federation, instrument: instrument, parties: signing.parties,
            text: signing.text, party: party, issued: now)
        try write(try statement.signed(by: signer), signing)
        return statement
    }

    /// Who signs a digest signs a document: it must be the one that lies there.
    private func checkText(_ signing: InstrumentSigning) throws {
        guard let contents = FileManager.default.contents(atPath: text) else {
            throw Ending(.failed, "reading `\(text)`: \(InputFile.hindrance(text))")
        }
        let digest = SHA256.digest(Array(contents))
        guard digest == signing.text else {
            throw Ending(
                .verificationFailed,
                "`\(text)` is another text than that of `\(instrument)`: \(digest), expected "
                    + "\(signing.text)")
        }
    }

    private func party(
        of signer: CMS.Signer, _ signing: InstrumentSigning
    ) throws -> Country {
        guard let party = signer.certificate.officer?.node.country,
            signing.parties.signing.contains(party)
        else {
            let parties = signing.parties.signing.sorted().map(\.code).joined(separator: ", ")
            throw Ending(
                .verificationFailed,
                "`\(signer.certificate)` speaks for no party of `\(instrument)` (\(parties))")
        }
        guard signing.missing.contains(party) else {
            throw Ending(
                .failed, "\(party) has signed `\(instrument)` before",
                hint: "remove that line of `signatures` to sign anew")
        }
        return party
    }

    private func write(_ message: [UInt8], _ signing: InstrumentSigning) throws {
        var text = AgreementText(edition.source.bytes)
        try text.add(Base64.encode(message), belowLine: signing.line)
        // What is written is what a node reads, or nothing is written.
        let head = try EditionHead(PolicySource(name: edition.path, bytes: text.bytes))
        let after = head.signings.first { $0.instrument == instrument }
        guard after?.signatures.contains(where: { $0.message == message }) == true else {
            throw Ending(
                .failed, "`\(edition.path)` would not read back with the signature",
                hint: "write `signatures: []`, or one signature a line")
        }
        try NewFile.replace(edition.path, by: text.bytes)
    }
}
