import Logging
import NIOCore
import SelatAudit
import SelatCore
import SelatCrypto
import SelatDelivery
import SelatEnvelope
import SelatEvidence
import SelatFederation
import SelatHTTP
import SelatPolicy
import SelatStore
import SelatTransport
import Synchronization

// The sender's road, second half: offer, upload, keep the receipt. The machine says what to do next; here it
// is done.

extension Exchange {
    /// One transfer while this process pursues it. Only its own task touches it.
    final class Delivery {
        /// As it was when this pursuit began; what is recorded is decided on the row of then.
        let row: OutboundRow
        /// Whether its head lies in the database, as its payload does, whatever the attempt: not where its
        /// description alone is large.
        let isHeadStored: Bool
        /// Bytes of its stored request: about those of its head.
        let requestBytes: UInt64
        var sender: Sender
        /// The nodes of the newest attempt, and the relays that a new one goes past.
        var choice: RouteChoice<NodeID>
        /// The node on whose link it has its turn.
        var link: NodeID?
        /// The recipient's receipt.
        var receipt: ProvenReceipt?
        /// A relay's, until it is recorded.
        var relayed: ReceiptRow?
        /// What the last release has signed, while it has its turn.
        var released: Released?
        /// The sealed payload of a small one, until it was offered.
        var payload: [UInt8]?
        /// The verdict under which it was sealed a moment ago; the first release rests on that.
        var judged: JudgedAgain?
        /// The connection on which the whole leaves at once, taken before the release was recorded: that it may
        /// have arrived is recorded with the release then, and not by a commit of its own.
        var connection: PeerClient?
        /// How long to wait before the next try.
        var pause: Duration?
        /// What is left of it for each relay that was brought a part of the payload. One that breaks off in time and takes
        /// next to nothing each time uses it up like one that stands still.
        var patience: [NodeID: Patience] = [:]
        /// The node that the last try could not reach.
        var away: Set<NodeID> = []

        /// - Parameter requestBytes: of its stored request, which the head holds too.
        init(_ row: OutboundRow, requestBytes: Int) throws {
            self.row = row
            let isStored = Exchange.isStored(
                sealed: try SegmentLayout(messageSize: row.payloadSize).sealedSize)
            isHeadStored = isStored && requestBytes <= Limits.storedPayloadBytesMax
            self.requestBytes = UInt64(requestBytes)
            let sender = try Sender(row)
            choice = RouteChoice(
                to: row.to, route: row.route, isTaken: sender.state == .sending)
            self.sender = sender
        }

        /// One whose first release was recorded with its acceptance.
        init(_ begun: ReleasedAtOnce) {
            row = begun.row
            isHeadStored = true
            requestBytes = begun.lane.size - begun.row.payloadSize
            choice = RouteChoice(to: begun.row.to, route: begun.row.route, isTaken: false)
            sender = begun.sender
            released = begun.released
            payload = begun.payload
            connection = begun.connection
        }

        var id: TransferID { row.id }
        var to: NodeID { row.to }

        /// The verdict under which it was sealed, once, where that was over this route.
        func takeVerdict(over route: [NodeID]) -> JudgedAgain? {
            guard let known = judged,
                route.dropFirst().dropLast().elementsEqual(known.again.verdict.question.relays)
            else { return nil }
            judged = nil
            return known
        }

        func takePayload() -> [UInt8]? {
            defer { payload = nil }
            return payload
        }

        func takeConnection() -> PeerClient? {
            defer { connection = nil }
            return connection
        }

        /// The node to which it goes.
        var next: NodeID { choice.next }
        var lane: Lanes.Lane { lane(to: next) }

        func lane(to peer: NodeID) -> Lanes.Lane {
            Lanes.Lane(to: peer, row.precedence, size: row.payloadSize + requestBytes, id)
        }
    }

    /// Another's commit, such as an export's or an edition's, came before one that was decided on what stood before.
    struct Overtaken: Error {}

    /// Pursues one of the own transfers until it has ended or the task is cancelled.
    func pursue(_ id: TransferID) async {
        guard await pursuits.begin(.outbound(id)) else { return }
        await pursue(.outbound(id))
    }

    /// Pursues a transfer that nobody else pursues until it has ended or the task is cancelled.
    func pursue(_ pursuit: Pursuit) async {
        repeat { await pursueOnce(pursuit) } while await !pursuits.end(pursuit) && !Task.isCancelled
    }

