import SelatCore
import SelatCrypto
import SelatFederation

/// What the database keeps about a key that this node holds or held (`Keys.md`, *Notes*).
struct KeyNote: Hashable, Sendable {
    /// What names the public key (`HeldKey.digest`).
    let key: Digest
    let purpose: KeyPurpose
    /// When the daemon made it; nil for keys that the configuration names.
    var made: Timestamp?
    /// Since when a record in force lists it; nil while none does.
    var listed: Timestamp?
    /// When it came into use first.
    var takenUp: Timestamp?
    /// Since when no record lists it any more.
    var unlisted: Timestamp?
    var destroyed: Timestamp?
    /// Its newest certificate, as a record listed it.
    var certificate: Certificate?

    init(_ held: HeldKey, made: Timestamp? = nil) {
        key = held.digest
        purpose = held.purpose
        self.made = made
    }
}

extension KeyNote {
    var json: JSON {
        var fields: JSON.Object = [
            "key": .string(key.text), "purpose": .string(purpose.rawValue),
        ]
        for (name, time) in [
            ("made", made), ("listed", listed), ("taken-up", takenUp), ("unlisted", unlisted),
            ("destroyed", destroyed),
        ] {
            fields[name] = time.map { .string($0.text) }
        }
        fields["certificate"] = certificate.map { .string(Base64.encode($0.der)) }
        return .object(fields)
    }

    init(json: JSON) throws {
        var fields = try ObjectReader(json, "key note")
        key = try fields.digest("key")
        purpose = try fields.choice("purpose")
        made = try Self.time(&fields, "made")
        listed = try Self.time(&fields, "listed")
        takenUp = try Self.time(&fields, "taken-up")
        unlisted = try Self.time(&fields, "unlisted")
        destroyed = try Self.time(&fields, "destroyed")
        let encoded = try fields.optionalString("certificate")
        certificate = try encoded.flatMap { Base64.decode($0) }.map { try Certificate(der: $0) }
        try fields.end()
    }

    private static func time(
        _ fields: inout ObjectReader, _ name: String
    ) throws(CoreError) -> Timestamp? {
        guard let text = try fields.optionalString(name) else { return nil }
        return try Timestamp(text)
    }
}
