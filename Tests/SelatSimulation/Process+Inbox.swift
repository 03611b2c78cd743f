import SelatCore
import SelatDelivery

// What happens to a dataset that lies in the inbox: it is opened, and destroyed.

extension Process {
    func open(_ key: InboundKey) async throws {
        guard let row = node.ledger.inbound[key], mayOpen(row) else {
            throw Mishap.notReady("not in the inbox")
        }
        guard node.ledger.list.members.contains(key.from) || world.hasPlanted(.cutNodeServed) else {
            throw Mishap.notReady("quarantined")
        }
        let isBlind = world.hasPlanted(.retentionIgnored)
        let time = isBlind ? row.destroyBy.map { min(now, $0 + -1) } ?? now : now
        var machine = machine(row)
        guard machine.handle(.open, at: self.moment(at: time)).contains(.handOut) else {
            try await end(key, .tick)
            return
        }
        let isEarly = world.hasPlanted(.openedBeforeRecord)
        if isEarly { try await handOut(row) }
        let mayBeHandedOut = try await recordOpening(key, at: time)
        bringLetters(to: key.from)
        if mayBeHandedOut, !isEarly { try await handOut(row) }
    }

    private func mayOpen(_ row: InboundRow) -> Bool {
        [.delivered, .opened].contains(row.state)
            || row.state == .recalled && world.hasPlanted(.openedThoughRecalled)
    }

    private func machine(_ row: InboundRow) -> Recipient {
        guard row.state == .recalled, world.hasPlanted(.openedThoughRecalled) else {
            return row.recipient
        }
        var row = row
        row.state = .opened
        return row.recipient
    }

    private func recordOpening(_ key: InboundKey, at time: Timestamp) async throws -> Bool {
        var late: [Receipt] = []
        let mayBeHandedOut = try await commit { transaction -> Bool in
            guard var row = transaction.inbound(key) else { return false }
            var recipient = self.machine(row)
            let actions = recipient.handle(.open, at: self.moment(at: time))
            guard actions.contains(.handOut) else { return false }
            for case .record(let kind, let stated) in actions {
                let statement = stated.map { self.statement($0, on: row) }
                let receipt = self.record(kind, statement, of: row, in: &transaction)
                if let receipt { late.append(receipt) }
            }
            row.take(recipient)
            transaction.save(row)
            return true
        }
        try await postLate(late)
        return mayBeHandedOut
    }

    /// Each chunk's tag is verified before a byte of it is handed out, and each is asked for by itself: a
    /// recall reaches also what is being read.
    private func handOut(_ row: InboundRow) async throws {
        let head = try await head(SpoolName(.inbound, row.key, .head))
        let segments = try await segments(
            SpoolName(.inbound, row.key, .payload))
        for index in head.leaves.indices {
            if index > 0 { try await pause(0...world.readingMax) }
            guard !withdrawn.contains(row.key) || world.hasPlanted(.readerNotStopped) else {
                throw Mishap.notReady("taken back just now")
            }
            let segment = index < segments.count ? segments[index] : nil
            guard segment == head.leaves[index] || world.hasPlanted(.openedUnverified) else {
                world.judge.cannotOpen(node, row.key)
                throw Mishap.refused(.payloadInvalid)
            }
            world.judge.handsOut(node, row.key, segment, index)
        }
    }

    // MARK: Statements

    /// What is stated about a dataset that lies here. The entry is known in the commit.
    func statement(
        _ kind: ReceiptKind, on row: InboundRow, _ reason: String? = nil,
        answering recall: RecallWord? = nil
    ) -> Receipt {
        let countsCopies = kind == .recalled || kind == .destroyed
        return Receipt(
            kind: kind, from: row.key.from, transfer: row.key.transfer, attempt: row.attempt,
            signer: node.index, reason: reason, entry: 0,
            openings: countsCopies ? node.ledger.openings(of: row.key) : nil, recall: recall)
    }

    /// Records a statement with its entry, and owes it to the sender.
    /// - Returns: a statement that this mistake would have posted in a later commit.
    @discardableResult
    func record(
        _ kind: String, _ statement: Receipt?, of row: InboundRow, recall: RecallWord? = nil,
        in transaction: inout Transaction
    ) -> Receipt? {
        var entry = entry(kind, row.key.transfer, sender: row.key.from)
        entry.recall = recall
        guard var statement else {
            transaction.append(entry)
            return nil
        }
        statement.entry = transaction.state.log.count
        entry.statement = statement
        transaction.append(entry)
        if world.hasPlanted(.letterInLaterCommit) { return statement }
        owe(statement, in: &transaction)
        return nil
    }