    private func pursueOnce(_ pursuit: Pursuit) async {
        var faults = 0
        while !Task.isCancelled {
            do {
                switch pursuit {
                case .outbound(let id): while try await pursueFromStore(id) {}
                case .relayed(let id, let from):
                    while try await forwardFromStore(id, from: from) {}
                case .letters(let node): try await bringLetters(to: node)
                }
                return
            } catch is Overtaken {
                // Nothing failed, and nothing that an operator has to know.
                faults += 1
                _ = try? await pursuits.pause(pursuit, backoff(faults))
            } catch {
                if Task.isCancelled { return }
                // Not the link but this node: the disk is full, a file cannot be read. What is
                // durable is right, so the pursuit begins again from there.
                faults += 1
                logger.error(
                    "transfer waits", metadata: ["id": "\(pursuit)", "error": "\(error)"])
                if case .outbound(let id) = pursuit { await note(cause: "\(error)", id) }
                _ = try? await pursuits.pause(pursuit, backoff(faults))
            }
        }
    }

    /// - Returns: whether there is news, so that what is durable must be read again.
    private func pursueFromStore(_ id: TransferID) async throws -> Bool {
        if let begun = released.withLock({ $0.removeValue(forKey: id) }) {
            return try await pursue(Delivery(begun), on: begun.lane)
        }
        let (found, requestBytes) = try store.lookUp {
            (try $0.outbound(id), try $0.documentSize(.request, of: id))
        }
        guard let row = found else { return false }
        let delivery = try Delivery(row, requestBytes: requestBytes ?? 0)
        guard !delivery.sender.state.isOutcome else {
            // It ended by another's hand while a head was written here, which nobody names.
            await spool.remove(SpoolFolder.Name(outbound: id))
            return false
        }
        try await tell(delivery)
        return try await pursue(delivery, on: nil)
    }

    /// Tells the machine what lies in the store beside the row.
    private func tell(_ delivery: Delivery) async throws {
        let (id, to, node) = (delivery.id, delivery.to, identity.node)
        let (isRecalled, isStated) = try store.lookUp {
            (
                try $0.recall(of: id, from: node) != nil,
                try $0.isArrivalStated(of: id, from: node, by: to)
            )
        }
        if isRecalled { try await drive(delivery, .recalled) }
        if isStated { try await drive(delivery, .arrivalProven) }
    }

    /// - Parameter entered: the lane on which it has its turn already; its head was signed a moment ago.
    /// - Returns: whether there is news, so that what is durable must be read again.
    private func pursue(_ delivery: Delivery, on entered: Lanes.Lane?) async throws -> Bool {
        var entered = entered
        while !delivery.sender.state.isOutcome {
            let lane: Lanes.Lane
            if let entered { lane = entered } else { lane = await nextLane(delivery) }
            delivery.link = lane.peer
            let isNew = entered != nil
            entered = nil
            var hasWaited = false
            if !isNew, await !lanes.enterAtOnce(lane) {
                // Behind uploads that do not end it would wait beyond its time.
                let isEntered = await lanes.enter(lane, atMost: untilExpiry(of: delivery.sender))
                guard isEntered || clock.now() >= delivery.row.expires else {
                    try Task.checkCancellation()
                    continue
                }
                hasWaited = true
            }
            (delivery.pause, delivery.away) = (nil, [])
            do {
                try Task.checkCancellation()
                if hasWaited { try await lookAgain(at: delivery) }
                if !isNew, let lack = await lack(of: delivery.id, attempt: delivery.sender.attempt)
                {
                    try await drive(delivery, lack)
                }
                try await drive(delivery, .due)
                await leave(lane, delivery)
            } catch {
                await leave(lane, delivery)
                throw error
            }
            guard !delivery.sender.state.isOutcome else { return false }
            // Until a person has spoken there is nothing to pursue; housekeeping looks at its time.
            guard delivery.sender.state != .waiting else { return false }
            let pause = delivery.pause ?? untilExpiry(of: delivery.sender)
            if try await self.pause(
                .outbound(delivery.id), pause, for: delivery.away, delivery.row.precedence)
            {
                return true
            }
        }
        return false
    }

    /// Its place on the link by which it goes next: a new attempt is not held up by the link of the one before, nor one
    /// by a relay by the recipient's.
    func nextLane(_ delivery: Delivery) async -> Lanes.Lane {
        guard delivery.sender.attempt > 0 else {
            // The route over which it was permitted: to ask for those that are open takes a verdict each.
            let permitted = try? request(of: delivery.row).verdict.question.relays
            return delivery.lane(to: permitted?.first ?? delivery.to)
        }
        guard delivery.sender.isToBeReleased(at: clock.now()) else { return delivery.lane }
        let ways = try? await ways(of: delivery.row)
        let route = (try? ways.flatMap { try delivery.choice.openRoutes(of: $0).first }) ?? []
        return route.count > 1 ? delivery.lane(to: route[1]) : delivery.lane
    }

