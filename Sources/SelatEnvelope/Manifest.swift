package import SelatCore
import SelatCrypto

/// What only the recipient reads: the dataset's description and why it was allowed to leave.
///
/// JSON form: the Data Package descriptor with the member `selat` (Format, *Manifest*).
package struct Manifest: Hashable, Sendable {
    package let core: EnvelopeCore
    package let dataset: DatasetDescription
    package let facts: Facts
    /// The verdict's record.
    package let verdict: JSON
    /// Its canonical bytes.
    package let verdictRecord: [UInt8]
    /// 32 random bytes, the key of the header's verdict code.
    package let verdictKey: [UInt8]
    /// The approval statements, each CMS.
    package let approvals: [[UInt8]]
    /// The officers' statements that the verdict rests on, each CMS.
    package let statements: [[UInt8]]
    /// Transfers of one series hold the same persons.
    package let series: String?

    /// - Parameter verdictRecord: the canonical bytes of `verdict`.
    init(
        core: EnvelopeCore, dataset: DatasetDescription, facts: Facts, verdict: JSON,
        verdictRecord: [UInt8], verdictKey: [UInt8] = Random.bytes(32), approvals: [[UInt8]],
        statements: [[UInt8]] = [],
        series: String? = nil
    ) {
        precondition(verdictKey.count == 32, "the key of the verdict code has 32 bytes")
        self.core = core
        self.dataset = dataset
        self.facts = facts
        self.verdict = verdict
        self.verdictRecord = verdictRecord
        self.verdictKey = verdictKey
        self.approvals = approvals
        self.statements = statements
        self.series = series
    }

    /// The most statements that an envelope carries.
    package static let statementsMax = 64

    /// HMAC-SHA-256 of the verdict's record: a bare digest of so small a record could be guessed.
    package var verdictCode: Digest {
        HMACSHA256.code(verdictRecord, key: Secret(copying: verdictKey))
    }

    /// The canonical bytes.
    package func encoded() -> [UInt8] {
        var members = dataset.members
        var own: JSON.Object = [
            "type": "manifest", "core": core.json, "facts": facts.json, "verdict": verdict,
            "verdict-key": .string(Base64.encode(verdictKey)),
            "approvals": .strings(approvals.map { Base64.encode($0) }),
        ]
        if !statements.isEmpty {
            own["statements"] = .strings(statements.map { Base64.encode($0) })
        }
        own["series"] = series.map { .string($0) }
        members[Self.key] = .object(own)
        return JSON.object(members).canonical
    }

    /// - Throws: `EnvelopeError` unless the bytes are canonical and exactly a manifest.
    package init(parsing bytes: [UInt8]) throws(EnvelopeError) {
        let json = try reading("manifest") { () throws(CoreError) in
            // A sender's descriptor may hold constraints such as 0.5; Selat's own part holds none.
            try JSON(canonical: bytes, floats: true)
        }
        guard var members = json.objectValue, let own = members.removeValue(forKey: Self.key)
        else { throw .malformed("manifest", "not an object with `selat`") }
        dataset = try DatasetDescription(json: .object(members))
        let fields = try reading("manifest") { () throws(CoreError) in try Fields(own) }
        core = try EnvelopeCore(json: fields.core)
        facts = fields.facts
        verdict = fields.verdict
        verdictRecord = verdict.canonical
        verdictKey = fields.key
        approvals = fields.approvals
        statements = fields.statements
        series = fields.series
        guard verdictKey.count == 32 else {
            throw .malformed("manifest", "`verdict-key` is not 32 bytes")
        }
    }

    private static let key = "selat"

    private struct Fields {
        let core: JSON
        let facts: Facts
        let verdict: JSON
        let key: [UInt8]
        let approvals: [[UInt8]]
        let statements: [[UInt8]]
        let series: String?

        init(_ json: JSON) throws(CoreError) {
            var reader = try ObjectReader(json, "manifest.selat")
            guard try reader.string("type") == "manifest" else {
                throw .wrongType("type", in: "manifest.selat", expected: "`manifest`")
            }
            core = try reader.json("core")
            facts = try Facts(json: try reader.json("facts"))
            verdict = try reader.json("verdict")
            key = try reader.base64("verdict-key")
            approvals = try Self.messages(
                "approvals", &reader, 0...Limits.approvalsPerTransferMax)
            statements =
                reader.optional("statements") == nil
                ? [] : try Self.messages("statements", &reader, 1...Manifest.statementsMax)
            series = try reader.optionalString("series").map { text throws(CoreError) in
                guard let series = Series(text) else {
                    throw .malformed("series", text, expected: Series.expected)
                }
                return series.text
            }
            try reader.end()
        }

        private static func messages(
            _ key: String, _ reader: inout ObjectReader, _ counts: ClosedRange<Int>
        ) throws(CoreError) -> [[UInt8]] {
            var messages: [[UInt8]] = []
            for text in try reader.strings(key) {
                guard let message = Base64.decode(text) else {
                    throw .wrongType(key, in: "manifest.selat", expected: "base64")
                }
                messages.append(message)
            }
            guard counts.contains(messages.count) else {
                throw .wrongType(
                    key, in: "manifest.selat",
                    expected: "\(counts.lowerBound) to \(counts.upperBound) messages")
            }
            return messages
        }
    }

    /// Seals the manifest under the content key.
    func sealed(under key: ContentKey) throws(EnvelopeError) -> [UInt8] {
        let bytes = encoded()
        let sealed = try withCrypto { () throws(CryptoError) in
            try ChunkedEncryption.seal(
                bytes, key: key.secret, context: ContentKey.manifestContext(core))
        }
        guard sealed.count <= Limits.manifestBytesMax else {
            throw .malformed("manifest", "over \(Limits.manifestBytesMax) bytes when sealed")
        }
        return sealed
    }

    /// Opens a sealed manifest and compares the core that it repeats.
    init(opening sealed: [UInt8], key: ContentKey, core: EnvelopeCore) throws(EnvelopeError) {
        let bytes = try withCrypto { () throws(CryptoError) in
            try ChunkedEncryption.open(
                sealed, key: key.secret, context: ContentKey.manifestContext(core))
        }
        try self.init(parsing: bytes)
        // By bytes: a marking of equivalent characters is another.
        guard self.core.digest == core.digest else { throw .contradiction("core") }
    }
}
