/// A verdict and, where it permits, the proof of that.
package struct Decision: Sendable {
    package let verdict: Verdict
    /// Nil unless the verdict permits.
    package let permit: Permit?

    /// Only the evaluator calls this: no other module can make a permit.
    init(of verdict: Verdict, restsOnEmergency: Bool) {
        self.verdict = verdict
        permit =
            verdict.outcome == .permitted
            ? Permit(verdict: verdict, restsOnEmergency: restsOnEmergency) : nil
    }
}

/// The proof that a verdict permits, approvals perhaps outstanding. It allows one sealing.
package struct Permit: Sendable {
    package let verdict: Verdict
    /// Whether the transfer would not be permitted on the same grounds, were no emergency declared:
    /// only then can one officer release it alone.
    package let restsOnEmergency: Bool

    fileprivate init(verdict: Verdict, restsOnEmergency: Bool) {
        precondition(verdict.outcome == .permitted, "a permit needs a verdict that permits")
        self.verdict = verdict
        self.restsOnEmergency = restsOnEmergency
    }

    /// The approvals that are still owed, given some.
    package func outstanding(_ approvals: [Approval]) -> [ApprovalDebt] {
        outstanding(approvals, of: verdict.obligations)
    }

    /// The approvals among other obligations of this transfer that are still owed, such as those of
    /// the recipient's own verdict.
    package func outstanding(
        _ approvals: [Approval], of obligations: [Obligation]
    ) -> [ApprovalDebt] {
        let debts = ApprovalDebt.outstanding(of: obligations, after: approvals)
        guard restsOnEmergency, approvals.contains(where: \.opensInEmergency) else { return debts }
        return debts.filter { $0.side != .source }
    }

    /// The proof that the dataset may leave now.
    /// - Parameters:
    ///   - approvals: verified approvals of this transfer.
    ///   - again: the decision made again now.
    /// - Returns: nil while an approval is outstanding, or where the decision made again does not
    ///   permit, or not with the same facts, grounds and obligations.
    package func release(approvals: [Approval], again: Decision) -> Release? {
        guard let now = again.permit?.verdict, now.hasSameBasis(as: verdict),
            outstanding(approvals).isEmpty
        else { return nil }
        return Release(verdict: now, approvals: approvals)
    }
}

/// The proof that a dataset may leave: permit, all approvals, and the verdict made again.
package struct Release: Sendable {
    /// The verdict made again at release; it travels in the manifest.
    package let verdict: Verdict
    package let approvals: [Approval]

    fileprivate init(verdict: Verdict, approvals: [Approval]) {
        self.verdict = verdict
        self.approvals = approvals
    }
}
