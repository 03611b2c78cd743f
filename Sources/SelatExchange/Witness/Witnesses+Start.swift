import Logging
import SelatAudit
package import SelatCore
import SelatCrypto
import SelatFederation
import SelatStore
import SelatTransport
import Synchronization

// The own log at a start, and when a witness contradicts it.

extension Witnesses {
    /// What one witness holds of the own log.
    private enum Testimony: Sendable {
        case nothing
        case cosigned(SignedCheckpoint)
        case silence(String)
    }

    /// Asks each witness what it has cosigned last, and shows the log if none has seen more of it, now or before.
    ///
    /// Of a restored log one that knows less says nothing of what may be lost. So all must answer, or as many that
    /// those who have cosigned what is here meet the quorum and those who are silent cannot: of each checkpoint that
    /// was witnessed one who has answered knows.
    func prove() async throws {
        var contradictions = try await keptContradiction().map { [$0] } ?? []
        guard !asked.isEmpty || !contradictions.isEmpty else { return try await show() }
        let (asked, isRestored) = (asked, try await store.restoredSize() != nil)
        let testimonies = await testimonies()
        var isAnswered = false
        var (confirming, silent) = (Set<CosignerKey>(), Set<CosignerKey>())
        for (witness, testimony) in testimonies.sorted(by: { $0.key < $1.key }) {
            switch testimony {
            case .silence(let cause):
                if let key = asked[witness] { silent.insert(key) }
                state.withLock { $0.dialogues[witness, default: Dialogue()].cause = cause }
            case .nothing: isAnswered = true
            case .cosigned(let checkpoint):
                isAnswered = true
                if let found = try await contradiction(of: checkpoint, by: witness) {
                    contradictions.append(found)
                } else {
                    if let key = asked[witness] { confirming.insert(key) }
                    let size = checkpoint.checkpoint.size
                    state.withLock { $0.dialogues[witness, default: Dialogue()].size = size }
                }
            }
        }
        if let worst = contradictions.max(by: Self.isLess) {
            try await stop(worst)
        } else if isAnswered,
            !isRestored || silent.isEmpty
                || policy.isMet(by: confirming) && !policy.isMet(by: silent)
        {
            try await show()
        }
    }

    /// The latest epoch and the most entries count most.
    private static func isLess(_ a: LogContradiction, _ b: LogContradiction) -> Bool {
        func rank(_ contradiction: LogContradiction) -> (UInt64, UInt64) {
            let checkpoint = contradiction.checkpoint.checkpoint
            return (epoch(checkpoint.origin), checkpoint.size)
        }
        return rank(a) < rank(b)
    }

    static func epoch(_ origin: String) -> UInt64 {
        origin.split(separator: "/").last.flatMap { UInt64($0) } ?? 0
    }

    private func show() async throws {
        try await store.forgetRestored()
        try await store.showLog()
        state.withLock { $0.standing = .proven }
        logger.info("log proven", metadata: ["size": "\(store.latestCheckpoint.checkpoint.size)"])
    }

    private func testimonies() async -> [NodeID: Testimony] {
        await withTaskGroup(of: (NodeID, Testimony).self) { group in
            for (witness, key) in asked {
                group.addTask {
                    do {
                        let found = try await self.testimony(of: witness, key)
                        return (witness, found.map { .cosigned($0) } ?? .nothing)
                    } catch {
                        return (witness, .silence("\(error)"))
                    }
                }
            }
            return await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
        }
    }

    /// The checkpoint of the highest epoch of the own log that a witness has cosigned.
    ///
    /// A witness that was away while an epoch was begun and left has not cosigned it, and may know a later one:
    /// that epoch is reported and passed over, for what is cosigned behind it is signed by the log itself.
    func testimony(
        of witness: NodeID, _ key: CosignerKey
    ) async throws -> SignedCheckpoint? {
        let own = verifierKey
        let first = own.epoch ?? 1
        var newest: SignedCheckpoint?
        var (epoch, expected) = (first, first)
        // A later epoch of the same node may be known there: then this database is older still.
        while epoch < min(expected + Self.epochsPassedMax, first + 1_000) {
            defer { epoch += 1 }
            let origin = LogIdentity.origin(
                federation: federation.id, node: identity.node, epoch: epoch)
            let name = SHA256.digest(Array(origin.utf8)).hex
            let note = try await asking(witness) { try await $0.cosignedCheckpoint(origin: name) }
            guard let note else { continue }
            let checkpoint = try SignedCheckpoint(note: note, key: try own.ofEpoch(in: origin))
            guard try !checkpoint.cosignatures(by: [key]).isEmpty else {
                throw AuditError.unsigned(key.name)
            }
            if expected < epoch {
                logger.warning(
                    "witness has not cosigned every epoch of this log",
                    metadata: [
                        "witness": "\(witness)", "lacks": "\(expected) to \(epoch - 1)",
                        "knows": "\(epoch)",
                    ])
            }
            (newest, expected) = (checkpoint, epoch + 1)
        }
        return newest
    }

    /// Epochs in a row that a witness need not know; each begins with a backup that was restored.
    private static let epochsPassedMax: UInt64 = 4

