package import SelatAudit
import SelatCore
import SelatCrypto
import SelatEvidence
import SelatFederation
import SelatPolicy
import SelatStore
import Synchronization

// What somebody brings is verified, kept for good, and activated when its time has come.
extension EditionRegister {
    /// One that passed, and is not held yet.
    private struct New {
        let row: EditionRow
        let signers: [OfficerID]
    }

    private enum Examined {
        case new(New)
        /// Held already, with other good signatures.
        case signedAnew(EditionHead, [UInt8])
        case left(EditionHead, TakenEdition.Standing)
    }

    /// Takes editions, and activates what of them is due.
    /// - Parameters:
    ///   - actor: who brings them.
    ///   - together: all or none; else one by one where they do not pass together.
    /// - Throws: `EditionsRefused` with every reason; it is an entry then.
    package func take(
        _ editions: [SignedEdition], from actor: EntryActor, together: Bool
    ) async throws -> [TakenEdition] {
        try await turn.take {
            do {
                return try await self.takeNow(editions, from: actor)
            } catch let refused as EditionsRefused {
                guard !together, editions.count > 1 else {
                    try await self.enterRefusal(refused.reasons, from: actor)
                    throw refused
                }
                return try await self.takeSingly(editions, from: actor)
            }
        }
    }

    private func takeSingly(
        _ editions: [SignedEdition], from actor: EntryActor
    ) async throws -> [TakenEdition] {
        var taken: [TakenEdition] = []
        var reasons: [String] = []
        for edition in editions {
            do {
                taken += try await takeNow([edition], from: actor)
            } catch let refused as EditionsRefused {
                reasons += refused.reasons
            }
        }
        if !reasons.isEmpty { try await enterRefusal(reasons, from: actor) }
        guard !taken.isEmpty else { throw EditionsRefused(reasons: reasons) }
        return taken
    }

    private func takeNow(
        _ editions: [SignedEdition], from actor: EntryActor
    ) async throws -> [TakenEdition] {
        let now = clock.now()
        let schedule = try await refresh()
        var examined: [Examined] = []
        var reasons: [String] = []
        for edition in editions {
            do {
                examined.append(try examine(edition, schedule, actor, at: now))
            } catch let error as EditionsRefused {
                reasons += error.reasons
            }
        }
        guard reasons.isEmpty else { throw EditionsRefused(reasons: reasons) }
        try await keep(examined, schedule, from: actor, at: now)
        try await activateDueNow()
        return examined.map { taken($0) }
    }

    // MARK: One edition

    private func examine(
        _ edition: SignedEdition, _ schedule: EditionSchedule, _ actor: EntryActor,
        at now: Timestamp
    ) throws -> Examined {
        let source = PolicySource(name: edition.file, bytes: edition.bytes)
        let head: EditionHead
        do {
            head = try EditionHead(source)
        } catch {
            throw EditionsRefused(reasons: error.diagnostics.map(\.description))
        }
        guard let owner = EditionOwner(of: head, in: federation) else {
            return .left(head, .foreign)
        }
        guard head.standing != .draft else { return .left(head, .draft) }
        try requireNewest(head, edition.file, schedule)
        let isHeld = schedule.mark(head.digest) != nil
        if isHeld, edition.signatures == nil { return .left(head, .known) }
        let signed = try verified(edition, head, owner, at: now)
        // What was accepted stays accepted: only what is new here has to prove its agreements.
        if isHeld, let signatures = edition.signatures { return .signedAnew(head, signatures) }
        try requireAgreements(head, edition.file, at: now)
        return .new(
            New(
                row: EditionRow(
                    digest: head.digest, name: head.name, number: head.number,
                    inForce: head.inForce, received: now, source: actor.text,
                    bytes: edition.bytes, signatures: edition.signatures ?? []),
                signers: signed.persons.values.joined().sorted()))
    }

    private func verified(
        _ edition: SignedEdition, _ head: EditionHead, _ owner: EditionOwner, at now: Timestamp
    ) throws(EditionsRefused) -> EditionSignatures {
        do throws(FederationError) {
            return try federation.verifyEdition(
                edition.file, content: edition.bytes, signatures: edition.signatures,
                owner: owner, at: now)
        } catch {
            throw EditionsRefused(reasons: ["\(error)"])
        }
    }

    private func requireAgreements(
        _ head: EditionHead, _ file: String, at now: Timestamp
    ) throws(EditionsRefused) {
        do throws(FederationError) {
            try federation.verifyAgreements(in: head, file: file, at: now)
        } catch {
            throw EditionsRefused(reasons: ["\(error)"])
        }
    }

    private func requireNewest(
        _ head: EditionHead, _ file: String, _ schedule: EditionSchedule
    ) throws(EditionsRefused) {
        if let other = schedule.rival(of: head) {
            throw EditionsRefused(reasons: [
                "`\(file)`: another edition \(head.number) of `\(head.name)` is held "
                    + "(\(other.digest)); raise `edition`, and sign it again"
            ])
        }
        if let active = schedule.activeMark(head.name), head.number < active.number {
            throw EditionsRefused(reasons: [
                "`\(file)`: edition \(head.number) is below the active edition \(active.number) of "
                    + "`\(head.name)`; what is repealed comes back as a new edition"
            ])
        }
    }

    // MARK: All of them

