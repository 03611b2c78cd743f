import Foundation
import Testing

@testable import SelatStore

@Suite struct ChangeQueueTests {
    private func isIdle(_ batch: ChangeQueue.Batch) -> Bool {
        if case .idle = batch { true } else { false }
    }

    @Test func whereNothingComesTheWaitIsAsLongAsAsked() {
        let queue = ChangeQueue()
        let begun = ContinuousClock.now
        #expect(isIdle(queue.take(patience: 0.05)))
        #expect(ContinuousClock.now - begun >= .milliseconds(50))
        #expect(isIdle(queue.take(patience: 0)))
    }

    /// Far from its end, and without one.
    @Test(arguments: [3_600, nil] as [Double?])
    func aWaitEndsWithWhatComes(patience: Double?) async throws {
        let queue = ChangeQueue()
        let (counts, count) = AsyncStream<Int>.makeStream()
        let thread = Thread {
            while case .changes(let changes) = queue.take(patience: patience) {
                count.yield(changes.count)
            }
            count.finish()
        }
        thread.start()
        let resume: @Sendable (UInt64) -> Void = { _ in }
        try queue.add(PendingChange(apply: { _ in resume }, fail: { _ in }))
        var seen: [Int] = []
        for await count in counts {
            seen.append(count)
            queue.close {}
        }
        #expect(seen == [1])
    }
}
