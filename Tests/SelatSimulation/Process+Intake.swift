import SelatCore
import SelatDelivery

// The payload's way into the spool, and into the inbox.

extension Process {
    func append(_ key: InboundKey, at offset: UInt64, _ stream: PieceStream) async throws -> Answer
    {
        streams.append(stream)
        defer { streams.removeAll { $0 === stream } }
        return try await uploads.alone(key, cutting: stream) {
            try await self.take(key, at: offset, stream)
        }
    }

    private func take(_ key: InboundKey, at offset: UInt64, _ stream: PieceStream) async throws
        -> Answer
    {
        try requireHonestClock()
        if let row = node.ledger.relayed[key] { return try await take(row, at: offset, stream) }
        guard let row = node.ledger.inbound[key] else { throw Mishap.notReady("unknown upload") }
        guard row.state == .receiving else { return answer(row) }
        guard offset == row.durable else { throw Mishap.offsetDiffers(row.durable) }
        try requireSender(key)
        let head = try await head(SpoolName(.inbound, key, .head))
        try await fill(.inbound, key, row.durable, head, stream)
        try requireSender(key)
        return try await complete(row, head)
    }

    private func take(
        _ row: RelayedRow, at offset: UInt64, _ stream: PieceStream
    ) async throws -> Answer {
        guard row.state == .receiving else { return answer(row) }
        guard offset == row.durable else { throw Mishap.offsetDiffers(row.durable) }
        try requireSender(row.key)
        let head = try await head(SpoolName(.relayed, row.key, .head))
        try await fill(.relayed, row.key, row.durable, head, stream)
        try requireSender(row.key)
        return try await complete(row, head)
    }

    /// A relay's link stays good when the sender is cut off.
    private func requireSender(_ key: InboundKey) throws {
        guard node.ledger.list.members.contains(key.from) else {
            throw Mishap.refused(.wrongSender)
        }
    }

    /// Takes in what comes, to the payload's end, and makes it durable.
    private func fill(
        _ role: SpoolName.Role, _ key: InboundKey, _ durable: UInt64, _ head: Head,
        _ stream: PieceStream
    ) async throws {
        let intake = try await intake(SpoolName(role, key, .payload), durable, head)
        do {
            try await pump(stream, into: intake)
        } catch {
            // After a break what is whole and checked stays.
            try requireLife()
            _ = try? await progress(intake)
            throw error
        }
        try await sync(intake.name, unless: .offsetAheadOfDisk)
    }

    func answer(_ row: InboundRow) -> Answer {
        Answer(state: row.state.rawValue, offset: row.durable, receipt: row.statement)
    }

    /// An upload while it runs.
    @Simulated
    final class Intake {
        let key: InboundKey
        let name: SpoolName
        let leaves: [UInt64]
        var segments: [UInt64?]
        var position: Int

        init(_ name: SpoolName, _ durable: UInt64, _ head: Head, _ segments: [UInt64?]) {
            key = head.key
            self.name = name
            leaves = head.leaves
            self.segments = segments
            position = Int(durable)
        }
    }

    /// Goes on where the payload is durable. What a disk lost is begun again.
    private func intake(
        _ name: SpoolName, _ durable: UInt64, _ head: Head
    ) async throws -> Intake {
        do {
            return Intake(name, durable, head, try await segments(name))
        } catch Mishap.missingFile {
            try await lose(name)
            let empty = [UInt64?](repeating: nil, count: head.leaves.count)
            try await write(.segments(empty), to: name)
            try await sync(name)
            try await syncFolder()
            guard durable == 0 else { throw Mishap.offsetDiffers(0) }
            return Intake(name, 0, head, empty)
        }
    }

