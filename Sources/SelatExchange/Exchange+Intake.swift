import Glibc
import Logging
import NIOCore
import SelatAudit
import SelatCore
import SelatCrypto
import SelatDelivery
import SelatEnvelope
import SelatEvidence
import SelatHTTP
import SelatStore
import SelatTransport

// The payload's way into the spool: checked as it comes, resumed where it is durable.

extension Exchange {
    /// Bytes between two commits of how far the payload is durable.
    static let progressBytes: UInt64 = 64 << 20

    func take(
        _ upload: UploadID, _ peer: NodeID, offset: UInt64, length: UInt64?, complete: Bool,
        _ body: UploadBody
    ) async throws -> UploadState {
        let row = try await row(of: upload, peer)
        guard row.state == Recipient.State.receiving.rawValue else {
            return try await state(of: row)
        }
        if let length, length != row.payloadSize {
            throw Problem.inconsistentLength(stated: length, expected: row.payloadSize)
        }
        guard offset == row.durable else {
            throw Problem.mismatchingOffset(expected: row.durable, provided: offset)
        }
        let head = try await head(of: row)
        let intake = try PayloadIntake(
            of: head, into: try await payloadFile(of: row), resumingAt: offset)
        do {
            try await pump(body, into: intake, row)
            if complete { try await intake.finish() }
        } catch {
            await keepProgress(of: intake, row)
            throw try await refused(error, head, peer)
        }
        if complete { return try await self.complete(row, head) }
        try await save(durable: try await intake.sync(), row)
        return try await state(of: try await self.row(of: upload, peer))
    }

    /// The payload's file, to go on where it is durable. What a crash took is begun again.
    func payloadFile(of row: InboundRow) async throws -> SpoolFile {
        let name = SpoolFolder.Name(inbound: row.id, from: row.from)
        let (path, offset) = (spool.path(of: name, .payload), row.durable)
        do {
            return try await spool.onDisk { () throws(FileFault) in
                try SpoolFile(resuming: path, at: offset)
            }
        } catch {
            guard [ENOENT, ENODATA].contains(error.code) else { throw ServiceProblem.disk(error) }
            logger.error("payload lost", metadata: ["id": "\(row.id)", "error": "\(error)"])
        }
        try await save(.payloadLost, row)
        do {
            try await spool.makePayload(of: name, size: row.payloadSize)
            // Makes the folder durable too.
            try await spool.write(try await spool.read(name, .head), to: name, .head)
        } catch {
            throw ServiceProblem.disk(error)
        }
        guard offset == 0 else { throw Problem.mismatchingOffset(expected: 0, provided: offset) }
        return try await onDisk { () throws(FileFault) in try SpoolFile(resuming: path, at: 0) }
    }

    /// Bytes that are not those of the header are entered; a link that broke is not.
    func refused(
        _ error: any Error, _ head: VerifiedHead, _ peer: NodeID
    ) async throws -> any Error {
        switch error {
        case EnvelopeError.segmentDiffers, EnvelopeError.sizeDiffers:
            try await refuse(.payloadInvalid, "\(error)", head: head, peer: peer)
        default: Self.problem(of: error)
        }
    }

    func pump(
        _ body: UploadBody, into intake: PayloadIntake, _ row: InboundRow
    ) async throws {
        var unsaved: UInt64 = 0
        for try await piece in body {
            try await intake.append(piece.readableBytesView)
            unsaved += UInt64(piece.readableBytes)
            if unsaved >= Self.progressBytes {
                try await save(durable: try await intake.sync(), row)
                unsaved = 0
            }
        }
    }

    /// After a break: what is whole and checked stays, and the next upload goes on there.
    func keepProgress(of intake: PayloadIntake, _ row: InboundRow) async {
        do {
            try await save(durable: try await intake.sync(), row)
        } catch {
            // Then the upload goes on at what was saved before.
            logger.debug("progress not kept", metadata: ["id": "\(row.id)", "error": "\(error)"])
        }
    }

    func save(durable: UInt64, _ row: InboundRow) async throws {
        try await save(.durable(durable), row)
    }

    func save(_ event: Recipient.Event, _ row: InboundRow) async throws {
        let now = clock.now()
        _ = try await store.commit { transaction in
            guard var row = try transaction.inbound(row.id, from: row.from) else { return }
            var recipient = try Recipient(row)
            guard recipient.handle(event, at: now) == [.save] else { return }
            row.durable = recipient.durable
            try transaction.save(row)
        }
    }

    /// This node's verdict on the import, as `transfer.received` holds it; nil once erased. It goes
    /// into the entry that the receipt shows, so that the sender can prove what both ends judged.
    private func ownVerdict(on row: InboundRow) async throws -> JSON? {
        let filter = EntryFilter(transfer: row.id, kind: "transfer.received")
        let received = try await store.entries(filter).first { $0.entry.actor == .node(row.from) }
        return try received?.details.flatMap { try JSON(parsing: $0)[Receipt.importKey] }
    }

    /// The whole payload is durable and checked: signs, records, and puts it into the inbox.
    func complete(_ row: InboundRow, _ head: VerifiedHead) async throws -> UploadState {
        let now = clock.now()
        let statement = try sign(.delivered, head, reason: nil, at: now)
        let own = try await ownVerdict(on: row)
        let after = try await store.commit { transaction -> InboundRow? in
            guard var row = try transaction.inbound(row.id, from: row.from) else { return nil }
            var recipient = try Recipient(row)
            // The clock of the commit: it may have waited behind others.
            let actions = recipient.handle(.complete, at: max(now, self.clock.now()))
            // It came too late: nothing of it stays.
            if actions.contains(.destroy) { row.contentKey = nil }
            for action in actions {
                guard case .record(let kind, let signed) = action else { continue }
                var details: [String: JSON] = ["envelope": .string(head.identity.text)]
                if signed != nil {
                    details[Receipt.statementKey] = .string(SHA256.digest(statement).text)
                    details[Receipt.importKey] = own
                    row.statement = statement
                }
                let sequence = try transaction.append(
                    EntryDraft(
                        kind: try EntryKind(kind), transfer: row.id, actor: .node(row.from),
                        details: .object(details)))
                if signed != nil { row.statementEntry = sequence }
            }
            row.take(recipient)
            try transaction.save(row)
            return row
        }.value
        guard let after else { throw ServiceProblem.unknownTransfer(row.id) }
        if after.state == Recipient.State.lapsed.rawValue {
            await spool.remove(SpoolFolder.Name(inbound: row.id, from: row.from))
        }
        logger.info(
            "transfer arrived",
            metadata: ["id": "\(row.id)", "from": "\(row.from)", "state": "\(after.state)"])
        return try await state(of: after)
    }
}
