import SelatCore
import SelatDelivery

/// Sees everything, and tells when an invariant is broken. It knows what truly happened, which no node
/// does; no node ever asks it.
@Simulated
final class Judge {
    unowned let world: World
    /// The first one; what follows from it says nothing more.
    private(set) var violation: Violation?

    struct Course {
        let request: Process.Request
        let from: Int
        var isAnswered = false
        /// Whether a complete envelope has left its node.
        var isHandedOn = false
        var isFlipped = false
        var arrivals = 0
        /// Nothing stood in the way when all was healed: it must arrive.
        var mustArrive = false
    }

    var courses: [Int: Course] = [:]
    /// Tries of each node since anything went on with a transfer.
    private struct Tries {
        var count = 0
        let since: Int64
    }

    private var tries: [Int: [Int: Tries]] = [:]
    /// When each node activated its own country's newest edition.
    private var activated: [Int: Int64] = [:]
    /// When each transfer was taken back, and when each node took it in: (node, sender, transfer).
    private var takenBack: [Int: Int64] = [:]
    private var takenIn: [[Int]: Int64] = [:]
    /// When each node took the list that cut a node off: (node, cut node).
    private var cutSince: [[Int]: Int64] = [:]
    /// What recipients have stated beside the outcome, and when.
    var stated: [(receipt: Receipt, time: Int64)] = []
    /// What senders have taken of that.
    var told: Set<ReceiptName> = []
    /// Where recalls were entered: node by recall.
    var recalled: [RecallWord: Set<Int>] = [:]
    /// The newest attempt with which each upload went on, and at which process: (node, sender, transfer).
    private var carried: [[Int]: (attempt: UInt64, process: Process)] = [:]
    /// When all was at rest: what is stated later need not have arrived.
    var closed = Int64.max

    init(_ world: World) { self.world = world }

    func breaks(_ invariant: Invariant, _ what: String) {
        guard violation == nil else { return }
        world.trace(nil, "BROKEN \(invariant): \(what)")
        violation = Violation(invariant: invariant, what: what, time: VirtualExecutor.shared.now)
    }

    func require(_ holds: Bool, _ invariant: Invariant, _ what: @autoclosure () -> String) {
        if !holds { breaks(invariant, what()) }
    }

    // MARK: What truly happens

    func asked(_ request: Process.Request, at node: Node) {
        courses[request.transfer] = Course(request: request, from: node.index)
    }

    func answered(_ node: Node, _ transfer: Int) {
        courses[transfer]?.isAnswered = true
        require(
            node.ledger.outbound[transfer].map { $0.state != .sealing } ?? false, .once,
            "\(transfer) was answered, and its acceptance is not durable")
    }

    func flipped(_ name: SpoolName, at node: Node) { courses[name.transfer]?.isFlipped = true }

    func took(_ list: MemberList, _ node: Node) {
        for other in world.nodes.indices where !list.members.contains(other) {
            if cutSince[[node.index, other]] == nil {
                cutSince[[node.index, other]] = VirtualExecutor.shared.now
            }
        }
    }

    private func isCut(_ other: Int, at node: Node) -> Bool {
        cutSince[[node.index, other]].map { VirtualExecutor.shared.now - $0 > 10_000 } ?? false
    }

    // MARK: Invariant 1 and 6

    /// A release becomes durable, in a commit that begins with `ledger`.
    func released(_ head: Head, under basis: Basis, _ ledger: LedgerState) {
        let verdict = head.verdict
        let name = "\(head.transfer) attempt \(head.attempt)"
        require(verdict.permits, .lawful, "\(name) is released under a verdict that refuses")
        require(
            basis.covers(head), .lawful,
            "\(name) is released under a verdict by other editions than those in force")
        if verdict.owesApproval {
            require(
                head.approvals.contains { $0.counts(in: ledger.list, at: head.signed) }, .people,
                "\(name) is released without the approval that its verdict owes")
        }
    }

    /// What may have arrived whole is offered for its receipt; anything else, and any of the payload,
    /// needs what is in force.
    func offers(_ node: Node, _ head: Head, due: Basis, payload: Bool) {
        let asks = !payload && node.ledger.outbound[head.transfer]?.handedOn ?? false
        require(
            due.covers(head) || asks, .lawful,
            "\(head.transfer) is offered on what was not in force any more when the try began")
        // Small steps are no doubt. What somebody takes away by hand is that person's to judge.
        require(
            !node.isLongInDoubt || node.now - head.expires <= Limits.clockSkewSecondsMax + 10,
            .lawful, "\(head.transfer) leaves after its time, by a clock that is in doubt")
    }

