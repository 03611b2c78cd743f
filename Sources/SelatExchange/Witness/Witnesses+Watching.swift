import Logging
import SelatAudit
import SelatCore
import SelatEvidence
import SelatFederation
import SelatStore
import SelatTransport
import Synchronization

// What others show of their logs, by the way: forks need no witness to be found.

extension Witnesses {
    /// Takes what a peer says about itself; compared later, so that no request waits for it.
    func hear(_ news: PeerNews, from node: NodeID) {
        let isNewProgram = state.withLock { state in
            if let text = news.checkpoint, state.heard[node] != text {
                state.heard[node] = text
                if let note = Base64.decode(text[...]) { state.addUnread(note, from: node) }
            }
            guard let program = news.program, state.programs[node] != program else { return false }
            // What changes with each message is no upgrade; what it is then comes with a later one.
            let now = ContinuousClock.now
            if let last = state.programsEntered[node], now - last < Self.programInterval {
                return false
            }
            (state.programs[node], state.programsEntered[node]) = (program, now)
            return true
        }
        guard isNewProgram, let program = news.program else { return }
        Task { await self.enterProgram(program, of: node) }
    }

    private static let programInterval = Duration.seconds(60)

    /// A checkpoint that came with a receipt.
    func hear(checkpoint note: [UInt8], from node: NodeID) {
        state.withLock { $0.addUnread(note, from: node) }
    }

    /// An honest upgrade shows to partners as a changed digest.
    private func enterProgram(_ text: String, of node: NodeID) async {
        guard (try? Digest(text)) != nil else { return }
        let key = "peer.program.\(node)"
        do {
            _ = try await store.commit { transaction in
                let known = try transaction.value(key).map { String(decoding: $0, as: UTF8.self) }
                guard known != text else { return }
                try transaction.setValue(key, Array(text.utf8))
                var details: JSON.Object = ["program": .string(text)]
                details["before"] = known.map { .string($0) }
                try transaction.append(
                    EntryDraft(
                        kind: "peer.program", actor: .node(node), details: .object(details)))
            }
        } catch {
            // Told with the next message again.
            state.withLock { $0.programs[node] = nil }
        }
    }

    /// Compares each checkpoint that was heard with the newest known one of the same log.
    func compareHeard() async throws {
        let unread = state.withLock { state in
            defer { state.unread = [:] }
            return state.unread
        }
        for (node, notes) in unread.sorted(by: { $0.key < $1.key }) {
            for note in notes {
                do {
                    try await compare(note, of: node)
                } catch let error as StoreError {
                    throw error
                } catch {
                    // Not to be had now; heard again with the next message.
                    state.withLock { $0.heard[node] = nil }
                }
            }
        }
    }

    private func compare(_ note: [UInt8], of node: NodeID) async throws {
        let signed = try SignedNote(parsing: note)
        let shown = try Checkpoint(parsing: signed.text)
        guard let log = federation.log(of: shown.origin), log.node == node, shown.size > 0 else {
            return
        }
        try signed.verify(log.key)
        guard let kept = try await store.read({ try $0.seen(shown.origin) }) else {
            return try await see(shown.origin, node, note)
        }
        let known = try Checkpoint(parsing: try SignedNote(parsing: kept).text)
        if known.size == shown.size {
            guard known.root != shown.root else { return }
            return try await enter(
                .forked, node, "two roots at \(known.size) entries", [note, kept])
        }
        let (older, newer) = known.size < shown.size ? (known, shown) : (shown, known)
        guard try await isProven(older, newer, by: node) else {
            return try await enter(
                .unproven, node,
                "\(newer.size) entries do not continue the \(older.size) it showed", [note, kept])
        }
        if shown.size > known.size { try await see(shown.origin, node, note) }
    }

    /// - Throws: where the node does not answer; that proves nothing.
    private func isProven(
        _ older: Checkpoint, _ newer: Checkpoint, by node: NodeID
    ) async throws -> Bool {
        let lines = try await asking(node) {
            try await $0.consistency(from: older.size, to: newer.size)
        }
        // It shows less than it did, or a newer epoch: the start check of that node says which.
        guard let lines else { return false }
        let path = String(decoding: lines, as: UTF8.self).split(separator: "\n")
            .compactMap { Base64.decode($0) }.compactMap { try? Digest(bytes: $0) }
        do throws(AuditError) {
            try TreeProof.verifyConsistency(
                old: older.size, oldRoot: older.root, size: newer.size, root: newer.root,
                path: path)
            return true
        } catch {
            return false
        }
    }

    private func see(_ origin: String, _ node: NodeID, _ note: [UInt8]) async throws {
        _ = try await store.commit { try $0.saveSeen(origin, node: node, note: note) }
    }

    private func enter(
        _ finding: Finding, _ node: NodeID, _ detail: String, _ notes: [[UInt8]]
    ) async throws {
        logger.error(
            "log of another node", metadata: ["node": "\(node)", "finding": "\(finding.rawValue)"])
        _ = try await store.commit { transaction in
            try transaction.enter(finding, of: node, detail: detail, notes: notes)
        }
    }

    /// Enters each log that its node has shown before and shows no more.
    func lookForSilence() async throws {
        guard identity.witness != nil else { return }
        let now = clock.now()
        let rows = try await store.read { try $0.witnessed() }
        let newest = Dictionary(grouping: rows, by: \.node).compactMapValues {
            $0.max { $0.time < $1.time }
        }
        let silent = newest.values.filter { row in
            // Who was cut from the federation owes nothing.
            now - row.time > settings.silence && federation.nodes[row.node] != nil
        }
        guard !silent.isEmpty else { return }
        _ = try await store.commit { transaction in
            for row in silent {
                try transaction.enter(
                    .silent, of: row.node, detail: "nothing since \(row.time)", notes: [row.note])
            }
        }
    }
}

extension Witnesses.State {
    /// Few are kept: each is heard again until it was compared.
    mutating func addUnread(_ note: [UInt8], from node: NodeID) {
        var notes = unread[node] ?? []
        guard !notes.contains(note) else { return }
        if notes.count == 8 { notes.removeFirst() }
        unread[node] = notes + [note]
    }
}
