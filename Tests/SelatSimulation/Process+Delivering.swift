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
    /// What the last release has signed, until it is recorded.
    var released: Head?
    /// The nodes of the newest attempt, and the relays that a new one goes past.
    var choice: RouteChoice<Int>
    /// Whether the whole leaves with its offer, over a connection that is at hand.
    var isLeaving = false
    var pause: Int64?
    /// What was in force when the try began that is running.
    var due: Basis

    init(_ row: OutboundRow, _ due: Basis) {
        transfer = row.transfer
        to = row.to
        sender = row.sender
        choice = RouteChoice(to: row.to, route: row.route, isTaken: row.sender.state == .sending)
        self.due = due
    }

    /// The node to which it goes.
    var next: Int { choice.next }
}

extension Process {
    func pursue(_ transfer: Int) {
        begin(.outbound(transfer)) { try await self.pursueFromStore(transfer) }
    }

    /// Pursues what nobody else pursues, until it has ended.
    func begin(_ pursuit: Pursuit, _ work: @escaping @Simulated () async throws -> Void) {
        guard !isDead, pursued.insert(pursuit).inserted else {
            // There is news for the one who pursues it.
            news.insert(pursuit)
            return
        }
        world.spawn {
            repeat {
                self.news.remove(pursuit)
                await self.pursueToTheEnd(pursuit, work)
            } while self.news.contains(pursuit) && !self.isDead
            self.pursued.remove(pursuit)
        }
    }

    private func pursueToTheEnd(
        _ pursuit: Pursuit, _ work: @Simulated () async throws -> Void
    ) async {
        var faults = 0
        while !isDead {
            do {
                return try await work()
            } catch {
                if isDead { return }
                faults += 1
                let wait = backoff(faults)
                world.judge.waits(node, pursuit.transfer, failures: faults, milliseconds: wait)
                await world.sleep(wait)
            }
        }
    }

    private func pursueFromStore(_ transfer: Int) async throws {
        guard let row = node.ledger.outbound[transfer] else { return }
        let delivery = Delivery(row, Basis(self))
        var begun = releasedAtOnce.removeValue(forKey: transfer)
        if let begun {
            (delivery.sender, delivery.due) = (begun.sender, begun.due)
            delivery.isLeaving = begun.isLeaving
        }
        guard !delivery.sender.state.isOutcome else {
            // It ended by another's hand while a head was written here, which nobody names.
            return remove(.outbound, row.key)
        }
        while !delivery.sender.state.isOutcome {
            if begun.take() != nil {
                // It has its turn already; its head was signed a moment ago.
                defer { lanes[delivery.next, default: 1] -= 1 }
                try await drive(delivery, .due)
            } else {
                try await inLane(to: delivery.next) { try await self.tryOnce(delivery) }
            }
            delivery.isLeaving = false
            guard !delivery.sender.state.isOutcome, delivery.sender.state != .waiting else {
                return
            }
            let wait = delivery.pause ?? max(1, delivery.sender.expires - now) * 1_000
            try await rest(wait)
        }
    }

    private func tryOnce(_ delivery: Delivery) async throws {
        delivery.pause = nil
        delivery.due = Basis(self)
        if isRecalled(delivery.transfer, node.ledger) {
            _ = delivery.sender.handle(.recalled, at: moment)
        }
        if node.ledger.isArrivalStated(of: own(delivery.transfer), by: delivery.to),
            !world.hasPlanted(.arrivalNotTold)
        {
            try await drive(delivery, .arrivalProven)
            guard !delivery.sender.state.isOutcome else { return }
        }
        if let lacks = lack(delivery) { try await drive(delivery, lacks) }
        try await drive(delivery, .due)
    }

    /// Whether an own officer has taken it back.
    private func isRecalled(_ transfer: Int, _ state: LedgerState) -> Bool {
        state.recalls[own(transfer)] != nil && !world.hasPlanted(.recalledSentAgain)
    }