    private func owe(_ statement: Receipt, in transaction: inout Transaction) {
        transaction.post(
            .receipt(statement), about: statement.key, to: statement.from,
            until: now + Self.letterSeconds)
    }

    private func postLate(_ late: [Receipt]) async throws {
        for statement in late { try await commit { self.owe(statement, in: &$0) } }
    }

    // MARK: The end

    func destroy(_ key: InboundKey) async throws {
        guard let row = node.ledger.inbound[key],
            [.delivered, .opened, .recalled].contains(row.state)
        else { throw Mishap.notReady("not in the inbox") }
        try await end(key, .destroy, because: "operator")
    }

    /// How long a statement takes to be signed; longer where a mistake is planted that needs the time.
    private var signingMax: Int64 { world.hasPlanted(.copiesNotCountedAgain) ? 60_000 : 2 }

    private enum Ending {
        case ended
        /// The event ends nothing in the state that the transfer has.
        case unfit
        /// There is news about the transfer, of which the signed statement does not tell.
        case moved
    }

    /// Ends what is overdue, or what somebody ends: the key in the commit, then the files. An upload that
    /// runs is cut off, and whoever reads reads no more.
    func end(
        _ key: InboundKey, _ event: Recipient.Event, because reason: String = "retention"
    ) async throws {
        let hasEnded = try await uploads.alone(key) { () -> Bool in
            var ending = Ending.moved
            while case .moved = ending { ending = try await self.endOnce(key, event, reason) }
            guard case .ended = ending else { return false }
            self.remove(.inbound, key)
            return true
        }
        if hasEnded { bringLetters(to: key.from) }
    }

    private func endOnce(
        _ key: InboundKey, _ event: Recipient.Event, _ reason: String
    ) async throws -> Ending {
        guard let row = node.ledger.inbound[key] else { return .unfit }
        var machine = row.recipient
        let time = now
        let actions = machine.handle(event, at: self.moment(at: time))
        guard actions.contains(.destroy) else { return .unfit }
        let newest = node.ledger.lastEntry(of: key)
        let statement = statement(for: actions, on: row, reason)
        // It is signed, which takes a moment.
        if statement != nil { try await pause(0...signingMax) }
        return try await withdrawing(key) {
            try await self.commit { transaction -> Ending in
                guard var row = transaction.inbound(key) else { return .unfit }
                var recipient = row.recipient
                guard recipient.handle(event, at: self.moment(at: time)) == actions else {
                    return .moved
                }
                if statement != nil, transaction.lastEntry(of: key) != newest,
                    !self.world.hasPlanted(.copiesNotCountedAgain)
                {
                    return .moved
                }
                for case .record(let kind, _) in actions {
                    self.record(kind, statement, of: row, in: &transaction)
                }
                row.take(recipient)
                row.hasKey = self.world.hasPlanted(.keyKeptAfterDestruction) && statement != nil
                transaction.save(row)
                return .ended
            }
        } unless: { ending in
            if case .ended = ending { false } else { true }
        }
    }

    func statement(
        for actions: [Recipient.Action], on row: InboundRow, _ reason: String,
        answering recall: RecallWord? = nil
    ) -> Receipt? {
        for case .record(_, let kind?) in actions {
            let answers = kind == .recalled || kind == .refused
            return statement(kind, on: row, reason, answering: answers ? recall : nil)
        }
        return nil
    }

    /// Stops whoever reads a dataset before the commit that ends its reading, so that nothing leaves between
    /// the two; where that ends nothing, reading goes on.
    func withdrawing<Value>(
        _ key: InboundKey, _ work: () async throws -> Value, unless isNothing: (Value) -> Bool
    ) async throws -> Value {
        let isNew = withdrawn.insert(key).inserted
        do {
            let value = try await work()
            if isNew, isNothing(value) { withdrawn.remove(key) }
            return value
        } catch {
            if isNew { withdrawn.remove(key) }
            throw error
        }
    }
}

extension LedgerState {
    /// How often a dataset was handed out, as the log tells.
    func openings(of key: InboundKey) -> Int {
        log.count {
            $0.kind == "transfer.opened" && $0.transfer == key.transfer && $0.sender == key.from
        }
    }
}
