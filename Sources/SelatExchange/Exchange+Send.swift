package import NIOCore
import SelatAudit
package import SelatCore
import SelatCrypto
import SelatEnvelope
import SelatFederation
package import SelatPolicy
import SelatStore
import SelatTransport
import Synchronization

// The sender's road: parse the request, decide, record, seal under the permit, record, answer.

extension Exchange {
    /// The decision on a request as it stands now, nothing recorded.
    /// - Throws: `Problem` where the question means nothing, or the destination is not known.
    package func decide(_ request: OutboundRequest) async throws -> Decision {
        let prepared = try await prepare(request)
        let nobody = TransferID(milliseconds: 0, entropy: [UInt8](repeating: 0, count: 10))
        return try await store.read { snapshot in
            try self.decide(prepared, nobody) { try snapshot.counted(in: $0) }.decision
        }
    }

    /// A request with everything that a verdict needs beside the counters.
    struct Prepared: Sendable {
        let request: OutboundRequest
        var question: Question
        let presented: Presented
    }

    /// Gathers what the node's own books say about a request.
    func prepare(
        _ request: OutboundRequest, lineage known: Lineage? = nil
    ) async throws -> Prepared {
        let now = clock.now()
        guard request.to != identity.node else {
            throw ServiceProblem.badDataset("`\(request.to)` is this node itself")
        }
        _ = try recipient(request.to, at: now)
        let presented = try await presented(for: request, at: now)
        let lineage: Lineage
        if let known {
            lineage = known
        } else {
            lineage = try await self.lineage(of: request.derivedFrom)
        }
        let question = Question(
            source: identity.node, destination: request.to, sectors: federation.sectors,
            membershipSerial: federation.serial, decided: now, label: request.label,
            facts: request.facts, ground: request.ground, lineage: lineage.countries,
            received: lineage.received, documents: Set(presented.documents.keys),
            isEmergency: presented.emergency != nil)
        return Prepared(request: request, question: question, presented: presented)
    }

    /// Decides with the counters as they are where `sums` reads them.
    func decide(
        _ prepared: Prepared, _ id: TransferID,
        sums: (CounterWindow) throws -> [String?: UInt64]
    ) throws -> (decision: Decision, raised: [CountedRow]) {
        do {
            var question = prepared.question
            let counters = try counters(
                for: question, id, prepared.request.series, sums: sums)
            question.counters = counters.values
            return (try policies.decide(question), counters.raised)
        } catch let error as QuestionError {
            throw ServiceProblem.badFacts("\(error)")
        }
    }

    private func recipient(_ node: NodeID, at now: Timestamp) throws -> MemberRecord.Node {
        guard federation.isCurrent(at: now) else {
            throw ServiceProblem.notReady(
                "the membership list expired at \(federation.expires)",
                remedy: "obtain the newer list; what is on its way still arrives")
        }
        let found: MemberRecord.Node
        do { found = try federation.node(node, at: now) } catch {
            throw ServiceProblem.badDataset("\(error)")
        }
        guard found.roles.contains(.exchange) else {
            throw ServiceProblem.badDataset("`\(node)` takes no datasets: its record says so")
        }
        return found
    }

    /// Why a dataset that may go cannot go by this version, if it cannot.
    func unsendable(_ verdict: Verdict) -> String? {
        guard !federation.suites(at: clock.now()).isEmpty else {
            return "the membership list allows no suite that this version knows"
        }
        let least = verdict.suiteAtLeast
        return Suite.p256.satisfies(least)
            ? nil : "suite \(least.rawValue) or better is owed, and this version knows 1"
    }

    /// What would be found out only when the head is made, or offered.
    private func checkSize(_ request: OutboundRequest, _ verdict: Verdict) throws {
        // Room for what else stands in a manifest, and for its sealing.
        let manifest =
            request.dataset.json.canonical.count + 2 * verdict.record.count + 64 << 10
        guard manifest <= Limits.manifestBytesMax else {
            throw ServiceProblem.badDataset(
                "its description is too large: \(manifest) bytes of \(Limits.manifestBytesMax)")
        }
        let leaves = try SegmentLayout(messageSize: request.dataset.totalBytes).count * 32
        guard leaves + UInt64(manifest + 2 * Limits.headerBytesMax) <= Limits.envelopeHeadBytesMax
        else {
            throw ServiceProblem.badDataset(
                "\(request.dataset.totalBytes) bytes are too many for one envelope; send it in parts"
            )
        }
    }

    /// What `begin` answers.
    package struct Begun: Sendable {
        package let id: TransferID
        /// `sealing`, `refused` or `incomplete`.
        package let state: String
        package let decision: Decision
    }

