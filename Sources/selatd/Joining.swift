import FoundationEssentials
import Hummingbird
import Logging
import SelatControl
import SelatCore
import SelatCrypto
import SelatExchange
import SelatFederation
import SelatHTTP
import SelatService
import ServiceLifecycle
import UnixSignals

/// A node that no record lists yet: it asks the members' nodes for list, records and revocation
/// lists, and lets the start go on once it is listed.
///
/// In this process and before the exchange is built, so that no half-made node ever serves, and so
/// that nothing has to be started again: systemd sees one start.
struct Joining {
    let register: MembershipRegister
    let configuration: Configuration
    /// The configuration file's path.
    let file: String
    /// Whether the node can prove itself to the members' nodes.
    let hasCertificate: Bool
    let surroundings: Surroundings
    let logger: Logger

    /// Waits until the membership lists the node.
    /// - Returns: false where the daemon was told to stop instead.
    func wait() async throws -> Bool {
        logger.notice("waiting to be listed", metadata: ["why": "\(reason)"])
        let roles = RoleRegister(try RoleBook(configuration, logger: logger))
        surroundings.health.show(.waiting("waiting to be listed: \(reason)"))
        let control = try await Node.listening(at: configuration.control) {
            try await HTTPListener.bind(
                surroundings.handed(.control) ?? Node.controlPoint(configuration),
                logger: logger,
                responder: ControlRoutes.joining(roles: roles, status: { self.status })
                    .buildResponder())
        }
        let health = try await surroundings.openHealth(configuration, logger: logger)
        let gossip = MembershipGossip(unlisted: register, logger: logger)
        let hangups = await UnixSignalsSequence(trapping: .sighup)
        var quiet = logger
        quiet.logLevel = .warning
        let group = ServiceGroup(
            configuration: .init(
                services: [
                    .init(
                        service: Part(
                            run: { await cancelWhenGracefulShutdown { await gossip.run() } },
                            stop: {})),
                    .init(service: Part(serving: control)),
                    .init(service: Part(run: { await self.reload(roles, at: hangups) }, stop: {})),
                    .init(
                        service: Part(
                            run: {
                                await cancelWhenGracefulShutdown { await self.watch(gossip) }
                            },
                            stop: {}),
                        successTerminationBehavior: .gracefullyShutdownGroup),
                ] + [health].compactMap { $0 }.map { .init(service: Part(serving: $0)) },
                gracefulShutdownSignals: [.sigterm, .sigint], logger: quiet))
        surroundings.manager.ready(Self.standing)
        try await group.run()
        return register.isListed
    }

    private static let standing = "waiting to be listed"

    /// At SIGHUP: who may ask how the node stands counts at once, and the file is read once more when the
    /// node is listed, before anybody has a role that does more.
    private func reload(_ roles: RoleRegister, at hangups: UnixSignalsSequence) async {
        await cancelWhenGracefulShutdown {
            for await _ in hangups {
                self.surroundings.manager.reloading()
                do {
                    let current = try Configuration(file: self.file)
                    roles.replace(try RoleBook(current, logger: self.logger))
                    self.logger.notice("configuration read again")
                    self.logger.name(waiting: current.differences(from: self.configuration))
                } catch {
                    self.logger.refuse(reload: error)
                }
                self.surroundings.manager.ready(Self.standing)
            }
        }
    }

    private var reason: String {
        let reason = register.current.exclusion ?? "the membership says nothing about it"
        guard !hasCertificate else { return reason }
        return "\(reason), and no certificate lies beside its TLS key with which it could ask the "
            + "members' nodes: selat join finish"
    }

    /// Ends once the node is listed. Asks every few seconds, since nobody tells a node that nobody
    /// knows; says hourly that it waits, and tells systemd that it lives.
    private func watch(_ gossip: MembershipGossip) async {
        var said = ContinuousClock.now
        var rounds = 0
        while !Task.isCancelled, !register.isListed {
            surroundings.manager.alive()
            surroundings.pulse.beat()
            rounds += 1
            if rounds.isMultiple(of: 5) { await gossip.compareWithAll() }
            guard (try? await Task.sleep(for: .seconds(1))) != nil else { return }
            guard ContinuousClock.now - said > .seconds(3_600) else { continue }
            said = .now
            logger.notice("still waiting to be listed", metadata: ["why": "\(reason)"])
        }
    }

    /// As the status of a node that serves, as far as there is anything.
    private var status: JSON {
        let federation = register.federation
        return [
            "node": .string(register.node.text), "version": .string(Program.version),
            "state": "joining",
            "membership": [
                "federation": .string(federation.id.text), "serial": .integer(federation.serial),
                "expires": .string(federation.expires.text),
                "members": .integer(Int64(federation.members.count)),
                "sandbox": .bool(federation.isSandbox),
            ],
            "warnings": [.string("the node is not listed yet: \(reason)")],
        ]
    }
}

extension Joining {
    /// With what a node that no record lists yet asks others: the certificate beside its TLS key,
    /// under the same name with `.pem`, or `keys/tls.pem` in the state directory where the key lies
    /// in a token; nil where there is none.
    /// - Throws: `StartFailure` where it is none, or for a key that is not held.
    static func identity(
        _ configuration: Configuration, _ ring: KeyRing
    ) throws -> TLSIdentity? {
        let key = configuration.keys.tls
        let beside = (key.hasSuffix(".key") ? String(key.dropLast(4)) : key) + ".pem"
        let places = [beside, "\(configuration.state)/keys/tls.pem"]
        guard let path = places.first(where: { FileManager.default.fileExists(atPath: $0) }),
            let pem = FileManager.default.contents(atPath: path)
        else { return nil }
        do {
            let certificate = try Certificate(pem: Array(pem))
            let keys = try ring.keys(of: configuration.node).tls
            guard let own = keys.first(where: { $0.publicKey == certificate.publicKey }) else {
                throw CryptoError.unreadableKey("it is for another key than `\(key)`")
            }
            return TLSIdentity(certificate: certificate, key: own)
        } catch let error as CryptoError {
            throw StartFailure.invalid("certificate `\(path)`: \(error)")
        }
    }
}
