import SelatCore

// The JSON documents that carry editions from node to node (Protocol.md, *Policies*).

enum PolicyIndex {
    static func json(_ editions: [OfferedEdition]) -> JSON {
        let documents = editions.map { edition -> JSON in
            [
                "name": .string(edition.name), "edition": .integer(edition.number),
                "digest": .string(edition.digest.text),
                "in-force": .string(edition.inForce.text),
            ]
        }
        return ["editions": .array(documents)]
    }

    /// Lines beyond the limit are passed over: one name too many must not hide all others.
    /// - Throws: `CoreError` for anything but the document of Protocol.md.
    static func read(_ bytes: [UInt8]) throws(CoreError) -> [OfferedEdition] {
        var reader = try ObjectReader(try JSON(parsing: bytes), "index of policies")
        var editions: [OfferedEdition] = []
        for document in try reader.array("editions").prefix(Limits.offeredEditionsMax) {
            var fields = try ObjectReader(document, "index of policies")
            editions.append(
                OfferedEdition(
                    name: try fields.string("name"), number: try fields.unsigned("edition"),
                    digest: try fields.digest("digest"),
                    inForce: try fields.timestamp("in-force")))
            try fields.end()
        }
        try reader.end()
        return editions
    }
}

extension SignedFile {
    var json: JSON {
        [
            "name": .string(name), "bytes": .string(Base64.encode(bytes)),
            "signatures": .string(Base64.encode(signatures)),
        ]
    }

    /// - Throws: `CoreError` for anything but the document of Protocol.md.
    init(parsing bytes: [UInt8]) throws(CoreError) {
        var reader = try ObjectReader(try JSON(parsing: bytes), "policy edition")
        self.init(
            name: try reader.string("name"), bytes: try reader.base64("bytes"),
            signatures: try reader.base64("signatures"))
        try reader.end()
    }
}
