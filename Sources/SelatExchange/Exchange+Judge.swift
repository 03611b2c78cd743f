import SelatCore
import SelatDelivery
import SelatEnvelope
import SelatEvidence
import SelatFederation
import SelatPolicy

// Both ends judge: what the recipient asks of a sender's verdict.

extension Exchange {
    enum Judgement {
        case permitted(own: Verdict, destroyBy: Timestamp?, approvals: [VerifiedApproval])
        /// The own policies ask for approvals that the envelope does not carry.
        case asking([ApprovalDebt])
        case refused(Recipient.Refusal, String)
        case stale(EditionRegister.Stale)
    }

    /// Both ends judge: the sender's verdict is made again from
    /// what it pins, and the import is judged by this node's own editions and clock.
    /// - Throws: what is this node's own fault, such as a database that cannot be read; it says
    ///   nothing of the envelope.
    func judge(_ head: VerifiedHead, _ manifest: Manifest) async throws -> Judgement {
        if let stale = staleness(of: head) { return stale }
        try await followLaw()
        let judgement = try await judgeNow(head, manifest)
        // Another list may have come meanwhile.
        return staleness(of: head) ?? judgement
    }

    /// Which agreements count depends on who is a member: by another list a verdict may lawfully differ.
    private func staleness(of head: VerifiedHead) -> Judgement? {
        staleMembership(of: head).map { .refused(.staleMembership, $0) }
    }

    private func judgeNow(_ head: VerifiedHead, _ manifest: Manifest) async throws -> Judgement {
        let now = clock.now()
        let pinned: PolicySet
        let decision: Decision
        do {
            let stated = try Verdict(stated: manifest.verdict)
            pinned = try await editions.set(pinnedBy: stated)
            decision = try pinned.verify(stated, record: manifest.verdictRecord)
        } catch let stale as EditionRegister.Stale {
            return .stale(stale)
        } catch let mismatch as VerdictMismatch {
            guard case .staleEdition = mismatch else {
                return .refused(.verdictDiffers, "\(mismatch)")
            }
            return .refused(.staleEdition, "\(mismatch)")
        } catch let errors as PolicyErrors {
            // Files that the record names, and that were never in force together.
            return .refused(.verdictDiffers, "the editions that it pins do not load: \(errors)")
        } catch let malformed as QuestionError {
            return .refused(.verdictDiffers, "\(malformed)")
        }
        let verdict = decision.verdict
        if let refusal = misfit(verdict, head, manifest, pinned, now) { return refusal }
        guard let permit = decision.permit else {
            return .refused(.verdictDiffers, "the verdict permits no release")
        }
        let approvals: [VerifiedApproval]
        switch approved(head, manifest, verdict, at: now) {
        case .failure(let fault): return .refused(.approvalInvalid, fault.reason)
        case .success(let verified): approvals = verified
        }
        let owed = permit.outstanding(approvals.compactMap(\.approval))
        guard owed.isEmpty else {
            return .refused(
                .verdictDiffers,
                "the verdict permits no release as it is; owed: \(ApprovalDebt.list(owed))")
        }
        var question = verdict.question.ofImport
        question.decided = now
        let own: Verdict
        do { own = try policies.decideImport(question) } catch {
            // A word that an edition in force here has dropped; the sender learns of it, and judges
            // again.
            return .refused(.staleEdition, "by the editions in force here: \(error)")
        }
        return judged(own, permit, approvals, head.core)
    }

    private func judged(
        _ own: Verdict, _ permit: Permit, _ approvals: [VerifiedApproval], _ core: EnvelopeCore
    ) -> Judgement {
        switch own.outcome {
        case .permitted: owed(own, permit, approvals, core)
        case .refused: .refused(.importRefused, own.reason)
        case .incomplete:
            .refused(
                .importIncomplete, "facts are missing: \(own.missing.joined(separator: ", "))")
        }
    }

    /// Whether this node can keep what both verdicts ask for.
    private func owed(
        _ own: Verdict, _ permit: Permit, _ approvals: [VerifiedApproval], _ core: EnvelopeCore
    ) -> Judgement {
        let sent = permit.verdict
        if let weakness = core.weakness(by: [sent, own], under: federation.list) {
            return .refused(.suiteTooWeak, weakness)
        }
        let asked = permit.outstanding(approvals.compactMap(\.approval), of: own.obligations)
        if !asked.isEmpty { return .asking(asked) }
        let obligations = sent.obligations + own.obligations
        let retention = Self.retention(obligations).map { clock.now() + Int64(clamping: $0) }
        return .permitted(
            own: own, destroyBy: [retention, sent.destroyBy].compactMap(\.self).min(),
            approvals: approvals)
    }

