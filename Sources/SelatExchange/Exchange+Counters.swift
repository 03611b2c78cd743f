import SelatCore
import SelatFederation
import SelatPolicy
import SelatStore

// Counters: what this node has sent before, as the policies of its country ask for it.

extension Exchange {
    /// The source's counters for a question, and what its permit will raise.
    struct Counters: Sendable {
        let values: [String: UInt64]
        let raised: [CountedRow]
    }

    /// Reads the counters, this transfer included.
    /// - Parameter sums: what a window holds; for a permit it reads in the permit's transaction.
    func counters(
        for question: Question, by policies: PolicySet, _ id: TransferID, _ series: Series?,
        sums: (CounterWindow) throws -> [String?: UInt64]
    ) throws -> Counters {
        let counted = try policies.counted(question)
        var values: [String: UInt64] = [:]
        var raised: [CountedRow] = []
        for counter in policies.counters(of: question.source.country) {
            let amount = counted.first { $0.counter.name == counter.name }?.amount ?? 0
            let window = CounterWindow(
                counter: counter.name, after: question.decided + -Int64(clamping: counter.over),
                destination: counter.to == .destination ? question.destination.country : nil,
                excluding: id)
            let total = Self.total(try sums(window), adding: amount, series?.text)
            values[counter.name] = Self.shared(total, among: exchangingNodes)
            guard amount > 0 else { continue }
            raised.append(
                CountedRow(
                    transfer: id, counter: counter.name,
                    destination: question.destination.country, series: series?.text,
                    time: question.decided, amount: amount))
        }
        return Counters(values: values, raised: raised)
    }

    /// Of a series the largest number counts, once.
    static func total(
        _ sums: [String?: UInt64], adding amount: UInt64, _ series: String?
    ) -> UInt64 {
        var sums = sums
        let before = sums[series] ?? 0
        sums[series] = series == nil ? clamped(before, amount) : max(before, amount)
        return sums.values.reduce(0, clamped)
    }

    /// A country's limit is divided equally among its nodes: each takes its sum that many times.
    static func shared(_ total: UInt64, among nodes: Int) -> UInt64 {
        let (product, overflow) = total.multipliedReportingOverflow(by: UInt64(nodes))
        return overflow ? UInt64(JSON.integerMax) : min(product, UInt64(JSON.integerMax))
    }

    private static func clamped(_ a: UInt64, _ b: UInt64) -> UInt64 {
        let (sum, overflow) = a.addingReportingOverflow(b)
        return overflow ? UInt64(JSON.integerMax) : min(sum, UInt64(JSON.integerMax))
    }

    private var exchangingNodes: Int {
        let nodes = federation.records[identity.node.country]?.nodes ?? []
        return max(1, nodes.count { $0.roles.contains(.exchange) })
    }
}
