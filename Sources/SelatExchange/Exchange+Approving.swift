import Logging
import SelatAudit
package import SelatCore
import SelatCrypto
package import SelatDelivery
import SelatEnvelope
import SelatEvidence
package import SelatFederation
package import SelatPolicy
package import SelatStore

// An officer's word is taken: verified, kept, entered, and acted on in one transaction.

extension Exchange {
    /// What became of an officer's word.
    package struct Taken: Sendable {
        package let verified: VerifiedApproval
        package let state: Sender.State
        package let owed: [ApprovalDebt]
    }

    /// Verifies an approval or a refusal of a transfer and acts on it.
    /// - Throws: `Problem` for one that is not good, is about another transfer or is not owed.
    package func take(
        approval message: [UInt8], of id: TransferID, by user: UInt32
    ) async throws -> Taken {
        let now = clock.now()
        guard let row = try store.lookUp({ try $0.outbound(id) }) else {
            throw ServiceProblem.unknownTransfer(id)
        }
        let (rules, permitted) = try rules(of: row)
        let verified: VerifiedApproval
        do {
            verified = try federation.verifyApproval(message, at: now)
            try verified.statement.requirePlainText()
        } catch {
            throw ServiceProblem.badApproval("\(error)")
        }
        let skew = Limits.clockSkewSecondsMax
        if let fault = rules.fault(in: verified, at: now, skew: skew) {
            throw ServiceProblem.badApproval(fault)
        }
        // A no holds whatever the policies say by now.
        let isYes = verified.statement.decision == .approve
        let word = Word(
            verified: verified, rules: rules, permitted: permitted,
            again: isYes ? try await judgeAgain(row) : nil, id: id, user: user, at: now)
        let cancellation = isYes ? nil : await self.cancellation(of: id, word.refusal, at: now)
        await lookAtClock(past: row.expires)
        let taken = try await store.commit { transaction in
            isYes
                ? try self.approve(word, in: transaction)
                : try self.refuse(word, cancellation, in: transaction)
        }.value
        await act(on: taken, id, cancellation)
        return taken
    }

    private struct Word: Sendable {
        let verified: VerifiedApproval
        let rules: ApprovalRules
        /// The verdict under which it was sealed.
        let permitted: Verdict
        /// For a yes: the verdict made again now.
        let again: JudgedAgain?
        let id: TransferID
        let user: UInt32
        let at: Timestamp

        var statement: ApprovalStatement { verified.statement }

        /// The cause of an end by a no.
        var refusal: String {
            "refused by `\(verified.officer.id)` (\(statement.role)): \(statement.reason)"
        }
    }

    private func act(
        on taken: Taken, _ id: TransferID, _ cancellation: Cancellation?
    ) async {
        logger.info(
            "officer's word taken",
            metadata: [
                "id": "\(id)", "officer": "\(taken.verified.officer.id)",
                "decision": "\(taken.verified.statement.decision.rawValue)",
                "state": "\(taken.state.rawValue)",
            ])
        if taken.state.isOutcome {
            await endTakenBack(id, as: taken.state, cancellation)
        } else if taken.state == .queued {
            accepted.yield(.outbound(id))
        }
    }

    // MARK: Yes

    private func approve(_ word: Word, in transaction: Transaction) throws -> Taken {
        var (row, sender) = try known(word.id, in: transaction)
        guard sender.state == .waiting else {
            throw ServiceProblem.notAwaited(word.id, row.state)
        }
        guard let permit = word.again?.permit else {
            throw ServiceProblem.notReleasable(
                word.id, word.again?.again.verdict ?? word.permitted)
        }
        let before = counting(
            try transaction.approvals(of: word.id), word.rules, at: word.at)
        try check(word, permit, before)
        try keep(word, in: transaction)
        let others = before.filter { !word.verified.repeats($0) }
        let owed = permit.outstanding((others + [word.verified]).compactMap(\.approval))
        if owed.isEmpty {
            for case .record(let kind, let cause) in sender.handle(
                .approved, at: self.moment(at: word.at))
            {
                try enter(kind, cause, word.id, in: transaction)
            }
        } else {
            row.cause = "owed: \(ApprovalDebt.list(owed))"
        }
        let cause = owed.isEmpty ? sender.cause : row.cause
        row.take(sender)
        row.cause = cause
        try end(&row, sender, isBeforePayload: sender.attempt == 0, in: transaction)
        try transaction.save(row)
        return Taken(verified: word.verified, state: sender.state, owed: owed)
    }

    /// Whether an approval adds to what counts.
    private func check(
        _ word: Word, _ permit: Permit, _ before: [VerifiedApproval]
    ) throws {
        let statement = word.statement
        if statement.isBreakGlass {
            guard permit.restsOnEmergency else {
                throw ServiceProblem.badApproval(
                    "the transfer does not rest on a declared emergency, so nobody may release it"
                        + " alone")
            }
        } else {
            try requireOwed(word)
        }
        if before.contains(where: word.verified.sharesKey) {
            throw ServiceProblem.badApproval(
                "its key has approved under another name: two approvals are two persons")
        }
        let earlier = before.first(where: word.verified.repeats)
        if let earlier, earlier.statement.notAfter >= statement.notAfter {
            throw ServiceProblem.badApproval(
                "`\(word.verified.officer.id)` has approved as \(statement.role) already, until"
                    + " \(earlier.statement.notAfter); two approvals are two persons")
        }
    }

