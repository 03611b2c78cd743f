import SelatCore
import SelatEnvelope
import SelatFederation
import SelatPolicy

// Both ends judge: what the recipient asks of a sender's verdict.

extension Exchange {
    enum Judgement {
        case permitted(own: Verdict, destroyBy: Timestamp?)
        case refused(Recipient.Refusal, String)
        case stale(EditionRegister.Stale)
    }

    /// Both ends judge: the sender's verdict is made again from
    /// what it pins, and the import is judged by this node's own editions and clock.
    func judge(_ head: VerifiedHead, _ manifest: Manifest) async -> Judgement {
        let now = clock.now()
        do {
            let stated = try Verdict(record: manifest.verdictRecord)
            let pinned = try await editions.set(pinnedBy: stated)
            let verdict = try pinned.verify(record: manifest.verdictRecord)
            if let refusal = misfit(verdict, head, manifest, pinned, now) { return refusal }
            // No officer's approval can be verified here yet, so one that is owed is not there.
            guard let permit = try pinned.decide(verdict.question).permit,
                permit.outstanding([]).isEmpty
            else { return .refused(.verdictDiffers, "the verdict permits no release as it is") }
            var question = verdict.question
            question.decided = now
            return judged(try policies.decideImport(question), verdict)
        } catch let stale as EditionRegister.Stale {
            return .stale(stale)
        } catch let mismatch as VerdictMismatch {
            guard case .staleEdition = mismatch else {
                return .refused(.verdictDiffers, "\(mismatch)")
            }
            return .refused(.staleEdition, "\(mismatch)")
        } catch {
            return .refused(.verdictDiffers, "\(error)")
        }
    }

    func judged(_ own: Verdict, _ sent: Verdict) -> Judgement {
        switch own.outcome {
        case .permitted: owed(sent.obligations + own.obligations, sent, own)
        case .refused: .refused(.importRefused, own.reason)
        case .incomplete:
            .refused(
                .importIncomplete, "facts are missing: \(own.missing.joined(separator: ", "))")
        }
    }

    /// Whether this node can keep what both verdicts ask for.
    func owed(
        _ obligations: [Obligation], _ sent: Verdict, _ own: Verdict
    ) -> Judgement {
        for least in [sent.suiteAtLeast, own.suiteAtLeast] where !Suite.p256.satisfies(least) {
            return .refused(.suiteTooWeak, "suite \(least.rawValue) or better is owed")
        }
        let isApprovalOwed = own.obligations.contains { obligation in
            if case .approval = obligation.demand { true } else { false }
        }
        if isApprovalOwed { return .refused(.importIncomplete, "an approval is owed here") }
        let retention = Self.retention(obligations).map { clock.now() + Int64(clamping: $0) }
        return .permitted(
            own: own, destroyBy: [retention, sent.destroyBy].compactMap(\.self).min())
    }

    /// What of a verdict contradicts the envelope that carries it.
    func misfit(
        _ verdict: Verdict, _ head: VerifiedHead, _ manifest: Manifest, _ pinned: PolicySet,
        _ now: Timestamp
    ) -> Judgement? {
        let question = verdict.question
        guard head.header.membershipSerial == federation.serial,
            head.header.membershipDigest == federation.listDigest
        else {
            return .refused(.staleMembership, "the list in force here is \(federation.serial)")
        }
        guard question.source == head.core.from, question.destination == head.core.to,
            question.label == head.core.label, question.relays.isEmpty,
            head.header.route == [head.core.from, head.core.to],
            question.membershipSerial == head.header.membershipSerial,
            question.sectors == federation.sectors, verdict.facts == manifest.facts
        else { return .refused(.verdictDiffers, "the verdict is about another transfer") }
        if let fault = fault(
            inStatements: manifest.statements, of: question, by: pinned, at: now)
        {
            return .refused(.verdictDiffers, fault)
        }
        if question.decided - now > Limits.clockSkewSecondsMax {
            return .refused(.datedAhead, "the verdict is of \(question.decided), it is \(now) here")
        }
        if head.signingTime - question.decided > Limits.verdictAgeSecondsMax {
            return .refused(.verdictTooOld, "the verdict is of \(question.decided)")
        }
        return nil
    }

    static func retention(_ obligations: [Obligation]) -> UInt64? {
        obligations.compactMap { obligation in
            if case .retention(let seconds, _) = obligation.demand { seconds } else { nil }
        }.min()
    }
}
