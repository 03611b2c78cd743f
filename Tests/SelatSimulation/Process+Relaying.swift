import SelatCore
import SelatDelivery

// The relay's road: judge whether an envelope may pass, store, state that, pass it on, and ask for the
// recipient's receipt.

@Simulated
final class Forwarding {
    let row: RelayedRow
    var relay: Relay
    var receipt: Receipt?
    var pause: Int64?

    init(_ row: RelayedRow) {
        self.row = row
        relay = row.relay
    }

    var passage: Passage {
        Passage(
            key: row.key, role: .relayed, recipient: row.to, next: row.next,
            attempt: relay.attempt, due: nil)
    }
}

extension Process {
    func offer(
        _ head: Head, _ payload: [UInt64]?, through hop: (previous: Int, next: Int), from peer: Int
    ) async throws -> Answer {
        let known = node.ledger.relayed[head.key]
        let answer = Relay.answer(
            to: described(head), attempt: head.attempt, peer: world.nodes[peer].id, at: place,
            known: known?.relay, now: now)
        switch answer {
        case .refuse(let refusal): throw await refused(refusal, head)
        case .standing: return try await standing(head.key, from: peer)
        case .resume(let offset): return try await taken(head.key, offset: offset, payload)
        case .consider, .renew:
            try await uploads.alone(head.key) {
                try await self.pass(head, self.whole(payload, of: head), through: hop)
            }
            guard let row = node.ledger.relayed[head.key], row.state == .receiving else {
                return try await standing(head.key, from: peer)
            }
            return try await taken(head.key, offset: row.durable, payload)
        }
    }

    /// Where a transfer stands here.
    func standing(_ key: InboundKey, from peer: Int) async throws -> Answer {
        try await greet(peer)
        if let row = node.ledger.relayed[key] { return answer(row) }
        guard let row = node.ledger.inbound[key] else { throw Mishap.notReady("unknown upload") }
        return answer(row)
    }

    func answer(_ row: RelayedRow) -> Answer {
        Answer(
            state: row.state.rawValue, offset: row.durable, receipt: row.receipt ?? row.statement,
            cause: row.cause)
    }

    /// - Parameter payload: what came with a small envelope, checked.
    private func pass(
        _ head: Head, _ payload: [UInt64]?, through hop: (previous: Int, next: Int)
    ) async throws {
        try await judgeTransit(head, through: hop)
        let name = SpoolName(.relayed, head.key, .head)
        if let known = node.ledger.relayed[head.key], !isNew(known, head) {
            guard head.attempt > known.attempt else { return }
            // That of a small transfer is kept in the commit.
            if !head.isSmall { try await writeHead(head, to: name) }
            if try await !renew(head, through: hop) { remove(.relayed, head.key) }
            return
        }
        guard node.hasRoom else { throw await refused(.relayFull, head) }
        let new = new(head, through: hop)
        if let payload { return try await record(new, head, payload) }
        remove(.relayed, head.key)
        do {
            let payload = SpoolName(.relayed, head.key, .payload)
            try await write(
                .segments([UInt64?](repeating: nil, count: head.leaves.count)), to: payload)
            try await sync(payload)
            try await writeHead(head, to: name)
            try await commit { transaction in
                try self.enter(new, head, in: &transaction)
                transaction.save(new)
            }
        } catch {
            remove(.relayed, head.key)
            throw error
        }
    }

    /// Records in one commit that a small package may pass, and that it is here.
    private func record(_ new: RelayedRow, _ head: Head, _ payload: [UInt64]) async throws {
        let isOpen = try await commit { transaction -> Bool in
            try self.enter(new, head, in: &transaction)
            var row = new
            self.complete(&row, head, in: &transaction)
            let isOpen = !row.state.isOutcome
            if isOpen { self.keep(payload, head, as: .relayed, in: &transaction) }
            transaction.save(row)
            return isOpen
        }
        if isOpen { forward(head.key) }
    }

    /// A transfer that may pass, before it is recorded.
    private func new(_ head: Head, through hop: (previous: Int, next: Int)) -> RelayedRow {
        RelayedRow(
            key: head.key, to: head.to, previous: hop.previous, next: hop.next,
            expires: head.expires, size: head.size, fixedParts: head.fixedParts, state: .receiving,
            attempt: head.attempt)
    }

