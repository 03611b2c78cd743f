import NIOCore

/// Measures how long we waited for the peer since it last sent a fair number of bytes.
///
/// Time in which we ourselves did not read does not count, so back-pressure is never blamed on the
/// peer, and a byte now and then does not restart the clock.
struct ProgressClock {
    private var waited: TimeAmount = .zero
    private var bytes = 0
    private var startedAt: NIODeadline?
    private var timer: Scheduled<Void>?

    /// Starts to wait; `expire` runs on `eventLoop` when the time allowed is used up.
    mutating func start(
        on eventLoop: any EventLoop, allowed: TimeAmount, expire: @escaping () -> Void
    ) {
        startedAt = eventLoop.now
        let rest = TimeAmount.nanoseconds(max(0, allowed.nanoseconds - waited.nanoseconds))
        let bound = NIOLoopBound(expire, eventLoop: eventLoop)
        timer = eventLoop.scheduleTask(in: rest) { bound.value() }
    }

    /// Ends a wait.
    mutating func stop() {
        timer?.cancel()
        timer = nil
        if let startedAt { waited = waited + (NIODeadline.now() - startedAt) }
        startedAt = nil
    }

    /// Counts what arrived; each full `quota` bytes give the whole time back.
    mutating func advance(bytes count: Int, of quota: Int) {
        bytes += count
        if bytes >= quota { restart() }
    }

    /// A new message part begins: nothing was waited yet.
    mutating func restart() {
        bytes = 0
        waited = .zero
    }
}
