import Glibc
import Hummingbird
import Logging
import NIOCore
import SelatAudit
import SelatControl
import SelatCore
import SelatCrypto
import SelatExchange
import SelatFederation
import SelatHTTP
import SelatPolicy
import SelatService
import SelatStore
import SelatTransport
import ServiceLifecycle
import UnixSignals

/// The one place where the parts are built and handed over.
struct Node {
    private let exchange: Exchange
    private let server: NodeServer
    private let control: HTTPListener
    private let files: FileSocket?
    private let health: HTTPListener?
    private let retention: Retention
    private let logger: Logger
    private let reload: Reload
    private let surroundings: Surroundings
    private let hangups: UnixSignalsSequence

    /// Builds everything in the order of need; what is missing or invalid stops the start. A node
    /// that no record lists yet waits here until one does.
    /// - Returns: nil where the daemon was told to stop while it waited.
    static func start(
        configuration path: String, in surroundings: Surroundings, logger: Logger
    ) async throws -> Node? {
        let started = try Configuration(file: path)
        // Before anything is computed: algorithms are fetched once and kept.
        do { try started.provider.use() } catch {
            throw StartFailure.invalid(
                "openssl: \(error); install it, or leave `openssl` out of `\(path)`")
        }
        let clock = SystemClock()
        let memory = protectMemory(logger)
        let probe = try probeOpenSSL(logger)
        try prepareState(started.state)
        let files = try KeyFiles(started)
        let ring = try keyRing(started, files, logger)
        let storageKey = try files.storage(in: started.state)
        let epoch = try epoch(of: started)
        let log = try NodeIdentity.log(
            of: started.node, key: try ring.keys(of: started.node).log, epoch: epoch,
            federation: started.membershipDigest)
        let store = try openStore(started.state, log, clock, logger)
        try await ring.load(from: store)
        let register = try await membership(started, ring, epoch, store, clock, logger)
        guard
            let (current, hangups) = try await listed(
                register, started, path, ring, surroundings, logger)
        else {
            await store.close()
            return nil
        }
        let configuration = started.applying(current)
        let waiting = current.differences(from: started)
        logger.name(waiting: waiting)
        let editions = try await PolicyActivation.open(
            directory: configuration.policies, store: store, membership: register, clock: clock,
            logger: logger)
        let program = try programDigest()
        let exchange = Exchange(
            membership: register, ring: ring, editions: editions, store: store,
            spool: SpoolFolder("\(configuration.state)/spool"), storageKey: storageKey,
            witnessing: configuration.witnessing, relaying: configuration.relaying,
            inbox: configuration.inbox, queue: configuration.queue,
            bandwidth: configuration.bandwidth,
            reserve: configuration.reserve,
            requests: configuration.requests,
            program: program, awaitsProof: true,
            clock: clock, logger: logger)
        try await exchange.recover()
        try await exchange.reviewKeys()
        try await enterStart(
            store, configuration, waiting, register.federation, editions.active, program)
        let roles = RoleRegister(try RoleBook(configuration, logger: logger))
        let fileSocket = fileSocket(beside: configuration.control, roles, logger)
        let backups = Backups(started, file: path, spool: exchange.spool)
        backups.replace(current)
        let (server, control) = try await listen(
            exchange, configuration, roles, surroundings, fileSocket, memory: memory, probe: probe,
            backups: backups, logger)
        let health = try await surroundings.openHealth(configuration, logger: logger)
        let retention = Retention(
            rules: configuration.retention, exchange: exchange, logger: logger)
        let reload = Reload(
            path: path, started: started, exchange: exchange, roles: roles,
            retention: retention, backups: backups, manager: surroundings.manager, logger: logger)
        return Node(
            exchange: exchange, server: server, control: control, files: fileSocket, health: health,
            retention: retention, reload: reload, surroundings: surroundings, hangups: hangups,
            logger: logger)
    }

    private init(
        exchange: Exchange, server: NodeServer, control: HTTPListener, files: FileSocket?,
        health: HTTPListener?, retention: Retention, reload: Reload, surroundings: Surroundings,
        hangups: UnixSignalsSequence, logger: Logger
    ) {
        self.hangups = hangups
        self.files = files
        self.health = health
        self.reload = reload
        self.surroundings = surroundings
        self.retention = retention
        self.exchange = exchange
        self.server = server
        self.control = control
        self.logger = logger
    }

