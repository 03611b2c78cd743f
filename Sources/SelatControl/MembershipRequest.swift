package import SelatCore

/// Membership documents handed to the daemon: lists, records and revocation lists, each signed.
package struct MembershipRequest: Sendable {
    /// CMS bytes, in any order.
    package let lists: [[UInt8]]
    package let records: [Country: [UInt8]]
    /// PEM.
    package let revocationLists: [Country: [UInt8]]

    package init(
        lists: [[UInt8]], records: [Country: [UInt8]], revocationLists: [Country: [UInt8]]
    ) {
        self.lists = lists
        self.records = records
        self.revocationLists = revocationLists
    }

    package var json: JSON {
        func byCountry(_ documents: [Country: [UInt8]]) -> JSON {
            .object(
                JSON.Object(documents.map { ($0.key.code, .string(Base64.encode($0.value))) }))
        }
        return [
            "lists": .strings(lists.map { Base64.encode($0) }),
            "records": byCountry(records), "crls": byCountry(revocationLists),
        ]
    }

    /// Each key may be absent.
    /// - Throws: `CoreError` for unknown keys and wrong values.
    package init(json: JSON) throws(CoreError) {
        var reader = try ObjectReader(json, "request")
        var lists: [[UInt8]] = []
        if reader.optional("lists") != nil {
            for text in try reader.strings("lists") {
                guard let bytes = Base64.decode(text), lists.count < 64 else {
                    throw .wrongType("lists", in: "request", expected: "at most 64 in base64")
                }
                lists.append(bytes)
            }
        }
        self.lists = lists
        records = try Self.byCountry(&reader, "records")
        revocationLists = try Self.byCountry(&reader, "crls")
        try reader.end()
    }

    private static func byCountry(
        _ reader: inout ObjectReader, _ key: String
    ) throws(CoreError) -> [Country: [UInt8]] {
        guard reader.optional(key) != nil else { return [:] }
        var documents: [Country: [UInt8]] = [:]
        guard case .object(let byCode) = try reader.json(key) else {
            throw .wrongType(key, in: "request", expected: "documents in base64, by country")
        }
        for (code, value) in byCode {
            guard let bytes = value.stringValue.flatMap({ Base64.decode($0) }) else {
                throw .wrongType(key, in: "request", expected: "documents in base64, by country")
            }
            documents[try Country(code)] = bytes
        }
        return documents
    }
}