    /// Judges a transfer and records the decision. Where it permits, the payload may follow.
    package func begin(
        _ request: OutboundRequest, lifeSeconds: Int64, by user: UInt32
    ) async throws -> Begun {
        try witnesses.requireNewTransfers()
        let prepared = try await prepare(request)
        let id = try await newID()
        let now = prepared.question.decided
        let expires = now + lifeSeconds
        // Counters are read and raised in one transaction, with the permit that they allow.
        let decision = try await store.commit { transaction in
            let (decision, raised) = try self.decide(prepared, id) {
                try transaction.counted(in: $0)
            }
            try self.check(request, decision)
            let verdict = decision.verdict
            if verdict.outcome != .incomplete {
                try transaction.save(
                    try Self.judged(request, verdict, id, now, expires))
            }
            if verdict.outcome == .permitted { for row in raised { try transaction.count(row) } }
            try transaction.append(
                Self.entry(prepared, verdict, id, by: user))
            return decision
        }.value
        let verdict = decision.verdict
        guard let permit = decision.permit else {
            return Begun(id: id, state: verdict.outcome.rawValue, decision: decision)
        }
        pending.withLock {
            $0[id] = PendingSeal(
                permit: permit, request: request, created: now, expires: expires, begun: .now)
        }
        return Begun(id: id, state: Sender.State.sealing.rawValue, decision: decision)
    }

    private func check(_ request: OutboundRequest, _ decision: Decision) throws {
        try checkSize(request, decision.verdict)
        if decision.permit != nil, let reason = unsendable(decision.verdict) {
            throw ServiceProblem.notReady(reason, remedy: "nothing was sent")
        }
    }

    private static func judged(
        _ request: OutboundRequest, _ verdict: Verdict, _ id: TransferID, _ now: Timestamp,
        _ expires: Timestamp
    ) throws -> OutboundRow {
        let state = verdict.outcome == .permitted ? Sender.State.sealing : .refused
        var row = OutboundRow(
            id: id, to: request.to, created: now, expires: expires, precedence: request.precedence,
            state: state.rawValue, payloadSize: request.dataset.totalBytes,
            request: try request.stored(verdict: verdict))
        if verdict.outcome == .refused { row.cause = verdict.reason }
        return row
    }

    private static func entry(
        _ prepared: Prepared, _ verdict: Verdict, _ id: TransferID, by user: UInt32
    ) throws -> EntryDraft {
        var details: [String: JSON] = [
            "to": .string(prepared.request.to.text),
            "verdict": try JSON(parsing: verdict.record),
        ]
        let shown = prepared.presented.messages
        if !shown.isEmpty {
            details["statements"] = .strings(shown.map { SHA256.digest($0).text })
        }
        if !prepared.request.derivedFrom.isEmpty {
            details["derived-from"] = .strings(prepared.request.derivedFrom.map(\.text))
        }
        return EntryDraft(
            kind: verdict.entryKind, transfer: id, actor: .user(user), details: .object(details))
    }

    private func newID() async throws -> TransferID {
        let counts = try await store.read { try $0.transferCounts().outbound }
        let begun = Sender.openStates.union([Sender.State.sealing.rawValue])
        let open = begun.reduce(0) { $0 + counts[$1, default: 0] }
        guard open < Limits.transfersOpenMax else {
            throw ServiceProblem.notReady(
                "\(open) transfers are under way", remedy: "wait until some have ended")
        }
        return TransferID(
            milliseconds: UInt64(max(0, clock.now().seconds)) * 1_000, entropy: entropy.bytes(10))
    }

    /// Seals the payload as it arrives. When this returns, the transfer is accepted: it will end in
    /// exactly one outcome.
    package func seal<Body: AsyncSequence & Sendable>(
        _ id: TransferID, _ body: Body, by user: UInt32
    ) async throws -> Sender.State where Body.Element == ByteBuffer {
        let claimed = pending.withLock { $0.removeValue(forKey: id) }
        guard let claimed else {
            throw ServiceProblem.notReady(
                "no payload is awaited for `\(id)`", remedy: "begin a new transfer")
        }
        do {
            let (record, key, leaves) = try await sealed(id, claimed, body)
            let wrapped = try storageKey.wrap(key.secret, for: .outbound(id))
            try await spool.write(leaves.bytes, to: SpoolFolder.Name(outbound: id), .leaves)
            let owed = !claimed.permit.outstanding([]).isEmpty
            let state = try await accept(id, record, wrapped, approvalsOwed: owed, by: user)
            accepted.yield(id)
            return state
        } catch {
            let problem = Self.problem(of: error)
            do {
                try await endSealing(id, cause: "sealing failed: \(error)")
            } catch {
                // The database takes nothing now; housekeeping tries again.
                cutShort.withLock { $0[id] = "sealing failed: \(problem)" }
            }
            throw problem
        }
    }

