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
    let warnings: [String]

    func status() async throws -> JSON {
        let now = exchange.clock.now()
        let counts = try await exchange.store.read { try $0.transferCounts() }
        let federation = exchange.federation
        let checkpoint = exchange.store.latestCheckpoint.checkpoint
        var log = try await exchange.witnesses.status()
        let alarms = log.removeValue(forKey: "warnings")?.arrayValue ?? []
        let reports = try await exchange.reportWarnings()
        log["origin"] = .string(checkpoint.origin)
        log["size"] = .integer(checkpoint.size)
        log["root"] = .string(Base64.encode(checkpoint.root.bytes))
        log["key"] = .string(exchange.witnesses.verifierKey.text)
        return [
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
            "outbound": .object(counts.outbound.mapValues { .integer(Int64($0)) }),
            "inbound": .object(counts.inbound.mapValues { .integer(Int64($0)) }),
            "openssl": ["version": .string(ForgeryProbe.loadedVersion)],
            "warnings": .array(
                alarms
                    + (reports + warnings + exchange.keyReminders(at: now).map(\.text)
                    + exchange.membership.warnings(at: now)
                    + exchange.editions.warnings
                    + exchange.policies.warnings.map(\.description)).map { .string($0) }),
        ]
    }
}
