import SelatCore
import SelatDelivery

// A small dataset that came with its request: verdict, sealing and release in one commit.

/// A transfer whose first release was recorded with its acceptance, on its way to whoever pursues it. It has its turn
/// on the link.
struct ReleasedAtOnce {
    let sender: Sender
    let head: Head
    /// Whether the whole leaves with its offer.
    let isLeaving: Bool
    /// What was in force when it was judged.
    let due: Basis
}

extension Process {
    /// - Returns: false where it has to go step by step, and nothing was recorded.
    func sendAtOnce(_ request: Request) async throws -> Bool {
        guard World.isSmall(segments: request.leaves.count) else { return false }
        let (transfer, state, due) = (request.transfer, node.ledger, Basis(self))
        guard let route = chosenRoute(to: request.to, request.label, state) else { return false }
        let verdict = verdict(over: route, request.label, state)
        guard verdict.permits else { return false }
        // It is sealed.
        try await pause(world.hasPlanted(.atOnceOnOldBasis) ? 1...60_000 : 0...2)
        var row = OutboundRow(
            key: own(transfer), to: request.to, label: request.label, created: verdict.decided,
            expires: verdict.decided + request.lifeSeconds, permitted: verdict, chosen: route,
            state: .sealing)
        (row.leaves, row.hasKey) = (request.leaves, true)
        var sender = row.sender
        let actions = sender.handle(.sealed(approvalsOwed: verdict.owesApproval), at: moment)
        row.take(sender)
        let begun = try await release(row, due, state.list)
        if let begun { row.take(begun.sender) }
        // Before the commit: after it whoever pursues it may come at any moment.
        releasedAtOnce[transfer] = begun
        do {
            try await accept(row, actions, begun, due)
        } catch {
            if let begun { giveBack(begun) }
            guard case Mishap.changedMeanwhile = error else { throw error }
            return false
        }
        world.judge.answered(node, transfer)
        pursue(transfer)
        return true
    }

    private func giveBack(_ begun: ReleasedAtOnce) {
        releasedAtOnce[begun.head.transfer] = nil
        lanes[begun.head.route[1], default: 1] -= 1
    }

    /// Signs the head of a transfer that nobody knows of yet.
    /// - Returns: nil where it cannot leave at once.
    private func release(
        _ row: OutboundRow, _ due: Basis, _ list: MemberList
    ) async throws -> ReleasedAtOnce? {
        var sender = row.sender
        let next = row.chosen[1]
        guard sender.handle(.due, at: moment) == [.release(attempt: 1)],
            (try? requireHonestClock()) != nil, lanes[next, default: 0] < 4, !isOutOfReach(next),
            list.members.isSuperset(of: [row.to, node.index])
        else { return nil }
        lanes[next, default: 0] += 1
        world.judge.entered(node, lanes: lanes[next, default: 0])
        // It is signed.
        do { try await pause() } catch {
            lanes[next, default: 1] -= 1
            throw error
        }
        let isLeaving = world.happens(500)
        _ = sender.handle(isLeaving ? .releasedAtOnce : .released, at: moment)
        let head = Head(
            transfer: row.transfer, from: node.index, to: row.to, attempt: sender.attempt,
            created: row.created, expires: row.expires, signed: now, leaves: row.leaves,
            verdict: row.permitted, approvals: [], listSerial: list.serial, route: row.chosen)
        return ReleasedAtOnce(sender: sender, head: head, isLeaving: isLeaving, due: due)
    }

    /// The verdict was made before this commit: what it rests on must be in force still.
    private func accept(
        _ row: OutboundRow, _ actions: [Sender.Action], _ begun: ReleasedAtOnce?, _ due: Basis
    ) async throws {
        let transfer = row.transfer
        try await commit { transaction in
            let basis = Basis(self, transaction.state)
            guard basis == due || self.world.hasPlanted(.atOnceOnOldBasis) else {
                throw Mishap.changedMeanwhile
            }
            var row = row
            transaction.append(
                self.entry("transfer.permitted", transfer, verdict: row.permitted))
            for case .record(let kind, _) in actions {
                transaction.append(self.entry(kind, transfer))
            }
            transaction.keep(.segments(row.leaves), as: SpoolName(.outbound, row.key, .payload))
            if let head = begun?.head {
                self.world.judge.released(head, under: basis, transaction.state)
                var entry = self.entry(Sender.releasedKind, transfer, verdict: head.verdict)
                entry.attempt = head.attempt
                transaction.append(entry)
                transaction.keep(.head(head), as: SpoolName(.outbound, row.key, .head))
                (row.route, row.firstHops) = (head.route, [head.route[1]])
                if self.world.hasPlanted(.leftAtOnceUnmarked) { row.handedOn = false }
            }
            transaction.save(row)
        }
    }
}