    /// Bytes leave: the head alone, a piece, or the last of the envelope.
    func left(_ node: Node, _ head: Head, whole: Bool) {
        let (transfer, ledger) = (head.transfer, node.ledger)
        let released = ledger.log.last {
            $0.transfer == transfer && $0.sender == nil && $0.kind == Sender.releasedKind
                && $0.attempt == head.attempt
        }
        require(
            released?.verdict == head.verdict && released?.approvals == head.approvals, .lawful,
            "\(transfer) leaves, and its release is not durable")
        for approval in head.approvals {
            require(
                ledger.approvals[transfer]?.contains(approval) ?? false, .people,
                "\(transfer) leaves with an approval that is not durable")
        }
        guard whole else { return }
        courses[transfer]?.isHandedOn = true
        require(
            ledger.outbound[transfer]?.handedOn ?? false, .once,
            "\(transfer) leaves whole, and no durable mark says so")
    }

    /// A relay offers only what it holds whole, and has said so.
    func passes(_ node: Node, _ head: Head) {
        let row = node.ledger.relayed[head.key]
        require(
            row.map { $0.statement != nil && $0.durable == $0.size } ?? false, .recorded,
            "\(head.transfer) leaves a relay that does not hold it whole")
        require(
            head.hop(node.index) != nil, .lawful,
            "\(head.transfer) is passed on by a node that is not on its way")
    }

    // MARK: Invariant 2

    /// An upload goes on by the hands of `peer`: the sender's own, or those of whoever brings the newest attempt that
    /// this process has gone on with.
    func carries(_ head: Head, by peer: Int, to process: Process) {
        let key = [process.node.index, head.from, head.transfer]
        let newest = carried[key].flatMap { $0.process === process ? $0.attempt : nil } ?? 0
        require(
            head.attempt >= newest || peer == head.from, .once,
            "\(head.transfer) goes on by attempt \(head.attempt), and \(newest) was brought")
        carried[key] = (max(newest, head.attempt), process)
    }

    /// A receipt leaves, by whatever node's hands: its signer's log must tell of it.
    func states(_ receipt: Receipt) {
        let log = world.nodes[receipt.signer].ledger.log
        require(
            receipt.entry < log.count && log[receipt.entry].statement == receipt, .once,
            "receipt for \(receipt.transfer) leaves, and its entry is not durable")
    }

    /// A node has the word that a transfer was taken back. What it took in before that is not held
    /// there any more; an offer that was on its way then may come later, and lapses with its time.
    func wordTaken(_ letter: Letter) {
        guard case .receipt(let word) = letter.document else { return }
        let key = word.key
        let ledger = world.nodes[letter.to].ledger
        let isOpen =
            ledger.inbound[key]?.state == .receiving
            || ledger.relayed[key].map { !$0.state.isOutcome } ?? false
        guard isOpen, let ended = takenBack[word.transfer],
            let begun = takenIn[[letter.to, word.from, word.transfer]], begun < ended
        else { return }
        breaks(.once, "\(word.transfer) was taken back, and node \(letter.to) keeps its part")
    }

    /// A part is let go before its time only by the sender's word.
    private func wasTakenBack(_ key: InboundKey) -> Bool {
        let ledger = world.nodes[key.from].ledger
        let state = ledger.outbound[key.transfer]?.state
        return state == .cancelled || ledger.recalls[key] != nil
            || state == .refused && isRefusedByOfficer(key)
    }

    private func letsGo(_ entries: [Entry], _ key: InboundKey, expires: Timestamp) {
        for entry in entries {
            switch entry.kind {
            case "transfer.lapsed", "relay.lapsed":
                require(entry.time >= expires, .once, "\(key.transfer) lapses before its time")
            case "transfer.withdrawn", "relay.withdrawn":
                require(
                    wasTakenBack(key), .once, "\(key.transfer) is let go, and nobody took it back")
            default: break
            }
        }
    }

    /// What ends because its time is over, by the clock alone.
    private static let endsByClock: Set<String> = [
        "transfer.expired", "transfer.unconfirmed", "transfer.lapsed", "relay.lapsed",
        "letter.lapsed",
    ]

    private func note(_ entry: Entry, at node: Node) {
        guard let transfer = entry.transfer else { return }
        let isRetention =
            entry.kind == "transfer.destroyed" && entry.statement?.reason == "retention"
        if isRetention || Self.endsByClock.contains(entry.kind) {
            require(
                !node.isLongInDoubt, .once,
                "`\(entry.kind)` of \(transfer) ends it by a clock that is in doubt")
        }
        let now = VirtualExecutor.shared.now
        if let sender = entry.sender, ["transfer.received", "relay.received"].contains(entry.kind) {
            takenIn[[node.index, sender, transfer]] = now
        } else if entry.sender == nil,
            ["transfer.cancelled", "transfer.refused"].contains(entry.kind)
        {
            takenBack[transfer] = now
        }
    }

