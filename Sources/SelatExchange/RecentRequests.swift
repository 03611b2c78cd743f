import SelatCore
import SelatPolicy
import SelatStore
import Synchronization

/// The requests of transfers that were looked at last. A request never changes once it is stored, and
/// one is read at each step of its transfer.
final class RecentRequests: Sendable {
    private struct Read {
        let stored: [UInt8]
        let request: OutboundRequest
        let verdict: Verdict
    }

    private struct State {
        var read: [TransferID: Read] = [:]
        /// In the order in which they were read first.
        var order: [TransferID] = []
    }

    private let state = Mutex(State())

    /// So many, and at most twice as many, are kept.
    private static let countMax = 64
    /// Larger ones are read each time: with what they are read to, some MiB at most lie here.
    private static let bytesMax = 16 << 10

    /// What a row asks for, and the verdict that was made on it.
    /// - Throws: `CoreError`, `QuestionError` where the row does not hold what `OutboundRequest` stored.
    func read(_ row: OutboundRow) throws -> (request: OutboundRequest, verdict: Verdict) {
        let kept = state.withLock { $0.read[row.id] }
        // An id that comes again after a commit failed has another request.
        if let kept, kept.stored == row.request { return (kept.request, kept.verdict) }
        let (request, verdict) = try OutboundRequest.read(row.request)
        keep(request, verdict, of: row)
        return (request, verdict)
    }

    func keep(_ request: OutboundRequest, _ verdict: Verdict, of row: OutboundRow) {
        guard row.request.count <= Self.bytesMax else { return }
        let read = Read(stored: row.request, request: request, verdict: verdict)
        state.withLock { state in
            guard state.read.updateValue(read, forKey: row.id) == nil else { return }
            state.order.append(row.id)
            guard state.order.count >= 2 * Self.countMax else { return }
            for id in state.order.prefix(Self.countMax) { state.read[id] = nil }
            state.order.removeFirst(Self.countMax)
        }
    }
}
