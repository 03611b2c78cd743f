package import SelatCore
import SelatCrypto

/// The signatures that one instrument of `agreements.yaml` asks for, and those that it bears: each is of
/// the instrument as the file has it, and whether its signer may speak for the party is Federation's to
/// say.
package struct InstrumentSigning: Hashable, Sendable {
    /// A party's message, and what it says.
    package struct Signature: Hashable, Sendable {
        package let statement: AgreementStatement
        /// DER.
        package let message: [UInt8]
    }

    package let instrument: String
    package let parties: AgreementStatement.Parties
    package let text: Digest
    /// The line of the file in which `signatures` stands, from 1.
    package let line: Int
    /// At most one of each party.
    package let signatures: [Signature]

    /// The parties that have not signed: as long as there is one, the instrument does not count.
    package var missing: Set<Country> {
        parties.signing.subtracting(signatures.map(\.statement.party))
    }
}

/// Reads what an instrument says of its own signatures.
struct InstrumentSigningReader {
    let section: Section
    let instrument: String

    /// - Returns: nil where the instrument asks for none, or after it was reported why it cannot be read.
    func read(_ reader: inout DocumentReader) -> InstrumentSigning? {
        guard let node = section["signatures"] else { return nil }
        guard case .list(let elements) = node.content else {
            reader.report(
                .wrongType, node.place,
                "signatures must be a list; `[]` as long as nobody has signed")
            return nil
        }
        guard let parties = parties, let text = text else { return nil }
        var signatures: [InstrumentSigning.Signature] = []
        for element in elements {
            do throws(SigningFault) {
                let signature = try signature(element, parties, text)
                guard
                    !signatures.contains(where: {
                        $0.statement.party == signature.statement.party
                    })
                else { throw .repeated(signature.statement.party) }
                signatures.append(signature)
            } catch {
                reader.report(
                    .agreementSignature, element.place, "instrument `\(instrument)`: \(error)")
            }
        }
        return InstrumentSigning(
            instrument: instrument, parties: parties, text: text,
            line: section.place(of: "signatures").line, signatures: signatures)
    }

    private func signature(
        _ element: DocumentNode, _ parties: AgreementStatement.Parties, _ text: Digest
    ) throws(SigningFault) -> InstrumentSigning.Signature {
        guard case .word(let word, _) = element.content,
            word.utf8.count <= Limits.agreementSignatureTextBytesMax,
            let message = Base64.decode(word)
        else { throw .unreadable("it is no base64 of a message") }
        let statement = try statement(of: message)
        guard statement.instrument == instrument else {
            throw .differs("of instrument `\(statement.instrument)`")
        }
        guard statement.parties == parties else { throw .differs("between other parties") }
        guard statement.text == text else {
            throw .differs("of another text, \(statement.text)")
        }
        return InstrumentSigning.Signature(statement: statement, message: message)
    }

    private func statement(of message: [UInt8]) throws(SigningFault) -> AgreementStatement {
        let content: [UInt8]
        do throws(CryptoError) {
            content = try CMS.unverifiedContent(message, type: .agreement)
        } catch {
            throw .unreadable("\(error)")
        }
        do throws(CoreError) {
            return try AgreementStatement(content: content)
        } catch {
            throw .unreadable("\(error)")
        }
    }

    /// Nil where they are faulty, which the instrument's own reader reports.
    private var parties: AgreementStatement.Parties? {
        if let by = country(section["by"]), let of = country(section["of"]) {
            return .decision(by: by, of: of)
        }
        guard case .list(let elements)? = section["parties"]?.content else { return nil }
        var names: [String] = []
        for element in elements {
            guard case .word(let text, _) = element.content else { return nil }
            names.append(text)
        }
        return .mutual(Set(names).sorted())
    }

    private func country(_ node: DocumentNode?) -> Country? {
        guard case .word(let text, _)? = node?.content else { return nil }
        return try? Country(text)
    }

    private var text: Digest? {
        guard case .word(let text, _)? = section["text"]?.content else { return nil }
        return try? Digest(text)
    }
}

/// Why a signature of an instrument is none.
enum SigningFault: Error, CustomStringConvertible {
    case unreadable(String)
    case differs(String)
    case repeated(Country)

    var description: String {
        switch self {
        case .unreadable(let reason): "a signature cannot be read: \(reason)"
        case .differs(let what): "a signature is \(what); its party signs the instrument as it is"
        case .repeated(let party): "\(party) has signed twice; keep one"
        }
    }
}
