import SelatCore
import SelatDelivery

// The sender's road, first half: judge, record, seal, record, answer.

extension Process {
    /// What `selat send` asks for.
    struct Request {
        let transfer: Int
        let to: Int
        let label: Int
        let lifeSeconds: Int64
        let leaves: [UInt64]
    }

    func send(_ request: Request) async throws {
        if world.happens(world.weather.sentAtOnce), try await sendAtOnce(request) { return }
        guard try await begin(request) else { return }
        let transfer = request.transfer
        do {
            try await seal(request)
            try await accept(request)
        } catch {
            try requireLife()
            do { try await endSealing(transfer) } catch { cutShort.insert(transfer) }
            throw error
        }
        world.judge.answered(node, transfer)
        pursue(transfer)
    }

    /// The newest edition in force then among those that this node has.
    func newest(_ country: Int, _ state: LedgerState, at time: Timestamp) -> Edition {
        let held = state.editions[country].number
        return world.editions[country].last {
            $0.number <= held && $0.isValid && $0.inForce <= time
        }
            ?? world.editions[country][0]
    }

    private func begin(_ request: Request) async throws -> Bool {
        try await commit { transaction in
            let state = transaction.state
            guard let route = self.chosenRoute(to: request.to, request.label, state) else {
                throw Mishap.notReady("no way leads there")
            }
            let verdict = self.verdict(over: route, request.label, state)
            let row = OutboundRow(
                key: self.own(request.transfer), to: request.to, label: request.label,
                created: verdict.decided, expires: verdict.decided + request.lifeSeconds,
                permitted: verdict, chosen: route, state: verdict.permits ? .sealing : .refused)
            transaction.save(row)
            transaction.append(
                self.entry(
                    verdict.permits ? "transfer.permitted" : "transfer.refused", row.transfer,
                    verdict: verdict))
            return verdict.permits
        }
    }

    /// A small payload stays in memory until it is committed.
    private func seal(_ request: Request) async throws {
        if World.isSmall(segments: request.leaves.count) { return try await pause() }
        let name = SpoolName(.outbound, own(request.transfer), .payload)
        var segments = [UInt64?](repeating: nil, count: request.leaves.count)
        for (index, leaf) in request.leaves.enumerated() {
            segments[index] = leaf
            try await write(.segments(segments), to: name)
        }
        try await sync(name, unless: .payloadNotSynced)
        try await syncFolder()
    }

    private func accept(_ request: Request) async throws {
        let name = SpoolName(.outbound, own(request.transfer), .payload)
        let isSmall = World.isSmall(segments: request.leaves.count)
        let isLate = world.hasPlanted(.partsInLaterCommit)
        try await commit { transaction in
            guard var row = transaction.outbound(request.transfer) else {
                throw Mishap.changedMeanwhile
            }
            var sender = row.sender
            let owed = row.permitted.owesApproval
            let actions = sender.handle(.sealed(approvalsOwed: owed), at: self.moment)
            guard !actions.isEmpty else { throw Mishap.changedMeanwhile }
            row.leaves = request.leaves
            row.hasKey = true
            for case .record(let kind, _) in actions {
                transaction.append(self.entry(kind, row.transfer))
            }
            row.take(sender)
            if isSmall, !isLate { transaction.keep(.segments(request.leaves), as: name) }
            transaction.save(row)
        }
        if isSmall, isLate { try await commit { $0.keep(.segments(request.leaves), as: name) } }
    }

    /// Ends what was never sealed whole. Nobody was promised anything.
    func endSealing(_ transfer: Int) async throws {
        guard node.ledger.outbound[transfer]?.state == .sealing else { return }
        remove(.outbound, own(transfer))
        try await commit { transaction in
            guard var row = transaction.outbound(transfer) else { return }
            var sender = row.sender
            let actions = sender.handle(.sealingFailed(cause: "cut short"), at: self.moment)
            guard actions.contains(.destroy) else { return }
            for case .record(let kind, _) in actions {
                transaction.append(self.entry(kind, transfer))
            }
            row.take(sender)
            row.hasKey = false
            transaction.save(row)
        }
    }

    func entry(_ kind: String, _ transfer: Int, sender: Int? = nil, verdict: Verdict? = nil)
        -> Entry
    {
        Entry(kind: kind, transfer: transfer, sender: sender, time: now, verdict: verdict)
    }

    // MARK: Officers

    /// An officer's yes, as soon as it is handed in.
    func approve(_ transfer: Int, _ approval: Approval) async throws {
        let state = try await commit { transaction -> Sender.State in
            guard var row = transaction.outbound(transfer), row.state == .waiting,
                approval.counts(in: transaction.state.list, at: self.now)
            else { throw Mishap.notReady("no approval is awaited") }
            var sender = row.sender
            transaction.keep(approval, of: transfer)
            var given = self.entry("approval.given", transfer)
            given.approvals = [approval]
            transaction.append(given)
            let actions = sender.handle(.approved, at: self.moment)
            for case .record(let kind, _) in actions {
                transaction.append(self.entry(kind, transfer))
            }
            row.take(sender)
            if sender.state.isOutcome { row.hasKey = false }
            transaction.save(row)
            return sender.state
        }
        if state.isOutcome { remove(.outbound, own(transfer)) } else { pursue(transfer) }
    }

    func refuse(_ transfer: Int) async throws {
        let offered = offered(transfer)
        let ended = try await commit { transaction -> Bool in
            guard var row = transaction.outbound(transfer) else { return false }
            var sender = row.sender
            let actions = sender.handle(.approvalRefused(cause: "an officer"), at: self.moment)
            guard actions.contains(.destroy) else { return false }
            transaction.append(self.entry("approval.refused", transfer))
            for case .record(let kind, _) in actions {
                self.enter(kind, of: row, "an officer", offered, in: &transaction)
            }
            row.take(sender)
            row.hasKey = false
            transaction.save(row)
            return true
        }
        if ended { endTakenBack(transfer, offered) }
    }

    // MARK: By hand

    /// Takes the package away, as it travels; recorded before its first byte leaves.
    func export(_ transfer: Int) async throws -> (head: Head, payload: [UInt64])? {
        let head = try await head(SpoolName(.outbound, own(transfer), .head))
        try await commit { transaction in
            guard var row = transaction.outbound(transfer), transaction.recall(row.key) == nil
            else { throw Mishap.notReady("unknown, or recalled") }
            var sender = row.sender
            let actions = sender.handle(.exported, at: self.moment)
            guard !actions.isEmpty, head.attempt == row.attempt,
                self.holdsBasis(head)
            else {
                throw Mishap.notReady("nothing to export")
            }
            for case .record(let kind, _) in actions {
                transaction.append(self.entry(kind, transfer))
            }
            if self.world.hasPlanted(.exportNotMarked) { return }
            row.take(sender)
            transaction.save(row)
        }
        let segments = try await segments(
            SpoolName(.outbound, own(transfer), .payload))
        try requireLife()
        let payload = segments.map { $0 ?? 0 }
        world.judge.left(node, head, whole: true)
        return (head, payload)
    }
}