    /// Waits outside the lane, in pieces, so that a dead process is noticed soon.
    func rest(_ milliseconds: Int64) async throws {
        await world.sleep(milliseconds)
        try requireLife()
    }

    func inLane(to peer: Int, _ work: () async throws -> Void) async throws {
        while lanes[peer, default: 0] >= 4, !world.hasPlanted(.lanesUnbounded) {
            try await pause(20...40)
        }
        lanes[peer, default: 0] += 1
        defer { lanes[peer, default: 1] -= 1 }
        world.judge.entered(node, lanes: lanes[peer, default: 0])
        try await work()
    }

    func backoff(_ failures: Int) -> Int64 {
        // Until it is found: a relay that never has room would be asked millions of times.
        if world.hasPlanted(.retryWithoutBackoff), world.judge.violation == nil { return 1 }
        return Backoff.milliseconds(failures: failures, jitter: UInt8(world.draw(0...255)))
    }

    /// What keeps the head that lies here from being offered again as it is.
    private func lack(_ delivery: Delivery) -> Sender.Event? {
        let attempt = delivery.sender.attempt
        guard attempt > 0 else { return nil }
        let name = SpoolName(.outbound, own(delivery.transfer), .head)
        guard case .head(let head)? = node.content(name),
            head.attempt == attempt || world.hasPlanted(.headNotCheckedAgain)
        else { return .headLost }
        return holdsBasis(head) || world.hasPlanted(.basisNotCheckedAgain) ? nil : .basisMoved
    }

    /// Whether what a head rests on is in force here still.
    func holdsBasis(_ head: Head) -> Bool {
        let verdict = verdict(over: head.route, head.verdict.label, node.ledger)
        return verdict.source == head.verdict.source
            && verdict.destination == head.verdict.destination
            && verdict.transit == head.verdict.transit
            && node.ledger.list.serial == head.listSerial
            && head.approvals.allSatisfy { $0.counts(in: node.ledger.list, at: now) }
    }

    private func drive(_ delivery: Delivery, _ first: Sender.Event) async throws {
        var event: Sender.Event? = first
        while let current = event {
            event = nil
            let before = delivery.sender
            var actions = delivery.sender.handle(current, at: moment)
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
            return try await released(delivery, attempt: attempt)
        case .offer:
            return try await heard(delivery) { passage in
                let isInline = delivery.isLeaving || !delivery.sender.handedOn
                delivery.isLeaving = false
                return try await self.offer(passage, isInline: isInline) {
                    try await self.handOn(delivery)
                }
            }
        case .upload(let offset):
            return try await heard(delivery) { passage in
                try await self.upload(passage, from: offset) { try await self.handOn(delivery) }
            }
        case .ask: return try await heard(delivery) { try await self.ask($0) }
        case .sendLastPiece:
            break
        case .retry(let failures):
            let wait = backoff(failures)
            world.judge.waits(node, delivery.transfer, failures: failures, milliseconds: wait)
            delivery.pause = wait
        case .waitForClock:
            delivery.pause = Self.doubtPause
        case .destroy:
            remove(.outbound, own(delivery.transfer))
        }
        return nil
    }

    private func heard(
        _ delivery: Delivery, _ work: (Passage) async throws -> News
    ) async throws -> Sender.Event {
        let passage = Passage(
            key: own(delivery.transfer), role: .outbound, recipient: delivery.to,
            next: delivery.next, attempt: delivery.sender.attempt, due: delivery.due)
        let news = try await tried(passage) { try await work(passage) }
        if let receipt = news.receipt { delivery.receipt = receipt }
        let (reply, sender) = (news.reply, delivery.sender)
        if !world.hasPlanted(.vainRelayAskedForEver) { delivery.choice.weigh(reply, sender) }
        var isAnother = false
        if delivery.choice.looksElsewhere(after: reply, sender),
            let row = node.ledger.outbound[delivery.transfer]
        {
            isAnother = try delivery.choice.isAnotherOpen(of: ways(of: row))
        }
        return delivery.choice.event(of: reply, sender, isAnother: isAnother)
    }

