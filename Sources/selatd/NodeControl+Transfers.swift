import NIOCore
import SelatAudit
import SelatControl
import SelatCore
import SelatCrypto
import SelatDelivery
import SelatEnvelope
import SelatEvidence
import SelatExchange
import SelatHTTP
import SelatPolicy
import SelatStore

// What was sent and received, and what lies here.

extension NodeControl {
    func transfers(_ direction: Direction?, limit: Int) async throws -> JSON {
        let filter = TransferFilter(limit: limit)
        let rows = try await exchange.store.read { snapshot in
            (
                [nil, .outbound].contains(direction) ? try snapshot.outbound(filter) : [],
                [nil, .inbound].contains(direction) ? try snapshot.inbound(filter) : [],
                // What passes through is nobody's here: only who asks for it sees it.
                direction == .relayed ? try snapshot.relayed(filter) : []
            )
        }
        let all =
            try rows.0.map { try members($0) } + rows.1.map { try members($0) }
            + rows.2.map { try members($0) }
        let newestFirst = all.sorted {
            ($0["id"]?.stringValue ?? "") > ($1["id"]?.stringValue ?? "")
        }
        return ["transfers": .array(newestFirst.map { .object($0) })]
    }

    func deadTransfers(limit: Int) async throws -> JSON {
        let letters = try await exchange.deadLetters(limit: limit).map { letter in
            var members = try members(letter.row)
            members["ended_at"] = .string(letter.ended.text)
            members["remedy"] = .string(letter.remedy)
            return JSON.object(members)
        }
        return ["transfers": .array(letters)]
    }

    func transfer(
        _ id: TransferID, from: NodeID?, waitSeconds: Int, unless gone: EventLoopFuture<Void>
    ) async throws -> JSON {
        if waitSeconds > 0 {
            try await exchange.waitForEnd(of: id, seconds: waitSeconds, unless: gone)
        }
        let found = try await exchange.rows(id, from: from)
        var document: JSON.Object
        if let row = found.outbound {
            document = try members(row)
            let request = try exchange.request(of: row)
            document["verdict"] = .object(try verdict(request.verdict))
            document["dataset"] = request.request.dataset.json
            if let receipt = try exchange.receipt(of: row) {
                document["receipt"] = try await self.receipt(receipt)
            }
            var (relays, recipients): ([JSON], [JSON]) = ([], [])
            for other in try exchange.otherReceipts(of: row) {
                let receipt = try await self.receipt(other.document)
                if other.kind == ReceiptKind.relayed.rawValue {
                    relays.append(receipt)
                } else {
                    recipients.append(receipt)
                }
            }
            // In the order of its log: what came within one second has none here.
            recipients.sort { ($0["entry"]?.integerValue ?? 0) < ($1["entry"]?.integerValue ?? 0) }
            if !relays.isEmpty { document["relay_receipts"] = .array(relays) }
            if !recipients.isEmpty { document["receipts"] = .array(recipients) }
            document["debts"] = debts(try await exchange.debts(of: row, found.entries))
            let approvals = try await exchange.approvals(of: row)
            if !approvals.owed.isEmpty || !approvals.given.isEmpty {
                document["approvals"] = .object(standing(approvals))
            }
        } else if let row = found.inbound.first {
            document = try members(row)
            if let receipt = try await exchange.receipt(of: row) {
                document["receipt"] = try await self.receipt(receipt)
            }
            var stated: [JSON] = []
            for receipt in try await exchange.laterReceipts(of: row) {
                stated.append(try await self.receipt(receipt))
            }
            if !stated.isEmpty { document["receipts"] = .array(stated) }
            document["debts"] = debts(try await exchange.debts(of: row, found.entries))
        } else if let row = found.relayed.first {
            document = try members(row)
            if let receipt = row.receipt { document["receipt"] = try await self.receipt(receipt) }
        } else {
            throw ServiceProblem.unknownTransfer(id)
        }
        document["story"] = .array(try await story(found.outbound, found.inbound, found.relayed))
        let from =
            found.inbound.first?.from ?? found.relayed.first?.from ?? exchange.identity.node
        document["recall"] = try await recall(of: id, from: from)
        let owed = try await exchange.letters(about: id, from: from)
        if !owed.isEmpty {
            document["letters"] = .array(owed.map { .object(members($0)) })
        }
        document["timeline"] = .array(try found.entries.map { .object(try entry($0)) })
        return .object(document)
    }

    private func members(_ letter: LetterRow) -> JSON.Object {
        var members: JSON.Object = [
            "kind": .string(letter.kind), "to": .string(letter.addressee.text),
            "until": .string(letter.until.text),
        ]
        if let hindrance = exchange.hindrance(of: letter), !hindrance.isHeld {
            members["since"] = .string(hindrance.since.text)
            members["cause"] = .string(hindrance.cause)
        }
        return members
    }