    private func requireOwed(_ word: Word) throws {
        let debts = ApprovalDebt.all(word.permitted.obligations)
        let (role, side) = (word.statement.role, word.statement.side.policySide)
        guard debts.contains(where: { $0.role == role && $0.side == side }) else {
            throw ServiceProblem.badApproval(
                "no approval by a \(role) of the \(side.rawValue) is owed; owed are "
                    + ApprovalDebt.list(debts))
        }
    }

    // MARK: No

    /// - Parameter cancellation: for the node that may hold a part.
    private func refuse(
        _ word: Word, _ cancellation: Cancellation?, in transaction: Transaction
    ) throws -> Taken {
        var (row, sender) = try known(word.id, in: transaction)
        guard !sender.state.isOutcome, sender.state != .sealing, !sender.handedOn else {
            throw ServiceProblem.notReady(
                "`\(word.id)` is \(row.state), and may have arrived",
                remedy: "see `selat show \(word.id)`")
        }
        try requireOwed(word)
        try keep(word, in: transaction)
        let isBeforePayload = sender.isBeforePayload
        for case .record(let kind, let cause) in sender.handle(
            .approvalRefused(cause: word.refusal), at: moment(at: word.at))
        {
            try enter(
                kind, ["cause": .string(cause ?? "")], of: row, cancellation, by: .daemon,
                at: word.at, in: transaction)
        }
        row.take(sender)
        try end(&row, sender, isBeforePayload: isBeforePayload, in: transaction)
        try transaction.save(row)
        return Taken(verified: word.verified, state: sender.state, owed: [])
    }

    // MARK: The transaction

    private func known(
        _ id: TransferID, in transaction: Transaction
    ) throws -> (OutboundRow, Sender) {
        guard let row = try transaction.outbound(id) else {
            throw ServiceProblem.unknownTransfer(id)
        }
        return (row, try Sender(row))
    }

    /// Keeps the message and enters it.
    private func keep(_ word: Word, in transaction: Transaction) throws {
        let kept = try transaction.approvals(of: word.id).count
        guard kept < Limits.approvalsPerTransferMax else {
            throw ServiceProblem.badApproval(
                "\(kept) statements about `\(word.id)` are kept already")
        }
        let isNew = try transaction.keep(
            ApprovalRow(
                transfer: word.id, digest: word.verified.digest, taken: word.at,
                message: word.verified.message))
        guard isNew else {
            throw ServiceProblem.badApproval("this very statement was taken before")
        }
        let kind: EntryKind =
            word.statement.decision == .refuse
            ? "approval.refused"
            : word.statement.isBreakGlass ? "approval.break-glass" : "approval.given"
        try transaction.append(
            EntryDraft(
                kind: kind, transfer: word.id, actor: .user(word.user),
                details: [
                    "digest": .string(word.verified.digest.text),
                    "officer": .string(word.verified.officer.id.text),
                    "statement": word.statement.json,
                ]))
        if word.statement.isBreakGlass {
            try transaction.save(
                BreakGlassRow(
                    transfer: word.id, officer: word.verified.officer.id,
                    due: word.at + Limits.breakGlassReportSeconds))
        }
    }

    private func enter(
        _ kind: String, _ cause: String?, _ id: TransferID, in transaction: Transaction
    ) throws {
        var details: JSON.Object = [:]
        details["cause"] = cause.map { .string($0) }
        try transaction.append(
            EntryDraft(kind: try EntryKind(kind), transfer: id, details: .object(details)))
    }

    /// With the outcome the content key goes, and what was counted where no byte had left.
    private func end(
        _ row: inout OutboundRow, _ sender: Sender, isBeforePayload: Bool,
        in transaction: Transaction
    ) throws {
        guard sender.state.isOutcome else { return }
        row.contentKey = nil
        if isBeforePayload, !row.handedOn { try transaction.uncount(row.id) }
    }

    // MARK: After an emergency release

    /// Enters the report on a release by one officer, which ends the alarm.
    package func enterReport(
        _ digest: Digest, on id: TransferID, by user: UInt32
    ) async throws -> BreakGlassRow {
        try await store.commit { transaction in
            guard var row = try transaction.breakGlass(of: id) else {
                throw ServiceProblem.notReady(
                    "nobody has released `\(id)` alone", remedy: "see `selat show \(id)`")
            }
            guard row.report == nil else {
                throw ServiceProblem.notReady(
                    "the report on `\(id)` is entered already", remedy: "see `selat audit log`")
            }
            row.report = digest
            try transaction.save(row)
            try transaction.append(
                EntryDraft(
                    kind: "approval.reported", transfer: id, actor: .user(user),
                    details: ["officer": .string(row.officer.text), "report": .string(digest.text)])
            )
            return row
        }.value
    }

    /// One warning for each emergency release on which no report was entered.
    package func reportWarnings() async throws -> [String] {
        let now = clock.now()
        return try await store.read { try $0.reportsOwed(limit: 100) }.map { row in
            "`\(row.transfer)` was released by `\(row.officer)` alone; the report is "
                + (now > row.due ? "overdue since" : "due") + " \(row.due):"
                + " selat approve report \(row.transfer) --file REPORT"
        }
    }
}
