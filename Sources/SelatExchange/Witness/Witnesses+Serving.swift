import Logging
import SelatAudit
package import SelatCore
import SelatCrypto
import SelatEvidence
import SelatFederation
import SelatHTTP
import SelatStore
package import SelatTransport
import Synchronization

// The witness's side of C2SP tlog-witness, and the read side of tlog-tiles.

extension Witnesses: LogService {
    package func addCheckpoint(
        _ body: [UInt8], from peer: NodeID
    ) async throws -> WitnessAnswer {
        guard let witness = identity.witness else {
            throw Problem.refusal(404, "this node does not witness")
        }
        // Its own memory of what it cosigned may be as old as its log.
        guard standing == .proven else { throw ServiceProblem.logNotProven(standing.word) }
        let request: WitnessRequest
        do throws(AuditError) { request = try WitnessRequest(parsing: body) } catch {
            throw Problem.refusal(400, "\(error)")
        }
        let (node, key) = try known(request)
        do throws(AuditError) { try request.note.verify(key) } catch {
            throw Problem.refusal(403, "\(error)")
        }
        let isEntered = isSetbackEntered(of: node)
        let outcome = try await store.commit { transaction in
            try Self.judge(request, of: node, by: witness, isEntered, in: transaction)
        }.value
        switch outcome {
        case .cosigned(let line):
            state.withLock { $0.cosigned += 1 }
            return .cosigned(Array("\(line)\n".utf8))
        case .judged(.conflict(let size)), .judged(.behind(let size)):
            return .conflict(size: size)
        case .judged(.oldAboveSize):
            throw Problem.refusal(
                400, "old size \(request.old) is above size \(request.checkpoint.size)")
        case .judged(.forked):
            throw Problem.refusal(
                422, "another root was cosigned at size \(request.checkpoint.size)")
        case .judged:
            throw Problem.refusal(422, "the proof does not verify")
        case .laterEpoch(let origin):
            throw Problem.refusal(403, "`\(origin)` has taken this log's place")
        case .epochsExceeded:
            throw Problem.refusal(403, "\(node) has begun \(Self.epochsMax) logs before this one")
        }
    }

    /// Enters how often the witness's key was used since the last time: its statements are no
    /// entries.
    func enterKeyUse() async throws {
        let count = state.withLock { state in
            defer { (state.cosigned, state.keyUseEntered) = (0, clock.now()) }
            return state.cosigned
        }
        guard count > 0 else { return }
        _ = try await store.commit { transaction in
            try transaction.append(
                EntryDraft(kind: "keys.used", details: ["witness": .integer(Int64(count))]))
        }
    }

    /// Once a day is enough; an entry is news that witnesses are asked to cosign.
    func enterKeyUseDaily() async throws {
        let last = state.withLock { $0.keyUseEntered }
        if clock.now() - last >= 86_400 { try await enterKeyUse() }
    }

    private func known(_ request: WitnessRequest) throws -> (NodeID, VerifierKey) {
        let origin = request.checkpoint.origin
        guard let found = federation.log(of: origin), found.node != identity.node,
            origin.hasPrefix("selat/\(federation.id.hex)/")
        else { throw Problem.refusal(404, "this node witnesses no such log") }
        return found
    }

    private enum Outcome: Sendable {
        case cosigned(String)
        case judged(WitnessJudgement)
        /// A higher epoch of the same node has been cosigned.
        case laterEpoch(String)
        case epochsExceeded
    }

    /// Logs of one node that are cosigned: each is kept and entered for good, and begins with a backup that was
    /// restored.
    private static let epochsMax = 256

    /// A log that shows less and then more, over and over, fills nobody's: what one node asks is entered as far as
    /// it asks as often as a log that only grows.
    private func isSetbackEntered(of node: NodeID) -> Bool {
        let minute = clock.now().seconds / 60
        return state.withLock { state in
            if state.asked.minute != minute { state.asked = (minute, [:]) }
            state.asked.counts[node, default: 0] += 1
            return state.asked.counts[node, default: 0] <= Self.requestsEnteredMax
        }
    }

