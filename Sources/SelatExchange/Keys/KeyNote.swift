import SelatCore
import SelatCrypto
import SelatFederation

/// What the database keeps about a key that this node holds or held (`Keys.md`, *Notes*).
struct KeyNote: Hashable, Sendable {
    /// A certificate of the key, as a record listed it.
    struct Listing: Hashable, Sendable {
        let certificate: Certificate
        /// Since when no record lists it any more.
        var unlisted: Timestamp?
    }

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
    /// Its certificates, newest first: a key may be certified again, and what is sealed to it names
    /// the certificate.
    private(set) var listings: [Listing] = []

    var certificate: Certificate? { listings.first?.certificate }

    init(_ held: HeldKey, made: Timestamp? = nil) {
        key = held.digest
        purpose = held.purpose
        self.made = made
    }

    /// Notes which certificates of the key a record in force lists, newest first. Those that are not
    /// among them any more stay behind them.
    mutating func list(_ certificates: [Certificate], at now: Timestamp) {
        let before = listings.filter { !certificates.contains($0.certificate) }.map { listing in
            Listing(certificate: listing.certificate, unlisted: listing.unlisted ?? now)
        }
        listings = certificates.map { Listing(certificate: $0) } + before
    }

    /// Forgets certificates that nothing can name any more; the newest tells of the key for good.
    mutating func forgetCertificates(at now: Timestamp) {
        let before = listings.dropFirst().filter { purpose.isSealedTo && now < $0.end }
        listings = Array(listings.prefix(1) + before)
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
        if !listings.isEmpty { fields["certificates"] = .array(listings.map(\.json)) }
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
        if fields.contains("certificates") {
            listings = try fields.array("certificates").map { try Listing(json: $0) }
        } else if fields.contains("certificate") {
            // Notes once kept one certificate, which was the key's as long as the key was listed.
            let certificate = try Certificate(der: try fields.base64("certificate"))
            listings = [Listing(certificate: certificate, unlisted: unlisted)]
        }
        try fields.end()
    }

    fileprivate static func time(
        _ fields: inout ObjectReader, _ name: String
    ) throws(CoreError) -> Timestamp? {
        guard let text = try fields.optionalString(name) else { return nil }
        return try Timestamp(text)
    }
}

extension KeyNote.Listing {
    fileprivate var json: JSON {
        var fields: JSON.Object = ["certificate": .string(Base64.encode(certificate.der))]
        fields["unlisted"] = unlisted.map { .string($0.text) }
        return .object(fields)
    }

    fileprivate init(json: JSON) throws {
        var fields = try ObjectReader(json, "certificate of a key note")
        certificate = try Certificate(der: try fields.base64("certificate"))
        unlisted = try KeyNote.time(&fields, "unlisted")
        try fields.end()
    }
}
