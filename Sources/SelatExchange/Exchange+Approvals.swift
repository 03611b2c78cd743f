import SelatAudit
package import SelatCore
import SelatCrypto
import SelatDelivery
import SelatEnvelope
import SelatEvidence
import SelatFederation
import SelatPolicy
package import SelatStore

// Officers' approvals at the sender: what waits, what an officer is shown, what is taken and counted.

extension Exchange {
    /// A sealed transfer with the verdict made again now.
    struct JudgedAgain: Sendable {
        let request: OutboundRequest
        let record: SealedRecord
        /// The verdict under which it was sealed.
        let permitted: Verdict
        let again: Decision
        let raised: [CountedRow]
        /// What it was judged again from.
        let prepared: Prepared

        /// The permit, where the verdict made again rests on what the first one rested on, whatever
        /// way it goes now. What officers approve goes one way only, and their word names the basis
        /// with the grounds of its transit.
        var permit: Permit? {
            let isApproved = !ApprovalDebt.all(permitted.obligations).isEmpty
            let rests =
                isApproved
                ? again.verdict.basis == permitted.basis
                : again.verdict.hasSameBasis(as: permitted, onAnyRoute: true)
            return rests ? again.permit : nil
        }

        var presented: Presented { prepared.presented }

        var rules: ApprovalRules {
            ApprovalRules(
                core: record.core, payload: record.payload, dataset: request.dataset,
                verdict: permitted, through: permitted.question.relays)
        }
    }

    /// Judges a sealed transfer again, with the books as they are now.
    /// - Parameter route: over which it is to go; nil for the one on which it was permitted.
    func judgeAgain(_ row: OutboundRow, over route: [NodeID]? = nil) async throws -> JudgedAgain {
        guard let record = try sealed(of: row) else {
            throw ServiceProblem.unknownTransfer(row.id)
        }
        let asked = try request(of: row)
        let (request, permitted) = (asked.request, asked.verdict)
        let relays = route?.dropFirst().dropLast() ?? permitted.question.relays[...]
        // Where the dataset came from was settled when it was sealed.
        let prepared = try await prepare(
            request, through: Array(relays),
            lineage: Lineage(
                countries: permitted.question.lineage, received: permitted.question.received))
        let (again, raised) = try store.lookUp { snapshot in
            try self.decide(prepared, row.id) { try snapshot.counted(in: $0) }
        }
        return JudgedAgain(
            request: request, record: record, permitted: permitted,
            again: again, raised: raised, prepared: prepared)
    }

    /// What approvals of a sealed transfer are about, and the verdict under which it was sealed.
    func rules(of row: OutboundRow) throws -> (ApprovalRules, permitted: Verdict) {
        guard let record = try sealed(of: row) else {
            throw ServiceProblem.unknownTransfer(row.id)
        }
        let asked = try request(of: row)
        let rules = ApprovalRules(
            core: record.core, payload: record.payload, dataset: asked.request.dataset,
            verdict: asked.verdict, through: asked.verdict.question.relays)
        return (rules, asked.verdict)
    }

    /// Those among kept approvals that count now, each person's newest word in each part.
    func counting(
        _ rows: [ApprovalRow], _ rules: ApprovalRules, at now: Timestamp
    ) -> [VerifiedApproval] {
        var counted: [VerifiedApproval] = []
        for row in rows {
            guard let verified = try? federation.verifyApproval(row.message, at: now),
                verified.statement.decision == .approve,
                rules.fault(in: verified, at: now, skew: Limits.clockSkewSecondsMax) == nil,
                !counted.contains(where: verified.sharesKey)
            else { continue }
            counted.removeAll(where: verified.repeats)
            counted.append(verified)
        }
        return counted
    }

    /// Who has said what about a transfer, and what is still owed.
    package func approvals(of row: OutboundRow) async throws -> ApprovalStanding {
        guard try sealed(of: row) != nil else { return ApprovalStanding(owed: [], given: []) }
        let now = clock.now()
        let (rules, permitted) = try rules(of: row)
        let kept = try store.lookUp { try $0.approvals(of: row.id) }
        let counted = counting(kept, rules, at: now).compactMap(\.approval)
        var owed = ApprovalDebt.outstanding(of: permitted.obligations, after: counted)
        // One was taken only where the transfer rests on an emergency.
        if counted.contains(where: \.isBreakGlass) { owed.removeAll { $0.side == .source } }
        return ApprovalStanding(owed: owed, given: kept.map { given($0, rules, now) })
    }

