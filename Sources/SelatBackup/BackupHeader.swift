package import SelatCore
package import SelatCrypto

/// What a backup says about itself to whoever holds it, signed by the node (Format.md, *Header*).
package struct BackupHeader: Hashable, Sendable {
    package let node: NodeID
    /// The digest of the first membership list.
    package let federation: Digest
    package let created: Timestamp
    /// The version of the program that made it.
    package let program: String
    /// How many migrations the database has.
    package let schema: Int
    /// The newest checkpoint of the log inside.
    package let log: Log
    /// To whose key it is sealed.
    package let recipient: Certificate
    /// Digest of `keys.cms`.
    package let keys: Digest
    /// Bytes of the content before it was sealed.
    package let contentSize: UInt64

    package struct Log: Hashable, Sendable {
        package let origin: String
        package let size: UInt64
        package let root: Digest

        package init(origin: String, size: UInt64, root: Digest) {
            (self.origin, self.size, self.root) = (origin, size, root)
        }
    }

    /// The number of the format that this program writes and reads.
    package static let format: Int64 = 1

    package init(
        node: NodeID, federation: Digest, created: Timestamp, program: String, schema: Int,
        log: Log, recipient: Certificate, keys: Digest, contentSize: UInt64
    ) {
        self.node = node
        self.federation = federation
        self.created = created
        self.program = program
        self.schema = schema
        self.log = log
        self.recipient = recipient
        self.keys = keys
        self.contentSize = contentSize
    }

    package var json: JSON {
        [
            "type": "backup", "format": .integer(Self.format), "node": .string(node.text),
            "federation": .string(federation.text), "created": .string(created.text),
            "program": .string(program), "schema": .integer(Int64(schema)),
            "log": [
                "origin": .string(log.origin), "size": .integer(log.size),
                "root": .string(Base64.encode(log.root.bytes)),
            ],
            "recipient": .string(Base64.encode(recipient.der)), "keys": .string(keys.text),
            "size": .integer(contentSize),
        ]
    }

    /// - Throws: `BackupError.newer` for a format of a later program, `.malformed`.
    package init(parsing bytes: [UInt8]) throws(BackupError) {
        let json = try parsed("header") { () throws(CoreError) in try JSON(parsing: bytes) }
        // Before the rest: a later format may have keys that mean nothing here.
        if let format = json["format"]?.integerValue, format > Self.format {
            throw .newer("format \(format), this one reads \(Self.format)")
        }
        guard json.canonical == bytes else { throw .malformed("header", "it is not canonical") }
        do throws(CoreError) { try self.init(json) } catch {
            throw .malformed("header", error.description)
        }
    }

    private init(_ json: JSON) throws(CoreError) {
        var reader = try ObjectReader(json, "header")
        let type = try reader.string("type")
        let format = try reader.unsigned("format")
        guard type == "backup", format == UInt64(Self.format) else {
            throw .malformed("header", type, expected: "a backup of format 1")
        }
        node = try reader.node("node")
        federation = try reader.digest("federation")
        created = try reader.timestamp("created")
        program = try reader.string("program")
        schema = Int(clamping: try reader.unsigned("schema"))
        var log = try reader.object("log")
        self.log = Log(
            origin: try log.string("origin"), size: try log.unsigned("size"),
            root: try Digest(bytes: try log.base64("root")))
        try log.end()
        let der = try reader.base64("recipient")
        guard let certificate = try? Certificate(der: der) else {
            throw .malformed("recipient", "", expected: "a certificate")
        }
        recipient = certificate
        keys = try reader.digest("keys")
        contentSize = try reader.unsigned("size")
        try reader.end()
        guard contentSize <= Limits.backupContentBytesMax else {
            throw .malformed("size", "\(contentSize)", expected: "at most 64 TiB")
        }
    }

    /// What binds the sealed content to this header.
    var context: [UInt8] {
        Array("selat backup v1".utf8) + [0] + SHA256.digest(json.canonical).bytes
    }
}