    /// Takes in what has become durable during a wait for a turn, which may last for hours and which no news
    /// cuts short.
    /// - Throws: `Overtaken` where another has ended it, or taken it away by hand.
    private func lookAgain(at delivery: Delivery) async throws {
        let id = delivery.id
        guard let row = try store.lookUp({ try $0.outbound(id) }), row.isAs(delivery.sender) else {
            throw Overtaken()
        }
        try await tell(delivery)
    }

    /// Gives back the lane, and a connection that was not used. What waits holds nothing large: the head is
    /// durable.
    func leave(_ lane: Lanes.Lane, _ delivery: Delivery) async {
        delivery.released = nil
        if let connection = delivery.takeConnection() { await peers.keep(connection) }
        await lanes.leave(lane)
    }

    /// Why a transfer waits, for `selat show`, where the database still takes it.
    private func note(cause: String, _ id: TransferID) async {
        _ = try? await store.commit { transaction in
            guard var row = try transaction.outbound(id), !(try Sender(row)).state.isOutcome else {
                return
            }
            row.cause = cause
            try transaction.save(row)
        }
    }

    func backoff(_ failures: Int) -> Duration {
        .milliseconds(Backoff.milliseconds(failures: failures, jitter: entropy.bytes(1)[0]))
    }

    /// What stands still while the law is not known goes on soon after, however often it has failed by then.
    func retryPause(_ failures: Int) -> Duration {
        let pause = backoff(failures)
        return (try? requireLaw()) == nil ? min(pause, Self.doubtPause) : pause
    }

    private func untilExpiry(of sender: Sender) -> Duration {
        .seconds(max(1, sender.expires - clock.now()))
    }

    /// Feeds the machine with an event and with what its actions lead to.
    private func drive(_ delivery: Delivery, _ first: Sender.Event) async throws {
        var event: Sender.Event? = first
        while let current = event {
            event = nil
            let before = delivery.sender
            await lookAtClock(past: delivery.row.expires)
            for action in delivery.sender.handle(current, at: moment) {
                event = try await perform(action, delivery, from: before) ?? event
            }
        }
    }

    /// Now, and whether that may end things as far as is known.
    var moment: Moment { moment(at: clock.now()) }

    func moment(at time: Timestamp) -> Moment { Moment(time, mayEnd: witnesses.mayEnd) }

    /// Looks at the clock where `end` has come by it: it may have been set while this task slept.
    func lookAtClock(past end: Timestamp) async {
        if clock.now() >= end { await lookAtClock() }
    }

    static let doubtPause = Duration.seconds(30)

    /// - Returns: the event that the action led to.
    private func perform(
        _ action: Sender.Action, _ delivery: Delivery, from before: Sender
    ) async throws -> Sender.Event? {
        switch action {
        case .record(let kind, let cause):
            try await record(delivery, kind: kind, cause: cause, from: before)
        case .save:
            try await record(delivery, kind: nil, cause: nil, from: before)
        case .release(let attempt):
            return try await release(delivery, attempt: attempt)
        case .offer:
            // The release chose another way: its turn there is waited for first.
            guard delivery.next == delivery.link else {
                delivery.pause = .zero
                return nil
            }
            return try await heard(delivery) { passage in
                let isLeaving = delivery.connection != nil
                return try await self.offer(
                    passage, isInline: isLeaving || !delivery.sender.handedOn,
                    on: delivery.takeConnection
                ) { try await self.handOn(delivery) }
            }
        case .upload(let offset):
            return try await heard(delivery) { passage in
                try await self.upload(passage, from: offset) { try await self.handOn(delivery) }
            }
        case .ask:
            return try await heard(delivery) { try await self.ask($0) }
        case .sendLastPiece:
            break
        case .retry(let failures):
            // A rest counts once: a node that is left alone has failed at nothing meanwhile.
            let rest = await peers.rest(of: nextLane(delivery).peer)
            delivery.pause = max(retryPause(failures), rest)
        case .waitForClock:
            delivery.pause = Self.doubtPause
        case .destroy:
            // What lies in the database went with the commit. A file that an older program left goes at the
            // next start.
            if !delivery.isHeadStored {
                await spool.remove(SpoolFolder.Name(outbound: delivery.id))
            }
        }
        return nil
    }

    // MARK: Link

