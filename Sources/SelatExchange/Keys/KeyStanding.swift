import SelatAudit
package import SelatCore
package import SelatCrypto
package import SelatFederation
import Synchronization

/// How one key or certificate stands now.
package struct KeyStanding: Sendable {
    package enum State: String, Sendable {
        /// The node proves itself with it, or others seal to it.
        case inUse = "in-use"
        /// Made, and not listed or not spread yet.
        case next
        /// Not used for anything new; kept for what may still name it.
        case old
        /// No record lists it.
        case unlisted
        case destroyed
    }

    package let purpose: KeyPurpose
    /// Nil once it is destroyed.
    package let kind: HeldKey.Kind?
    package let fingerprint: KeyFingerprint
    package let state: State
    /// Where the key lies; nil once it is destroyed.
    package let place: String?
    /// When its certificate ends; of an ML-KEM key, which has none, when it has been used for as long
    /// as a key may be sealed to.
    package let notAfter: Timestamp?
    /// When an old key is destroyed.
    package let until: Timestamp?
    package let made: Timestamp?
    package let takenUp: Timestamp?
}

/// Something that ends soon, and what to do.
package struct KeyReminder: Sendable {
    /// What it is about, the same every day.
    package let subject: String
    package let text: String
    /// Whole days; below zero once it is over.
    package let daysLeft: Int64
}

extension Exchange {
    /// Every key that this node holds or held, by purpose, newest first.
    package func keyStandings() -> [KeyStanding] {
        guard let ring else { return [] }
        let state = ring.state.withLock { $0 }
        let current = currentKeys
        var standings = state.held.map { held in
            let note = state.notes[held.digest]
            let isCurrent = current.contains(held.digest)
            return KeyStanding(
                purpose: held.purpose, kind: held.kind, fingerprint: held.fingerprint,
                state: note.map { Self.state($0, isCurrent: isCurrent) } ?? .unlisted,
                place: held.place.description, notAfter: note?.notAfter,
                until: isCurrent ? nil : note?.end, made: note?.made, takenUp: note?.takenUp)
        }
        standings += state.notes.values.filter { $0.destroyed != nil }.map { note in
            KeyStanding(
                purpose: note.purpose, kind: nil, fingerprint: KeyFingerprint(digest: note.key),
                state: .destroyed, place: nil, notAfter: note.notAfter,
                until: note.destroyed, made: note.made, takenUp: note.takenUp)
        }
        let order = KeyPurpose.allCases
        return standings.sorted { a, b in
            let (i, j) = (order.firstIndex(of: a.purpose), order.firstIndex(of: b.purpose))
            return (i ?? 0, b.made?.seconds ?? 0) < (j ?? 0, a.made?.seconds ?? 0)
        }
    }

    /// The keys with which this node proves itself now, and to which others seal.
    private var currentKeys: Set<Digest> {
        let identity = identity
        var keys = [identity.tls.certificate.publicKey, identity.log.verifierKey.key]
        keys += identity.signers.values.map(\.certificate.publicKey)
        keys += currentAgreement.map(\.publicKey)
        if let witness = identity.witness { keys.append(witness.key.key) }
        return Set(keys.map { SHA256.digest($0.spki) } + currentMLKEM.map(\.digest))
    }

    /// The first listed certificate for key agreement on each curve: peers seal to no other.
    private var currentAgreement: [Certificate] {
        [KeyKind.p256, .p384].compactMap { kind in
            identity.agreement.first { $0.key.kind == kind }?.certificate
        }
    }

    /// The first listed ML-KEM key of each kind.
    private var currentMLKEM: [MLKEMPublicKey] {
        let listed = federation.nodes[identity.node]?.mlkem ?? []
        return MLKEMKind.allCases.compactMap { kind in listed.first { $0.kind == kind } }
    }

    private static func state(_ note: KeyNote, isCurrent: Bool) -> KeyStanding.State {
        if isCurrent { return .inUse }
        if note.takenUp != nil || note.unlisted != nil { return .old }
        return note.made != nil || note.listed != nil ? .next : .unlisted
    }

