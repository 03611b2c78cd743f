package import SelatCore

/// What a node serves of the membership; the transport calls it.
package protocol MembershipService: Sendable {
    /// What this node goes by, to compare.
    func membershipIndex() async throws -> MembershipIndex
    /// The CMS bytes of the list of a serial; nil for one that this node does not hold.
    func membershipList(_ serial: UInt64) async throws -> [UInt8]?
    /// The CMS bytes of a country's record; nil where there is none.
    func memberRecord(_ country: Country) async throws -> [UInt8]?
    /// A country's revocation lists, PEM; nil where there are none.
    func revocationLists(_ country: Country) async throws -> [UInt8]?
}

/// The documents that a node goes by, by their digests.
package struct MembershipIndex: Hashable, Sendable {
    package struct Mark: Hashable, Sendable {
        package let serial: UInt64
        package let digest: Digest

        package init(serial: UInt64, digest: Digest) {
            self.serial = serial
            self.digest = digest
        }
    }

    package let list: Mark
    package let records: [Country: Mark]
    /// Of the revocation lists: SHA-256 of their PEM.
    package let revocationLists: [Country: Digest]

    package init(
        list: Mark, records: [Country: Mark], revocationLists: [Country: Digest]
    ) {
        self.list = list
        self.records = records
        self.revocationLists = revocationLists
    }

    package var json: JSON {
        [
            "list": list.json,
            "records": .object(
                JSON.Object(records.map { ($0.key.code, $0.value.json) })),
            "crls": .object(
                JSON.Object(revocationLists.map { ($0.key.code, .string($0.value.text)) })),
        ]
    }

    /// Reads what `json` writes.
    /// - Throws: `CoreError` for another document.
    package init(parsing bytes: [UInt8]) throws(CoreError) {
        var reader = try ObjectReader(try JSON(parsing: bytes), "membership index")
        list = try Mark(try reader.json("list"))
        var records: [Country: Mark] = [:]
        for (code, mark) in try Self.countries(&reader, "records") {
            records[code] = try Mark(mark)
        }
        var lists: [Country: Digest] = [:]
        for (code, digest) in try Self.countries(&reader, "crls") {
            lists[code] = try Digest(digest.stringValue ?? "")
        }
        try reader.end()
        (self.records, revocationLists) = (records, lists)
    }

    private static func countries(
        _ reader: inout ObjectReader, _ key: String
    ) throws(CoreError) -> [(Country, JSON)] {
        guard let members = try reader.json(key).objectValue, members.count <= 64 else {
            throw .wrongType(key, in: "membership index", expected: "at most 64 countries")
        }
        var found: [(Country, JSON)] = []
        for (code, value) in members { found.append((try Country(code), value)) }
        return found
    }
}

extension MembershipIndex.Mark {
    fileprivate var json: JSON {
        ["serial": .integer(serial), "digest": .string(digest.text)]
    }

    fileprivate init(_ json: JSON) throws(CoreError) {
        var reader = try ObjectReader(json, "membership index")
        serial = try reader.unsigned("serial")
        digest = try reader.digest("digest")
        try reader.end()
    }
}
