import Foundation
import Hummingbird
import Logging
import SelatHTTP
import SelatService

/// What started the daemon and what watches it; the same from its first line to its last.
struct Surroundings: Sendable {
    let manager: ServiceManager
    let sockets: HandedSockets
    let pulse = Pulse()
    let started = Date()
    let health = HealthBoard()

    /// Call first of all: it takes what stands in the environment.
    init() throws {
        let environment = ServiceEnvironment.taken()
        manager = ServiceManager(environment)
        do { sockets = try HandedSockets(environment) } catch {
            throw StartFailure.invalid("\(error)")
        }
    }

    /// The socket that was handed over for `purpose`; it goes before what the configuration says.
    func handed(_ purpose: SocketPurpose) throws -> ListenPoint? {
        do {
            return try sockets.descriptor(for: purpose).map { .inherited(descriptor: $0) }
        } catch {
            throw StartFailure.failed("\(error)")
        }
    }

    /// Opens the listener for what watches the daemon; nil where nobody is to.
    func openHealth(
        _ configuration: Configuration, logger: Logger
    ) async throws -> HTTPListener? {
        let place = configuration.metrics.map { HTTPAddress.tcp(host: $0.host, port: $0.port) }
        let configured = configuration.metrics.map {
            ListenPoint.tcp(host: $0.host, port: $0.port)
        }
        guard let point = try handed(.metrics) ?? configured else { return nil }
        return try await Node.listening(at: place?.description ?? "metrics") {
            try await HTTPListener.bind(
                point, logger: logger, responder: HealthRoutes.router(health).buildResponder())
        }
    }

    /// How often the beat goes out: as the service manager asks, or else as `/healthz` needs it.
    var beatInterval: Duration { manager.watchdogInterval ?? Self.ownInterval }

    /// What `/healthz` calls a standstill: two beats were missed.
    var silenceMax: Duration { beatInterval * 3 }

    private static let ownInterval: Duration = .seconds(10)
}