    /// Keys that are over and that a person must remove.
    package var keyLeftovers: [String] {
        ring?.state.withLock { $0.leftover.keys.sorted() } ?? []
    }

    /// What ends within 30 days: the certificates in use, and those of the own country's officers,
    /// policy signers and authorities.
    package func keyReminders(at now: Timestamp) -> [KeyReminder] {
        let country = identity.node.country
        var reminders = currentCertificates.compactMap { purpose, certificate in
            KeyReminder(
                "the \(purpose.rawValue) certificate of `\(identity.node)`", certificate, at: now,
                remedy: "selat keys rotate \(purpose.rawValue)")
        }
        reminders += mlkemReminders(at: now)
        let remedy = "the authority of \(country) issues another, and a record lists it"
        for officer in federation.records[country]?.officers ?? [] {
            reminders += [
                KeyReminder(
                    "the certificate of officer `\(officer.id)`", officer.certificate, at: now,
                    remedy: remedy)
            ].compactMap { $0 }
        }
        for signer in federation.records[country]?.policySigners ?? [] {
            reminders += [
                KeyReminder(
                    "the certificate of policy signer `\(signer)`", signer, at: now,
                    remedy: remedy)
            ].compactMap { $0 }
        }
        let member = federation.members.first { $0.country == country }
        for certificate in (member?.authorities ?? []) + (member?.anchors ?? []) {
            reminders += [
                KeyReminder(
                    "the certificate of authority `\(certificate)` of \(country)", certificate,
                    at: now, remedy: "the members sign another into the list")
            ].compactMap { $0 }
        }
        return reminders
    }

    private var currentCertificates: [(KeyPurpose, Certificate)] {
        [(.tls, identity.tls.certificate)]
            + identity.signers.values.map { (.signing, $0.certificate) }
            + currentAgreement.map { (.agreement, $0) }
    }

    /// No certificate ends an ML-KEM key; what is sealed to it should be as old as to another.
    private func mlkemReminders(at now: Timestamp) -> [KeyReminder] {
        let notes = ring?.state.withLock { $0.notes } ?? [:]
        return currentMLKEM.compactMap { key in
            guard let end = notes[key.digest]?.notAfter else { return nil }
            return KeyReminder(
                "the use of the \(key.kind.rawValue) key of `\(identity.node)`", key.digest,
                end: end, at: now, remedy: "selat keys rotate mlkem --kind \(key.kind.rawValue)")
        }
    }
}

extension KeyNote {
    /// When the key should be replaced by: the end of its certificate, or of the days for which a key
    /// without one is sealed to.
    var notAfter: Timestamp? {
        if purpose == .mlkem { return takenUp.map { $0 + purpose.daysMax * 86_400 } }
        return certificate?.notAfter
    }
}

extension KeyReminder {
    /// Nil while there is time.
    fileprivate init?(
        _ subject: String, _ certificate: Certificate, at now: Timestamp, remedy: String
    ) {
        self.init(
            subject, certificate.digest, end: certificate.notAfter, at: now, remedy: remedy)
    }

    /// - Parameter digest: of what ends; another one under the same name is another reminder.
    fileprivate init?(
        _ subject: String, _ digest: Digest, end: Timestamp, at now: Timestamp, remedy: String
    ) {
        let days = (end - now).dividedDown(by: 86_400)
        guard days <= Self.daysAhead else { return nil }
        self.subject = "\(subject) \(digest)"
        daysLeft = days
        let when = days < 0 ? "is over since" : "ends in \(days) days, at"
        text = "\(subject) \(when) \(end): \(remedy)"
    }

    /// From then on, once a day.
    private static let daysAhead: Int64 = 30
}

extension Int64 {
    /// Towards minus infinity, so that what ended an hour ago has less than no day left.
    package func dividedDown(by divisor: Int64) -> Int64 {
        self >= 0 ? self / divisor : (self - divisor + 1) / divisor
    }
}
