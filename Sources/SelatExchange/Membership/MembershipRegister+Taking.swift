import Logging
package import SelatAudit
package import SelatCore
import SelatCrypto
import SelatFederation
import SelatStore
import Synchronization

/// Documents that somebody brings, before anything in them is believed.
package struct MembershipBundle: Sendable {
    package var lists: [[UInt8]]
    /// Whether later lists are known and come after these: then none of these has to be in force now.
    package var hasLaterLists = false
    package var records: [Country: [UInt8]]
    /// PEM.
    package var revocationLists: [Country: [UInt8]]

    package init(
        lists: [[UInt8]] = [], records: [Country: [UInt8]] = [:],
        revocationLists: [Country: [UInt8]] = [:]
    ) {
        self.lists = lists
        self.records = records
        self.revocationLists = revocationLists
    }
}

/// Why documents were not taken; what was in force stays.
package struct MembershipRefused: Error, Hashable, Sendable, CustomStringConvertible {
    package let reasons: [String]
    package var description: String { reasons.joined(separator: "; ") }
}

// What somebody brings is verified, kept for good and in force at once.
extension MembershipRegister {
    /// What one call has changed.
    private struct Progress {
        var federation: Federation
        var rows: [MembershipRow] = []
        var refused: [(digest: Digest, reason: String)] = []
    }

    /// Takes what is new of the documents: first lists in the order of their serials, then
    /// revocation lists, then records.
    /// - Parameters:
    ///   - actor: who brings them.
    ///   - together: all or none; else each for itself.
    /// - Returns: what was taken, in words such as `list 4`, `record SG 7`, `crl SG`.
    /// - Throws: `MembershipRefused` with every reason; it is an entry then.
    package func take(
        _ bundle: MembershipBundle, from actor: EntryActor, together: Bool
    ) async throws -> [String] {
        let result = try await turn.take {
            try await self.takeNow(bundle, from: actor, together: together)
        }
        if let (before, after) = result.change { await tell(before, after) }
        return result.taken
    }

    private func takeNow(
        _ bundle: MembershipBundle, from actor: EntryActor, together: Bool
    ) async throws -> (taken: [String], change: (View, View)?) {
        let now = clock.now()
        let before = current
        var progress = Progress(federation: before.federation)
        try await examine(admitted(bundle, from: actor), &progress, actor, at: now)
        if !progress.refused.isEmpty {
            try await enterRefusal(progress.refused, from: actor, at: now)
            if together || progress.rows.isEmpty {
                throw MembershipRefused(reasons: progress.refused.map(\.reason))
            }
        }
        guard !progress.rows.isEmpty else { return ([], nil) }
        let (federation, rows) = (progress.federation, progress.rows)
        // Before anything is kept: what cannot be seen whole is not taken.
        _ = try state.withLock { try view(of: federation, at: now, $0) }
        let cut = federation.list.cuts.map(\.subject).filter { subject in
            !before.federation.list.cuts.contains { $0.subject == subject }
        }
        _ = try await store.commit { transaction in
            for row in rows { try transaction.keep(row) }
            try transaction.append(
                Self.entry(of: rows, cut: cut.map(\.description), from: actor))
        }
        let change = try state.withLock { state in
            // Once more: the own keys may be others by now.
            let change = (state.view, try view(of: federation, at: now, state))
            state.view = change.1
            state.since = now
            if case .node = actor { pay(for: rows, at: now, &state) }
            state.forks.formUnion(rows.filter { $0.kind == .fork }.map(\.serial))
            return change
        }
        for row in rows {
            logger.notice("membership changed", metadata: ["document": "\(row.words)"])
        }
        return (rows.map(\.words), change)
    }

    private func view(
        of federation: Federation, at now: Timestamp, _ state: State
    ) throws -> View {
        try View(
            federation, node: node, keys: state.keys, epoch: state.epoch, after: state.view, at: now
        )
    }

    // MARK: Of one member only so much

    /// Whether other nodes may bring a change of a foreign member's record or revocation lists: five at
    /// once, and one a minute in the long run. What is taken is kept for good, only the newest matters,
    /// and what waits is offered again.
    func takesChange(_ kind: MembershipRow.Kind, of country: Country) -> Bool {
        guard country != node.country else { return true }
        let now = clock.now()
        let ahead = state.withLock { $0.paid[Change(kind: kind, country: country)] ?? now } - now
        // Further ahead than it is ever set: the clock was set back.
        return ahead <= Self.changesPaidMax - Self.changeSeconds || ahead > Self.changesPaidMax
    }

