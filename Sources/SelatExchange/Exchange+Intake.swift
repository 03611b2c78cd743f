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

/// What has come of an upload since it was last committed how far it is durable.
struct UnsavedProgress {
    private static let bytesMax: UInt64 = 64 << 20
    /// Over a slow link those take hours.
    private static let timeMax = Duration.seconds(30)

    private let layout: SegmentLayout
    private var position: UInt64
    /// Where it stood at the last commit, and when that was.
    private var saved: UInt64
    private var since: ContinuousClock.Instant

    init(_ layout: SegmentLayout, from offset: UInt64, since: ContinuousClock.Instant) {
        self.layout = layout
        (position, saved) = (offset, offset)
        self.since = since
    }

    /// - Returns: whether it is to be committed now; then it counts anew.
    mutating func grow(by count: Int, at now: ContinuousClock.Instant) -> Bool {
        position += UInt64(count)
        guard position - saved >= Self.bytesMax || now - since >= Self.timeMax,
            // Only whole subtrees become durable.
            layout.checkedSegments(before: position) > layout.checkedSegments(before: saved)
        else { return false }
        (saved, since) = (position, now)
        return true
    }
}

extension Exchange {
    /// - Parameters:
    ///   - peer: to whom the upload belongs.
    ///   - actor: who brings the bytes: `peer`, or somebody who stands for it.
    ///   - offered: the head that was verified just now, where the payload comes with it.
    func take(
        _ upload: UploadID, _ peer: NodeID, by actor: EntryActor, offset: UInt64, length: UInt64?,
        complete: Bool, _ body: UploadBody, with offered: VerifiedHead? = nil
    ) async throws -> UploadState {
        let arrival = try await arrival(of: upload, peer)
        guard arrival.isReceiving else { return try await state(of: arrival) }
        if let length, length != arrival.size {
            throw Problem.inconsistentLength(stated: length, expected: arrival.size)
        }
        guard offset == arrival.durable else {
            throw Problem.mismatchingOffset(expected: arrival.durable, provided: offset)
        }
        try await requireSender(upload.from, by: actor)
        // A peer may bring 64 at a time, each as slowly as it likes.
        let head = try await head(of: arrival, offered).withoutManifest
        let intake = try PayloadIntake(
            of: head, into: try await payloadFile(of: arrival), resumingAt: offset)
        do {
            try await pump(
                body, into: intake, arrival,
                UnsavedProgress(head.layout, from: offset, since: .now))
            if complete { try await intake.finish() }
        } catch {
            await keepProgress(of: intake, arrival)
            throw try await refused(error, head, by: actor)
        }
        if complete {
            try await requireSender(upload.from, by: actor)
            return try await self.complete(arrival, head)
        }
        try await save(.durable(try await intake.sync()), arrival)
        return try await state(of: try await self.arrival(of: upload, peer))
    }

    /// A cut ends the connections of the node that it names; what a relay brings of such a node's comes
    /// over a connection that stays good.
    func requireSender(_ from: NodeID, by actor: EntryActor) async throws {
        guard isSender(from, at: clock.now()) else {
            throw try await refuse(
                .wrongSender, "`\(from)` sends nothing any more", head: nil, by: actor)
        }
    }

    private func head(
        of arrival: Arrival, _ offered: VerifiedHead?
    ) async throws -> VerifiedHead {
        // Another attempt may have been recorded meanwhile.
        if let offered, offered.header.json.canonical == arrival.header { return offered }
        return switch arrival {
        case .inbound(let row): try await head(of: row)
        case .relayed(let row): try await head(of: row)
        }
    }

    private func complete(_ arrival: Arrival, _ head: VerifiedHead) async throws -> UploadState {
        switch arrival {
        case .inbound(let row): try await complete(row, head)
        case .relayed(let row): try await complete(row, head)
        }
    }

    /// The payload's file, to go on where it is durable. What a crash took is begun again.
    private func payloadFile(of arrival: Arrival) async throws -> SpoolFile {
        let (path, offset) = (spool.path(of: arrival.name, .payload), arrival.durable)
        do {
            return try await spool.onDisk { () throws(FileFault) in
                try SpoolFile(resuming: path, at: offset)
            }
        } catch {
            guard [ENOENT, ENODATA].contains(error.code) else { throw ServiceProblem.disk(error) }
            logger.error("payload lost", metadata: ["id": "\(arrival.id)", "error": "\(error)"])
        }
        try await save(.payloadLost, arrival)
        do {
            try await spool.makePayload(of: arrival.name, size: arrival.size)
            // Makes the folder durable too.
            try await spool.write(
                try await part(.head, of: arrival.name), to: arrival.name, .head)
        } catch let error as FileFault {
            throw ServiceProblem.disk(error)
        }
        guard offset == 0 else { throw Problem.mismatchingOffset(expected: 0, provided: offset) }
        return try await onDisk { () throws(FileFault) in try SpoolFile(resuming: path, at: 0) }
    }

