import SelatCore
import SelatDelivery

// The sender's road, second half: release, offer, upload, keep the receipt. It performs what the
// machine says, in the same order as the exchange does.

@Simulated
final class Delivery {
    let transfer: Int
    let to: Int
    var sender: Sender
    var receipt: Receipt?
    var released: (verdict: Verdict, approvals: [Approval])?
    var pause: Int64?
    /// What was in force when the try began that is running.
    var due: Basis

    init(_ row: OutboundRow, _ due: Basis) {
        transfer = row.transfer
        to = row.to
        sender = row.sender
        self.due = due
    }
}

extension Process {
    func pursue(_ transfer: Int) {
        guard !isDead, pursued.insert(transfer).inserted else {
            // There is news for the one who pursues it.
            news.insert(transfer)
            return
        }
        world.spawn {
            repeat {
                self.news.remove(transfer)
                await self.pursueToTheEnd(transfer)
            } while self.news.contains(transfer) && !self.isDead
            self.pursued.remove(transfer)
        }
    }

    private func pursueToTheEnd(_ transfer: Int) async {
        var faults = 0
        while !isDead {
            do {
                return try await pursueFromStore(transfer)
            } catch {
                if isDead { return }
                faults += 1
                let wait = backoff(faults)
                world.judge.waits(node, transfer, failures: faults, milliseconds: wait)
                await world.sleep(wait)
            }
        }
    }

    private func pursueFromStore(_ transfer: Int) async throws {
        guard let row = node.ledger.outbound[transfer] else { return }
        let delivery = Delivery(row, Basis(self, to: row.to))
        while !delivery.sender.state.isOutcome {
            try await inLane(to: delivery.to) { try await self.tryOnce(delivery) }
            guard !delivery.sender.state.isOutcome, delivery.sender.state != .waiting else {
                return
            }
            let wait = delivery.pause ?? max(1, delivery.sender.expires - now) * 1_000
            try await rest(wait)
        }
    }

    private func tryOnce(_ delivery: Delivery) async throws {
        delivery.pause = nil
        delivery.due = Basis(self, to: delivery.to)
        if let lacks = lack(delivery) { try await drive(delivery, lacks) }
        try await drive(delivery, .due)
    }

    /// Waits outside the lane, in pieces, so that a dead process is noticed soon.
    private func rest(_ milliseconds: Int64) async throws {
        await world.sleep(milliseconds)
        try requireLife()
    }

    private func inLane(to peer: Int, _ work: () async throws -> Void) async throws {
        while lanes[peer, default: 0] >= 4, !world.hasPlanted(.lanesUnbounded) {
            try await pause(20...40)
        }
        lanes[peer, default: 0] += 1
        defer { lanes[peer, default: 1] -= 1 }
        world.judge.entered(node, lanes: lanes[peer, default: 0])
        try await work()
    }

    func backoff(_ failures: Int) -> Int64 {
        if world.hasPlanted(.retryWithoutBackoff) { return 1 }
        return Backoff.milliseconds(failures: failures, jitter: UInt8(world.draw(0...255)))
    }

    /// What keeps the head in the spool from being offered again as it is.
    private func lack(_ delivery: Delivery) -> Sender.Event? {
        let attempt = delivery.sender.attempt
        guard attempt > 0 else { return nil }
        let name = SpoolName(sender: nil, transfer: delivery.transfer, part: .head)
        guard case .head(let head)? = node.disk.content(name),
            head.attempt == attempt || world.hasPlanted(.headNotCheckedAgain)
        else { return .headLost }
        return holdsBasis(head) || world.hasPlanted(.basisNotCheckedAgain) ? nil : .basisMoved
    }

    /// Whether what a head rests on is in force here still.
    private func holdsBasis(_ head: Head) -> Bool {
        let verdict = verdict(to: head.to, head.verdict.label, node.ledger)
        return verdict.source == head.verdict.source
            && verdict.destination == head.verdict.destination
            && node.ledger.list.serial == head.listSerial
            && head.approvals.allSatisfy { $0.counts(in: node.ledger.list, at: now) }
    }

    private func drive(_ delivery: Delivery, _ first: Sender.Event) async throws {
        var event: Sender.Event? = first
        while let current = event {
            event = nil
            let before = delivery.sender
            var actions = delivery.sender.handle(current, at: now)
            if delivery.sender.state.isOutcome, actions.contains(.destroy) {
                actions = try await spoil(actions, delivery)
            }
            for action in actions {
                event = try await perform(action, delivery, from: before) ?? event
            }
        }
    }

    /// Where one of these mistakes is planted, the end comes in the wrong order.
    private func spoil(_ actions: [Sender.Action], _ delivery: Delivery) async throws
        -> [Sender.Action]
    {
        if world.hasPlanted(.keyErasedFirst) {
            try await commit { transaction in
                guard var row = transaction.outbound(delivery.transfer) else { return }
                row.hasKey = false
                transaction.save(row)
            }
        }
        return world.hasPlanted(.filesRemovedFirst) ? actions.reversed() : actions
    }

