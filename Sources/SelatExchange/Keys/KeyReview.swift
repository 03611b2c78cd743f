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
        let digest: Digest
        let certificate: Certificate?
    }

    /// - Parameter mayEnd: whether `now` can be believed where a key would be destroyed.
    init(
        held: [HeldKey], notes: [Digest: KeyNote], record: MemberRecord.Node, at now: Timestamp,
        mayEnd: Bool
    ) {
        self.notes = notes
        self.now = now
        listed = Self.listed(record)
        let live = held.filter { notes[$0.digest]?.destroyed == nil }
        // Its end is recorded, and the daemon ended before the file did.
        over = held.filter { notes[$0.digest]?.destroyed != nil }
        for key in live { note(key, mayEnd: mayEnd) }
        for purpose in KeyPurpose.allCases {
            let keys = live.filter { $0.purpose == purpose }
            takeUp(keys, purpose)
            if mayEnd { end(keys, purpose) }
        }
    }

    private static func listed(_ record: MemberRecord.Node) -> [KeyPurpose: [ListedKey]] {
        func keys(_ certificates: [Certificate]) -> [ListedKey] {
            certificates.map {
                ListedKey(digest: SHA256.digest($0.publicKey.spki), certificate: $0)
            }
        }
        func bare(_ key: PublicKey) -> [ListedKey] {
            [ListedKey(digest: SHA256.digest(key.spki), certificate: nil)]
        }
        var listed = [
            KeyPurpose.tls: keys(record.tls), .signing: keys(record.signing),
            .agreement: keys(record.agreement),
            .mlkem: record.mlkem.map { ListedKey(digest: $0.digest, certificate: nil) },
        ]
        if let log = try? VerifierKey(record.logKey) { listed[.log] = bare(log.key) }
        if let witness = record.witnessKey.flatMap({ try? CosignerKey($0) }) {
            listed[.witness] = bare(witness.key)
        }
        return listed
    }

    /// Notes since when a key is listed, or is not any more, and under which certificates.
    private mutating func note(_ held: HeldKey, mayEnd: Bool) {
        let digest = held.digest
        var note = notes[digest] ?? KeyNote(held)
        if notes[digest] == nil, case .made = held.place {
            // Its file is durable, and the daemon ended before the entry was.
            note.made = now
            drafts.append(draft("keys.made", held, note))
        }
        let entries = (listed[held.purpose] ?? []).filter { $0.digest == digest }
        note.list(entries.compactMap(\.certificate), at: now)
        if mayEnd { note.forgetCertificates(at: now) }
        if !entries.isEmpty {
            note.listed = note.listed ?? now
            note.unlisted = nil
        } else if note.listed != nil || note.takenUp != nil {
            note.unlisted = note.unlisted ?? now
            note.listed = nil
        }
        notes[digest] = note
    }

    /// Takes up the newest listed key of each kind once the record has had time to spread: a peer that
    /// does not have it yet could not believe what is signed with that key.
    private mutating func takeUp(_ held: [HeldKey], _ purpose: KeyPurpose) {
        let order = (listed[purpose] ?? []).compactMap { entry in
            held.first { $0.digest == entry.digest }
        }
        var seen: Set<HeldKey.Kind> = []
        for (place, key) in order.enumerated() where seen.insert(key.kind).inserted {
            guard var note = notes[key.digest], note.takenUp == nil, let since = note.listed
            else { continue }
            // Where no older one can stand in there is nothing to wait for; and what is sealed to
            // a key opens from the first moment on.
            let hasOlder = order[(place + 1)...].contains { notes[$0.digest]?.takenUp != nil }
            let isDue =
                !hasOlder || purpose.isSealedTo || now - since >= Limits.keySpreadSecondsMax
            guard isDue else { continue }
            note.takenUp = now
            notes[note.key] = note
            drafts.append(draft("keys.taken-up", key, note))
        }
    }

    /// Ends keys that nobody can name any more.
    private mutating func end(_ held: [HeldKey], _ purpose: KeyPurpose) {
        // The log's key is its name: there is no other one under it.
        guard purpose != .log else { return }
        let isServed = held.contains { notes[$0.digest]?.listed != nil }
        for key in held {
            guard isServed, var note = notes[key.digest], let end = note.end, now >= end
            else { continue }
            note.destroyed = now
            notes[note.key] = note
            drafts.append(draft("keys.destroyed", key, note))
            over.append(key)
        }
    }

    private func draft(_ kind: EntryKind, _ held: HeldKey, _ note: KeyNote) -> EntryDraft {
        var details: JSON.Object = [
            "purpose": .string(note.purpose.rawValue), "key": .string(note.key.text),
            "fingerprint": .string(held.fingerprint.text),
        ]
        details["certificate"] = note.certificate.map { .string($0.digest.text) }
        return EntryDraft(kind: kind, details: .object(details))
    }
}

extension KeyNote {
    /// From when on nothing can name the key any more; nil while something may.
    ///
    /// An envelope lives 30 days from the last moment at which it could be sealed to a key; the other
    /// keys prove only what is said now.
    var end: Timestamp? {
        guard purpose.isSealedTo else { return unlisted }
        return listings.map(\.end).max() ?? unlisted.map { $0 + Limits.envelopeLifeSecondsMax }
    }
}

extension KeyNote.Listing {
    /// From when on nothing that is sealed to a key under this certificate can arrive.
    var end: Timestamp {
        min(unlisted ?? certificate.notAfter, certificate.notAfter)
            + Limits.envelopeLifeSecondsMax
    }
}

extension KeyPurpose {
    /// Whether envelopes name the key, so that it must open them as long as one may arrive.
    var isSealedTo: Bool { self == .agreement || self == .mlkem }
}