    private func pay(for rows: [MembershipRow], at now: Timestamp, _ state: inout State) {
        for row in rows where row.kind == .record || row.kind == .revocationLists {
            guard let country = row.country else { continue }
            let change = Change(kind: row.kind, country: country)
            let paid = max(state.paid[change] ?? now, now)
            state.paid[change] =
                min(paid, now + (Self.changesPaidMax - Self.changeSeconds)) + Self.changeSeconds
        }
    }

    private static let changeSeconds: Int64 = 60
    private static let changesPaidMax = 5 * changeSeconds

    private func admitted(
        _ bundle: MembershipBundle, from actor: EntryActor
    ) -> MembershipBundle {
        guard case .node = actor else { return bundle }
        var bundle = bundle
        bundle.records = bundle.records.filter { takesChange(.record, of: $0.key) }
        bundle.revocationLists = bundle.revocationLists.filter {
            takesChange(.revocationLists, of: $0.key)
        }
        return bundle
    }

    // MARK: One document after the other

    private func examine(
        _ bundle: MembershipBundle, _ progress: inout Progress, _ actor: EntryActor,
        at now: Timestamp
    ) async throws {
        let lists = bundle.lists.map { ($0, Self.serial(of: $0)) }.sorted { $0.1 < $1.1 }
        for (bytes, serial) in lists {
            let isHeld = try await isHeld(bytes, serial: serial, progress.federation)
            guard !isHeld else { continue }
            await attempt(bytes, &progress, .list, nil, actor, now) { federation in
                if serial <= federation.serial, serial > 1 {
                    try self.checkFork(bytes, serial: serial, federation, at: now)
                    return (federation, .fork, serial)
                }
                let next = try federation.taking(
                    list: bytes, with: bundle.revocationLists,
                    isNewest: serial == lists.last?.1 && !bundle.hasLaterLists, at: now)
                return (next, .list, next.serial)
            }
        }
        for (country, pem) in bundle.revocationLists.sorted(by: { $0.key < $1.key })
        where pem != before(\.revocationLists, country, progress) {
            await attempt(pem, &progress, .revocationLists, country, actor, now) { federation in
                (
                    try federation.taking(revocationLists: pem, of: country, at: now),
                    .revocationLists, 0
                )
            }
        }
        for (country, bytes) in bundle.records.sorted(by: { $0.key < $1.key })
        where !Self.isSame(bytes, before(\.records, country, progress), .memberRecord) {
            await attempt(bytes, &progress, .record, country, actor, now) { federation in
                let next = try federation.taking(record: bytes, of: country, at: now)
                return (next, .record, next.records[country]?.serial ?? 0)
            }
        }
    }

    /// What was in force before this call; a list may have brought revocation lists along already.
    private func before(
        _ path: KeyPath<MembershipDocuments, [Country: [UInt8]]>, _ country: Country,
        _ progress: Progress
    ) -> [UInt8]? {
        current.federation.documents[keyPath: path][country]
    }

    private func attempt(
        _ bytes: [UInt8], _ progress: inout Progress, _ kind: MembershipRow.Kind,
        _ country: Country?, _ actor: EntryActor, _ now: Timestamp,
        _ work: (Federation) throws -> (Federation, MembershipRow.Kind, UInt64)
    ) async {
        let digest = SHA256.digest(bytes)
        do {
            let (federation, kind, serial) = try work(progress.federation)
            // Of what no view can be made this document is refused, and not all that come with it.
            _ = try WitnessRoll(of: federation, for: node.country)
            progress.federation = federation
            // Several lists of one country become one text, so that what is kept is what counts.
            let joined = country.flatMap { federation.documents.revocationLists[$0] }
            let kept = kind == .revocationLists ? joined ?? bytes : bytes
            // The lists that are held, in another order or with other words around them.
            let isHeld = country.map { before(\.revocationLists, $0, progress) == kept } ?? false
            guard kind != .revocationLists || !isHeld else { return }
            progress.rows.append(
                MembershipRow(
                    kind: kind, country: country, serial: serial, digest: SHA256.digest(kept),
                    taken: now, source: actor.text, bytes: kept))
        } catch {
            progress.refused.append((digest, "\(error)"))
        }
    }

