import SelatCore
import SelatDelivery

// What must hold when all is at rest.

extension Judge {
    private func row(_ transfer: Int, _ course: Course) -> OutboundRow? {
        world.nodes[course.from].ledger.outbound[transfer]
    }

    private func inbound(_ transfer: Int, _ course: Course) -> InboundRow? {
        let key = InboundKey(from: course.from, transfer: transfer)
        return world.nodes[course.request.to].ledger.inbound[key]
    }

    /// All faults have ended: what nothing stands in the way of must arrive.
    func healed() {
        for (transfer, course) in courses {
            guard let row = row(transfer, course), !row.state.isOutcome, row.state != .sealing
            else {
                continue
            }
            let (from, to) = (world.nodes[course.from], world.nodes[course.request.to])
            guard let sender = from.process, let recipient = to.process else { continue }
            let routes = (try? sender.ways(of: row).routes(avoiding: [])) ?? []
            let ways = routes.filter { route in
                let verdict = sender.verdict(over: route, row.label, from.ledger)
                return verdict.permits && verdict.hasBasis(of: row.permitted)
                    && route.allSatisfy(isHonest)
                    && route.dropFirst().dropLast().allSatisfy { world.nodes[$0].hasRoom }
            }
            // A full relay behind another shows after ten asks, on each such way.
            let isHidden = routes.contains { route in
                route.dropFirst(2).dropLast().contains { !world.nodes[$0].hasRoom }
            }
            let own = recipient.newest(to.index, to.ledger, at: to.now)
            let isMember = world.lists.allSatisfy {
                $0.members.isSuperset(of: [course.from, course.request.to])
            }
            courses[transfer]?.mustArrive =
                !ways.isEmpty && !isHidden && own.imports(row.label) && isMember
                && !course.isFlipped
                && inbound(transfer, course)?.state != .refused
                && row.expires - from.now > 1_800
                // Begun by a clock that was ahead: nobody takes it yet.
                && row.created - from.now <= Limits.clockSkewSecondsMax
        }
    }

    /// Whose log is ahead of its clock waits until that has caught up, and so does what goes by it.
    private func isHonest(_ node: Int) -> Bool {
        guard let process = world.nodes[node].process else { return false }
        return (try? process.requireHonestClock()) != nil
    }

    var isQuiet: Bool {
        world.nodes.allSatisfy { node in
            node.ledger.outbound.values.allSatisfy { $0.state.isOutcome }
                && node.ledger.inbound.values.allSatisfy { $0.state != .receiving }
                && node.ledger.relayed.values.allSatisfy(\.state.isOutcome)
        }
            && world.carried.allSatisfy { receipt in
                world.nodes[receipt.from].ledger.outbound[receipt.transfer]?.state != .unconfirmed
            }
            && isAnswered
    }

    func finish() {
        for (transfer, course) in courses.sorted(by: { $0.key < $1.key }) {
            finish(transfer, course)
        }
        for node in world.nodes { finish(node) }
        finishStory()
    }

    private func finish(_ transfer: Int, _ course: Course) {
        guard let row = row(transfer, course) else {
            return require(!course.isAnswered, .once, "\(transfer) was answered and is gone")
        }
        let (state, inbound) = (row.state, inbound(transfer, course))
        require(state.isOutcome, .once, "\(transfer) never ends: \(state), \(row.cause ?? "")")
        let key = InboundKey(from: course.from, transfer: transfer)
        if course.mustArrive, world.nodes[course.from].ledger.recalls[key] == nil {
            require(
                state == .delivered, .once,
                "\(transfer) ends as \(state), and nothing stood in its way: \(row.cause ?? "")")
        }
        let arrived = course.arrivals > 0
        switch state {
        case .delivered:
            require(arrived, .once, "\(transfer) is delivered, and the recipient never had it")
        case .refused:
            require(!arrived, .once, "\(transfer) is refused, and lies in the inbox")
            require(
                inbound?.statement?.kind == .refused || isRefusedByOfficer(key)
                    || !row.permitted.permits, .once, "\(transfer) is refused, and nobody said so")
        case .cancelled, .expired:
            require(
                !arrived && !course.isHandedOn, .once,
                "\(transfer) is \(state), and may have arrived whole")
        case .unconfirmed:
            require(
                course.isHandedOn || row.handedOn, .once,
                "\(transfer) is unconfirmed, and never left whole")
            require(
                !world.carried.contains { $0.transfer == transfer && $0.from == course.from },
                .once,
                "\(transfer) is unconfirmed, and its receipt has come")
            require(
                !world.nodes[course.from].ledger.isArrivalStated(
                    of: key, by: course.request.to),
                .once,
                "\(transfer) is unconfirmed, and its recipient has stated what it did with it")
        case .sealing, .waiting, .queued, .sending, .relayed: break
        }
    }

