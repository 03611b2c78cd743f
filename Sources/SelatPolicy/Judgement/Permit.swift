/// A verdict and, where it permits, the proof of that.
package struct Decision: Sendable {
    package let verdict: Verdict
    /// Nil unless the verdict permits.
    package let permit: Permit?

    /// Only the evaluator calls this: no other module can make a permit.
    init(of verdict: Verdict) {
        self.verdict = verdict
        permit = verdict.outcome == .permitted ? Permit(verdict: verdict) : nil
    }
}

/// The proof that a verdict permits, approvals perhaps outstanding. It allows one sealing.
package struct Permit: Sendable {
    package let verdict: Verdict

    fileprivate init(verdict: Verdict) {
        precondition(verdict.outcome == .permitted, "a permit needs a verdict that permits")
        self.verdict = verdict
    }

    /// The approvals that are still owed, given some.
    package func outstanding(_ approvals: [Approval]) -> [ApprovalDebt] {
        ApprovalDebt.outstanding(of: verdict.obligations, after: approvals)
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