    private func given(
        _ row: ApprovalRow, _ rules: ApprovalRules, _ now: Timestamp
    ) -> ApprovalStanding.Given {
        // One that cannot be read must not hide the others.
        let statement = try? ApprovalStatement(
            content: CMS.unverifiedContent(row.message, type: .approval))
        do {
            let verified = try federation.verifyApproval(row.message, at: now)
            return ApprovalStanding.Given(
                row: row, statement: statement, officer: verified.officer,
                fault: rules.fault(in: verified, at: now, skew: Limits.clockSkewSecondsMax))
        } catch {
            return ApprovalStanding.Given(
                row: row, statement: statement, officer: nil, fault: "\(error)")
        }
    }

    /// Transfers that wait for a person, newest first.
    package func awaitingApproval(limit: Int) async throws -> [OutboundRow] {
        let filter = TransferFilter(states: [Sender.State.waiting.rawValue], limit: limit)
        return try await store.read { try $0.outbound(filter) }
    }

    // MARK: What an officer is shown

    /// Everything that an officer decides on but the dataset itself.
    package func approvalRequest(_ id: TransferID) async throws -> JSON {
        try await request(waiting(id)).json
    }

    /// The request with the content key, one line, and then the sealed payload: the officer's own
    /// program checks and opens it. Entered first, handed out then.
    package func review(_ id: TransferID, by user: UInt32) async throws -> Opening {
        let row = try await waiting(id)
        guard let wrapped = row.contentKey else { throw ServiceProblem.unknownTransfer(id) }
        let key = try ContentKey(stored: try storageKey.unwrap(wrapped, for: .outbound(id)))
        let front = try await request(row, contentKey: key).line
        let stream = try payloadStream(of: SpoolFolder.Name(outbound: id))
        _ = try await store.commit { transaction in
            guard try transaction.outbound(id)?.state == row.state else {
                throw ServiceProblem.notReady(
                    "`\(id)` has changed meanwhile", remedy: "see `selat show \(id)`")
            }
            try transaction.append(
                EntryDraft(
                    kind: "approval.shown", transfer: id, actor: .user(user), details: [:]))
        }
        let cursor = PackageCursor(front: front, stream: stream, trailer: nil)
        return Opening(size: UInt64(front.count) + stream.size) { try await cursor.next() }
    }

    private func waiting(_ id: TransferID) async throws -> OutboundRow {
        guard let row = try store.lookUp({ try $0.outbound(id) }) else {
            throw ServiceProblem.unknownTransfer(id)
        }
        guard row.state == Sender.State.waiting.rawValue else {
            throw ServiceProblem.notAwaited(id, row.state)
        }
        return row
    }

    private func request(
        _ row: OutboundRow, contentKey: ContentKey? = nil
    ) async throws -> ApprovalRequest {
        let judged = try await judgeAgain(row)
        guard let permit = judged.permit else {
            throw ServiceProblem.notReleasable(row.id, judged.again.verdict)
        }
        let standing = try await approvals(of: row)
        return ApprovalRequest(
            core: judged.record.core, payload: judged.record.payload,
            dataset: judged.request.dataset, verdict: judged.again.verdict,
            route: [identity.node] + judged.permitted.question.relays + [row.to],
            precedence: row.precedence,
            restsOnEmergency: permit.restsOnEmergency, owed: standing.owed,
            given: standing.given.compactMap { $0.statement?.json.with($0.officer, $0.fault) },
            made: clock.now(), contentKey: contentKey)
    }
}

extension JSON {
    /// A statement with who signed it and what it is worth.
    fileprivate func with(_ officer: MemberRecord.Officer?, _ fault: String?) -> JSON {
        var members = objectValue ?? [:]
        members["officer"] = officer.map { .string($0.id.text) }
        members["fault"] = fault.map { .string($0) }
        return .object(members)
    }
}
