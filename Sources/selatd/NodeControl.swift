import SelatAudit
import SelatControl
import SelatCore
import SelatCrypto
import SelatExchange
import SelatFederation
import SelatPolicy
import SelatStore

/// Answers the control socket from the exchange: documents out of values.
struct NodeControl: ControlService {
    let exchange: Exchange
    /// What the start found wrong: with memory for keys, and with OpenSSL.
    let warnings: [String]
    /// The part of it that limits of the process cause.
    let memoryWarnings: [String]
    let backups: Backups

    func status() async throws -> JSON {
        let now = exchange.clock.now()
        let counts = try await exchange.store.read { try $0.transferCounts() }
        let federation = exchange.federation
        let checkpoint = exchange.store.latestCheckpoint.checkpoint
        var log = try await exchange.witnesses.status()
        let peers = exchange.peerSuites()
        // A disk that does not even say how full it is must not hide everything else; the doctor names it.
        let disk = try? await exchange.diskStanding()
        let alarms = log.removeValue(forKey: "warnings")?.arrayValue ?? []
        var reports =
            try await exchange.reportWarnings() + (try await exchange.recallWarnings())
            + (try await exchange.deadWarnings()) + (try exchange.fullInboxes())
        reports += try exchange.fullRelays()
        reports += try exchange.fullQueues()
        reports += try await exchange.letterWarnings()
        reports += exchange.lawWarnings
        log["origin"] = .string(checkpoint.origin)
        log["size"] = .integer(checkpoint.size)
        log["root"] = .string(Base64.encode(checkpoint.root.bytes))
        log["key"] = .string(exchange.witnesses.verifierKey.text)
        var members: JSON.Object = [
            "node": .string(exchange.identity.node.text), "version": .string(Program.version),
            "state": "ready",
            "membership": [
                "federation": .string(federation.id.text), "serial": .integer(federation.serial),
                "expires": .string(federation.expires.text),
                "members": .integer(Int64(federation.members.count)),
                "sandbox": .bool(federation.isSandbox),
            ],
            "policies": ["editions": try await exchange.editions.status()],
            "log": .object(log),
            "outbound": .object(JSON.Object(counts.outbound.mapValues { .integer(Int64($0)) })),
            "inbound": .object(JSON.Object(counts.inbound.mapValues { .integer(Int64($0)) })),
            "relayed": .object(JSON.Object(counts.relayed.mapValues { .integer(Int64($0)) })),
            "links": .array(await exchange.linkLoads.map { .object(Self.members($0)) }),
            "queues": try await queues(), "peers": await peerStandings(), "suites": suites(peers),
            "openssl": .object(openssl),
            "warnings": .array(
                alarms
                    + (reports + warnings + exchange.keyReminders(at: now).map(\.text)
                    + exchange.membership.warnings(at: now)
                    + exchange.keyShortages() + Self.classical(peers)
                    + (disk.map(Self.warnings) ?? [])
                    + exchange.editions.warnings
                    + exchange.policies.warnings.map(\.description)).map { .string($0) }),
        ]
        members["backup"] = try await lastBackup
        members["disk"] = disk.map(Self.document)
        return .object(members)
    }

    private static func members(_ load: LinkLoad) -> JSON.Object {
        func words(_ counts: [Precedence: Int]) -> JSON {
            .object(JSON.Object(counts.map { ($0.key.rawValue, .integer(Int64($0.value))) }))
        }
        var members: JSON.Object = [
            "node": .string(load.peer.text), "sending": words(load.sending),
            "waiting": words(load.waiting), "giving_way": .integer(Int64(load.givingWay)),
        ]
        members["waiting_seconds"] = load.waitingSeconds.map { .integer($0) }
        return members
    }

    // MARK: Cryptography

    private var openssl: JSON.Object {
        var members: JSON.Object = [
            "version": .string(ForgeryProbe.loadedVersion),
            "providers": .strings(OpenSSLProvider.loaded),
        ]
        members["properties"] = OpenSSLProvider.inUse?.properties.map { .string($0) }
        return members
    }

    private func suites(_ peers: [Exchange.PeerSuite]) -> JSON {
        let list = exchange.federation.list
        var members: JSON.Object = [
            "profile": .string(list.profile.rawValue),
            "peers": .array(
                peers.map { peer in
                    var members: JSON.Object = ["node": .string(peer.node.text)]
                    members["suite"] = peer.suite.map { .integer($0.rawValue) }
                    members["name"] = peer.suite.map { .string($0.name) }
                    members["post_quantum"] = peer.suite.map { .bool($0.isPostQuantum) }
                    members["fault"] = peer.fault.map { .string($0) }
                    return .object(members)
                }),
        ]
        members["high_from"] = list.highFrom.map { .string($0.rawValue) }
        return .object(members)
    }

    /// Who is still sent what a quantum computer will open: "harvest now, decrypt later".
    private static func classical(_ peers: [Exchange.PeerSuite]) -> [String] {
        let names = peers.filter { $0.suite?.isPostQuantum == false }.map { "`\($0.node)`" }
        guard !names.isEmpty else { return [] }
        return [
            "travels without ML-KEM to \(names.joined(separator: ", ")): "
                + "their records list no key that an allowed suite has"
        ]
    }
}
