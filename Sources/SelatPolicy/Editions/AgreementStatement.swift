package import SelatCore
package import SelatCrypto

/// What a party's policy signer signs about the text of one instrument (Federation.docc, *Agreements*).
package struct AgreementStatement: Hashable, Sendable {
    /// Who agrees, as the file has it.
    package enum Parties: Hashable, Sendable {
        /// Countries and nodes, sorted.
        case mutual([String])
        /// One member's decision about another.
        case decision(by: Country, of: Country)

        /// The countries whose signatures it takes.
        package var signing: Set<Country> {
            switch self {
            case .mutual(let names):
                Set(names.compactMap { (try? NodeID($0))?.country ?? (try? Country($0)) })
            case .decision(let by, _): [by]
            }
        }
    }

    package let federation: Digest
    package let instrument: String
    package let parties: Parties
    /// Digest of the instrument's text, as the file has it.
    package let text: Digest
    /// The country for which it is signed.
    package let party: Country
    package let issued: Timestamp

    package init(
        federation: Digest, instrument: String, parties: Parties, text: Digest, party: Country,
        issued: Timestamp
    ) {
        self.federation = federation
        self.instrument = instrument
        self.parties = parties
        self.text = text
        self.party = party
        self.issued = issued
    }

    /// Signs it at the moment that it names.
    /// - Throws: `CryptoError` when signing fails.
    package func signed(by signer: CMS.Signer) throws(CryptoError) -> [UInt8] {
        try CMS.sign(content: json.canonical, type: .agreement, signer: signer, at: issued)
    }
}

extension AgreementStatement {
    package var json: JSON {
        var fields: JSON.Object = [
            "type": "agreement", "federation": .string(federation.text),
            "instrument": .string(instrument), "text": .string(text.text),
            "party": .string(party.code), "issued": .string(issued.text),
        ]
        switch parties {
        case .mutual(let names): fields["parties"] = .strings(names)
        case .decision(let by, let of):
            fields["by"] = .string(by.code)
            fields["of"] = .string(of.code)
        }
        return .object(fields)
    }

    /// - Parameter content: canonical JSON, inside a message of the type *agreement*.
    /// - Throws: `CoreError` for anything but such a statement.
    package init(content: [UInt8]) throws(CoreError) {
        var reader = try ObjectReader(try JSON(parsing: content), Self.name)
        guard try reader.string("type") == "agreement" else {
            throw .wrongType("type", in: Self.name, expected: "`agreement`")
        }
        federation = try reader.digest("federation")
        instrument = try reader.string("instrument")
        text = try reader.digest("text")
        party = try Country(try reader.string("party"))
        issued = try reader.timestamp("issued")
        parties = try Self.parties(&reader)
        try reader.end()
        guard json.canonical == content else {
            throw .wrongType("(top)", in: Self.name, expected: "in canonical form")
        }
        guard parties.signing.contains(party) else {
            throw .malformed("party", party.code, expected: "one of its parties")
        }
    }

    private static func parties(_ reader: inout ObjectReader) throws(CoreError) -> Parties {
        if let by = try reader.optionalString("by") {
            return .decision(
                by: try Country(by), of: try Country(try reader.string("of")))
        }
        let names = try reader.strings("parties")
        for name in names where (try? NodeID(name)) == nil { _ = try Country(name) }
        guard names.count >= 2, Set(names).sorted() == names else {
            throw .wrongType(
                "parties", in: name, expected: "two or more, sorted, without repetition")
        }
        return .mutual(names)
    }

    private static let name = "agreement"
}
