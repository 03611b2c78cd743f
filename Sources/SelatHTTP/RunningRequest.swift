import NIOCore
import Synchronization

/// The request of a connection that is being answered, for those who want to hear that nobody waits for the answer.
///
/// What is to be told when a channel closes lies with it until then: of a connection that lives long, for each of all
/// its requests.
final class RunningRequest: Sendable {
    private struct State {
        var gone: EventLoopPromise<Void>?
        var isClosed = false
    }

    private let eventLoop: any EventLoop
    private let state = Mutex(State())

    init(on channel: any Channel) {
        eventLoop = channel.eventLoop
        channel.closeFuture.whenComplete { [self] _ in
            state.withLock { $0.isClosed = true }
            end()
        }
    }

    /// Completes when the connection is closed, or the request over.
    var gone: EventLoopFuture<Void> {
        state.withLock { state in
            if state.isClosed { return eventLoop.makeSucceededVoidFuture() }
            if let gone = state.gone { return gone.futureResult }
            let gone = eventLoop.makePromise(of: Void.self)
            state.gone = gone
            return gone.futureResult
        }
    }

    /// The request is over; the next one may begin.
    func end() {
        let gone = state.withLock { state in
            defer { state.gone = nil }
            return state.gone
        }
        gone?.succeed()
    }
}