    // MARK: Invariant 3

    func handsOut(_ node: Node, _ key: InboundKey, _ segment: UInt64?, _ index: Int) {
        let row = node.ledger.inbound[key]
        require(
            row?.state == .opened && row?.statement?.kind == .delivered, .recorded,
            "\(key.transfer) is handed out before its opening is recorded")
        require(
            courses[key.transfer]?.request.leaves[index] == segment, .verified,
            "\(key.transfer) is handed out with other bytes than were sent")
    }

    /// A dataset of the inbox that does not open, though no disk turned a bit of it.
    func cannotOpen(_ node: Node, _ key: InboundKey) {
        require(
            courses[key.transfer]?.isFlipped ?? false, .verified,
            "\(key.transfer) lies in the inbox and does not open")
    }

    // MARK: Invariant 7

    func waits(_ node: Node, _ transfer: Int, failures: Int, milliseconds: Int64) {
        let least = min(Int64(250) << Int64(min(failures - 1, 20)), 300_000) * 3 / 4
        require(
            milliseconds >= least && milliseconds <= 375_000, .bounded,
            "\(transfer) waits \(milliseconds) ms after \(failures) failures")
        let now = VirtualExecutor.shared.now
        var tried = tries[transfer, default: [:]][node.index] ?? Tries(since: now)
        tried.count += 1
        tries[transfer, default: [:]][node.index] = tried
        // Doubling from 250 ms: some ten tries in the first minutes, then one in five minutes.
        let allowed = 48 + Int((now - tried.since) / 100_000)
        require(
            tried.count <= allowed, .bounded,
            "\(transfer) was tried \(tried.count) times in \(now - tried.since) ms,"
                + " and nothing went on")
    }

    /// A start tries everything at once, and must find what it needs for it.
    func starts(_ node: Node) {
        for transfer in tries.keys { tries[transfer]?[node.index] = nil }
        for (transfer, course) in courses where course.from == node.index {
            progressed(transfer)
            guard node.ledger.outbound[transfer]?.state.atStart == .pursue, !course.isFlipped else {
                continue
            }
            let name = SpoolName(
                .outbound, InboundKey(from: node.index, transfer: transfer), .payload)
            require(
                node.content(name) == .segments(course.request.leaves), .once,
                "\(transfer) was accepted, and its payload did not survive a crash")
        }
    }

    /// A new attempt, or more bytes on the disk of the recipient: tries count anew.
    func progressed(_ transfer: Int) { tries[transfer] = nil }

    func entered(_ node: Node, lanes: Int) {
        require(lanes <= 4, .bounded, "\(lanes) transfers use one link at a time")
    }

    // MARK: Invariant 4 and what a commit shows

    func changed(_ node: Node, from before: LedgerState, by change: Transaction) {
        for transfer in change.changedOutbound {
            guard let after = change.state.outbound[transfer] else { continue }
            outboundChanged(before.outbound[transfer], after, change)
        }
        for key in change.changedInbound {
            guard let after = change.state.inbound[key] else { continue }
            inboundChanged(node, before.inbound[key], after, change)
        }
        for key in change.changedRelayed {
            guard let after = change.state.relayed[key] else { continue }
            relayedChanged(node, before.relayed[key], after, change)
        }
        // A crash after the commit finds nothing that somebody would have to remember.
        if let name = change.state.parts.keys.filter({ !change.state.names($0) }).min() {
            breaks(.bounded, "\(name) stays in the database, and its transfer has ended")
        }
        for letter in change.forgotten { forgotten(letter, node) }
        for entry in change.appended {
            note(entry, at: node)
            followed(node, entry, from: before, by: change)
            if let edition = entry.edition {
                if entry.country == node.index {
                    activated[node.index] = VirtualExecutor.shared.now
                }
                require(edition.isValid, .lastGood, "an invalid edition replaces a valid one")
            }
            // An entry that tells of a change stands in the commit of that change.
            if let transfer = entry.transfer, !History.tellsNoChange(entry.kind) {
                let isHere =
                    entry.sender.map {
                        let key = InboundKey(from: $0, transfer: transfer)
                        return change.changedInbound.contains(key)
                            || change.changedRelayed.contains(key)
                    } ?? change.changedOutbound.contains(transfer)
                require(
                    isHere, .recorded, "`\(entry.kind)` of \(transfer) is apart from its change")
            }
        }
    }

