package import SelatCore

/// Policy files with their signatures, handed to the daemon.
package struct ActivationRequest: Sendable {
    package struct Edition: Sendable {
        /// The file's name, `SG.yaml`.
        package let file: String
        package let bytes: [UInt8]
        /// DER of `FILE.p7s`; nil where there is none.
        package let signatures: [UInt8]?

        package init(file: String, bytes: [UInt8], signatures: [UInt8]?) {
            self.file = file
            self.bytes = bytes
            self.signatures = signatures
        }
    }

    package let editions: [Edition]

    package init(editions: [Edition]) { self.editions = editions }

    package var json: JSON {
        let documents = editions.map { edition -> JSON in
            var members: JSON.Object = [
                "file": .string(edition.file), "bytes": .string(Base64.encode(edition.bytes)),
            ]
            members["signatures"] = edition.signatures.map { .string(Base64.encode($0)) }
            return .object(members)
        }
        return ["editions": .array(documents)]
    }

    /// - Throws: `CoreError` for unknown keys, missing ones and wrong values.
    package init(json: JSON) throws(CoreError) {
        var reader = try ObjectReader(json, "request")
        var editions: [Edition] = []
        for document in try reader.array("editions") {
            guard editions.count < Limits.policyFilesMax else {
                throw .wrongType(
                    "editions", in: "request", expected: "at most \(Limits.policyFilesMax)")
            }
            var fields = try ObjectReader(document, "edition")
            let file = try fields.string("file")
            let bytes = try fields.base64("bytes")
            let signatures: [UInt8]? =
                if fields.optional("signatures") == nil { nil } else {
                    try fields.base64("signatures")
                }
            editions.append(Edition(file: file, bytes: bytes, signatures: signatures))
            try fields.end()
        }
        self.editions = editions
        try reader.end()
    }
}
