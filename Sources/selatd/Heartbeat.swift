import Logging
import SelatExchange
import SelatHTTP
import SelatService
import SelatStore
import ServiceLifecycle

/// Passes through all whose standstill would stop the node, and tells of it (Service.md, *The beat*).
struct Heartbeat {
    let exchange: Exchange
    let surroundings: Surroundings
    let logger: Logger

    /// Beats until the daemon stops, or there is no writer any more. A beat that fails is missed, and
    /// whoever waits for it finds out; the next one may pass, so the daemon goes on.
    func run() async {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                var pause = surroundings.beatInterval
                do {
                    try await pass()
                    meet(nil)
                    beat()
                } catch is CancellationError {
                    return
                } catch StoreError.closed {
                    logger.critical(
                        "no beat any more", metadata: ["error": "\(StoreError.closed)"])
                    return
                } catch {
                    meet("\(error)")
                    switch error as? StoreError {
                    // The writer's own answer: it lives, and no other start would find more room.
                    case .diskFull?, .readOnly?, .locked?: beat()
                    // Nobody has answered: a queue that moves lets a beat in soon, one that stands
                    // still does not.
                    case .overloaded?: pause = min(pause, .milliseconds(100))
                    default: break
                    }
                }
                try? await Task.sleep(for: pause)
            }
        }
    }

    private func pass() async throws {
        try await EventLoops.pass()
        _ = try await exchange.store.commit { _ in }
    }

    /// Once for all beats that fail in a row: the log is not to fill the disk.
    private func meet(_ hindrance: String?) {
        let before = surroundings.pulse.meet(hindrance)
        if let hindrance, before == nil {
            logger.critical("a beat failed", metadata: ["error": "\(hindrance)"])
        } else if hindrance == nil, before != nil {
            logger.notice("beats pass again")
        }
    }

    private func beat() {
        surroundings.pulse.beat()
        guard surroundings.manager.watchdogInterval != nil else { return }
        surroundings.manager.alive()
        surroundings.manager.status(
            ServingStatus(exchange, besides: surroundings.pulse.hindrance).line)
    }
}

/// One line on how the node serves, for `systemctl status`.
struct ServingStatus {
    let line: String

    init(_ exchange: Exchange, besides hindrance: String? = nil) {
        let hindrances = exchange.hindrances + [hindrance].compactMap { $0 }
        line =
            "serving as \(exchange.identity.node)"
            + (hindrances.isEmpty
                ? "" : "; sends nothing new: \(hindrances.joined(separator: "; "))")
    }
}
