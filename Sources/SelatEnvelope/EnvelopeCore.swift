package import SelatCore
import SelatCrypto

/// What never changes about an envelope and is bound into its content key (Format, *Core*).
package struct EnvelopeCore: Hashable, Sendable {
    /// The version of Format.
    package static let format: UInt64 = 1

    package let id: TransferID
    /// Digest of the federation's first membership list.
    package let federation: Digest
    package let from: NodeID
    package let to: NodeID
    package let created: Timestamp
    package let expires: Timestamp
    package let label: Label
    package let suite: Suite
    /// Which keys of the recipient it is sealed to: `RecipientKeys.digest`.
    package let toKeys: Digest
    /// Its keys and values, which all of its forms hold.
    let members: JSON.Object
    /// SHA-256 of the canonical bytes. Every key of an envelope is bound to it: it is made once.
    package let digest: Digest

    /// - Throws: `EnvelopeError.malformed` unless sender and recipient differ and the life is
    ///   within `Limits.envelopeLifeSecondsMax`.
    package init(
        id: TransferID, federation: Digest, from: NodeID, to: NodeID, created: Timestamp,
        expires: Timestamp, label: Label, suite: Suite, toKeys: Digest
    ) throws(EnvelopeError) {
        guard from != to else { throw .malformed("header", "`from` and `to` are the same node") }
        guard expires > created, expires - created <= Limits.envelopeLifeSecondsMax else {
            throw .malformed("header", "`expires` is not within 30 days after `created`")
        }
        self.id = id
        self.federation = federation
        self.from = from
        self.to = to
        self.created = created
        self.expires = expires
        self.label = label
        self.suite = suite
        self.toKeys = toKeys
        members = [
            "created": .string(created.text), "expires": .string(expires.text),
            "federation": .string(federation.text), "format": .integer(Self.format),
            "from": .string(from.text), "id": .string(id.text), "label": label.json,
            "suite": .integer(suite.rawValue), "to": .string(to.text),
            "to-keys": .string(toKeys.text),
        ]
        digest = SHA256.digest(JSON.object(members).canonical)
    }

    /// Reads the core's keys out of a larger object, and leaves the others.
    init(reading reader: inout ObjectReader) throws(EnvelopeError) {
        var fields = reader
        let format = try reading("header") { () throws(CoreError) in try fields.unsigned("format") }
        guard format == Self.format else {
            throw .malformed("header", "format \(format) where \(Self.format) is known")
        }
        let core = try reading("header") { () throws(CoreError) in
            (
                id: try TransferID(try fields.string("id")),
                federation: try fields.digest("federation"), from: try fields.node("from"),
                to: try fields.node("to"), created: try fields.timestamp("created"),
                expires: try fields.timestamp("expires"),
                label: try Label(json: try fields.json("label")),
                suite: try fields.unsigned("suite"), toKeys: try fields.digest("to-keys")
            )
        }
        guard let suite = Suite(rawValue: Int64(core.suite)) else {
            throw .malformed("header", "suite \(core.suite) does not exist")
        }
        reader = fields
        try self.init(
            id: core.id, federation: core.federation, from: core.from, to: core.to,
            created: core.created, expires: core.expires, label: core.label, suite: suite,
            toKeys: core.toKeys)
    }

    /// - Throws: `EnvelopeError.malformed` for anything but exactly a core.
    package init(json: JSON) throws(EnvelopeError) {
        var reader = try SelatEnvelope.reading("core") { () throws(CoreError) in
            try ObjectReader(json, "core")
        }
        try self.init(reading: &reader)
        let rest = reader
        try SelatEnvelope.reading("core") { () throws(CoreError) in try rest.end() }
    }

    package var json: JSON { .object(members) }
}