    /// Keeps what is new, once it is known to load when its time comes.
    private func keep(
        _ examined: [Examined], _ schedule: EditionSchedule, from actor: EntryActor,
        at now: Timestamp
    ) async throws {
        var new: [New] = []
        var signedAnew: [(Digest, [UInt8])] = []
        for case .new(let one) in examined { new.append(one) }
        for case .signedAnew(let head, let signatures) in examined {
            signedAnew.append((head.digest, signatures))
        }
        try await requireLoading(new.map(\.row), schedule, from: actor, at: now)
        let (kept, replaced, entries) = (new.map(\.row), signedAnew, details(of: new))
        guard !kept.isEmpty || !replaced.isEmpty else { return }
        _ = try await store.commit { transaction in
            for (digest, signatures) in replaced {
                try transaction.replaceSignatures(of: digest, by: signatures)
            }
            for row in kept { try transaction.keep(row) }
            for editions in entries {
                try transaction.append(
                    EntryDraft(
                        kind: "policy.received", actor: actor,
                        details: ["editions": .object(editions)]))
            }
        }
        state.withLock { state in
            // What did not load may do so beside what has come.
            (state.faulty, state.awaited) = ([:], nil)
            // Where reading fails from here on, they become due all the same.
            for row in kept {
                let due = max(now, row.inForce)
                state.next = min(state.next ?? due, due)
            }
        }
    }

    /// What each entry tells of: no more than one edition of a name, so that a further one is in a
    /// further entry, and none is kept that no entry names.
    private func details(of new: [New]) -> [JSON.Object] {
        var entries: [JSON.Object] = []
        for one in new {
            let free = entries.firstIndex { $0[one.row.name] == nil } ?? entries.endIndex
            if free == entries.endIndex { entries.append([:]) }
            entries[free][one.row.name] = [
                "edition": .integer(one.row.number), "digest": .string(one.row.digest.text),
                "in-force": .string(one.row.inForce.text),
                "signers": .strings(one.signers.map(\.text)),
            ]
        }
        return entries
    }

    /// Each set that will be in force when one of the new editions has come into force must load.
    private func requireLoading(
        _ new: [EditionRow], _ before: EditionSchedule, from actor: EntryActor, at now: Timestamp
    ) async throws {
        let names = new.map { "\($0.name) \($0.number)" }
        guard Set(names).count == names.count else {
            throw EditionsRefused(reasons: ["two files of one name and edition"])
        }
        let schedule = before.with(new.map(\.mark))
        try requireRoom(for: new, schedule, at: now)
        if case .node = actor { try requireRate(of: new, schedule, at: now) }
        let rows = Dictionary(new.map { ($0.digest, $0) }) { first, _ in first }
        let faulty = Set(state.withLock { $0.faulty.keys })
        for moment in Set(new.map { max(now, $0.inForce) }).sorted() {
            let counting = schedule.counting(at: moment, without: faulty)
            do {
                _ = try await load(counting.mapValues(\.digest), with: rows)
            } catch let errors as PolicyErrors {
                throw EditionsRefused(reasons: errors.diagnostics.map(\.description))
            }
        }
    }

    /// Nobody's editions fill what every node holds and tells of. What is in force now waits for
    /// nothing, and is taken all the same.
    private func requireRoom(
        for new: [EditionRow], _ schedule: EditionSchedule, at now: Timestamp
    ) throws(EditionsRefused) {
        let names = Set(new.filter { $0.inForce > now }.map(\.name)).sorted()
        let full = names.filter { name in
            schedule.waiting(name, at: now).count > Limits.waitingEditionsMax
        }
        guard full.isEmpty else {
            throw EditionsRefused(
                reasons: full.map { name in
                    "`\(name).yaml`: more than \(Limits.waitingEditionsMax) editions of "
                        + "`\(name)` would wait; wait until one is in force"
                })
        }
    }

    /// One after the other may be in force at once, and each is kept, since a verdict may rest on it. What
    /// the own people bring is taken all the same.
    private func requireRate(
        of new: [EditionRow], _ schedule: EditionSchedule, at now: Timestamp
    ) throws(EditionsRefused) {
        let names = Set(new.map(\.name)).sorted()
        let full = names.filter { name in
            schedule.cameWithinADay(name, of: now) > Limits.editionsPerDayMax
        }
        guard full.isEmpty else {
            throw EditionsRefused(
                reasons: full.map { name in
                    "`\(name).yaml`: more than \(Limits.editionsPerDayMax) editions of `\(name)` "
                        + "would have come within a day; bring it later, or by `selat policy activate`"
                })
        }
    }

    private func taken(_ examined: Examined) -> TakenEdition {
        switch examined {
        case .new(let new):
            return TakenEdition(
                name: new.row.name, number: new.row.number, digest: new.row.digest,
                inForce: new.row.inForce, standing: standing(of: new.row))
        case .signedAnew(let head, _): return TakenEdition(head, .known)
        case .left(let head, let standing): return TakenEdition(head, standing)
        }
    }

    private func standing(of row: EditionRow) -> TakenEdition.Standing {
        state.withLock { state in
            if state.schedule.active[row.name] == row.digest { return .active }
            return state.faulty[row.digest] == nil ? .waiting : .faulty
        }
    }
}

extension TakenEdition {
    fileprivate init(_ head: EditionHead, _ standing: Standing) {
        self.init(
            name: head.name, number: head.number, digest: head.digest, inForce: head.inForce,
            standing: standing)
    }
}