    private func isHeld(
        _ bytes: [UInt8], serial: UInt64, _ federation: Federation
    ) async throws -> Bool {
        if serial > federation.serial { return false }
        let lists = federation.documents.lists.dropLast(Int(federation.serial - serial))
        if Self.isSame(bytes, lists.last, .membershipList) { return true }
        let forks = try await store.read { try $0.membershipForks() }
        return forks.contains { Self.isSame(bytes, $0.bytes, .membershipList) }
    }

    /// Whether two messages say the same: with other signatures it is the same word.
    private static func isSame(
        _ message: [UInt8], _ held: [UInt8]?, _ type: CMSContentType
    ) -> Bool {
        guard let held else { return false }
        if message == held { return true }
        guard let content = try? CMS.unverifiedContent(message, type: type) else { return false }
        return content == (try? CMS.unverifiedContent(held, type: type))
    }

    /// Whether a list beside one that is held is as valid as that: then both are kept, and nothing
    /// is sent until people have found out who signed twice.
    private func checkFork(
        _ bytes: [UInt8], serial: UInt64, _ federation: Federation, at now: Timestamp
    ) throws {
        let documents = federation.documents
        let kept = documents.lists.count - Int(federation.serial - serial) - 1
        guard kept >= 1 else {
            throw FederationError.contradiction(
                "membership list", reason: "serial \(serial) is older than what is held")
        }
        let earlier = try Federation(
            restoring: MembershipDocuments(
                lists: Array(documents.lists.prefix(kept)), records: [:],
                revocationLists: documents.revocationLists))
        // Those of members who came in only with the list in question are not of the earlier one.
        _ = try earlier.taking(list: bytes, with: documents.revocationLists, at: now)
    }

    private static func serial(of list: [UInt8]) -> UInt64 {
        let content = try? CMS.unverifiedContent(list, type: .membershipList)
        return content.flatMap { try? MembershipList(content: $0) }?.serial ?? .max
    }

    // MARK: Entries

    static func entry(
        of rows: [MembershipRow], cut: [String], from actor: EntryActor
    ) -> EntryDraft {
        var details: JSON.Object = [
            "documents": .array(
                rows.map { row in
                    var members: JSON.Object = [
                        "kind": .string(row.kind.rawValue), "digest": .string(row.digest.text),
                    ]
                    members["country"] = row.country.map { .string($0.code) }
                    if row.serial > 0 { members["serial"] = .integer(row.serial) }
                    return .object(members)
                })
        ]
        if !cut.isEmpty { details["cut"] = .strings(cut) }
        let isFork = rows.contains { $0.kind == .fork }
        return EntryDraft(
            kind: isFork ? "membership.forked" : "membership.taken", actor: actor,
            details: .object(details))
    }

    /// Once an hour for one document: a peer offers it again and again; and of a peer's up to a rate.
    private func enterRefusal(
        _ refused: [(digest: Digest, reason: String)], from actor: EntryActor, at now: Timestamp
    ) async throws {
        let news = state.withLock { state in
            if state.refused.count > 1_024 { state.refused = [:] }
            return refused.filter { digest, _ in
                let before = state.refused.updateValue(now, forKey: digest)
                return before.map { now - $0 >= 3_600 } ?? true
            }
        }
        guard let first = news.first else { return }
        logger.warning(
            "membership document refused",
            metadata: ["from": "\(actor.text)", "reason": "\(first.reason)"])
        guard refusals.isEnteredSingly(by: actor) else { return }
        _ = try await store.commit { transaction in
            try transaction.append(
                EntryDraft(
                    kind: "membership.refused", actor: actor,
                    details: [
                        "errors": .integer(Int64(news.count)),
                        "first": .string(String(first.reason.prefix(2_000))),
                    ]))
        }
    }
}

extension MembershipRow {
    /// `list 4`, `record SG 7`, `crl SG`.
    var words: String {
        [kind.rawValue, country?.code, serial > 0 ? "\(serial)" : nil]
            .compactMap { $0 }.joined(separator: " ")
    }
}