    /// Enters a transfer that may pass, where nobody was faster.
    private func enter(
        _ new: RelayedRow, _ head: Head, in transaction: inout Transaction
    ) throws {
        guard isNew(transaction.relayed(new.key), head) else { throw Mishap.changedMeanwhile }
        transaction.append(
            entry("relay.received", head.transfer, sender: head.from, verdict: head.verdict))
    }

    /// Whether what may be known of a transfer hinders nobody from offering this attempt as a new one.
    private func isNew(_ known: RelayedRow?, _ head: Head) -> Bool {
        known?.relay.isOpenAnew(to: head.attempt, at: now) ?? true
    }

    /// By the own policies, and from what the header shows.
    private func judgeTransit(_ head: Head, through hop: (previous: Int, next: Int)) async throws {
        try await pause()
        guard head.listSerial == node.ledger.list.serial else {
            throw await refused(.staleMembership, head)
        }
        guard world.areLinked(hop.previous, node.index), world.areLinked(node.index, hop.next)
        else {
            throw await refused(.routeInvalid, head)
        }
        if world.hasPlanted(.transitNotJudged) { return }
        let own = newest(node.index, node.ledger, at: now)
        guard head.verdict.transit[node.index] == own else {
            throw await refused(.staleEdition, head)
        }
        guard own.transits(head.verdict.label) else { throw await refused(.transitRefused, head) }
    }

    private func renew(_ head: Head, through hop: (previous: Int, next: Int)) async throws -> Bool {
        let isOpen = try await commit { transaction -> Bool in
            guard var row = transaction.relayed(head.key), !row.state.isOutcome else {
                return false
            }
            var relay = row.relay
            for case .record(let kind, _) in relay.handle(
                .renewed(attempt: head.attempt), at: self.moment)
            {
                transaction.append(
                    self.entry(kind, head.transfer, sender: head.from, verdict: head.verdict))
            }
            row.take(relay)
            (row.previous, row.next) = (hop.previous, hop.next)
            if head.isSmall {
                transaction.keep(.head(head), as: SpoolName(.relayed, head.key, .head))
            }
            transaction.save(row)
            return true
        }
        if isOpen { forward(head.key) }
        return isOpen
    }

    /// The whole payload is durable and checked: states that, and passes it on.
    func complete(_ row: RelayedRow, _ head: Head) async throws -> Answer {
        let key = row.key
        let after = try await commit { transaction -> RelayedRow in
            guard var row = transaction.relayed(key) else { throw Mishap.changedMeanwhile }
            self.complete(&row, head, in: &transaction)
            transaction.save(row)
            return row
        }
        if after.state.isOutcome { remove(.relayed, key) } else { forward(key) }
        return answer(after)
    }

    /// Enters that the whole payload is here, with what is signed of that.
    private func complete(
        _ row: inout RelayedRow, _ head: Head, in transaction: inout Transaction
    ) {
        let key = row.key
        var relay = row.relay
        for case .record(let kind, let isStated) in relay.handle(.complete, at: moment) {
            var entry = entry(kind, key.transfer, sender: key.from)
            if isStated {
                let statement = Receipt(
                    kind: .relayed, from: key.from, transfer: key.transfer,
                    attempt: head.attempt, signer: node.index, reason: nil,
                    entry: transaction.state.log.count)
                row.statement = statement
                entry.statement = statement
            }
            transaction.append(entry)
        }
        row.take(relay)
    }

    // MARK: Forward

    func forward(_ key: InboundKey) {
        begin(.relayed(key)) { try await self.forwardFromStore(key) }
    }

    private func forwardFromStore(_ key: InboundKey) async throws {
        guard let row = node.ledger.relayed[key] else { return }
        let forwarding = Forwarding(row)
        while [.holding, .forwarded].contains(forwarding.relay.state) {
            forwarding.pause = nil
            try await inLane(to: row.next) { try await self.drive(forwarding, .due) }
            guard let pause = forwarding.pause else {
                if forwarding.relay.state.isOutcome { return }
                continue
            }
            try await rest(pause)
            // A newer attempt, another way.
            if news.remove(.relayed(key)) != nil { return try await forwardFromStore(key) }
        }
    }

    private func drive(_ forwarding: Forwarding, _ first: Relay.Event) async throws {
        var event: Relay.Event? = first
        while let current = event {
            event = nil
            let before = forwarding.relay
            for action in forwarding.relay.handle(current, at: moment) {
                event = try await perform(action, forwarding, from: before) ?? event
            }
        }
    }

