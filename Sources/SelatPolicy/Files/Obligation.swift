package import SelatCore

/// Something owed because of a verdict, joined over all rules that ask for it.
package struct Obligation: Hashable, Sendable {
    package enum Demand: Hashable, Sendable {
        /// That many different persons with this role say yes.
        case approval(role: String, count: UInt64)
        case transform(Transform, categories: [String])
        /// Destroyed at the latest after this time; with `confirm` the destruction is receipted.
        case retention(seconds: UInt64?, confirm: Bool)
        /// Sent on to these countries only; to none when empty.
        case onwardOnlyTo([Country])
        case noTransitThrough([Country])
        case notice(of: NoticeSubject, acknowledged: Acknowledgement?)
        case humanReview(of: ReviewSubject)
        case encryption(atLeast: Suite)
        case report(ReportSubject, to: String, seconds: UInt64, from: Start, once: Recurrence)
        case keep(KeepSubject, seconds: UInt64?, in: Country?)
    }

    package let demand: Demand
    package let owedBy: Side
    /// The rules that ask for it, `MY/breach`, in order.
    package let because: [String]

    package init(demand: Demand, owedBy: Side, because: [String]) {
        self.demand = demand
        self.owedBy = owedBy
        self.because = because
    }
}