    func state(
        of id: TransferID, waitSeconds: Int, unless gone: EventLoopFuture<Void>
    ) async throws -> JSON {
        if waitSeconds > 0 {
            try await exchange.waitForEnd(of: id, seconds: waitSeconds, unless: gone)
        }
        let found = try exchange.standing(of: id)
        if let row = found.outbound { return .object(try members(row)) }
        if let row = found.inbound.first { return .object(try members(row)) }
        if let row = found.relayed.first { return .object(try members(row)) }
        throw ServiceProblem.unknownTransfer(id)
    }

    /// What the transfer's recipient has stated, in order.
    private func story(
        _ outbound: OutboundRow?, _ inbound: [InboundRow], _ relayed: [RelayedRow]
    ) async throws -> [JSON] {
        let lines: [StoryLine] =
            if let outbound {
                try await exchange.story(of: outbound)
            } else if let row = inbound.first {
                try await exchange.story(of: row)
            } else if let row = relayed.first { try await exchange.story(of: row) } else { [] }
        return lines.map { line in
            let statement = line.statement
            var members: JSON.Object = [
                "time": .string(statement.time.text), "kind": .string(statement.kind.rawValue),
                "signer": .string(statement.signer.text), "attempt": .integer(statement.attempt),
                "entry": .integer(line.entry),
            ]
            members["reason"] = statement.reason.map { .string($0) }
            if statement.kind.saysUnreached {
                members["unreached"] = .array(statement.unreached.map(\.json))
            }
            return .object(members)
        }
    }

    func destroy(
        _ id: TransferID, from: NodeID?, _ request: DestroyRequest, by caller: Caller
    ) async throws -> JSON {
        let row = try await exchange.destroy(
            id, from: from, reason: request.reason, by: caller.user)
        var document = try members(row)
        let statement = try await exchange.story(of: row).last?.statement
        document["unreached"] = .array((statement?.unreached ?? []).map(\.json))
        return .object(document)
    }

    func cancel(
        _ id: TransferID, _ request: CancelRequest, by caller: Caller
    ) async throws -> JSON {
        .object(
            try members(
                try await exchange.cancel(id, reason: request.reason, by: caller.user)))
    }

    func retry(_ id: TransferID) async throws -> JSON {
        try await exchange.retry(id)
        let found = try await exchange.rows(id)
        if let row = found.outbound { return .object(try members(row)) }
        guard let row = found.relayed.first else { throw ServiceProblem.unknownTransfer(id) }
        return .object(try members(row))
    }

    /// Nil where nothing is owed.
    private func debts(_ debts: [Debt]) -> JSON? {
        guard !debts.isEmpty else { return nil }
        return .array(
            debts.map { debt in
                var members: JSON.Object = [
                    "obligation": .string(debt.obligation), "event": .string(debt.event),
                ]
                members["starts"] = debt.starts.map { .string($0.text) }
                members["due"] = debt.due.map { .string($0.text) }
                return .object(members)
            })
    }

    func members(_ row: OutboundRow) throws -> JSON.Object {
        let state = Sender.State(rawValue: row.state)
        let request = try exchange.request(of: row).request
        var members: JSON.Object = [
            "id": .string(row.id.text), "direction": "outbound", "peer": .string(row.to.text),
            "state": .string(row.state), "ended": .bool(state?.isOutcome ?? false),
            "created": .string(row.created.text), "expires": .string(row.expires.text),
            "precedence": .string(row.precedence.rawValue), "attempt": .integer(row.attempt),
            "size_bytes": .integer(row.payloadSize), "label": request.label.json,
        ]
        if let suite = try exchange.suite(of: row) { members.merge(Self.members(suite)) { $1 } }
        if row.route.count > 2 { members["route"] = .strings(row.route.map(\.text)) }
        members["title"] = request.dataset.title.map { .string($0) }
        members["cause"] = row.cause.map { .string($0) }
        return members
    }

    func members(_ row: InboundRow) throws -> JSON.Object {
        let header = try JSON(parsing: row.header)
        var members: JSON.Object = [
            "id": .string(row.id.text), "direction": "inbound", "peer": .string(row.from.text),
            "state": .string(row.state), "received": .string(row.received.text),
            "expires": .string(row.expires.text), "size_bytes": .integer(row.payloadSize),
            "durable_bytes": .integer(row.durable),
            "envelope": .string(SHA256.digest(row.header).text),
        ]
        if let suite = header["suite"]?.integerValue.flatMap({ Suite(rawValue: $0) }) {
            members.merge(Self.members(suite)) { $1 }
        }
        if row.peer != row.from { members["route"] = header["route"] }
        members["created"] = header["created"]
        members["label"] = header["label"]
        members["precedence"] = header["precedence"]
        members["cause"] = row.cause.map { .string($0) }
        members["destroy_by"] = row.destroyBy.map { .string($0.text) }
        return members
    }

