import Logging
import SelatAudit
import SelatCore
package import SelatCrypto
package import SelatFederation
import SelatHTTP
import SelatStore
import Synchronization

// The node's own keys: made here, taken up once a record lists them, destroyed when nothing can name
// them any more (`Keys.md`).

extension Exchange {
    /// A key that was made and that an authority, or the record, has to name now.
    package struct RotatedKey: Sendable {
        package let purpose: KeyPurpose
        package let kind: HeldKey.Kind
        package let fingerprint: KeyFingerprint
        /// What the authority issues from; nil for a key that the record names as it is.
        package let request: CertificateRequest?
        /// What the record names; nil for a key with a certificate.
        package let listing: String?
        /// Whether it was made now, and does not wait from an earlier call.
        package let isNew: Bool
    }

    /// Makes the next key of a purpose; one that waits to be listed already is answered again.
    /// - Parameter kind: nil for the kind that the node uses for this purpose now.
    /// - Throws: `Problem` for a purpose whose key is not rotated like this, or is not of that kind.
    package func rotate(
        _ purpose: KeyPurpose, kind: HeldKey.Kind? = nil, by user: UInt32
    ) async throws -> RotatedKey {
        let ring = try ringForRotating(purpose)
        let kind = kind ?? usualKind(of: purpose)
        guard purpose.allows(kind) else { throw ServiceProblem.unfitKey(purpose, kind) }
        return try await ring.turn.take {
            if let waiting = ring.next(purpose, kind) {
                return try self.rotated(waiting, isNew: false)
            }
            return try await self.make(purpose, kind, on: ring, by: user)
        }
    }

    /// What the record lists first of the purpose; where it lists none, what goes with the signing key.
    private func usualKind(of purpose: KeyPurpose) -> HeldKey.Kind {
        let listed = federation.nodes[identity.node]
        let certificates: [Certificate]
        switch purpose {
        case .log, .witness: return .pair(.ed25519)
        case .mlkem:
            let usual: MLKEMKind = identity.signer.key.kind == .p384 ? .mlkem1024 : .mlkem768
            return .mlkem(listed?.mlkem.first?.kind ?? usual)
        case .tls: certificates = listed?.tls ?? []
        case .signing: certificates = listed?.signing ?? []
        case .agreement: certificates = listed?.agreement ?? []
        }
        return .pair(certificates.first?.publicKey.kind ?? identity.signer.key.kind)
    }

    private func ringForRotating(_ purpose: KeyPurpose) throws -> KeyRing {
        guard let ring else {
            throw ServiceProblem.notReady(
                "this node was started with keys that it cannot add to", remedy: "restart it")
        }
        switch purpose {
        case .tls, .signing, .agreement, .mlkem: return ring
        case .witness where identity.witness != nil: return ring
        case .witness:
            throw ServiceProblem.notReady(
                "this node is no witness", remedy: "its member record would have to say so first")
        case .log:
            throw ServiceProblem.notReady(
                "the log's key is the log's name to everybody who holds a receipt, checkpoint or "
                    + "cosignature; it proves order, opens nothing and expires never",
                remedy: "where it was stolen, the members cut the node off and it joins anew "
                    + "under another name")
        }
    }

    /// Rare enough that the fsync of one small file holds up nobody.
    private func make(
        _ purpose: KeyPurpose, _ kind: HeldKey.Kind, on ring: KeyRing, by user: UInt32
    ) async throws -> RotatedKey {
        let held = try ring.shelf.make(purpose, kind)
        let note = KeyNote(held, made: clock.now())
        var notes = ring.state.withLock { $0.notes }
        notes[note.key] = note
        let bytes = KeyRing.bytes(of: notes)
        let entry = EntryDraft(
            kind: "keys.made", actor: .user(user),
            details: [
                "purpose": .string(purpose.rawValue), "key": .string(note.key.text),
                "fingerprint": .string(held.fingerprint.text),
            ])
        _ = try await store.commit { transaction in
            try transaction.append(entry)
            try transaction.setValue(KeyRing.setting, bytes)
        }
        ring.state.withLock { state in
            state.held.append(held)
            state.notes[note.key] = note
        }
        try await membership.use(ring.keys(of: identity.node))
        return try rotated(held, isNew: true)
    }

