import SelatCore
import SelatCrypto

/// Reads one JSON object of a membership document and says in every error which document it was.
struct DocumentReader {
    private let document: String
    private var fields: ObjectReader

    /// Reads a whole document: canonical JSON with `type` and `format` 1.
    init(content: [UInt8], _ document: String, type: String) throws(FederationError) {
        let json = try Self.attempt(document) { () throws(CoreError) in
            try JSON(canonical: content)
        }
        try self.init(json, document)
        let found = try read { r throws(CoreError) in try r.string("type") }
        let format = try count("format")
        guard found == type, format == 1 else {
            throw .contradiction(
                document, reason: "expected `\(type)` of format 1, found `\(found)` of \(format)")
        }
    }

    /// Reads one entry that stands in a file of its own, in any layout.
    init(entry text: [UInt8], _ document: String) throws(FederationError) {
        guard text.count <= FederationLimits.documentBytesMax else {
            throw .contradiction(document, reason: "it is larger than 4 MiB")
        }
        let json = try Self.attempt(document) { () throws(CoreError) in try JSON(parsing: text) }
        try self.init(json, document)
    }

    private init(_ json: JSON, _ document: String) throws(FederationError) {
        self.document = document
        fields = try Self.attempt(document) { () throws(CoreError) in
            try ObjectReader(json, document)
        }
    }

    mutating func read<Value>(
        _ body: (inout ObjectReader) throws(CoreError) -> Value
    ) throws(FederationError) -> Value {
        do throws(CoreError) {
            return try body(&fields)
        } catch {
            throw .documentInvalid(document, error)
        }
    }

    /// Entries in another order, or a default that is spelt out, would be one value with two digests.
    static func requireOneForm(
        _ json: JSON, _ content: [UInt8], _ document: String
    ) throws(FederationError) {
        guard json.canonical == content else {
            throw .contradiction(
                document, reason: "its entries are not in order, or a default value is spelt out")
        }
    }

    func end() throws(FederationError) {
        try Self.attempt(document) { () throws(CoreError) in try fields.end() }
    }

    /// Whether a key stands that may be absent.
    func contains(_ key: String) -> Bool { fields.contains(key) }

    /// A small number that is not negative.
    mutating func count(_ key: String) throws(FederationError) -> Int {
        let number = try read { r throws(CoreError) in try r.unsigned(key) }
        return Int(clamping: number)
    }

    /// A word of a closed set, where there is one.
    mutating func optionalChoice<Choice: RawRepresentable & CaseIterable>(
        _ key: String
    ) throws(FederationError) -> Choice? where Choice.RawValue == String {
        guard contains(key) else { return nil }
        return try read { r throws(CoreError) in try r.choice(key) }
    }

    /// Encapsulation keys in base64, at most `max`; none where the key is absent.
    mutating func mlkemKeys(_ key: String, max: Int) throws(FederationError) -> [MLKEMPublicKey] {
        guard contains(key) else { return [] }
        var keys: [MLKEMPublicKey] = []
        for element in try elements(key, max: max) {
            guard let bytes = element.stringValue.flatMap({ Base64.decode($0) }) else {
                throw .contradiction(document, reason: "`\(key)` holds no base64")
            }
            do throws(CryptoError) {
                keys.append(try MLKEMPublicKey(raw: bytes))
            } catch {
                throw .contradiction(document, reason: "`\(key)`: \(error)")
            }
        }
        return keys
    }

    /// The objects of an array, at most `max`.
    mutating func objects(_ key: String, max: Int) throws(FederationError) -> [DocumentReader] {
        var readers: [DocumentReader] = []
        for element in try elements(key, max: max) {
            readers.append(try DocumentReader(element, "\(document), `\(key)`"))
        }
        return readers
    }

    /// The object of a key.
    mutating func object(_ key: String) throws(FederationError) -> DocumentReader {
        let json = try read { r throws(CoreError) in try r.json(key) }
        return try DocumentReader(json, "\(document), `\(key)`")
    }

    /// Certificates in base64 of their DER, at most `max`.
    mutating func certificates(_ key: String, max: Int) throws(FederationError) -> [Certificate] {
        var certificates: [Certificate] = []
        for element in try elements(key, max: max) {
            guard let bytes = element.stringValue.flatMap({ Base64.decode($0) }) else {
                throw .contradiction(document, reason: "`\(key)` holds no base64")
            }
            do throws(CryptoError) {
                certificates.append(try Certificate(der: bytes))
            } catch {
                throw .notTrusted("\(document), `\(key)`", error)
            }
        }
        return certificates
    }

    mutating func roles() throws(FederationError) -> Set<NodeRole> {
        let words = try read { r throws(CoreError) in try r.strings("roles") }
        let roles = Set(words.compactMap { NodeRole(rawValue: $0) })
        guard roles.count == words.count else {
            throw .contradiction(document, reason: "a role is unknown or stands twice")
        }
        return roles
    }

    private mutating func elements(_ key: String, max: Int) throws(FederationError) -> [JSON] {
        let elements = try read { r throws(CoreError) in try r.array(key) }
        guard elements.count <= max else {
            throw .contradiction(
                document, reason: "\(elements.count) entries in `\(key)`, at most \(max)")
        }
        return elements
    }

    private static func attempt<Value>(
        _ document: String, _ body: () throws(CoreError) -> Value
    ) throws(FederationError) -> Value {
        do throws(CoreError) {
            return try body()
        } catch {
            throw .documentInvalid(document, error)
        }
    }
}
