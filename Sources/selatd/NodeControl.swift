import NIOCore
import SelatAudit
import SelatControl
import SelatCore
import SelatCrypto
import SelatEnvelope
import SelatExchange
import SelatFederation
import SelatHTTP
import SelatPolicy
import SelatStore

/// Answers the control socket from the exchange: documents out of values.
struct NodeControl: ControlService {
    let exchange: Exchange
    let warnings: [String]

    func status() async throws -> JSON {
        let counts = try await exchange.store.read { try $0.transferCounts() }
        let federation = exchange.federation
        let checkpoint = exchange.store.latestCheckpoint.checkpoint
        return [
            "node": .string(exchange.identity.node.text), "version": .string(Program.version),
            "state": "ready",
            "membership": [
                "federation": .string(federation.id.text), "serial": .integer(federation.serial),
                "expires": .string(federation.expires.text),
                "members": .integer(Int64(federation.members.count)),
                "sandbox": .bool(federation.isSandbox),
            ],
            "policies": [
                "editions": .object(
                    exchange.policies.editions.mapValues {
                        [
                            "edition": .integer($0.number), "digest": .string($0.digest.text),
                            "standing": .string($0.standing.rawValue),
                        ]
                    })
            ],
            "log": [
                "origin": .string(checkpoint.origin), "size": .integer(checkpoint.size),
                "root": .string(Base64.encode(checkpoint.root.bytes)),
                "key": .string(exchange.identity.log.verifierKey.text),
            ],
            "outbound": .object(counts.outbound.mapValues { .integer(Int64($0)) }),
            "inbound": .object(counts.inbound.mapValues { .integer(Int64($0)) }),
            "openssl": ["version": .string(ForgeryProbe.loadedVersion)],
            "warnings": .strings(warnings + exchange.policies.warnings.map(\.description)),
        ]
    }

    func check(_ request: SendRequest) async throws -> JSON {
        ["verdict": try verdict(try exchange.decide(try outbound(request)))]
    }

    func begin(_ request: SendRequest, by caller: Caller) async throws -> JSON {
        let begun = try await exchange.begin(
            try outbound(request), lifeSeconds: request.lifeSeconds, by: caller.user)
        return [
            "id": .string(begun.id.text), "state": .string(begun.state),
            "verdict": try verdict(begun.decision),
        ]
    }

    func seal<Body: AsyncSequence & Sendable>(
        _ id: TransferID, _ body: Body, by caller: Caller
    ) async throws -> JSON where Body.Element == ByteBuffer {
        let state = try await exchange.seal(id, body, by: caller.user)
        return ["id": .string(id.text), "state": .string(state.rawValue)]
    }

    private func outbound(_ request: SendRequest) throws -> OutboundRequest {
        var descriptor = request.dataset.objectValue ?? [:]
        if let title = request.title { descriptor["title"] = .string(title) }
        do {
            return OutboundRequest(
                to: request.to, label: request.label, facts: request.facts,
                ground: request.ground, precedence: request.precedence,
                dataset: try DatasetDescription(json: .object(descriptor)))
        } catch {
            throw ServiceProblem.badDataset("\(error)")
        }
    }

    /// A verdict with what the record leaves out: reasons, for people.
    private func verdict(_ decision: Decision) throws -> JSON {
        var members = try verdict(decision.verdict)
        let reasons = try exchange.policies.reasons(decision.verdict.question)
        members["reasons"] = .strings(reasons.map(\.description))
        return .object(members)
    }

    private func verdict(_ verdict: Verdict) throws -> [String: JSON] {
        [
            "outcome": .string(verdict.outcome.rawValue),
            "summary": .strings(verdict.summaryLines),
            "missing": .strings(verdict.missing),
            "digest": .string(verdict.digest.text), "record": verdict.json,
        ]
    }

    // MARK: Transfers

    func transfers(_ direction: Direction?, limit: Int) async throws -> JSON {
        let filter = TransferFilter(limit: limit)
        let rows = try await exchange.store.read { snapshot in
            (
                direction == .inbound ? [] : try snapshot.outbound(filter),
                direction == .outbound ? [] : try snapshot.inbound(filter)
            )
        }
        let all = try rows.0.map { try members($0) } + rows.1.map { try members($0) }
        let newestFirst = all.sorted {
            ($0["id"]?.stringValue ?? "") > ($1["id"]?.stringValue ?? "")
        }
        return ["transfers": .array(newestFirst.map { .object($0) })]
    }