    private func pump(_ stream: PieceStream, into intake: Intake) async throws {
        while true {
            switch await stream.next() {
            case .piece(let piece):
                try requireLife()
                guard intake.position < intake.leaves.count,
                    piece == intake.leaves[intake.position] || world.hasPlanted(.leafNotChecked)
                else { throw Mishap.refused(.payloadInvalid) }
                var segments = intake.segments
                segments[intake.position] = piece
                try await write(.segments(segments), to: intake.name)
                intake.segments = segments
                intake.position += 1
                if world.happens(300) { try await progress(intake) }
            case .end:
                guard intake.position == intake.leaves.count else {
                    throw Mishap.refused(.payloadInvalid)
                }
                return
            case .broken:
                throw Mishap.linkBroken
            }
        }
    }

    /// Syncs, and only then commits how far the payload is durable.
    private func progress(_ intake: Intake) async throws {
        let position = UInt64(intake.position)
        try await sync(intake.name, unless: .offsetAheadOfDisk)
        switch intake.name.role {
        case .relayed: try await saveRelayed(.durable(position), intake.key)
        case .inbound, .outbound: try await save(.durable(position), intake.key)
        }
    }

    private func lose(_ name: SpoolName) async throws {
        switch name.role {
        case .relayed: try await saveRelayed(.payloadLost, name.key)
        case .inbound, .outbound: try await save(.payloadLost, name.key)
        }
    }

    private func save(_ event: Recipient.Event, _ key: InboundKey) async throws {
        try await commit { transaction in
            guard var row = transaction.inbound(key) else { return }
            var recipient = row.recipient
            guard recipient.handle(event, at: self.moment) == [.save] else { return }
            row.take(recipient)
            transaction.save(row)
        }
    }

    private func saveRelayed(_ event: Relay.Event, _ key: InboundKey) async throws {
        try await commit { transaction in
            guard var row = transaction.relayed(key) else { return }
            var relay = row.relay
            guard relay.handle(event, at: self.moment) == [.save] else { return }
            row.take(relay)
            transaction.save(row)
        }
    }

    /// Whole, durable and checked: states it, records it, and puts it into the inbox, in one commit.
    private func complete(_ row: InboundRow, _ head: Head) async throws -> Answer {
        let key = row.key
        let statement = arrived(head)
        if world.hasPlanted(.receiptBeforeCommit), world.happens(500) {
            return Answer(
                state: Recipient.State.delivered.rawValue, offset: head.size, receipt: statement)
        }
        let after = try await commit { transaction -> InboundRow in
            guard var row = transaction.inbound(key) else { throw Mishap.changedMeanwhile }
            try self.complete(&row, statement, in: &transaction)
            transaction.save(row)
            return row
        }
        if after.state == .lapsed { remove(.inbound, key) }
        return answer(after)
    }

    /// That a dataset is here. The entry is known in the commit.
    func arrived(_ head: Head) -> Receipt {
        Receipt(
            kind: .delivered, from: head.from, transfer: head.transfer, attempt: head.attempt,
            signer: node.index, reason: nil, entry: node.ledger.log.count)
    }

    /// Enters that the whole payload is here, with what was signed of that.
    /// - Parameter row: without its content key afterwards where it came too late: then nothing of it stays.
    func complete(
        _ row: inout InboundRow, _ statement: Receipt, in transaction: inout Transaction
    ) throws {
        let isBlind = world.hasPlanted(.expiredAccepted)
        let time = isBlind ? min(now, row.expires + -1) : now
        var recipient = row.recipient
        let actions = recipient.handle(.complete, at: self.moment(at: time))
        guard actions != [.waitForClock] else { throw Mishap.notReady("clock") }
        if actions.contains(.destroy) { row.hasKey = false }
        for case .record(let kind, let signed) in actions {
            var entry = entry(kind, row.key.transfer, sender: row.key.from)
            if signed != nil {
                var statement = statement
                statement.entry = transaction.state.log.count
                row.statement = statement
                entry.statement = statement
            }
            transaction.append(entry)
        }
        row.take(recipient)
    }
}