    private func perform(
        _ action: Relay.Action, _ forwarding: Forwarding, from before: Relay
    ) async throws -> Relay.Event? {
        let transfer = forwarding.row.key.transfer
        world.trace(node, "\(transfer) via \(action)")
        switch action {
        case .record(let kind, _): try await record(forwarding, kind: kind, from: before)
        case .save: try await record(forwarding, kind: nil, from: before)
        case .offer:
            return try await heard(forwarding) { passage in
                try await self.offer(passage, isInline: !forwarding.relay.handedOn) {
                    try await self.handOn(forwarding)
                }
            }
        case .upload(let offset):
            return try await heard(forwarding) { passage in
                try await self.upload(passage, from: offset) { try await self.handOn(forwarding) }
            }
        case .ask: return try await heard(forwarding) { try await self.ask($0) }
        case .sendLastPiece: break
        case .retry(let failures):
            let wait = backoff(failures)
            world.judge.waits(node, transfer, failures: failures, milliseconds: wait)
            forwarding.pause = wait
        case .waitForClock: forwarding.pause = Self.doubtPause
        case .destroy:
            try await removeEnded(forwarding.row.key)
        }
        return nil
    }

    private func heard(
        _ forwarding: Forwarding, _ work: (Passage) async throws -> News
    ) async throws -> Relay.Event {
        let passage = forwarding.passage
        switch try await tried(passage, { try await work(passage) }) {
        case .accepted(let offset): return .accepted(offset: offset)
        case .relayProven: return .relayProven
        case .deliveryProven(let receipt):
            forwarding.receipt = receipt
            return .deliveryProven
        case .refusalProven(let cause, let receipt):
            forwarding.receipt = receipt
            return .refusalProven(cause: cause)
        case .held: return .held
        case .headStale(let cause): return .headStale(cause: cause)
        case .blocked(let cause, _), .failed(let cause, _): return .failed(cause: cause)
        }
    }

    private func handOn(_ forwarding: Forwarding) async throws {
        let before = forwarding.relay
        if forwarding.relay.handle(.lastPieceReady, at: moment).contains(.save) {
            try await record(forwarding, kind: nil, from: before)
        }
    }

    private func record(_ forwarding: Forwarding, kind: String?, from before: Relay) async throws {
        let (relay, key, receipt) = (forwarding.relay, forwarding.row.key, forwarding.receipt)
        try await commit { transaction in
            guard var row = transaction.relayed(key), row.isAs(before) else {
                throw Mishap.changedMeanwhile
            }
            row.take(relay)
            if let receipt {
                row.receipt = receipt
                // The sender hears of it at once, and not only when it asks.
                _ = transaction.keep(receipt)
                transaction.post(
                    .receipt(receipt), about: key, to: key.from,
                    until: self.now + Self.letterSeconds)
            }
            transaction.save(row)
            if let kind { transaction.append(self.entry(kind, key.transfer, sender: key.from)) }
        }
        if receipt != nil { bringLetters(to: key.from) }
    }

    /// Ends what expired here, or was taken back.
    func endRelayed(_ key: InboundKey, _ event: Relay.Event = .tick) async throws {
        try await uploads.alone(key) {
            let hasEnded = try await self.commit { self.drop(key, event, in: &$0) }
            if hasEnded { self.remove(.relayed, key) }
        }
    }

    /// Lets go of what is relayed, whoever holds it by now.
    /// - Returns: whether there was something.
    func drop(
        _ key: InboundKey, _ event: Relay.Event, in transaction: inout Transaction
    ) -> Bool {
        guard var row = transaction.relayed(key) else { return false }
        var relay = row.relay
        let actions = relay.handle(event, at: moment)
        for case .record(let kind, _) in actions {
            transaction.append(entry(kind, key.transfer, sender: key.from))
        }
        row.take(relay)
        transaction.save(row)
        return actions.contains(.destroy)
    }

    /// Removes the files, unless it was offered anew meanwhile. An upload that runs is cut off before: it would
    /// write them again.
    func removeEnded(_ key: InboundKey) async throws {
        try await uploads.alone(key) {
            guard self.node.ledger.relayed[key]?.state.isOutcome ?? true else { return }
            self.remove(.relayed, key)
        }
    }
}