    private func perform(
        _ action: Sender.Action, _ delivery: Delivery, from before: Sender
    ) async throws -> Sender.Event? {
        world.trace(node, "\(delivery.transfer) \(action)")
        switch action {
        case .record(let kind, _):
            try await record(delivery, kind: kind, from: before)
        case .save:
            try await record(delivery, kind: nil, from: before)
        case .release(let attempt):
            return try await tried(delivery) { try await self.release(delivery, attempt: attempt) }
        case .offer:
            return try await tried(delivery) { try await self.offer(delivery) }
        case .upload(let offset):
            return try await tried(delivery) { try await self.upload(delivery, from: offset) }
        // The nodes of this world speak directly: nothing is asked of relays.
        case .sendLastPiece, .ask:
            break
        case .retry(let failures):
            let wait = backoff(failures)
            world.judge.waits(node, delivery.transfer, failures: failures, milliseconds: wait)
            delivery.pause = wait
        case .destroy:
            remove(sender: nil, delivery.transfer)
        }
        return nil
    }

    /// Refusals that another head can mend.
    private static let mendable: Set<Recipient.Refusal> = [
        .staleEdition, .staleMembership, .verdictTooOld, .approvalOwed, .approvalInvalid,
    ]

    private func tried(
        _ delivery: Delivery, _ work: () async throws -> Sender.Event
    ) async throws -> Sender.Event {
        do {
            return try await work()
        } catch Mishap.refused(let refusal) where Self.mendable.contains(refusal) {
            try requireLife()
            if refusal == .staleEdition { try await catchUp(with: delivery.to) }
            return .headStale(cause: refusal.rawValue)
        } catch Mishap.crashed, Mishap.changedMeanwhile, Mishap.diskFull {
            throw isDead ? Mishap.crashed : Mishap.changedMeanwhile
        } catch {
            try requireLife()
            return .failed(cause: "\(error)")
        }
    }

    // MARK: Recording

    private func record(_ delivery: Delivery, kind: String?, from before: Sender) async throws {
        let (sender, transfer, receipt) = (delivery.sender, delivery.transfer, delivery.receipt)
        let released = kind == Sender.releasedKind ? delivery.released : nil
        let entered = kind.map { kind in
            var entry = self.entry(kind, transfer, verdict: released?.verdict)
            entry.attempt = sender.attempt
            entry.approvals = released?.approvals ?? []
            entry.statement = receipt
            return entry
        }
        let isLate = world.hasPlanted(.entryInLaterCommit)
        let isLost = world.hasPlanted(.outcomeWithoutEntry) && sender.state.isOutcome
        try await commit { transaction in
            guard var row = transaction.outbound(transfer),
                row.isAs(before) || self.world.hasPlanted(.stateNotChecked)
            else { throw Mishap.changedMeanwhile }
            row.take(sender)
            if sender.state.isOutcome { row.hasKey = false }
            if let receipt { row.receipt = receipt }
            transaction.save(row)
            if let entered, !isLate, !isLost { transaction.append(entered) }
        }
        if let entered, isLate { try await commit { $0.append(entered) } }
        if sender.state.isOutcome { world.trace(node, "\(transfer) ended \(sender.state)") }
    }

    // MARK: Release

    private func release(_ delivery: Delivery, attempt: UInt64) async throws -> Sender.Event {
        try requireHonestClock()
        guard let row = node.ledger.outbound[delivery.transfer], row.hasKey else {
            throw Mishap.notReady("no content key")
        }
        let list = node.ledger.list
        guard list.members.isSuperset(of: [row.to, node.index]) else {
            throw Mishap.notReady("not a member")
        }
        let given = node.ledger.approvals[row.transfer, default: []]
        try await pause()
        var again = verdict(to: row.to, row.label, node.ledger)
        if world.hasPlanted(.permitNotCheckedAgain) { again = row.permitted }
        guard again.permits else { return .releaseRefused(cause: "judged again: refused") }
        guard again.hasBasis(of: row.permitted) else {
            return .releaseRefused(cause: "judged again: other duties")
        }
        let counting = given.filter { $0.counts(in: list, at: now) }
        if again.owesApproval, counting.isEmpty, !world.hasPlanted(.approvalsNotChecked) {
            return .approvalsOwed(cause: "owed")
        }
        let head = Head(
            transfer: row.transfer, from: node.index, to: row.to, attempt: attempt,
            created: row.created, expires: row.expires, signed: now, leaves: row.leaves,
            verdict: again, approvals: Array(counting.prefix(1)), listSerial: list.serial)
        world.judge.judged(node, head)
        try await writeHead(head, to: SpoolName(sender: nil, transfer: row.transfer, part: .head))
        delivery.released = (again, head.approvals)
        return .released
    }

