import SelatAudit
package import SelatCore
import SelatCrypto
import SelatDelivery
import SelatFederation
import SelatHTTP
import SelatStore
package import SelatTransport
import Synchronization

// Recalls that peers bring: to the recipient, who obeys, or to a relay, which lets go of what it holds and
// brings the recall further, or passes it on where it holds nothing.

/// A peer, and the member about whose datasets it speaks.
struct Bringing: Hashable {
    let peer: NodeID
    let member: Country
}

extension Exchange {
    /// What letters that hold a recall are called.
    static let recallLetter = "recall"

    package func take(recall message: [UInt8], from peer: NodeID) async throws -> LetterAnswer {
        try witnesses.requireExchange()
        let to: NodeID
        do {
            let recall = try federation.verifyRecall(message, at: clock.now())
            guard try await isKnown(recall) || countRecall(recall, of: peer) else {
                throw ServiceProblem.tooManyRecalls(recall.statement.from.country)
            }
            if recall.statement.to == identity.node {
                try await obey(recall, by: .node(peer))
                return .taken
            }
            if let answer = try await pass(recall, from: peer) { return answer }
            to = recall.statement.to
        } catch let error as FederationError {
            try await enterRecallRejection("\(error)", message, by: peer)
            throw ServiceProblem.badRecall("\(error)")
        } catch let problem as Problem where ServiceProblem.refusesRecall(problem) {
            try await enterRecallRejection(problem.detail ?? problem.title, message, by: peer)
            throw problem
        }
        // Here, since what its addressee will not have is no refusal of this node's.
        return try await passOn(message, isRecall: true, to: to, from: peer)
    }

    /// Whether this very recall was taken before. One that is brought again, since the next node was away, costs
    /// no commit, and must not keep those behind it from coming.
    private func isKnown(_ recall: VerifiedRecall) async throws -> Bool {
        let asked = recall.statement
        let held = try await self.recall(of: asked.id, from: asked.from)
        return held.map { recall.isSame(as: $0) } ?? false
    }

    /// Counts one more recall that a peer brought in this minute, by the member whose it is: a relay brings those
    /// of many, and one of them must not use up what the others need.
    private func countRecall(_ recall: VerifiedRecall, of peer: NodeID) -> Bool {
        let bringing = Bringing(peer: peer, member: recall.statement.from.country)
        return recallsHeard.withLock { counts in
            counts[bringing, default: 0] += 1
            return counts[bringing, default: 0] <= Limits.recallsPerMinuteMax
        }
    }

    private func enterRecallRejection(
        _ cause: String, _ message: [UInt8], by peer: NodeID
    ) async throws {
        guard isEnteredSingly(peer) else { return }
        let id = (try? CMS.unverifiedContent(message, type: .recall))
            .flatMap { try? RecallStatement(content: $0) }?.id
        guard try await !isEntered(cause, as: "recall.rejected", of: id, by: peer) else { return }
        _ = try await store.commit { transaction in
            try transaction.append(
                EntryDraft(
                    kind: "recall.rejected", transfer: id, actor: .node(peer),
                    details: ["cause": .string(String(cause.prefix(1_000)))]))
        }
    }

    // MARK: Passing through

    /// Keeps a recall that passes through.
    /// - Returns: nil where its transfer did not, and it is to be passed on all the same.
    private func pass(_ recall: VerifiedRecall, from peer: NodeID) async throws -> LetterAnswer? {
        let asked = recall.statement
        let row = try await store.read { try $0.relayed(asked.id, from: asked.from) }
        guard let known = row, known.to == asked.to else {
            guard row == nil, asked.from != identity.node, passesOn(to: asked.to, from: peer)
            else { throw ServiceProblem.unknownTransfer(asked.id) }
            return nil
        }
        let held = try store.lookUp { snapshot -> LetterAnswer? in
            // This very message was verified just now, so that it stands.
            let before = try snapshot.recall(of: asked.id, from: asked.from)
            return before?.digest == recall.digest
                ? try Self.answer(toHeld: asked, in: snapshot) : nil
        }
        if let held { return held }
        let former = try await vainRecall(of: asked)
        let now = clock.now()
        let (answer, isPosted, isDropped) = try await store.commit {
            transaction -> (LetterAnswer, Bool, Bool) in
            if let before = try transaction.recall(of: asked.id, from: asked.from),
                before.digest != former
            {
                guard recall.isSame(as: before) else {
                    throw ServiceProblem.alreadyRecalled(asked.id, before.officer)
                }
                return (try Self.answer(toHeld: asked, in: transaction.snapshot), false, false)
            }
            // Receipts do not count, which others write.
            let count = try transaction.snapshot.letterCount(
                of: asked.from.country, as: Self.recallLetter)
            guard count < Limits.lettersPerMemberMax else {
                throw ServiceProblem.tooManyLetters(asked.from.country)
            }
            try transaction.save(RecallRow(recall, at: now))
            try transaction.post(recall, at: now)
            try transaction.append(recall.draft("recall.taken", by: .node(peer)))
            let isDropped = try self.drop(known, because: recall.words, at: now, in: transaction)
            return (.held, true, isDropped)
        }.value
        if isDropped { try await removeDropped(known) }
        if isPosted { accepted.yield(.letters(to: asked.to)) }
        return answer
    }