    /// A log asks every ten seconds.
    private static let requestsEnteredMax = 60

    /// Compares, keeps and enters, all in one transaction.
    private static func judge(
        _ request: WitnessRequest, of node: NodeID, by witness: CosignerIdentity,
        _ isSetbackEntered: Bool, in transaction: Transaction
    ) throws -> Outcome {
        let origin = request.checkpoint.origin
        let rows = try transaction.witnessed(of: node)
        if let later = rows.first(where: { epoch($0.origin) > epoch(origin) }) {
            if isSetbackEntered {
                try transaction.enter(.behind, of: node, request.note, last: later)
            }
            return .laterEpoch(later.origin)
        }
        let last = rows.first { $0.origin == origin }
        let judgement = request.judge(
            after: last.map { Checkpoint(origin: origin, size: $0.size, root: $0.root) })
        switch judgement {
        case .behind where isSetbackEntered:
            try transaction.enter(.behind, of: node, request.note, last: last)
        case .behind: break
        case .forked: try transaction.enter(.forked, of: node, request.note, last: last)
        case .unproven: try transaction.enter(.unproven, of: node, request.note, last: last)
        case .conflict, .oldAboveSize: break
        case .consistent where last == nil && rows.count >= epochsMax: return .epochsExceeded
        case .consistent:
            if last == nil, let before = rows.max(by: { epoch($0.origin) < epoch($1.origin) }) {
                try transaction.enterEpoch(origin, of: node, after: before)
            }
            let line = try keep(request, of: node, by: witness, in: transaction)
            return .cosigned(line)
        }
        return .judged(judgement)
    }

    private static func keep(
        _ request: WitnessRequest, of node: NodeID, by witness: CosignerIdentity,
        in transaction: Transaction
    ) throws -> String {
        let checkpoint = request.checkpoint
        let cosignature = try witness.cosign(checkpoint, at: transaction.time)
        try transaction.save(
            WitnessedRow(
                origin: checkpoint.origin, node: node, size: checkpoint.size,
                root: checkpoint.root, note: request.note.adding(cosignature).bytes,
                time: transaction.time))
        try transaction.saveSeen(checkpoint.origin, node: node, note: request.note.bytes)
        for finding in [Finding.silent, .behind, .unproven] {
            try transaction.withdraw(finding, of: node)
        }
        return cosignature.line.line
    }

    package func cosignedCheckpoint(origin: String) async throws -> [UInt8]? {
        try await store.read { try $0.witnessed() }
            .first { SHA256.digest(Array($0.origin.utf8)).hex == origin }?.note
    }

    /// The newest checkpoint that a witness has cosigned, else the newest signed.
    package func checkpoint() async throws -> [UInt8] {
        state.withLock { $0.collected?.note } ?? store.latestCheckpoint.note
    }

    /// The newest checkpoint, with the cosignatures that it has so far.
    package func newestCheckpoint() async throws -> [UInt8] {
        let newest = store.latestCheckpoint
        let collected = state.withLock { $0.collected }
        return collected?.checkpoint == newest.checkpoint ? collected?.note ?? [] : newest.note
    }

    package func tile(_ elements: [Substring]) async throws -> [UInt8]? {
        guard let path = TilePath(elements: elements) else { return nil }
        let size = store.latestCheckpoint.checkpoint.size
        return try await store.read { try $0.tile(path, in: size) }
    }

    package func consistency(from old: UInt64, to size: UInt64) async throws -> [UInt8]? {
        guard old > 0, old <= size, size <= store.latestCheckpoint.checkpoint.size else {
            return nil
        }
        let proof = try await store.read { try $0.consistencyProof(from: old, to: size) }
        return Array(proof.map { Base64.encode($0.bytes) + "\n" }.joined().utf8)
    }
}

extension Problem {
    /// A refusal of which the status says what the specification wants said.
    static func refusal(_ status: Int, _ detail: String) -> Problem {
        Problem(
            type: "about:blank", title: "the witness does not cosign", status: status,
            detail: detail)
    }
}
