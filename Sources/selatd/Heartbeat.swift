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

    /// Beats until the daemon stops. Ends at the first failure: whoever waits for the next beat finds
    /// out, and a daemon whose writer is gone must not look alive.
    func run() async {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                do { try await beat() } catch {
                    logger.critical("no beat any more", metadata: ["error": "\(error)"])
                    return
                }
                try? await Task.sleep(for: surroundings.beatInterval)
            }
        }
    }

    private func beat() async throws {
        try await EventLoops.pass()
        _ = try await exchange.store.commit { _ in }
        surroundings.pulse.beat()
        guard surroundings.manager.watchdogInterval != nil else { return }
        surroundings.manager.alive()
        surroundings.manager.status(ServingStatus(exchange).line)
    }
}

/// One line on how the node serves, for `systemctl status`.
struct ServingStatus {
    let line: String

    init(_ exchange: Exchange) {
        let hindrances = exchange.hindrances
        line =
            "serving as \(exchange.identity.node)"
            + (hindrances.isEmpty
                ? "" : "; sends nothing new: \(hindrances.joined(separator: "; "))")
    }
}