    /// Serves until SIGTERM or SIGINT; then takes nothing new, lets running requests end, and closes
    /// the database.
    func run() async throws {
        let (exchange, server, control) = (exchange, server, control)
        let (retention, reload, hangups) = (retention, reload, hangups)
        let manager = surroundings.manager
        let heartbeat = Heartbeat(
            exchange: exchange, surroundings: surroundings, logger: logger)
        let group = ServiceGroup(
            configuration: .init(
                services: [
                    .init(
                        service: Part(run: { await exchange.run() }, stop: { exchange.stop() })),
                    .init(
                        service: Part(
                            run: { try await server.run() }, stop: { server.shutDown() })),
                    .init(
                        service: Part(
                            run: { try await control.run() },
                            stop: {
                                exchange.dismissWaiting()
                                control.shutDown()
                            })),
                    .init(service: Part(run: { await retention.run() }, stop: {})),
                    .init(service: Part(run: { await reload.run(at: hangups) }, stop: {})),
                    .init(
                        service: Part(
                            run: { await heartbeat.run() }, stop: { manager.stopping() }),
                        successTerminationBehavior: .ignore),
                ] + [health].compactMap { $0 }.map { .init(service: Part(serving: $0)) },
                gracefulShutdownSignals: [.sigterm, .sigint], logger: quiet))
        files?.start()
        defer { files?.shutDown() }
        manager.ready(ServingStatus(exchange).line)
        logger.notice(
            "ready",
            metadata: [
                "node": "\(exchange.identity.node)", "listen": "\(server.address)",
                "control": "\(control.address)", "version": "\(Program.version)",
            ])
        let outcome: Result<Void, any Error>
        do { outcome = .success(try await group.run()) } catch { outcome = .failure(error) }
        // A stop is a stop where the disk has no room for the entry of it.
        do { try await exchange.enterLast() } catch {
            logger.error("the stop is not entered", metadata: ["error": "\(error)"])
        }
        await exchange.store.close()
        try outcome.get()
        logger.notice("stopped")
    }

    /// The lifecycle's own lines say nothing that ours do not.
    private var quiet: Logger {
        var quiet = logger
        quiet.logLevel = .warning
        return quiet
    }

    // MARK: Steps of the start

    /// Before the first key is read.
    /// - Returns: a warning for `status` when keys may reach the swap or a dump.
    private static func protectMemory(_ logger: Logger) -> String? {
        let warning: String? =
            switch SecretMemory.protect() {
            case .complete: nil
            case .unlocked:
                "keys may be swapped out: RLIMIT_MEMLOCK lets too little memory be locked"
            case .missing: "keys lie in ordinary memory: the system refuses to protect it"
            }
        if let warning { logger.warning("\(warning)") }
        return warning
    }

    /// - Returns: a warning for `status` when OpenSSL alone lets a forgery through.
    private static func probeOpenSSL(_ logger: Logger) throws -> String? {
        let findings = try ForgeryProbe.run()
        guard findings.isSafe else {
            throw StartFailure.failed(
                "a forged message passed this program's own check: it must not run")
        }
        if let warning = findings.warning { logger.warning("\(warning)") }
        return findings.warning
    }

    private static func keyRing(
        _ configuration: Configuration, _ files: KeyFiles, _ logger: Logger
    ) throws -> KeyRing {
        let shelf = StateKeys(state: configuration.state, files: files)
        shelf.finishDestroying(logger)
        let made = try shelf.held()
        return KeyRing(
            held: try files.configured(configuration.keys, besides: made) + made, shelf: shelf)
    }

    private static func epoch(of configuration: Configuration) throws -> UInt64 {
        do {
            return try Store.epoch(path: databasePath(configuration.state))
        } catch {
            throw StartFailure.failed("\(error)")
        }
    }

