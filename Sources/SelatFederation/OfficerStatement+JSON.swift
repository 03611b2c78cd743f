package import SelatCore
package import SelatCrypto

extension OfficerStatement {
    package var json: JSON {
        switch self {
        case .attestation(let attestation):
            [
                "type": "attestation", "federation": .string(attestation.federation.text),
                "document": .string(attestation.document),
                "from": .string(attestation.from.text), "to": .string(attestation.to.text),
                "paper": .string(attestation.paper.text),
                "issued": .string(attestation.issued.text),
            ]
        case .declaration(let declaration):
            [
                "type": "declaration", "federation": .string(declaration.federation.text),
                "from": .string(declaration.from.text),
                "to": .strings(declaration.to.map(\.code)),
                "reference": .string(declaration.reference),
                "reason": .string(declaration.reason),
                "issued": .string(declaration.issued.text),
                "until": .string(declaration.until.text),
            ]
        }
    }

    /// - Parameter content: canonical JSON, inside a message of `type`.
    /// - Throws: `FederationError.documentInvalid` for anything but a statement of that type.
    package init(content: [UInt8], type: CMSContentType) throws(FederationError) {
        do throws(CoreError) {
            var reader = try ObjectReader(try JSON(parsing: content), Self.name)
            let word = type == .attestation ? "attestation" : "declaration"
            guard try reader.string("type") == word else {
                throw .wrongType("type", in: Self.name, expected: "`\(word)`")
            }
            self =
                type == .attestation
                ? .attestation(try Attestation(&reader)) : .declaration(try Declaration(&reader))
            try reader.end()
            guard json.canonical == content else {
                throw .wrongType("(top)", in: Self.name, expected: "in canonical form")
            }
        } catch {
            throw .documentInvalid(Self.name, error)
        }
    }

    static let name = "officer's statement"
}

extension OfficerStatement.Attestation {
    fileprivate init(_ reader: inout ObjectReader) throws(CoreError) {
        federation = try reader.digest("federation")
        document = try reader.string("document")
        let parts = document.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2, (try? Country(String(parts[0]))) != nil, !parts[1].isEmpty,
            document.utf8.count <= 200
        else { throw .malformed("document", document, expected: "a name such as `MY:tia`") }
        from = try reader.node("from")
        to = try reader.node("to")
        paper = try reader.digest("paper")
        issued = try reader.timestamp("issued")
    }
}

extension OfficerStatement.Declaration {
    fileprivate init(_ reader: inout ObjectReader) throws(CoreError) {
        federation = try reader.digest("federation")
        from = try reader.node("from")
        var countries: [Country] = []
        for code in try reader.strings("to") { countries.append(try Country(code)) }
        guard !countries.isEmpty, Set(countries).sorted() == countries else {
            throw .wrongType(
                "to", in: OfficerStatement.name, expected: "sorted countries without repetition")
        }
        to = countries
        reference = try reader.text("reference", max: 200)
        reason = try reader.text("reason", max: 2_000)
        issued = try reader.timestamp("issued")
        until = try reader.timestamp("until")
        guard until > issued, until - issued <= OfficerStatement.emergencySecondsMax else {
            throw .malformed(
                "until", until.text, expected: "after `issued`, at most 72 hours later")
        }
    }
}

extension OfficerStatement {
    /// - Throws: as `ApprovalStatement.requirePlainText()`.
    package func requirePlainText() throws(FederationError) {
        guard case .declaration(let declaration) = self else { return }
        try PlainText.require(declaration.reference, "reference", in: Self.name)
        try PlainText.require(declaration.reason, "reason", in: Self.name)
    }
}

/// What is asked of a text that is signed or handed in now, and was not always (Format, *Texts*).
enum PlainText {
    static func require(
        _ text: String, _ key: String, in document: String
    ) throws(FederationError) {
        guard text.unicodeScalars.contains(where: isMark) else { return }
        throw .documentInvalid(
            document,
            .wrongType(
                key, in: document, expected: "text without U+061C, U+200E, U+200F, U+2028 or U+2029"
            ))
    }

    private static func isMark(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x061C, 0x200E, 0x200F, 0x2028, 0x2029: true
        default: false
        }
    }
}

extension ObjectReader {
    /// Text for people, without characters that a terminal would obey, or that change the order of others.
    /// What was signed is read for good by what was asked of it then; what is signed now has `PlainText`.
    mutating func text(
        _ key: String, max: Int, in document: String = OfficerStatement.name
    ) throws(CoreError) -> String {
        let text = try string(key)
        let isPlain = !text.unicodeScalars.contains(where: Self.isControl)
        guard (1...max).contains(text.utf8.count), isPlain else {
            throw .wrongType(
                key, in: document,
                expected: "1 to \(max) bytes of text without control characters")
        }
        return text
    }

    /// By ranges, and not by Unicode's properties, which are others in another version (Format, *Texts*).
    private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0..<0x20, 0x7F..<0xA0, 0x202A...0x202E, 0x2066...0x2069: true
        default: false
        }
    }
}