    /// How a cosigned checkpoint contradicts the own log, if it does.
    private func contradiction(
        of checkpoint: SignedCheckpoint, by witness: NodeID
    ) async throws -> LogContradiction? {
        let held = store.latestCheckpoint.checkpoint.size
        func contradiction(isFork: Bool, _ held: UInt64) -> LogContradiction {
            LogContradiction(
                witness: witness, checkpoint: checkpoint, isFork: isFork, held: held)
        }
        // Under a later origin nothing here can be its continuation.
        guard checkpoint.checkpoint.origin == origin else {
            return contradiction(isFork: false, held)
        }
        return switch try await store.compare(checkpoint.checkpoint) {
        case .prefix: nil
        case .ahead(let held): contradiction(isFork: false, held)
        case .another: contradiction(isFork: true, held)
        }
    }

    /// What contradicted the log before this start, if it still does: the log's own signature under it proves it,
    /// whether or not whoever showed it can be asked today.
    private func keptContradiction() async throws -> LogContradiction? {
        guard let kept = try await store.contradiction() else { return nil }
        var reader = try ObjectReader(try JSON(parsing: kept), "contradiction")
        let witness = try reader.node("witness")
        let note = try SignedNote(parsing: Array(try reader.string("checkpoint").utf8))
        let key = try verifierKey.ofEpoch(in: try Checkpoint(parsing: note.text).origin)
        return try await contradiction(of: try SignedCheckpoint(note, key: key), by: witness)
    }

    /// A witness refused what the log showed it: finds out whether the log is to blame.
    func examine(_ witness: NodeID, _ key: CosignerKey) async throws {
        guard let seen = try await testimony(of: witness, key),
            let found = try await contradiction(of: seen, by: witness)
        else { return }
        try await stop(found)
    }

    /// The log shows nothing from now on, and the node neither sends nor takes.
    private func stop(_ contradiction: LogContradiction) async throws {
        let isNew = state.withLock { state in
            if case .contradicted = state.standing { return false }
            state.standing = .contradicted(contradiction)
            return true
        }
        guard isNew else { return }
        store.holdLog()
        let seen = contradiction.checkpoint
        logger.critical(
            "log contradicted", metadata: ["cause": "\(contradiction.description)"])
        let kind: EntryKind = contradiction.isFork ? "log.forked" : "log.behind"
        _ = try await store.commit { transaction in
            try transaction.append(
                EntryDraft(
                    kind: kind, actor: .node(contradiction.witness),
                    details: [
                        "origin": .string(seen.checkpoint.origin),
                        "size": .integer(seen.checkpoint.size),
                        "held": .integer(contradiction.held),
                        "checkpoint": .string(String(decoding: seen.note, as: UTF8.self)),
                    ]))
            try transaction.keep(contradiction: contradiction.kept)
        }
    }

    /// Goes on under the next origin: what `selat restore --continue` asks for.
    /// - Throws: `Problem` unless the log is contradicted.
    package func beginEpoch(reason: String, by user: UInt32) async throws -> BegunEpoch {
        guard case .contradicted(let contradiction) = standing else {
            throw ServiceProblem.logNotContradicted(standing.word)
        }
        let seen = contradiction.checkpoint
        let epoch = max(Self.epoch(seen.checkpoint.origin), Self.epoch(origin)) + 1
        let log = try identity.log(epoch: epoch, of: federation.id)
        let restored = try await store.restoredSize()
        let (held, last) = try await store.read { snapshot in
            // What a restored node has appended since is not of the log that ended.
            let size = try snapshot.size()
            let held = min(restored ?? size, size)
            return (held, held == 0 ? nil : try snapshot.entry(held - 1)?.entry.time)
        }
        let entry = EntryDraft(
            kind: "log.continued", actor: .user(user),
            details: [
                "origin": .string(seen.checkpoint.origin),
                "size": .integer(seen.checkpoint.size),
                "root": .string(Base64.encode(seen.checkpoint.root.bytes)),
                "checkpoint": .string(String(decoding: seen.note, as: UTF8.self)),
                "held": .integer(held), "reason": .string(reason),
            ])
        try await store.beginEpoch(as: log, entry)
        membership.use(epoch: epoch)
        state.withLock { state in
            (state.log, state.standing) = (log, .proven)
            (state.collected, state.witnessed, state.dialogues) = (nil, nil, [:])
            state.news.checkpoint = nil
        }
        try await noteUnwitnessed()
        logger.notice("epoch began", metadata: ["origin": "\(log.origin)"])
        return BegunEpoch(
            origin: log.origin, before: seen.checkpoint.origin, held: held,
            seen: seen.checkpoint.size, last: last)
    }
}

/// Where a log goes on, and what it lost.
package struct BegunEpoch: Sendable {
    package let origin: String
    /// The origin that ended.
    package let before: String
    /// Entries of the old log that are here.
    package let held: UInt64
    /// Entries of it that a witness has cosigned.
    package let seen: UInt64
    /// When the last entry that is here was made.
    package let last: Timestamp?
}
