import SelatAudit
import SelatControl
import SelatCore
import SelatCrypto
import SelatExchange
import SelatStore

// What is wrong, and what to do: everything that `status` warns of, and what it does not ask because it
// takes longer.
extension NodeControl {
    func doctor() async throws -> JSON {
        async let peers = peerChecks()
        async let database = databaseCheck()
        let own = [
            readiness, clock, await disk(), permissions, limits, entropy, cryptography, keys,
            certificates,
            membership,
            revocation, log, try await policies(), try await transfers(), await backupCheck(),
        ]
        let checks = await own + [database] + peers
        let worst = checks.map(\.state).max() ?? .ok
        return [
            "node": .string(exchange.identity.node.text), "state": .string(worst.rawValue),
            "checks": .array(checks.map(\.json)),
        ]
    }

    private var readiness: Check {
        Check(
            "ready", lookedAt: "what a new transfer would be asked", exchange.hindrances, .failure,
            otherwise: "transfers get on their way and are taken",
            remedy: "the checks below say what to mend")
    }

    private var clock: Check {
        let now = exchange.clock.now()
        return Check(
            "clock", lookedAt: "this machine's time beside the log's and that of other countries",
            [exchange.witnesses.clockFault].compactMap { $0 } + exchange.lawWarnings, .failure,
            otherwise: "\(now)",
            remedy: "set the clock where it is wrong: timedatectl status; it goes on by itself")
    }

    private var log: Check {
        let looked = "whether witnesses have confirmed the log, and how far they are"
        let witnesses = exchange.witnesses
        guard witnesses.hasQuorum else {
            return Check(
                "witnesses", lookedAt: looked, .warning, "nobody witnesses in this federation",
                remedy: "the members give nodes the role `witness`")
        }
        if let shortfall = witnesses.shortfall {
            return Check(
                "witnesses", lookedAt: looked, .failure, shortfall,
                remedy: "more members give nodes the role `witness`, or a record asks for fewer: "
                    + "selat members propose --witness-quorum")
        }
        let size = exchange.store.latestCheckpoint.checkpoint.size
        let behind = max(size, witnesses.witnessedSize) - witnesses.witnessedSize
        let found = "\(witnesses.standing.word); \(behind) of \(size) entries wait for the quorum"
        let state: Check.State =
            switch witnesses.standing {
            case .proven: .ok
            case .unproven: .warning
            case .contradicted: .failure
            }
        return Check(
            "witnesses", lookedAt: looked, state, found,
            remedy: state == .ok ? nil : "selat status names each witness and its cause")
    }

    private func policies() async throws -> Check {
        let now = exchange.clock.now()
        let editions = try await exchange.editions.status().objectValue ?? [:]
        let due = editions.sorted { $0.key < $1.key }.compactMap { name, edition -> String? in
            guard let text = edition["review_by"]?.stringValue, let day = try? Timestamp(text),
                day < now
            else { return nil }
            return "\(name) was to be reviewed by \(text)"
        }
        let faulty = exchange.editions.warnings
        return Check(
            "policies", lookedAt: "the editions in force and their days of review",
            faulty + due, faulty.isEmpty ? .warning : .failure,
            otherwise: "\(editions.count) editions in force, none overdue",
            remedy: "its country's policy officers sign the next edition: selat policy sign")
    }

    private func transfers() async throws -> Check {
        let counts = try await exchange.store.read { try $0.transferCounts() }
        let waiting = counts.outbound["waiting"] ?? 0
        let moving = (counts.outbound["queued"] ?? 0) + (counts.outbound["sending"] ?? 0)
        let warnings = try await exchange.deadWarnings() + (try await exchange.reportWarnings())
        return Check(
            "transfers",
            lookedAt: "what is under way, what ended undelivered, and what officers owe",
            warnings, .warning,
            otherwise: "\(moving) under way, \(waiting) wait for officers",
            remedy: "selat transfers --dead; selat approve list")
    }

    private func databaseCheck() async -> Check {
        let looked = "every page of `\(exchange.store.path)`"
        do {
            return Check(
                "database", lookedAt: looked, try await exchange.store.faults(), .failure,
                otherwise: "its structure is whole",
                remedy: "stop the daemon, copy the disk, restore the backup; then check the disk")
        } catch {
            return Check(
                "database", lookedAt: looked, .failure, "\(error)", remedy: "check the disk")
        }
    }
}