    /// Bytes that are not those of the header are entered; a link that broke is not.
    func refused(
        _ error: any Error, _ head: VerifiedHead, by actor: EntryActor
    ) async throws -> any Error {
        switch error {
        case EnvelopeError.segmentDiffers, EnvelopeError.sizeDiffers:
            try await refuse(.payloadInvalid, "\(error)", head: head, by: actor)
        default: Self.problem(of: error)
        }
    }

    private func pump(
        _ body: UploadBody, into intake: PayloadIntake, _ arrival: Arrival,
        _ unsaved: UnsavedProgress
    ) async throws {
        var unsaved = unsaved
        for try await piece in body {
            try await intake.append(piece.readableBytesView)
            FreedMemory.passed(piece.readableBytes)
            if unsaved.grow(by: piece.readableBytes, at: .now) {
                try await save(.durable(try await intake.sync()), arrival)
            }
        }
    }

    /// After a break: what is whole and checked stays, and the next upload goes on there.
    private func keepProgress(of intake: PayloadIntake, _ arrival: Arrival) async {
        do {
            try await save(.durable(try await intake.sync()), arrival)
        } catch {
            // Then the upload goes on at what was saved before.
            logger.debug(
                "progress not kept", metadata: ["id": "\(arrival.id)", "error": "\(error)"])
        }
    }

    private func save(_ progress: Arrival.Progress, _ arrival: Arrival) async throws {
        let now = clock.now()
        _ = try await store.commit { transaction in
            switch arrival {
            case .inbound(let row):
                guard var row = try transaction.inbound(row.id, from: row.from) else { return }
                var recipient = try Recipient(row)
                guard recipient.handle(progress.recipients, at: self.moment(at: now)) == [.save]
                else { return }
                row.take(recipient)
                try transaction.save(row)
            case .relayed(let row):
                guard var row = try transaction.relayed(row.id, from: row.from) else { return }
                var relay = try Relay(row)
                guard relay.handle(progress.relays, at: self.moment(at: now)) == [.save] else {
                    return
                }
                row.take(relay)
                try transaction.save(row)
            }
        }
    }

    /// This node's verdict on the import, as `transfer.received` holds it; nil once erased. It goes
    /// into the entry that the receipt shows, so that the sender can prove what both ends judged.
    private func ownVerdict(on row: InboundRow) throws -> JSON? {
        let filter = EntryFilter(
            transfer: row.id, kind: "transfer.received", newest: true)
        let received = try store.lookUp { try $0.entries(filter) }.first {
            $0.entry.actor == .node(row.from)
        }
        return try received?.details.flatMap { try JSON(parsing: $0)[Receipt.importKey] }
    }

    /// The whole payload is durable and checked: signs, records, and puts it into the inbox.
    func complete(_ row: InboundRow, _ head: VerifiedHead) async throws -> UploadState {
        await lookAtClock(past: row.expires)
        let now = clock.now()
        let statement = try sign(.delivered, head, reason: nil, at: now)
        let own = try ownVerdict(on: row)
        let after = try await store.commit { transaction -> InboundRow? in
            guard var row = try transaction.inbound(row.id, from: row.from) else { return nil }
            // The clock of the commit: it may have waited behind others.
            try self.complete(
                &row, head, statement, own, at: max(now, self.clock.now()), in: transaction)
            try transaction.save(row)
            return row
        }.value
        guard let after else { throw ServiceProblem.unknownTransfer(row.id) }
        if after.state == Recipient.State.lapsed.rawValue {
            await spool.remove(SpoolFolder.Name(inbound: row.id, from: row.from))
        }
        logArrival(of: after)
        return try await state(of: .inbound(after))
    }

    /// Enters that the whole payload is here, with what was signed of that.
    /// - Parameters:
    ///   - row: without its content key afterwards where it came too late: then nothing of it stays.
    ///   - own: this node's verdict on the import.
    /// - Throws: `Problem` where it may have come too late, by a clock that may be wrong.
    func complete(
        _ row: inout InboundRow, _ head: VerifiedHead, _ statement: [UInt8], _ own: JSON?,
        at now: Timestamp, in transaction: Transaction
    ) throws {
        var recipient = try Recipient(row)
        let actions = recipient.handle(.complete, at: self.moment(at: now))
        guard actions != [.waitForClock] else {
            try witnesses.requireEnding()
            throw ServiceProblem.changed(row.id)
        }
        if actions.contains(.destroy) { row.contentKey = nil }
        for action in actions {
            guard case .record(let kind, let signed) = action else { continue }
            var details: JSON.Object = ["envelope": .string(head.identity.text)]
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
    }

    func logArrival(of row: InboundRow) {
        logger.info(
            "transfer arrived",
            metadata: ["id": "\(row.id)", "from": "\(row.from)", "state": "\(row.state)"])
    }
}
