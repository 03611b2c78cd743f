import Logging
import SelatAudit
import SelatControl
import SelatCore
import SelatCrypto
import SelatExchange
import SelatService
import SelatStore
import SelatTransport
import ServiceLifecycle
import UnixSignals

/// Reads the configuration again at SIGHUP, and applies what may change while the daemon serves.
///
/// A file with a mistake changes nothing; neither does what only a start applies, which is named.
final class Reload: Sendable {
    private let path: String
    private let started: Configuration
    private let exchange: Exchange
    private let roles: RoleRegister
    private let retention: Retention
    private let backups: Backups
    private let manager: ServiceManager
    private let logger: Logger

    init(
        path: String, started: Configuration, exchange: Exchange, roles: RoleRegister,
        retention: Retention, backups: Backups, manager: ServiceManager, logger: Logger
    ) {
        self.path = path
        self.started = started
        self.exchange = exchange
        self.roles = roles
        self.retention = retention
        self.backups = backups
        self.manager = manager
        self.logger = logger
    }

    /// Runs until the daemon stops.
    /// - Parameter hangups: each SIGHUP. Made before the node is called ready, so that none is lost after that.
    func run(at hangups: UnixSignalsSequence) async {
        await cancelWhenGracefulShutdown {
            for await _ in hangups {
                self.manager.reloading()
                await self.reload()
                self.manager.ready(ServingStatus(self.exchange).line)
            }
        }
    }

    private func reload() async {
        do {
            let configuration = try Configuration(file: path)
            let book = try RoleBook(configuration, logger: logger)
            let waiting = configuration.differences(from: started)
            try await enter(configuration, waiting)
            roles.replace(book)
            retention.replace(configuration.retention)
            await exchange.limit(configuration.bandwidth)
            exchange.keepFree(configuration.reserve)
            exchange.rates.replace(configuration.requests)
            backups.replace(configuration)
            logger.notice("configuration read again")
            logger.name(waiting: waiting)
        } catch {
            logger.refuse(reload: error)
        }
    }

    /// Recorded before anybody has another role.
    private func enter(_ configuration: Configuration, _ waiting: [String]) async throws {
        let details: JSON = [
            "configuration": .string(SHA256.digest(configuration.bytes).text),
            "waiting": .strings(waiting),
        ]
        _ = try await exchange.store.commit { transaction in
            try transaction.append(EntryDraft(kind: "node.reloaded", details: details))
        }
    }
}

extension Logger {
    /// Names the keys of a configuration that only the next start applies.
    func name(waiting keys: [String]) {
        guard !keys.isEmpty else { return }
        warning(
            "a changed key takes effect at the next start",
            metadata: ["keys": "\(keys.joined(separator: ", "))"])
    }

    /// Says why a configuration that was read again changes nothing.
    func refuse(reload reason: any Error) {
        let text = (reason as? StartFailure)?.description ?? "\(reason)"
        for line in text.split(separator: "\n") {
            error("reload refused", metadata: ["why": "\(line)"])
        }
    }
}

extension Configuration {
    /// The keys that have other values than `other` has, and that only a start applies.
    func differences(from other: Configuration) -> [String] {
        let same: [(key: String, isSame: Bool)] = [
            ("node", node == other.node), ("state", state == other.state),
            ("control", control == other.control), ("listen", listen == other.listen),
            (
                "membership",
                membership == other.membership && membershipDigest == other.membershipDigest
            ),
            ("policies", policies == other.policies), ("keys", keys == other.keys),
            ("passphrase", passphrase == other.passphrase), ("token", token == other.token),
            ("openssl", provider == other.provider), ("sandbox", isSandbox == other.isSandbox),
            ("witnesses", witnessing == other.witnessing), ("relay", relaying == other.relaying),
            ("inbox", inbox == other.inbox), ("queue", queue == other.queue),
            ("backup", backup == other.backup),
            (
                "metrics",
                metrics?.host == other.metrics?.host && metrics?.port == other.metrics?.port
            ),
        ]
        return same.filter { !$0.isSame }.map(\.key)
    }
}
