package import Logging
import SelatAudit
package import SelatCore
package import SelatCrypto
package import SelatFederation
package import SelatStore
import SelatTransport
import Synchronization

// Coming back from the database; the configured folder is offered like anybody else's documents.
extension MembershipRegister {
    /// What a node is before it knows the membership.
    package struct Place: Sendable {
        package let node: NodeID
        let keys: NodeIdentity.Keys
        let epoch: UInt64
        /// The digest of the first list.
        let trusted: Digest
        let allowsSandbox: Bool
        let unlistedTLS: TLSIdentity?

        package init(
            node: NodeID, keys: NodeIdentity.Keys, epoch: UInt64, trusted: Digest,
            allowsSandbox: Bool, unlistedTLS: TLSIdentity? = nil
        ) {
            self.node = node
            self.keys = keys
            self.epoch = epoch
            self.trusted = trusted
            self.allowsSandbox = allowsSandbox
            self.unlistedTLS = unlistedTLS
        }
    }

    /// - Parameter input: the documents of the configured folder. A node that holds none yet starts
    ///   with them; later what of them is newer is taken, and what is refused changes nothing.
    /// - Throws: `FederationError` where there is no membership to go by; `AuditError`, `StoreError`.
    package static func open(
        _ place: Place, store: Store, clock: any WallClock, logger: Logger,
        input: () throws -> MembershipDocuments
    ) async throws -> MembershipRegister {
        let (rows, forks) = try await store.read {
            (try $0.membership(), try $0.membershipForks())
        }
        guard let held = MembershipDocuments(rows) else {
            return try await first(place, store, clock, logger, try input())
        }
        let federation = try Federation(restoring: held)
        guard SHA256.digest(held.lists[0]) == place.trusted else {
            throw FederationError.anotherList(
                SHA256.digest(held.lists[0]), trusted: place.trusted)
        }
        if federation.isSandbox, !place.allowsSandbox { throw FederationError.sandbox }
        let register = try MembershipRegister(federation, place, store, clock, logger)
        register.state.withLock { state in
            state.forks = Set(forks.map(\.serial))
            state.since = rows.map(\.taken).max()
        }
        await register.offer(input, beside: held)
        return register
    }

    private convenience init(
        _ federation: Federation, _ place: Place, _ store: Store, _ clock: any WallClock,
        _ logger: Logger
    ) throws {
        try self.init(
            federation, node: place.node, keys: place.keys, epoch: place.epoch,
            unlistedTLS: place.unlistedTLS, allowsSandbox: place.allowsSandbox, store: store,
            clock: clock, logger: logger)
    }

    /// A node that goes by nothing yet: everything is verified from the trusted digest on.
    private static func first(
        _ place: Place, _ store: Store, _ clock: any WallClock, _ logger: Logger,
        _ documents: MembershipDocuments
    ) async throws -> MembershipRegister {
        let now = clock.now()
        let federation = try Federation(
            verifying: documents, trusted: place.trusted, allowsSandbox: place.allowsSandbox,
            at: now)
        let register = try MembershipRegister(federation, place, store, clock, logger)
        let rows = try federation.rows(of: documents, source: EntryActor.daemon, at: now)
        _ = try await store.commit { transaction in
            for row in rows { try transaction.keep(row) }
            try transaction.append(Self.entry(of: rows, cut: [], from: .daemon))
        }
        register.state.withLock { $0.since = now }
        return register
    }

    /// The folder's documents; a folder that says nothing new is the usual case.
    private func offer(
        _ input: () throws -> MembershipDocuments, beside held: MembershipDocuments
    ) async {
        do {
            let news = news(in: try input(), beside: held)
            _ = try await take(news, from: .daemon, together: false)
        } catch {
            logger.warning("membership folder not taken", metadata: ["error": "\(error)"])
        }
    }

    /// What of a folder's documents is not older than what is held: what was renewed since lies there
    /// for years, and is no attempt at anything. Nor is what a member that has left said last.
    private func news(
        in documents: MembershipDocuments, beside kept: MembershipDocuments
    ) -> MembershipBundle {
        let federation = federation
        let records = documents.records.filter { country, bytes in
            guard bytes != kept.records[country] else { return false }
            let content = try? CMS.unverifiedContent(bytes, type: .memberRecord)
            let record = content.flatMap { try? MemberRecord(content: $0, country: country) }
            return record.map { $0.serial > federation.records[country]?.serial ?? 0 } ?? true
        }
        let lists = documents.revocationLists.filter { country, pem in
            guard pem != kept.revocationLists[country] else { return false }
            let held = (try? federation.tlsAnchors(for: country))?.revocationLists ?? []
            let lists = (try? CRL.all(pem: pem)) ?? []
            return lists.isEmpty
                || lists.contains { list in
                    !held.contains { $0.issuer == list.issuer && $0.number >= list.number }
                }
        }
        return MembershipBundle(
            lists: documents.lists, records: records, revocationLists: lists)
    }

    // MARK: Earlier moments

    /// The membership by which this node went at an earlier moment: what was signed then is judged
    /// by it, whatever has been renewed or cut since.
    package func federation(asOf time: Timestamp) async throws -> Federation {
        if let since = state.withLock({ $0.since }), since <= time { return federation }
        let rows = try await store.read { try $0.membership(asOf: time) }
        guard let documents = MembershipDocuments(rows) else { return federation }
        let digests = rows.map(\.digest)
        if let past = state.withLock({ $0.past }), past.digests == digests {
            return past.federation
        }
        let federation = try Federation(restoring: documents)
        state.withLock { $0.past = (digests, federation) }
        return federation
    }
}

extension MembershipDocuments {
    /// - Returns: nil where there is no list among the rows.
    init?(_ rows: [MembershipRow]) {
        let lists = rows.filter { $0.kind == .list }.sorted { $0.serial < $1.serial }
        guard !lists.isEmpty else { return nil }
        func byCountry(_ kind: MembershipRow.Kind) -> [Country: [UInt8]] {
            let pairs = rows.filter { $0.kind == kind }.compactMap { row in
                row.country.map { ($0, row.bytes) }
            }
            return Dictionary(pairs) { $1 }
        }
        self.init(
            lists: lists.map(\.bytes), records: byCountry(.record),
            revocationLists: byCountry(.revocationLists))
    }
}

extension Federation {
    /// All its documents as rows.
    fileprivate func rows(
        of documents: MembershipDocuments, source: EntryActor, at time: Timestamp
    ) throws -> [MembershipRow] {
        func row(
            _ kind: MembershipRow.Kind, _ country: Country?, _ serial: UInt64, _ bytes: [UInt8]
        ) -> MembershipRow {
            MembershipRow(
                kind: kind, country: country, serial: serial, digest: SHA256.digest(bytes),
                taken: time, source: source.text, bytes: bytes)
        }
        let first = serial + 1 - UInt64(documents.lists.count)
        return documents.lists.enumerated().map { row(.list, nil, first + UInt64($0), $1) }
            + documents.records.sorted { $0.key < $1.key }.map {
                row(.record, $0, records[$0]?.serial ?? 0, $1)
            }
            + documents.revocationLists.sorted { $0.key < $1.key }.map {
                row(.revocationLists, $0, 0, $1)
            }
    }
}