    private func sealed<Body: AsyncSequence & Sendable>(
        _ id: TransferID, _ claimed: PendingSeal, _ body: Body
    ) async throws -> (SealedRecord, ContentKey, Leaves) where Body.Element == ByteBuffer {
        let agreement = try federation.agreementCertificate(
            of: claimed.request.to, at: clock.now()
        ).certificate
        let core = try EnvelopeCore(
            id: id, federation: federation.id, from: identity.node, to: claimed.request.to,
            created: claimed.created, expires: claimed.expires, label: claimed.request.label,
            suite: .p256, toKeys: EnvelopeCore.recipientKeys(agreement: agreement))
        let (key, parts) = try ContentKey.make(for: core, to: agreement)
        let size = claimed.request.dataset.totalBytes
        let path = spool.path(of: SpoolFolder.Name(outbound: id), .payload)
        let sealedSize = try SegmentLayout(messageSize: size).sealedSize
        let sink = try await spool.onDisk { () throws(FileFault) in
            try SpoolFile(creating: path, size: sealedSize)
        }
        let sealer = try PayloadSealer(
            permit: claimed.permit, core: core, contentKey: key, messageSize: size, sink: sink)
        for try await piece in body { try await sealer.append(piece.readableBytesView) }
        let payload = try await sealer.finish()
        let record = SealedRecord(core: core, keys: parts, payload: payload.identity)
        return (record, key, payload.leaves)
    }

    private func accept(
        _ id: TransferID, _ record: SealedRecord, _ wrapped: [UInt8], approvalsOwed: Bool,
        by user: UInt32
    ) async throws -> Sender.State {
        let now = clock.now()
        return try await store.commit { transaction in
            guard var row = try transaction.outbound(id) else {
                throw ServiceProblem.unknownTransfer(id)
            }
            var sender = try Sender(row)
            row.sealed = record.stored
            row.contentKey = wrapped
            for action in sender.handle(.sealed(approvalsOwed: approvalsOwed), at: now) {
                guard case .record(let kind, _) = action else { continue }
                try transaction.append(
                    EntryDraft(
                        kind: try EntryKind(kind), transfer: id, actor: .user(user),
                        details: [
                            "core": .string(record.core.digest.text),
                            "root": .string(record.payload.root.text),
                            "size": .integer(record.payload.size),
                        ]))
            }
            row.take(sender)
            try transaction.save(row)
            return sender.state
        }.value
    }

    /// Ends a transfer whose dataset was never sealed whole. No id was answered for it.
    func endSealing(_ id: TransferID, cause: String) async throws {
        let now = clock.now()
        let ended = try await store.commit { transaction -> Bool in
            guard var row = try transaction.outbound(id) else { return false }
            var sender = try Sender(row)
            let actions = sender.handle(.sealingFailed(cause: cause), at: now)
            guard actions.contains(.destroy) else { return false }
            for case .record(let kind, let cause) in actions {
                try transaction.append(
                    EntryDraft(
                        kind: try EntryKind(kind), transfer: id,
                        details: ["cause": .string(cause ?? "")]))
            }
            row.take(sender)
            row.contentKey = nil
            try transaction.save(row)
            try transaction.uncount(id)
            return true
        }.value
        guard ended else { return }
        await spool.remove(SpoolFolder.Name(outbound: id))
        await endings.tell(id)
    }

    /// Ends permitted transfers whose payload nobody sent within ten minutes.
    func endForgottenSeals() async throws {
        let overdue = pending.withLock { pending in
            let overdue = pending.filter { $0.value.begun < .now - .seconds(600) }.map(\.key)
            for id in overdue { pending[id] = nil }
            return overdue
        }
        let causes = cutShort.withLock { cutShort in
            for id in overdue { cutShort[id] = "the dataset never came" }
            return cutShort
        }
        for (id, cause) in causes {
            try await endSealing(id, cause: cause)
            cutShort.withLock { $0[id] = nil }
        }
    }
}

extension Verdict {
    /// How the log calls a decision.
    var entryKind: EntryKind {
        switch outcome {
        case .permitted: "transfer.permitted"
        case .refused: "transfer.refused"
        case .incomplete: "transfer.incomplete"
        }
    }
}

extension Sender {
    /// The machine as a row keeps it.
    init(_ row: OutboundRow) throws {
        guard let state = State(rawValue: row.state) else {
            throw CoreError.malformed("state", row.state, expected: "a state of a sender")
        }
        self.init(
            expires: row.expires, state: state, handedOn: row.handedOn, attempt: row.attempt,
            cause: row.cause)
    }
}

extension OutboundRow {
    /// Whether it still says what the machine was made from.
    func isAs(_ sender: Sender) -> Bool {
        state == sender.state.rawValue && handedOn == sender.handedOn && attempt == sender.attempt
    }

    /// Takes over what is durable of the machine.
    mutating func take(_ sender: Sender) {
        state = sender.state.rawValue
        handedOn = handedOn || sender.handedOn
        attempt = sender.attempt
        cause = sender.cause
    }
}
