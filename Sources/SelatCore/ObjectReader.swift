/// Reads one JSON object key by key and refuses what nobody read.
///
/// A misspelt key must never vanish: `end()` fails for every key that no call has named.
package struct ObjectReader {
    private let members: JSON.Object
    private let document: String
    /// The places of the keys that a call has named and that stand. They are few: a list is quicker than a set.
    private var read: [Int] = []

    /// - Parameters:
    ///   - document: what the object is, for messages: `header`, `membership list`.
    /// - Throws: `CoreError.wrongType` unless `json` is an object.
    package init(_ json: JSON, _ document: String) throws(CoreError) {
        guard case .object(let members) = json else {
            throw .wrongType("(top)", in: document, expected: "an object")
        }
        self.members = members
        self.document = document
    }

    /// - Throws: `CoreError.unknown` for the first key, in order, that was not read.
    package func end() throws(CoreError) {
        guard read.count < members.count else { return }
        if let unread = members.indices.first(where: { !read.contains($0) }) {
            throw .unknown(members[unread].key, in: document)
        }
    }

    /// Whether a key stands; it is not read by that.
    package func contains(_ key: String) -> Bool { members[key] != nil }

    /// The value of a key that may be absent.
    package mutating func optional(_ key: String) -> JSON? {
        let place = members.place(of: key)
        guard place.isTaken else { return nil }
        if !read.contains(place.index) { read.append(place.index) }
        return members[place.index].value
    }

    /// - Throws: `CoreError.missing`.
    package mutating func json(_ key: String) throws(CoreError) -> JSON {
        guard let value = optional(key) else { throw .missing(key, in: document) }
        return value
    }

    package mutating func string(_ key: String) throws(CoreError) -> String {
        guard case .string(let value) = try json(key) else {
            throw .wrongType(key, in: document, expected: "a string")
        }
        return value
    }

    package mutating func optionalString(_ key: String) throws(CoreError) -> String? {
        members[key] == nil ? nil : try string(key)
    }

    package mutating func bool(_ key: String) throws(CoreError) -> Bool {
        guard case .bool(let value) = try json(key) else {
            throw .wrongType(key, in: document, expected: "true or false")
        }
        return value
    }

    /// A number that is not negative, such as a size or a count.
    package mutating func unsigned(_ key: String) throws(CoreError) -> UInt64 {
        guard case .integer(let value) = try json(key), let value = UInt64(exactly: value) else {
            throw .wrongType(key, in: document, expected: "an integer from 0 to 2^53 - 1")
        }
        return value
    }

    package mutating func optionalUnsigned(_ key: String) throws(CoreError) -> UInt64? {
        members[key] == nil ? nil : try unsigned(key)
    }

    package mutating func array(_ key: String) throws(CoreError) -> [JSON] {
        guard case .array(let value) = try json(key) else {
            throw .wrongType(key, in: document, expected: "an array")
        }
        return value
    }

    package mutating func strings(_ key: String) throws(CoreError) -> [String] {
        var result: [String] = []
        for element in try array(key) {
            guard case .string(let text) = element else {
                throw .wrongType(key, in: document, expected: "an array of strings")
            }
            result.append(text)
        }
        return result
    }

    /// The reader of an object inside this one.
    package mutating func object(_ key: String) throws(CoreError) -> ObjectReader {
        try ObjectReader(try json(key), "\(document).\(key)")
    }

    package mutating func timestamp(_ key: String) throws(CoreError) -> Timestamp {
        try Timestamp(try string(key))
    }

    package mutating func digest(_ key: String) throws(CoreError) -> Digest {
        try Digest(try string(key))
    }

    package mutating func node(_ key: String) throws(CoreError) -> NodeID {
        try NodeID(try string(key))
    }

    package mutating func country(_ key: String) throws(CoreError) -> Country {
        try Country(try string(key))
    }

    /// Bytes in standard base64.
    package mutating func base64(_ key: String) throws(CoreError) -> [UInt8] {
        guard let bytes = Base64.decode(try string(key)) else {
            throw .wrongType(key, in: document, expected: "standard base64 with padding")
        }
        return bytes
    }

    /// A value of a closed set of words.
    package mutating func choice<Value: RawRepresentable & CaseIterable>(
        _ key: String, _ type: Value.Type = Value.self
    ) throws(CoreError) -> Value where Value.RawValue == String {
        let text = try string(key)
        guard let value = Value(rawValue: text) else {
            let words = Value.allCases.map { "`\($0.rawValue)`" }.joined(separator: ", ")
            throw .malformed(key, text, expected: "one of \(words)")
        }
        return value
    }
}