    private func outboundChanged(
        _ before: OutboundRow?, _ after: OutboundRow, _ change: Transaction
    ) {
        let transfer = after.transfer
        let kinds = change.appended.filter { $0.transfer == transfer && $0.sender == nil }
            .map(\.kind)
        if before?.state != after.state {
            require(
                kinds.contains { History.outbound($0, before?.state).contains(after.state) },
                .recorded, "\(transfer) becomes \(after.state), and \(kinds) does not say so")
        }
        if before?.attempt ?? 0 != after.attempt {
            require(
                kinds.contains(Sender.releasedKind), .recorded,
                "\(transfer) has attempt \(after.attempt), and no entry says so")
            progressed(transfer)
        }
        require(
            !(before?.handedOn ?? false) || after.handedOn, .once, "\(transfer): handed on falls")
        if after.state != .sealing {
            require(
                after.hasKey != after.state.isOutcome, .once,
                "\(transfer) is \(after.state), content key kept: \(after.hasKey)")
        }
        if let before, before.state.isOutcome, before.state != .unconfirmed {
            require(after.state == before.state, .once, "\(transfer) ends twice")
        }
    }

    private func relayedChanged(
        _ node: Node, _ before: RelayedRow?, _ after: RelayedRow, _ change: Transaction
    ) {
        let key = after.key
        let entries = change.appended.filter {
            $0.transfer == key.transfer && $0.sender == key.from
        }
        letsGo(entries, key, expires: after.expires)
        if before?.state != after.state || before?.attempt != after.attempt {
            require(
                entries.contains { History.relayed($0.kind).contains(after.state) }, .recorded,
                "\(key.transfer) becomes \(after.state) at a relay, and no entry says so")
        }
        if let before {
            // A receipt that comes late still tells how it ended.
            let isOpen: Bool =
                switch before.state {
                case .receiving, .holding, .forwarded, .returned, .lapsed: true
                case .withdrawn: [.withdrawn, .delivered, .refused].contains(after.state)
                case .delivered, .refused: after.state == before.state
                }
            require(isOpen, .once, "\(key.transfer) ends twice at a relay")
        }
        if after.durable > before?.durable ?? 0 || after.attempt != before?.attempt
            || after.state != before?.state
        {
            progressed(key.transfer)
        }
        let isSettled = VirtualExecutor.shared.now - (activated[node.index] ?? 0) > 2_000
        for entry in entries where ["relay.received", "relay.renewed"].contains(entry.kind) {
            guard isSettled, let stated = entry.verdict, let process = node.process else {
                continue
            }
            let own = process.newest(node.index, change.state, at: entry.time)
            require(
                own.transits(stated.label) && stated.transit[node.index] == own, .lawful,
                "\(key.transfer) passes a relay that may not let it pass")
        }
    }

    private func inboundChanged(
        _ node: Node, _ before: InboundRow?, _ after: InboundRow, _ change: Transaction
    ) {
        let key = after.key
        let entries = change.appended.filter {
            $0.transfer == key.transfer && $0.sender == key.from
        }
        letsGo(entries, key, expires: after.expires)
        if before?.state != after.state {
            require(
                entries.contains { History.inbound($0.kind).contains(after.state) }, .recorded,
                "\(key.transfer) becomes \(after.state) at its recipient, and no entry says so")
            if after.state == .receiving || before?.state == .receiving && after.state == .delivered
            {
                require(
                    !isCut(key.from, at: node), .lawful,
                    "\(key.transfer) is taken from a node that was cut off")
            }
        }
        if after.durable > before?.durable ?? 0 { progressed(key.transfer) }
        require(
            after.hasKey == after.state.keepsFiles, .once,
            "\(key.transfer) is \(after.state) at its recipient, content key kept: \(after.hasKey)")
        for entry in entries where entry.kind == "transfer.arrived" {
            courses[key.transfer]?.arrivals += 1
            require(
                courses[key.transfer]?.arrivals == 1, .once,
                "\(key.transfer) arrives in the inbox twice")
            require(
                entry.time < after.expires, .once, "\(key.transfer) arrives after it expired")
        }
        for entry in entries where entry.kind == "transfer.opened" {
            require(
                !isCut(key.from, at: node), .lawful,
                "\(key.transfer) is opened though its sender was cut off")
            require(
                after.destroyBy.map { entry.time < $0 } ?? true, .lawful,
                "\(key.transfer) is opened after its retention ended")
        }
        for entry in entries where entry.kind == "transfer.received" {
            // An edition that came while the offer was looked at judges the next one.
            let isSettled = VirtualExecutor.shared.now - (activated[node.index] ?? 0) > 2_000
            guard isSettled, let stated = entry.verdict, let process = node.process else {
                continue
            }
            let own = process.newest(node.index, change.state, at: entry.time)
            require(
                own.imports(stated.label), .lawful,
                "\(key.transfer) is taken, and the import is not permitted here")
        }
    }
}
