// A lock and a condition whose waits end by a clock that nobody sets. Foundation's wait for a date, and
// where the wall clock is set back they wait until that date comes again.

import Glibc

/// What threads hold while they look at something, and wait on for a change of it.
// SAFETY: POSIX lets every thread call these; the memory stays where it is until nobody has the object.
final class SteadyCondition: @unchecked Sendable {
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

    init() {
        mutex.initialize(to: pthread_mutex_t())
        condition.initialize(to: pthread_cond_t())
        pthread_mutex_init(mutex, nil)
        var attributes = pthread_condattr_t()
        pthread_condattr_init(&attributes)
        let isSteady = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0
        precondition(isSteady, "Linux has a clock that only goes on")
        pthread_cond_init(condition, &attributes)
        pthread_condattr_destroy(&attributes)
    }

    deinit {
        pthread_cond_destroy(condition)
        pthread_mutex_destroy(mutex)
        condition.deallocate()
        mutex.deallocate()
    }

    func lock() { pthread_mutex_lock(mutex) }
    func unlock() { pthread_mutex_unlock(mutex) }

    /// Wakes one that waits.
    func signal() { pthread_cond_signal(condition) }
    /// Wakes all that wait.
    func broadcast() { pthread_cond_broadcast(condition) }

    /// Lets go of the lock until it is woken, perhaps for nothing.
    func wait() { pthread_cond_wait(condition, mutex) }

    /// The same until the deadline at most.
    /// - Returns: false where that was reached.
    func wait(until deadline: ContinuousClock.Instant) -> Bool {
        let left = max(Duration.zero, ContinuousClock.now.duration(to: deadline)).components
        var end = timespec()
        clock_gettime(CLOCK_MONOTONIC, &end)
        let nanoseconds = end.tv_nsec + Int(left.attoseconds / 1_000_000_000)
        end.tv_sec += Int(left.seconds) + nanoseconds / 1_000_000_000
        end.tv_nsec = nanoseconds % 1_000_000_000
        return pthread_cond_timedwait(condition, mutex, &end) == 0
    }
}