    // MARK: Link

    /// The head as it is durable, and the payload with it where all fits into one message.
    private func offer(_ delivery: Delivery) async throws -> Sender.Event {
        try requireHonestClock()
        let transfer = delivery.transfer
        let head = try await head(SpoolName(sender: nil, transfer: transfer, part: .head))
        var payload: [UInt64]?
        if head.leaves.count <= World.inlineSegmentsMax, !delivery.sender.handedOn {
            let name = SpoolName(sender: nil, transfer: transfer, part: .payload)
            payload = try await segments(name).map { $0 ?? 0 }
            try await handOn(delivery)
        }
        world.judge.offers(node, head, due: delivery.due, payload: payload != nil)
        world.judge.left(node, head, whole: payload != nil)
        let sent = world.disturbed(head)
        let answer = try await world.call(from: self, to: delivery.to) { peer in
            try await peer.offer(sent, payload, from: sent.from)
        }
        if let receipt = answer.receipt { return try await event(of: receipt, head, delivery) }
        guard answer.state == .receiving, answer.offset <= head.size else {
            return .failed(cause: "an unexpected answer")
        }
        return .accepted(offset: answer.offset)
    }

    /// The last piece is about to leave: from now on a complete envelope may be with the recipient.
    private func handOn(_ delivery: Delivery) async throws {
        let before = delivery.sender
        if delivery.sender.handle(.lastPieceReady, at: now).contains(.save),
            !world.hasPlanted(.handedOnNotSaved)
        {
            try await record(delivery, kind: nil, from: before)
        }
    }

    private func upload(_ delivery: Delivery, from offset: UInt64) async throws -> Sender.Event {
        let transfer = delivery.transfer
        let head = try await head(SpoolName(sender: nil, transfer: transfer, part: .head))
        let name = SpoolName(sender: nil, transfer: transfer, part: .payload)
        let segments = try await segments(name)
        guard offset <= UInt64(segments.count) else { throw Mishap.missingFile }
        world.judge.offers(node, head, due: delivery.due, payload: true)
        if offset == head.size { try await handOn(delivery) }
        let answer = try await world.upload(
            from: self, to: delivery.to, InboundKey(from: node.index, transfer: transfer),
            at: offset
        ) { stream in
            for index in Int(offset)..<segments.count {
                if index == segments.count - 1 { try await self.handOn(delivery) }
                try self.requireLife()
                self.world.judge.left(self.node, head, whole: index == segments.count - 1)
                try await self.world.carry(
                    segments[index] ?? 0, on: stream, by: self, to: delivery.to)
            }
        }
        guard let receipt = answer.receipt else {
            return .failed(cause: "no receipt for the whole payload")
        }
        return try await event(of: receipt, head, delivery)
    }

    // MARK: Receipts

    private func event(
        of receipt: Receipt, _ head: Head, _ delivery: Delivery
    ) async throws -> Sender.Event {
        do {
            try verify(receipt, of: node.ledger.outbound[delivery.transfer])
        } catch {
            let entry = entry("receipt.rejected", delivery.transfer)
            try await commit { $0.append(entry) }
            throw error
        }
        delivery.receipt = receipt
        return Self.event(of: receipt)
    }

    private static func event(of receipt: Receipt) -> Sender.Event {
        receipt.kind == .delivered
            ? .deliveryProven : .refusalProven(cause: receipt.reason ?? "refused")
    }

    private func verify(_ receipt: Receipt, of row: OutboundRow?) throws {
        guard let row else { throw Mishap.untrustedReceipt("unknown transfer") }
        if receipt.signer != row.to, !world.hasPlanted(.foreignReceiptAccepted) {
            throw Mishap.untrustedReceipt("foreign signer")
        }
        guard
            receipt.from == node.index
                && (receipt.transfer == row.transfer || world.hasPlanted(.receiptOfAnotherAccepted))
                && receipt.attempt <= row.attempt
        else { throw Mishap.untrustedReceipt("about another") }
    }

    /// A receipt that comes by another way than in an answer.
    func take(_ receipt: Receipt) async throws {
        let transfer = receipt.transfer
        try verify(receipt, of: node.ledger.outbound[transfer])
        let ended = try await commit { transaction -> Bool in
            guard var row = transaction.outbound(transfer) else { return false }
            if row.state == .unconfirmed, self.world.hasPlanted(.lateReceiptIgnored) {
                return false
            }
            var sender = row.sender
            let actions = sender.handle(Self.event(of: receipt), at: self.now)
            for case .record(let kind, _) in actions {
                var entry = self.entry(kind, transfer)
                entry.statement = receipt
                transaction.append(entry)
            }
            guard !actions.isEmpty else { return false }
            row.take(sender)
            row.hasKey = false
            row.receipt = receipt
            transaction.save(row)
            return true
        }
        if ended { remove(sender: nil, transfer) }
    }
}