    private static func membership(
        _ configuration: Configuration, _ ring: KeyRing, _ epoch: UInt64,
        _ store: Store, _ clock: SystemClock, _ logger: Logger
    ) async throws -> MembershipRegister {
        // A node that is listed does without it: what `join finish` laid there is for a key that a
        // rotation may have ended. One that is not listed reads it again, and fails (`listed`).
        let unlisted = Result { try Joining.identity(configuration, ring) }
        let place = MembershipRegister.Place(
            node: configuration.node, keys: try ring.keys(of: configuration.node), epoch: epoch,
            trusted: configuration.membershipDigest, allowsSandbox: configuration.isSandbox,
            unlistedTLS: try? unlisted.get())
        let register: MembershipRegister
        do {
            register = try await MembershipRegister.open(
                place, store: store, clock: clock, logger: logger,
                input: { try FederationLoader.documents(in: configuration.membership) })
        } catch {
            throw StartFailure.invalid("membership in `\(configuration.membership)`: \(error)")
        }
        if register.current.exclusion == nil, case .failure(let error) = unlisted {
            logger.notice("not used, and not needed any more", metadata: ["what": "\(error)"])
        }
        return register
    }

    /// Waits where no record lists the node yet; keys that are not those of its record are a
    /// mistake, and waiting mends none.
    /// - Returns: the configuration as its file is then, which nobody may have looked at for weeks, and
    ///   each SIGHUP that comes after it was read; nil where the daemon was told to stop.
    private static func listed(
        _ register: MembershipRegister, _ configuration: Configuration, _ path: String,
        _ ring: KeyRing, _ surroundings: Surroundings, _ logger: Logger
    ) async throws -> (current: Configuration, hangups: UnixSignalsSequence)? {
        guard let exclusion = register.current.exclusion else {
            return (configuration, await UnixSignalsSequence(trapping: .sighup))
        }
        guard register.federation.nodes[configuration.node] == nil else {
            throw StartFailure.invalid(exclusion)
        }
        let identity = try Joining.identity(configuration, ring)
        let joining = Joining(
            register: register, configuration: configuration, file: path,
            hasCertificate: identity != nil, surroundings: surroundings, logger: logger)
        guard try await joining.wait() else { return nil }
        // Before the file is read, and long before the node serves: it was called ready when it began
        // to wait, and a hangup counts from then on.
        let hangups = await UnixSignalsSequence(trapping: .sighup)
        logger.notice("listed", metadata: ["node": "\(configuration.node)"])
        return (try Configuration(file: path), hangups)
    }

    private static func prepareState(_ path: String) throws {
        for folder in [path, "\(path)/spool"] where mkdir(folder, 0o700) != 0 && errno != EEXIST {
            throw StartFailure.failed("making `\(folder)`: \(String(cString: strerror(errno)))")
        }
        var status = stat()
        guard stat(path, &status) == 0, status.st_mode & 0o077 == 0 else {
            throw StartFailure.invalid(
                "state directory `\(path)` can be entered by others; run: chmod 700 \(path)")
        }
    }

    private static func databasePath(_ state: String) -> String { "\(state)/selat.sqlite" }

    private static func openStore(
        _ state: String, _ log: LogIdentity, _ clock: SystemClock, _ logger: Logger
    ) throws -> Store {
        do {
            return try Store.open(
                path: databasePath(state), log: log, clock: clock, entropy: SystemEntropy(),
                awaitsProof: true,
                fatal: { error in
                    // What the disk holds is uncertain: only the start-up path may find out.
                    logger.critical("ending: \(error)")
                    Program.end(70)
                })
        } catch let error as StoreError {
            switch error {
            // Another start does not mend it.
            case .newerSchema, .foreignSchema: throw StartFailure.invalid("\(error)")
            default: throw StartFailure.failed("\(error)")
            }
        } catch {
            throw StartFailure.failed("\(error)")
        }
    }

    /// An upgrade, a new configuration or a new edition shows as a changed digest.
    private static func enterStart(
        _ store: Store, _ configuration: Configuration, _ waiting: [String],
        _ federation: Federation, _ policies: PolicySet, _ program: Digest
    ) async throws {
        var members: JSON.Object = [
            "version": .string(Program.version), "program": .string(program.text),
            "configuration": .string(SHA256.digest(configuration.bytes).text),
            "membership": .string(federation.listDigest.text),
            "policies": .object(
                JSON.Object(policies.editions.mapValues { .string($0.digest.text) })),
            "openssl": .string(ForgeryProbe.loadedVersion),
            "providers": .strings(OpenSSLProvider.loaded),
            "properties": OpenSSLProvider.inUse?.properties.map { .string($0) } ?? .null,
        ]
        if !waiting.isEmpty { members["waiting"] = .strings(waiting) }
        let details = JSON.object(members)
        _ = try await store.commit { transaction in
            try transaction.append(EntryDraft(kind: "node.started", details: details))
        }
    }