    /// All that a relay knows: what the header shows, and where it stands.
    private func members(_ row: RelayedRow) throws -> JSON.Object {
        let header = try JSON(parsing: row.header)
        let state = Relay.State(rawValue: row.state)
        var members: JSON.Object = [
            "id": .string(row.id.text), "direction": "relayed", "from": .string(row.from.text),
            "to": .string(row.to.text), "peer": .string(row.next.text),
            "state": .string(row.state), "ended": .bool(state?.isOutcome ?? false),
            "received": .string(row.received.text), "expires": .string(row.expires.text),
            "precedence": .string(row.precedence.rawValue), "attempt": .integer(row.attempt),
            "size_bytes": .integer(row.payloadSize), "durable_bytes": .integer(row.durable),
            "envelope": .string(SHA256.digest(row.header).text),
        ]
        members["route"] = header["route"]
        members["created"] = header["created"]
        members["label"] = header["label"]
        members["cause"] = row.cause.map { .string($0) }
        return members
    }

    private static func members(_ suite: Suite) -> JSON.Object {
        ["suite": .integer(suite.rawValue), "suite_name": .string(suite.name)]
    }

    private func receipt(_ bytes: [UInt8]) async throws -> JSON {
        let receipt = try Receipt(parsing: bytes)
        let statement = try JSON(
            parsing: try CMS.unverifiedContent(receipt.statement, type: .receipt))
        var members = statement.objectValue ?? [:]
        members["entry"] = .integer(receipt.entry.sequence)
        if let signer = members["signer"]?.stringValue.flatMap({ try? NodeID($0) }) {
            switch try await exchange.standing(of: receipt, signer: signer) {
            case .signed: members["standing"] = "signed"
            case .witnessed: members["standing"] = "witnessed"
            case .distrusted(let distrust):
                members["standing"] = "distrusted"
                members["distrust"] = .string(distrust.description)
            }
        }
        members["document"] = receipt.json
        return .object(members)
    }

    // MARK: Datasets

    func manifest(_ id: TransferID, from: NodeID?) async throws -> JSON {
        let manifest = try await exchange.manifest(id, from: from)
        return [
            "id": .string(id.text), "from": .string(manifest.core.from.text),
            "dataset": manifest.dataset.json, "facts": manifest.facts.json,
            "verdict": manifest.verdict,
        ]
    }

    func open(_ id: TransferID, from: NodeID?, by caller: Caller) async throws -> ByteStream {
        let opening = try await exchange.open(id, from: from, by: caller.user)
        return ByteStream(size: opening.size, next: opening.next)
    }

    func open(
        _ id: TransferID, from: NodeID?, into files: HandedFiles, by caller: Caller,
        unless gone: EventLoopFuture<Void>
    ) async throws {
        do {
            try await exchange.open(
                id, from: from, into: files, by: caller.user, unless: gone)
        } catch let unusable as PlainFiles.Unusable {
            throw Problem.badFiles(
                unusable.description, remedy: "use nothing of it; mend that, and open it again")
        }
    }

    func evidence(_ id: TransferID, from: NodeID?) async throws -> JSON {
        let files = try await exchange.evidence(of: id, from: from).files
        return ["files": .object(JSON.Object(files.mapValues { .string(Base64.encode($0)) }))]
    }

    func take(receipt document: JSON, by caller: Caller) async throws -> JSON {
        let brought = try await exchange.take(
            receipt: document.canonical, by: .user(caller.user))
        return [
            "id": .string(brought.id.text), "kind": .string(brought.kind.rawValue),
            "signer": .string(brought.signer.text), "state": .string(brought.state),
            "new": .bool(brought.isNew),
        ]
    }

    func take<Body: AsyncSequence & Sendable>(
        packageFront front: [UInt8], payload: Body, by caller: Caller
    ) async throws -> JSON where Body.Element == ByteBuffer {
        let brought = try await exchange.take(
            packageFront: front, payload: payload, by: caller.user)
        var members: JSON.Object = [
            "id": .string(brought.id.text), "from": .string(brought.from.text),
            "to": .string(brought.to.text), "state": .string(brought.state),
            "size_bytes": .integer(brought.size),
        ]
        members["next"] = brought.next.map { .string($0.text) }
        if let bytes = brought.receipt {
            members["receipt"] = try await receipt(bytes)
        }
        return .object(members)
    }

    func package(_ id: TransferID, from: NodeID?, by caller: Caller) async throws -> ByteStream {
        let opening = try await exchange.package(id, from: from, by: caller.user)
        return ByteStream(size: opening.size, next: opening.next)
    }
}