    private nonisolated(nonsending) func heard(
        _ delivery: Delivery, _ work: nonisolated(nonsending) (Passage) async throws -> News
    ) async throws -> Sender.Event {
        let watch = watch(delivery)
        let passage = Passage(
            upload: UploadID(from: identity.node, transfer: delivery.id),
            name: SpoolFolder.Name(outbound: delivery.id), recipient: delivery.to,
            lane: delivery.lane, expires: delivery.row.expires, attempt: delivery.sender.attempt,
            head: delivery.released?.head, envelope: delivery.released?.envelope,
            payload: delivery.takePayload(), watch: watch)
        let news = try await tried(passage) { try await work(passage) }
        if let watch { delivery.patience[passage.next] = watch.patience }
        switch news {
        case .relayProven(let receipt, _): delivery.relayed = receipt
        case .deliveryProven(let receipt), .refusalProven(_, let receipt):
            delivery.receipt = receipt
        case .blocked(_, isRefusal: false): delivery.away = [passage.next]
        case .accepted, .held, .headStale, .blocked, .busy, .tooLarge, .slow, .failed: break
        }
        let (reply, sender) = (news.reply, delivery.sender)
        delivery.choice.weigh(reply, sender)
        var isAnother = false
        if delivery.choice.looksElsewhere(after: reply, sender) {
            let ways = try await ways(of: delivery.row)
            isAnother = try delivery.choice.isAnotherOpen(of: ways)
        }
        return delivery.choice.event(of: reply, sender, isAnother: isAnother)
    }

    /// nil where it goes to the recipient itself.
    private func watch(_ delivery: Delivery) -> RelayWatch? {
        let (choice, row) = (delivery.choice, delivery.row)
        guard choice.next != choice.recipient else { return nil }
        let left = delivery.patience[choice.next] ?? Patience(row.precedence, flash: patience)
        return RelayWatch(left) { try await choice.mayGoRound(self.ways(of: row)) }
    }

    /// The last piece is about to leave: from now on a complete envelope may be with the next node.
    private nonisolated(nonsending) func handOn(_ delivery: Delivery) async throws {
        let before = delivery.sender
        if delivery.sender.handle(.lastPieceReady, at: moment).contains(.save) {
            try await record(delivery, kind: nil, cause: nil, from: before)
        }
    }

    // MARK: Recording

    private nonisolated(nonsending) func record(
        _ delivery: Delivery, kind: String?, cause: String?, from before: Sender
    ) async throws {
        let (sender, id, receipt) = (delivery.sender, delivery.id, delivery.receipt?.document)
        let released = kind == Sender.releasedKind ? delivery.released : nil
        let relayed = sender.state == .relayed ? delivery.relayed : nil
        let entryKind = try kind.map { try EntryKind($0) }
        let node = identity.node
        let isUnwitnessed =
            delivery.receipt.map { witnesses.lacksWitnesses($0.receipt, of: delivery.to) } ?? false
        let isRelaysUnwitnessed =
            try relayed.map {
                witnesses.lacksWitnesses(try Receipt(parsing: $0.document), of: $0.signer)
            } ?? false
        _ = try await store.commit { transaction in
            // The state that this was decided on; else the pursuit begins again from the row.
            guard var row = try transaction.outbound(id), row.isAs(before) else {
                throw Overtaken()
            }
            // The machine was not told of it yet.
            if sender.state == .unconfirmed,
                try transaction.snapshot.isArrivalStated(of: id, from: node, by: row.to)
            {
                throw Overtaken()
            }
            if let released {
                guard try transaction.recall(of: id, from: node) == nil else { throw Overtaken() }
                try transaction.requireNothingNewer(than: released.verdict, for: id)
                try self.requireWithinLimits(
                    released.prepared, released.verdict, id, in: transaction)
            }
            row.take(sender)
            // With the key the payload is destroyed, also where a disk keeps old blocks.
            if sender.state.isOutcome { row.contentKey = nil }
            if sender.state.isOutcome, !row.handedOn, before.isBeforePayload {
                try transaction.uncount(id)
            }
            if let receipt { try transaction.keep(receipt, as: .receipt, of: id) }
            if let released { row.route = released.route }
            if isUnwitnessed { try transaction.awaitWitnesses(id, of: row.to) }
            try transaction.save(row)
            guard let entryKind else { return }
            var details: JSON.Object = ["to": .string(row.to.text)]
            if let cause { details["cause"] = .string(cause) }
            if sender.attempt > 0 { details["attempt"] = .integer(sender.attempt) }
            if let receipt { details["receipt"] = .string(SHA256.digest(receipt).text) }
            if let relayed {
                try transaction.keep(relayed, isUnwitnessed: isRelaysUnwitnessed)
                details["by"] = .string(relayed.signer.text)
                details["receipt"] = .string(SHA256.digest(relayed.document).text)
            }
            if let released {
                try transaction.keep(released, of: id)
                details.merge(released.details) { $1 }
                // Why there is another attempt, perhaps another way.
                if sender.attempt > 1 { details["cause"] = sender.cause.map { .string($0) } }
            }
            try transaction.append(
                EntryDraft(kind: entryKind, transfer: id, details: .object(details)))
        }
        if let released { delivery.choice.route = released.route }
        if sender.state.isOutcome {
            logger.info(
                "transfer ended",
                metadata: [
                    "id": "\(id)", "to": "\(delivery.to)", "state": "\(sender.state.rawValue)",
                ])
            await endings.tell(id)
        }
    }
}
