import Synchronization

/// Runs every task of the simulation on the thread that drains it, in the order in which they became
/// ready. When none is ready, time jumps to the next sleeper. So nothing waits, and nothing is left to
/// the machine that runs it.
// SAFETY: only the thread inside `drain` touches it, and `Simulation.run` lets one in at a time; every
// task that could enqueue runs on it.
final class VirtualExecutor: SerialExecutor, TaskExecutor, @unchecked Sendable {
    static let shared = VirtualExecutor()

    /// Virtual milliseconds since the run began.
    private(set) var now: Int64 = 0
    private var ready: [UnownedJob] = []
    private var next = 0
    private var sleepers: [Sleeper] = []
    private var order: UInt64 = 0

    /// Those who sleep, each at a place of its own, and the places that are free: what the heap moves
    /// about is plain numbers.
    private var beds: [UnsafeContinuation<Void, Never>?] = []
    private var free: [Int] = []

    private struct Sleeper {
        let due: Int64
        let order: UInt64
        let bed: Int

        static func < (a: Sleeper, b: Sleeper) -> Bool { (a.due, a.order) < (b.due, b.order) }
    }

    func enqueue(_ job: consuming ExecutorJob) { ready.append(UnownedJob(job)) }

    /// Runs `work` and all that comes of it until nothing is ready and nobody sleeps.
    func drain(_ work: @escaping @Simulated () async -> Void) {
        (now, order) = (0, 0)
        begin(work)
        repeat { runReady() } while wakeNext()
    }

    /// Begins a task beside the others. Without the preference its first step would be another
    /// thread's.
    func begin(_ work: @escaping @Simulated () async -> Void) {
        Task(executorPreference: self) { await work() }
    }

    /// Comes back after so many virtual milliseconds.
    @Simulated func sleep(_ milliseconds: Int64) async {
        // Unchecked: it is resumed where it is taken out of its bed, which is once.
        await withUnsafeContinuation { continuation in
            order += 1
            push(
                Sleeper(
                    due: now + max(0, milliseconds), order: order, bed: layDown(continuation)))
        }
    }

    private func layDown(_ continuation: UnsafeContinuation<Void, Never>) -> Int {
        guard let bed = free.popLast() else {
            beds.append(continuation)
            return beds.count - 1
        }
        beds[bed] = continuation
        return bed
    }

    private func runReady() {
        while next < ready.count {
            let job = ready[next]
            next += 1
            job.runSynchronously(
                isolatedTo: asUnownedSerialExecutor(), taskExecutor: asUnownedTaskExecutor())
        }
        ready.removeAll(keepingCapacity: true)
        next = 0
    }

    private func wakeNext() -> Bool {
        guard let sleeper = pop() else { return false }
        now = sleeper.due
        let continuation = beds[sleeper.bed].take()
        free.append(sleeper.bed)
        continuation?.resume()
        return true
    }

    // MARK: Heap

    private func push(_ sleeper: Sleeper) {
        sleepers.append(sleeper)
        var child = sleepers.count - 1
        while child > 0, sleepers[child] < sleepers[(child - 1) / 2] {
            sleepers.swapAt(child, (child - 1) / 2)
            child = (child - 1) / 2
        }
    }

    private func pop() -> Sleeper? {
        guard let first = sleepers.first, let last = sleepers.popLast() else { return nil }
        guard !sleepers.isEmpty else { return first }
        sleepers[0] = last
        var parent = 0
        while true {
            let left = 2 * parent + 1
            guard left < sleepers.count else { break }
            let right = left + 1
            let child = right < sleepers.count && sleepers[right] < sleepers[left] ? right : left
            guard sleepers[child] < sleepers[parent] else { break }
            sleepers.swapAt(child, parent)
            parent = child
        }
        return first
    }
}

/// Where all simulated code runs.
@globalActor
actor Simulated {
    static let shared = Simulated()

    nonisolated var unownedExecutor: UnownedSerialExecutor {
        VirtualExecutor.shared.asUnownedSerialExecutor()
    }
}