    /// The last piece is about to leave: from now on a complete envelope may be with the next node.
    private func handOn(_ delivery: Delivery) async throws {
        let before = delivery.sender
        if delivery.sender.handle(.lastPieceReady, at: moment).contains(.save),
            !world.hasPlanted(.handedOnNotSaved)
        {
            try await record(delivery, kind: nil, from: before)
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
            // The machine was not told of it yet.
            if sender.state == .unconfirmed,
                transaction.state.isArrivalStated(of: row.key, by: row.to),
                !self.world.hasPlanted(.arrivalNotTold)
            {
                throw Mishap.changedMeanwhile
            }
            if let released {
                guard !self.isRecalled(transfer, transaction.state) else {
                    throw Mishap.changedMeanwhile
                }
                let basis = Basis(self, transaction.state)
                guard basis.covers(released) || self.world.hasPlanted(.basisNotCommitted) else {
                    throw Mishap.changedMeanwhile
                }
                self.world.judge.released(released, under: basis, transaction.state)
            }
            row.take(sender)
            if sender.state.isOutcome { row.hasKey = false }
            if let receipt { row.receipt = receipt }
            if let released {
                row.route = released.route
                row.firstHops.removeAll { $0 == released.route[1] }
                row.firstHops.append(released.route[1])
                if released.isSmall {
                    transaction.keep(.head(released), as: SpoolName(.outbound, row.key, .head))
                }
            }
            transaction.save(row)
            if let entered, !isLate, !isLost { transaction.append(entered) }
        }
        if let released { delivery.choice.route = released.route }
        if let entered, isLate { try await commit { $0.append(entered) } }
        if sender.state.isOutcome { world.trace(node, "\(transfer) ended \(sender.state)") }
    }

    // MARK: Release

    /// Makes the verdict again and signs the head of this attempt, over the first way that is open and
    /// lawful.
    private func released(_ delivery: Delivery, attempt: UInt64) async throws -> Sender.Event {
        do {
            try requireHonestClock()
            guard let row = node.ledger.outbound[delivery.transfer], row.hasKey else {
                throw Mishap.notReady("no content key")
            }
            guard node.ledger.list.members.isSuperset(of: [row.to, node.index]) else {
                throw Mishap.notReady("not a member")
            }
            var refusal: Sender.Event?
            for route in try delivery.choice.routesToJudge(of: ways(of: row)) {
                let event = try await release(delivery, row, over: route, attempt: attempt)
                if event.isRelease { return event }
                refusal = refusal ?? event
            }
            return refusal ?? .blocked(cause: "no way leads there", isAnother: false)
        } catch Mishap.crashed, Mishap.changedMeanwhile, Mishap.diskFull {
            throw isDead ? Mishap.crashed : Mishap.changedMeanwhile
        } catch {
            try requireLife()
            return .failed(cause: "\(error)")
        }
    }

    private func release(
        _ delivery: Delivery, _ row: OutboundRow, over route: [Int], attempt: UInt64
    ) async throws -> Sender.Event {
        let list = node.ledger.list
        let given = node.ledger.approvals[row.transfer, default: []]
        try await pause()
        var again = verdict(over: route, row.label, node.ledger)
        if world.hasPlanted(.permitNotCheckedAgain) { again = row.permitted }
        // Far from its commit, so that few seeds are needed to find it.
        if world.hasPlanted(.basisNotCommitted) { try await pause(1...60_000) }
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
            verdict: again, approvals: Array(counting.prefix(1)), listSerial: list.serial,
            route: route)
        // That of a small transfer is kept in the commit of the release.
        if !head.isSmall {
            try await writeHead(head, to: SpoolName(.outbound, row.key, .head))
        }
        delivery.released = head
        delivery.isLeaving =
            head.isSmall && !delivery.sender.handedOn && world.happens(world.weather.sentAtOnce)
        return delivery.isLeaving ? .releasedAtOnce : .released
    }
}