    func isRefusedByOfficer(_ key: InboundKey) -> Bool {
        world.nodes[key.from].ledger.log.contains {
            $0.transfer == key.transfer && $0.kind == "approval.refused"
        }
    }

    private func finish(_ node: Node) {
        replay(node)
        for edition in node.ledger.editions {
            require(edition.isValid, .lastGood, "an invalid edition is in force")
        }
        for row in node.ledger.inbound.values where row.state == .receiving {
            breaks(.once, "\(row.key.transfer) never ends at its recipient")
        }
        for row in node.ledger.relayed.values where !row.state.isOutcome {
            breaks(.once, "\(row.key.transfer) never ends at a relay: \(row.state)")
        }
        for name in node.parts {
            require(
                node.ledger.names(name), .bounded, "\(name) is kept, which no transfer names")
        }
        for row in node.ledger.inbound.values
        where [.delivered, .opened, .recalled].contains(row.state) {
            let name = SpoolName(.inbound, row.key, .payload)
            let course = courses[row.key.transfer]
            let kept = node.content(name)
            require(
                kept == .segments(course?.request.leaves ?? []) || course?.isFlipped ?? true, .once,
                "\(row.key.transfer) is in the inbox, and its bytes are not there")
        }
    }

    /// The states as the log alone tells them.
    private func replay(_ node: Node) {
        var outbound: [Int: Set<Sender.State>] = [:]
        var inbound: [InboundKey: Set<Recipient.State>] = [:]
        var relayed: [InboundKey: Set<Relay.State>] = [:]
        for entry in node.ledger.log {
            guard let transfer = entry.transfer, !History.tellsNoChange(entry.kind) else {
                continue
            }
            if let sender = entry.sender, entry.kind.hasPrefix("relay.") {
                relayed[InboundKey(from: sender, transfer: transfer)] = History.relayed(entry.kind)
            } else if let sender = entry.sender {
                inbound[InboundKey(from: sender, transfer: transfer)] = History.inbound(entry.kind)
            } else if entry.kind != Sender.releasedKind {
                outbound[transfer] = History.outbound(entry.kind, nil)
            }
        }
        for row in node.ledger.outbound.values {
            require(
                outbound[row.transfer]?.contains(row.state) ?? false, .recorded,
                "the log does not tell that \(row.transfer) is \(row.state)")
        }
        for row in node.ledger.relayed.values {
            require(
                relayed[row.key]?.contains(row.state) ?? false, .recorded,
                "the log does not tell that \(row.key.transfer) is \(row.state) at a relay")
        }
        for row in node.ledger.inbound.values {
            require(
                inbound[row.key]?.contains(row.state) ?? false, .recorded,
                "the log does not tell that \(row.key.transfer) is \(row.state) at its recipient")
        }
    }

    func outcomes() -> [String: Int] {
        var counts: [String: Int] = [:]
        for (transfer, course) in courses {
            counts[row(transfer, course)?.state.rawValue ?? "not taken", default: 0] += 1
        }
        return counts
    }
}
