import Glibc
import SelatCore

/// State that threads share and wait on: a mutex and a condition.
///
/// What threads wait for happens once for each segment, so a change wakes everybody: simple, and too rare to
/// cost anything. What happens once for each piece that comes in is done `quietly`.
// SAFETY: `state` is touched only under the mutex.
final class Monitor<State>: @unchecked Sendable {
    private var state: State
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

    init(_ state: State) {
        self.state = state
        let made = pthread_mutex_init(mutex, nil) == 0 && pthread_cond_init(condition, nil) == 0
        precondition(made, "out of memory for a lock")
    }

    deinit {
        pthread_cond_destroy(condition)
        pthread_mutex_destroy(mutex)
        condition.deallocate()
        mutex.deallocate()
    }

    /// Changes the state and wakes all who wait.
    func change<Result, Failure: Error>(
        _ body: (inout State) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        pthread_mutex_lock(mutex)
        defer {
            pthread_cond_broadcast(condition)
            pthread_mutex_unlock(mutex)
        }
        return try body(&state)
    }

    /// Changes what no thread waits for.
    func quietly<Result, Failure: Error>(
        _ body: (inout State) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return try body(&state)
    }

    /// Blocks the thread until `body` returns something. What `body` changes then, such as taking what there is
    /// to do, lets no other thread go on.
    func wait<Result>(for body: (inout State) -> Result?) -> Result {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        while true {
            if let result = body(&state) { return result }
            pthread_cond_wait(condition, mutex)
        }
    }
}

/// Threads of one job. Blocking work, such as sealing and direct writes, stays off the cooperative
/// pool, whose threads are as few as the cores.
enum Crew {
    private static let stackBytes = 256 << 10

    /// Starts `count` threads; each runs `work` once and ends.
    /// - Throws: `FileFault` when the system starts fewer; those that run are the caller's to stop.
    static func start(_ count: Int, _ work: @escaping @Sendable () -> Void) throws(FileFault) {
        for _ in 0..<count {
            let attributes = UnsafeMutablePointer<pthread_attr_t>.allocate(capacity: 1)
            pthread_attr_init(attributes)
            defer {
                pthread_attr_destroy(attributes)
                attributes.deallocate()
            }
            pthread_attr_setdetachstate(attributes, Int32(PTHREAD_CREATE_DETACHED))
            pthread_attr_setstacksize(attributes, stackBytes)
            let task = Unmanaged.passRetained(Task(work))
            var thread = pthread_t()
            let code = pthread_create(&thread, attributes, runTask, task.toOpaque())
            guard code == 0 else {
                task.release()
                throw FileFault(
                    "starting", "thread", code: code, reason: String(cString: strerror(code)))
            }
        }
    }

    fileprivate final class Task: Sendable {
        let work: @Sendable () -> Void
        init(_ work: @escaping @Sendable () -> Void) { self.work = work }
    }
}

private func runTask(_ context: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    guard let context else { return nil }
    Unmanaged<Crew.Task>.fromOpaque(context).takeRetainedValue().work()
    return nil
}