    struct ApprovalFault: Error { let reason: String }

    /// The approvals of a manifest, each of which must count for this very envelope, none twice.
    private func approved(
        _ head: VerifiedHead, _ manifest: Manifest, _ verdict: Verdict, at now: Timestamp
    ) -> Result<[VerifiedApproval], ApprovalFault> {
        guard !manifest.approvals.isEmpty else { return .success([]) }
        let rules = ApprovalRules(
            core: head.core, payload: head.header.payload, dataset: manifest.dataset,
            verdict: verdict, through: Array(head.header.route.dropFirst().dropLast()))
        var approvals: [VerifiedApproval] = []
        for message in manifest.approvals {
            do {
                let verified = try federation.verifyApproval(message, at: now)
                if let fault = fault(in: verified, rules, head, approvals) {
                    return .failure(ApprovalFault(reason: "an approval: \(fault)"))
                }
                approvals.append(verified)
            } catch {
                return .failure(ApprovalFault(reason: "\(error)"))
            }
        }
        return .success(approvals)
    }

    /// The time box is the header's: the sender released while the approval was in force.
    private func fault(
        in verified: VerifiedApproval, _ rules: ApprovalRules, _ head: VerifiedHead,
        _ others: [VerifiedApproval]
    ) -> String? {
        if verified.statement.decision == .refuse { return "`\(verified.officer.id)` refused" }
        if others.contains(where: verified.repeats) {
            return "`\(verified.officer.id)` approves twice as \(verified.statement.role)"
        }
        if others.contains(where: verified.sharesKey) { return "one key signs under two names" }
        return rules.fault(
            in: verified, at: head.signingTime, skew: Limits.clockSkewSecondsMax)
    }

    /// What of a verdict contradicts the envelope that carries it.
    func misfit(
        _ verdict: Verdict, _ head: VerifiedHead, _ manifest: Manifest, _ pinned: PolicySet,
        _ now: Timestamp
    ) -> Judgement? {
        let question = verdict.question
        if let part = part(of: verdict, thatContradicts: head, manifest) {
            return .refused(
                .verdictDiffers, "the verdict is about another transfer: `\(part)` differs")
        }
        // A member's record changes without the list, and one end may have it before the other.
        if let stranger = question.relays.first(where: { !isRelay($0) }) {
            return .refused(.routeInvalid, "`\(stranger)` is no relay here")
        }
        if let (refusal, fault) = fault(
            in: manifest.statements, of: question, by: pinned, at: now)
        {
            return .refused(refusal, fault)
        }
        if question.decided - now > Limits.clockSkewSecondsMax {
            return .refused(.datedAhead, "the verdict is of \(question.decided), it is \(now) here")
        }
        if head.signingTime - question.decided > Limits.verdictAgeSecondsMax {
            return .refused(
                .verdictTooOld,
                "the verdict is of \(question.decided), over \(Limits.verdictAgeSecondsMax / 3_600) hours"
                    + " before the header was signed, at \(head.signingTime)")
        }
        return nil
    }

    /// The first input of a verdict that is not the envelope's or the membership list's, as a path
    /// into its record.
    private func part(
        of verdict: Verdict, thatContradicts head: VerifiedHead, _ manifest: Manifest
    ) -> String? {
        let (question, core) = (verdict.question, head.core)
        if question.source != core.from { return "from" }
        if question.destination != core.to { return "to" }
        if question.label != core.label { return "label" }
        if [core.from] + question.relays + [core.to] != head.header.route { return "relays" }
        if verdict.transitEditions != head.header.transit { return "editions" }
        if question.membershipSerial != head.header.membershipSerial { return "membership" }
        let countries = Set(question.sectors.keys).union(federation.sectors.keys)
        if let other = countries.filter({ question.sectors[$0] != federation.sectors[$0] }).min() {
            return "sectors.\(other)"
        }
        let facts = Set(verdict.facts.names).union(manifest.facts.names)
        return facts.filter { verdict.facts[$0] != manifest.facts[$0] }.min().map { "facts.\($0)" }
    }

    /// Whether a node is listed as a relay now.
    func isRelay(_ node: NodeID) -> Bool {
        federation.nodes[node]?.roles.contains(.relay) ?? false
    }

    static func retention(_ obligations: [Obligation]) -> UInt64? {
        obligations.compactMap { obligation in
            if case .retention(let seconds, _) = obligation.demand { seconds } else { nil }
        }.min()
    }
}
