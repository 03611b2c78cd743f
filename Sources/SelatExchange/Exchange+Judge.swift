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
        if let part = part(of: verdict, thatContradicts: head, manifest) {
            return .refused(
                .verdictDiffers, "the verdict is about another transfer: `\(part)` differs")
        }
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

    /// The first input of a verdict that is not the envelope's or the membership list's, as a path
    /// into its record.
    private func part(
        of verdict: Verdict, thatContradicts head: VerifiedHead, _ manifest: Manifest
    ) -> String? {
        let (question, core) = (verdict.question, head.core)
        if question.source != core.from { return "from" }
        if question.destination != core.to { return "to" }
        if question.label != core.label { return "label" }
        // Direct exchange: no relays.
        if !question.relays.isEmpty || head.header.route != [core.from, core.to] {
            return "relays"
        }
        if question.membershipSerial != head.header.membershipSerial { return "membership" }
        let countries = Set(question.sectors.keys).union(federation.sectors.keys)
        if let other = countries.filter({ question.sectors[$0] != federation.sectors[$0] }).min() {
            return "sectors.\(other)"
        }
        let facts = Set(verdict.facts.names).union(manifest.facts.names)
        return facts.filter { verdict.facts[$0] != manifest.facts[$0] }.min().map { "facts.\($0)" }
    }

    static func retention(_ obligations: [Obligation]) -> UInt64? {
        obligations.compactMap { obligation in
            if case .retention(let seconds, _) = obligation.demand { seconds } else { nil }
        }.min()
    }
}