    private func rotated(_ held: HeldKey, isNew: Bool) throws -> RotatedKey {
        let (request, listing) = try asked(for: held)
        return RotatedKey(
            purpose: held.purpose, kind: held.kind, fingerprint: held.fingerprint,
            request: request, listing: listing, isNew: isNew)
    }

    /// What the authority issues from, or what the record names.
    private func asked(for held: HeldKey) throws -> (CertificateRequest?, String?) {
        let node = identity.node
        switch held.material {
        case .mlkem(let key): return (nil, Base64.encode(key.publicKey.raw))
        case .pair(let key) where held.purpose == .witness:
            let name = CosignerKey.name(federation: federation.id, node: node)
            return (nil, try CosignerKey(name: name, key: key.publicKey).text)
        case .pair(let key):
            let host = federation.nodes[node]?.endpoint.host
            let request = try CertificateRequest(
                name: "\(node.country) \(node.name) \(held.purpose.rawValue)", uri: node.uri,
                hosts: held.purpose == .tls ? [host].compactMap { $0 } : [], key: key)
            return (request, nil)
        }
    }

    // MARK: Review

    /// Takes up what the record lists by now, and ends what is over.
    package func reviewKeys() async throws {
        guard let ring else { return }
        try await ring.turn.take { try await self.review(ring) }
    }

    private func review(_ ring: KeyRing) async throws {
        let now = clock.now()
        let record = try federation.node(identity.node, at: now)
        let before = ring.state.withLock { $0 }
        let review = KeyReview(
            held: before.held, notes: before.notes, record: record, at: now,
            mayEnd: witnesses.mayEnd)
        if review.notes != before.notes || !review.over.isEmpty {
            let (drafts, bytes) = (review.drafts, KeyRing.bytes(of: review.notes))
            _ = try await store.commit { transaction in
                for draft in drafts { try transaction.append(draft) }
                try transaction.setValue(KeyRing.setting, bytes)
            }
            let over = Set(review.over.map(\.place))
            ring.state.withLock { state in
                state.notes = review.notes
                state.held.removeAll { over.contains($0.place) }
            }
            // Before anything that can fail: the log says that they are gone, and the next review does not
            // see them.
            ring.destroy(review.over, logger)
            try await membership.use(ring.keys(of: identity.node))
            for draft in drafts {
                logger.notice("key changed", metadata: ["event": "\(draft.kind)"])
            }
        }
        try await membership.useCertificatesInForce()
    }

    /// Reviews the keys, and reminds of what ends soon, until the task is cancelled.
    func keepKeys() async {
        var reminded: [String: Timestamp] = [:]
        while !Task.isCancelled {
            await lookAtClock()
            do { try await reviewKeys() } catch {
                logger.error("reviewing keys failed", metadata: ["error": "\(error)"])
            }
            remind(&reminded)
            guard (try? await Task.sleep(for: .seconds(2))) != nil else { return }
        }
    }

    /// Each reminder once a day.
    private func remind(_ reminded: inout [String: Timestamp]) {
        let now = clock.now()
        for reminder in keyReminders(at: now) {
            if let last = reminded[reminder.subject], now - last < 86_400 { continue }
            reminded[reminder.subject] = now
            logger.warning("\(reminder.text)")
        }
    }
}

extension KeyPurpose {
    /// Whether a key of this kind can serve the purpose.
    func allows(_ kind: HeldKey.Kind) -> Bool {
        switch self {
        case .tls, .signing, .agreement: kind == .pair(.p256) || kind == .pair(.p384)
        case .mlkem: MLKEMKind.allCases.contains { kind == .mlkem($0) }
        case .log, .witness: kind == .pair(.ed25519)
        }
    }
}