    /// Read in pieces: the program is larger than all that the daemon ever holds.
    private static func programDigest() throws -> Digest {
        let file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC)
        defer { close(file) }
        var hasher = SHA256()
        var piece = [UInt8](repeating: 0, count: 256 << 10)
        while true {
            let count = piece.withUnsafeMutableBytes { read(file, $0.baseAddress, $0.count) }
            guard count >= 0 else {
                throw StartFailure.failed("the program's own file is unreadable")
            }
            if count == 0 { return hasher.finish() }
            hasher.update(piece[..<count])
        }
    }

    private static func listen(
        _ exchange: Exchange, _ configuration: Configuration, _ roles: RoleRegister,
        _ surroundings: Surroundings, _ files: FileSocket?, memory: String?, probe: String?,
        backups: Backups, _ logger: Logger
    ) async throws -> (NodeServer, HTTPListener) {
        let (host, port) = configuration.listen
        let register = exchange.membership
        let server = try await listening(at: "\(host):\(port)") {
            try await NodeServer.bind(
                surroundings.handed(.node) ?? .tcp(host: host, port: port),
                identity: exchange.identity.tls,
                verifyPeer: exchange.admission,
                membership: register.link,
                news: exchange.witnesses.newsExchange, service: exchange, letters: exchange,
                policies: exchange,
                log: exchange.witnesses, documents: exchange, rates: exchange.rates,
                cutOff: { register.cutOff($0) },
                refused: { exchange.refusedStranger(cause: $0.cause) }, logger: logger)
        }
        register.observe { before, after in
            server.judgeConnections(by: register.peerVerification(.tlsClient, SystemClock()))
            guard let identity = after.identity,
                identity.tls.certificate != before.identity?.tls.certificate
            else { return }
            do { try server.renew(identity.tls) } catch {
                logger.error("TLS certificate not renewed", metadata: ["error": "\(error)"])
            }
        }
        let service = NodeControl(
            exchange: exchange, warnings: [memory, probe].compactMap { $0 },
            memoryWarnings: [memory].compactMap { $0 }, backups: backups)
        surroundings.health.show(Vitals(control: service, surroundings: surroundings).source)
        let control = try await listening(at: configuration.control) {
            try await HTTPListener.bind(
                surroundings.handed(.control) ?? controlPoint(configuration), logger: logger,
                responder: ControlRoutes.router(service, roles: roles, files: files) { call in
                    exchange.refusedCall(
                        by: call.user, cause: call.cause, route: call.route,
                        roles: call.roles.sorted().map(\.rawValue))
                }.buildResponder())
        }
        return (server, control)
    }

    /// Nothing depends on it: without it the bytes come with the calls.
    private static func fileSocket(
        beside control: String, _ roles: RoleRegister, _ logger: Logger
    ) -> FileSocket? {
        do throws(HTTPFault) {
            return try FileSocket(beside: control, roles: roles, logger: logger)
        } catch {
            logger.warning("files cannot be handed over", metadata: ["error": "\(error)"])
            return nil
        }
    }

    /// Whoever is on the machine may connect, and the daemon decides by role: a socket has one group,
    /// and a common one of all roles would only say less, to a caller who is refused by the kernel
    /// and not told why.
    static func controlPoint(_ configuration: Configuration) -> ListenPoint {
        .unix(path: configuration.control, mode: 0o666)
    }

    static func listening<Value>(
        at address: String, _ bind: () async throws -> Value
    ) async throws -> Value {
        do {
            return try await bind()
        } catch let error as IOError {
            let reason = String(cString: strerror(error.errnoCode))
            throw StartFailure.failed("listening at `\(address)`: \(reason)")
        } catch {
            throw StartFailure.failed("listening at `\(address)`: \(error)")
        }
    }
}

/// A long-running part under the lifecycle's group.
struct Part: Service {
    let work: @Sendable () async throws -> Void
    let stop: @Sendable () -> Void

    init(
        run: @escaping @Sendable () async throws -> Void, stop: @escaping @Sendable () -> Void
    ) {
        work = run
        self.stop = stop
    }

    init(serving listener: HTTPListener) {
        self.init(run: { try await listener.run() }, stop: { listener.shutDown() })
    }

    func run() async throws {
        try await withGracefulShutdownHandler {
            try await work()
        } onGracefulShutdown: {
            stop()
        }
    }
}