    /// Whoever brings a recall again learns whether the recipient has answered it by now.
    private static func answer(
        toHeld asked: RecallStatement, in snapshot: Snapshot
    ) throws -> LetterAnswer {
        let isOwed = try snapshot.owes(
            recallLetter, about: asked.id, from: asked.from, to: asked.to)
        return isOwed ? .held : .taken
    }

    /// Lets go of what is relayed, whoever holds it by now.
    /// - Returns: whether there was something.
    func drop(
        _ row: RelayedRow, because cause: String, at now: Timestamp, in transaction: Transaction
    ) throws -> Bool {
        guard var row = try transaction.relayed(row.id, from: row.from) else { return false }
        var relay = try Relay(row)
        let actions = relay.handle(.withdrawn(cause: cause), at: self.moment(at: now))
        for case .record(let kind, _) in actions {
            try transaction.append(
                EntryDraft(
                    kind: try EntryKind(kind), transfer: row.id,
                    details: [
                        "from": .string(row.from.text), "next": .string(row.next.text),
                        "attempt": .integer(row.attempt), "cause": .string(cause),
                    ]))
        }
        row.take(relay)
        try transaction.save(row)
        return actions.contains(.destroy)
    }

    /// Lets go of what is relayed.
    func drop(_ row: RelayedRow, because cause: String, at now: Timestamp) async throws {
        let isDropped = try await store.commit {
            try self.drop(row, because: cause, at: now, in: $0)
        }.value
        if isDropped { try await removeDropped(row) }
    }

    /// Removes what was let go of; what arrives is fenced off.
    func removeDropped(_ row: RelayedRow) async throws {
        await pursuits.wake(.relayed(row.id, from: row.from))
        try await removeEnded(row.id, from: row.from)
    }

    // MARK: What is being handed out

    /// Lets nothing of a dataset be handed out any more, also where that has begun, from before the commit
    /// that says so: nothing leaves between the two. Where the commit ends nothing, reading goes on.
    nonisolated(nonsending) func withdrawing<Value>(
        _ upload: UploadID, _ commit: nonisolated(nonsending) () async throws -> Value,
        unless isNothing: (Value) -> Bool
    ) async throws -> Value {
        let isNew = withdrawn.withLock { withdrawn in
            defer { withdrawn[upload] = .now }
            return withdrawn[upload] == nil
        }
        do {
            let value = try await commit()
            if isNew, isNothing(value) { restore(upload) }
            return value
        } catch {
            if isNew { restore(upload) }
            throw error
        }
    }

    /// Repeats a step that takes a dataset back until nothing comes in between. From the second time on nothing of it
    /// is handed out: an export or an opening is news, and whoever goes on with them must not put that off for ever.
    /// - Parameter step: gives nil where something came in between.
    nonisolated(nonsending) func untilSettled<Step>(
        _ upload: UploadID, _ step: nonisolated(nonsending) () async throws -> Step?,
        unless isNothing: (Step) -> Bool
    ) async throws -> Step {
        if let settled = try await step() { return settled }
        return try await withdrawing(upload) {
            while true {
                if let settled = try await step() { return settled }
            }
        } unless: {
            isNothing($0)
        }
    }

    func restore(_ upload: UploadID) { withdrawn.withLock { $0[upload] = nil } }

    func isWithdrawn(_ upload: UploadID) -> Bool { withdrawn.withLock { $0[upload] != nil } }

    /// Forgets what nobody can be reading any more: the rows say what may be opened.
    func forgetWithdrawn() {
        let old = ContinuousClock.now - .seconds(86_400)
        withdrawn.withLock { $0 = $0.filter { $0.value > old } }
    }
}
