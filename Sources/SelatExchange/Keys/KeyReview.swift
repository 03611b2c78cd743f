import SelatAudit
import SelatCore
import SelatCrypto
import SelatFederation

/// What a record, and time, make of the keys that a node holds: a pure step from notes to notes,
/// with the audit entries that say so and the keys that are over (`Keys.md`, *Life of a key*).
struct KeyReview {
    private(set) var notes: [Digest: KeyNote]
    private(set) var drafts: [EntryDraft] = []
    /// To be destroyed once the entries are durable.
    private(set) var over: [HeldKey]

    private let listed: [KeyPurpose: [ListedKey]]
    private let now: Timestamp

    /// A public key as the record lists it.
    private struct ListedKey {
        let key: PublicKey
        let certificate: Certificate?
    }

    init(
        held: [HeldKey], notes: [Digest: KeyNote], record: MemberRecord.Node, at now: Timestamp
    ) {
        self.notes = notes
        self.now = now
        listed = Self.listed(record)
        let live = held.filter { notes[Self.digest($0)]?.destroyed == nil }
        // Its end is recorded, and the daemon ended before the file did.
        over = held.filter { notes[Self.digest($0)]?.destroyed != nil }
        for key in live { note(key) }
        for purpose in KeyPurpose.allCases {
            let keys = live.filter { $0.purpose == purpose }
            takeUp(keys, purpose)
            end(keys, purpose)
        }
    }

    private static func digest(_ held: HeldKey) -> Digest {
        SHA256.digest(held.key.publicKey.spki)
    }

    private static func listed(_ record: MemberRecord.Node) -> [KeyPurpose: [ListedKey]] {
        func keys(_ certificates: [Certificate]) -> [ListedKey] {
            certificates.map { ListedKey(key: $0.publicKey, certificate: $0) }
        }
        var listed = [
            KeyPurpose.tls: keys(record.tls), .signing: keys(record.signing),
            .agreement: keys(record.agreement),
        ]
        if let log = try? VerifierKey(record.logKey) {
            listed[.log] = [ListedKey(key: log.key, certificate: nil)]
        }
        if let witness = record.witnessKey.flatMap({ try? CosignerKey($0) }) {
            listed[.witness] = [ListedKey(key: witness.key, certificate: nil)]
        }
        return listed
    }

    /// Notes since when a key is listed, or is not any more.
    private mutating func note(_ held: HeldKey) {
        let digest = Self.digest(held)
        var note = notes[digest] ?? KeyNote(held.key.publicKey, held.purpose)
        if let entry = listed[held.purpose]?.first(where: { $0.key == held.key.publicKey }) {
            note.listed = note.listed ?? now
            note.unlisted = nil
            note.certificate = entry.certificate
        } else if note.listed != nil || note.takenUp != nil {
            note.unlisted = note.unlisted ?? now
            note.listed = nil
        }
        notes[digest] = note
    }

    /// Takes up the newest listed key once the record has had time to spread: a peer that does not
    /// have it yet could not believe what is signed with that key.
    private mutating func takeUp(_ held: [HeldKey], _ purpose: KeyPurpose) {
        let order = (listed[purpose] ?? []).compactMap { entry in
            held.first { $0.key.publicKey == entry.key }
        }
        guard let newest = order.first, var note = notes[Self.digest(newest)],
            note.takenUp == nil, let since = note.listed
        else { return }
        // Where no older one can stand in there is nothing to wait for; and what is sealed to an
        // agreement key opens from the first moment on.
        let hasOlder = order.dropFirst().contains { notes[Self.digest($0)]?.takenUp != nil }
        let isDue =
            !hasOlder || purpose == .agreement
            || now - since >= Limits.keySpreadSecondsMax
        guard isDue else { return }
        note.takenUp = now
        notes[note.key] = note
        drafts.append(draft("keys.taken-up", newest, note))
    }

    /// Ends keys that nobody can name any more.
    private mutating func end(_ held: [HeldKey], _ purpose: KeyPurpose) {
        // The log's key is its name: there is no other one under it.
        guard purpose != .log else { return }
        let isServed = held.contains { notes[Self.digest($0)]?.listed != nil }
        for key in held {
            guard isServed, var note = notes[Self.digest(key)], let end = note.end, now >= end
            else { continue }
            note.destroyed = now
            notes[note.key] = note
            drafts.append(draft("keys.destroyed", key, note))
            over.append(key)
        }
    }

    private func draft(_ kind: EntryKind, _ held: HeldKey, _ note: KeyNote) -> EntryDraft {
        var details: [String: JSON] = [
            "purpose": .string(note.purpose.rawValue), "key": .string(note.key.text),
            "fingerprint": .string(held.key.publicKey.fingerprint.text),
        ]
        details["certificate"] = note.certificate.map { .string($0.digest.text) }
        return EntryDraft(kind: kind, details: .object(details))
    }
}

extension KeyNote {
    /// From when on nothing can name the key any more; nil while something may.
    ///
    /// An envelope lives 30 days from the last moment at which it could be sealed to an agreement
    /// key; the other keys prove only what is said now.
    var end: Timestamp? {
        guard purpose == .agreement || purpose == .mlkem else { return unlisted }
        let lasts = [unlisted, certificate?.notAfter].compactMap { $0 }
        return lasts.min().map { $0 + Limits.envelopeLifeSecondsMax }
    }
}