    func transfer(_ id: TransferID, waitSeconds: Int) async throws -> JSON {
        if waitSeconds > 0 { try await exchange.waitForEnd(of: id, seconds: waitSeconds) }
        let found = try await exchange.rows(id)
        var document: [String: JSON]
        if let row = found.outbound {
            document = try members(row)
            let request = try exchange.request(of: row)
            document["verdict"] = .object(try verdict(try Verdict(record: request.verdictRecord)))
            document["dataset"] = request.request.dataset.json
            if let receipt = row.receipt { document["receipt"] = try self.receipt(receipt) }
        } else if let row = found.inbound.first {
            document = try members(row)
            if let receipt = try await exchange.receipt(of: row) {
                document["receipt"] = try self.receipt(receipt)
            }
        } else {
            throw ServiceProblem.unknownTransfer(id)
        }
        document["timeline"] = .array(try found.entries.map { .object(try entry($0)) })
        return .object(document)
    }

    private func members(_ row: OutboundRow) throws -> [String: JSON] {
        let state = Sender.State(rawValue: row.state)
        let request = try exchange.request(of: row).request
        var members: [String: JSON] = [
            "id": .string(row.id.text), "direction": "outbound", "peer": .string(row.to.text),
            "state": .string(row.state), "ended": .bool(state?.isOutcome ?? false),
            "created": .string(row.created.text), "expires": .string(row.expires.text),
            "precedence": .string(row.precedence.rawValue), "attempt": .integer(row.attempt),
            "size_bytes": .integer(row.payloadSize), "label": request.label.json,
        ]
        members["title"] = request.dataset.title.map { .string($0) }
        members["cause"] = row.cause.map { .string($0) }
        return members
    }

    private func members(_ row: InboundRow) throws -> [String: JSON] {
        let header = try JSON(parsing: row.header)
        var members: [String: JSON] = [
            "id": .string(row.id.text), "direction": "inbound", "peer": .string(row.from.text),
            "state": .string(row.state), "received": .string(row.received.text),
            "expires": .string(row.expires.text), "size_bytes": .integer(row.payloadSize),
            "durable_bytes": .integer(row.durable),
            "envelope": .string(SHA256.digest(row.header).text),
        ]
        members["created"] = header["created"]
        members["label"] = header["label"]
        members["precedence"] = header["precedence"]
        members["cause"] = row.cause.map { .string($0) }
        members["destroy_by"] = row.destroyBy.map { .string($0.text) }
        return members
    }

    private func receipt(_ bytes: [UInt8]) throws -> JSON {
        let receipt = try Receipt(parsing: bytes)
        let statement = try JSON(
            parsing: try CMS.unverifiedContent(receipt.statement, type: .receipt))
        var members = statement.objectValue ?? [:]
        members["entry"] = .integer(receipt.entry.sequence)
        members["document"] = receipt.json
        return .object(members)
    }

    // MARK: Datasets

    func manifest(_ id: TransferID) async throws -> JSON {
        let manifest = try await exchange.manifest(id)
        return [
            "id": .string(id.text), "from": .string(manifest.core.from.text),
            "dataset": manifest.dataset.json, "facts": manifest.facts.json,
            "verdict": try JSON(parsing: manifest.verdictRecord),
        ]
    }

    func open(_ id: TransferID, by caller: Caller) async throws -> ByteStream {
        let opening = try await exchange.open(id, by: caller.user)
        return ByteStream(size: opening.size, next: opening.next)
    }

    func package(_ id: TransferID, by caller: Caller) async throws -> ByteStream {
        let opening = try await exchange.package(id, by: caller.user)
        return ByteStream(size: opening.size, next: opening.next)
    }

    // MARK: Audit

    func entries(_ query: EntryQuery) async throws -> JSON {
        let kind: EntryKind?
        do {
            kind = try query.kind.map { try EntryKind($0) }
        } catch {
            throw ServiceProblem.badFacts("\(error)")
        }
        let filter = EntryFilter(
            transfer: query.transfer, kind: kind, after: query.after, limit: query.limit)
        let rows = try await exchange.store.entries(filter)
        return ["entries": .array(try rows.map { .object(try entry($0)) })]
    }

    private func entry(_ row: EntryRow) throws -> [String: JSON] {
        var members: [String: JSON] = [
            "sequence": .integer(row.entry.sequence), "time": .string(row.entry.time.text),
            "kind": .string(row.entry.kind.text), "actor": .string(row.entry.actor.text),
        ]
        members["transfer"] = row.entry.transfer.map { .string($0.text) }
        members["details"] = try row.details.map { try JSON(parsing: $0) }
        return members
    }

    func checkpoint() async throws -> [UInt8] { exchange.store.latestCheckpoint.note }

    func verifyLog() async throws -> JSON {
        let (path, key) = (exchange.store.path, exchange.identity.log.verifierKey)
        return try await exchange.spool.onDisk { () throws(FileFault) -> Result<JSON, any Error> in
            Result { try LogFile.verify(path: path, key: key).json }
        }.get()
    }
}
