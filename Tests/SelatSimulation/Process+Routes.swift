import SelatCore

// Which ways lead to a recipient, over the membership's links.

extension Process {
    /// Every way with at most two relays, the shortest first.
    func paths(to peer: Int) -> [[Int]] {
        let (own, members) = (node.index, node.ledger.list.members)
        let others = world.nodes.indices.filter { $0 != own && $0 != peer && members.contains($0) }
        var paths: [[Int]] = world.areLinked(own, peer) ? [[own, peer]] : []
        for relay in others where world.areLinked(own, relay) && world.areLinked(relay, peer) {
            paths.append([own, relay, peer])
        }
        for first in others where world.areLinked(own, first) {
            for second in others
            where second != first && world.areLinked(first, second)
                && world.areLinked(second, peer)
            {
                paths.append([own, first, second, peer])
            }
        }
        return paths
    }

    /// The way over which a new transfer is judged.
    func chosenRoute(to peer: Int, _ label: Int, _ state: LedgerState) -> [Int]? {
        let paths = paths(to: peer)
        return paths.first { verdict(over: $0, label, state).permits } ?? paths.first
    }

    /// The ways on which a sealed transfer may be released now: the one on which it was permitted, then
    /// others, those out of reach last. What a person approved goes only where that person saw it go.
    func routes(of row: OutboundRow, avoiding avoided: Set<Int>) -> [[Int]] {
        let permitted = row.permitted
        let open = paths(to: row.to).filter { path in
            Set(path.dropFirst().dropLast()).isDisjoint(with: avoided)
        }
        let chosen = open.filter { Set($0.dropFirst().dropLast()) == Set(permitted.transit.keys) }
        let others = permitted.owesApproval ? [] : open.filter { !chosen.contains($0) }
        let all = chosen + others
        return all.filter { !isOutOfReach($0[1]) } + all.filter { isOutOfReach($0[1]) }
    }

    func isAnotherRouteOpen(_ delivery: Delivery) -> Bool {
        guard let row = node.ledger.outbound[delivery.transfer] else { return false }
        // A relay that would not pass it on may do so later, where no other is left.
        var ways = routes(of: row, avoiding: delivery.avoided)
        if ways.allSatisfy({ $0 == delivery.route }) { ways = routes(of: row, avoiding: []) }
        return ways.contains {
            $0 != delivery.route && !isOutOfReach($0[1])
                && verdict(over: $0, row.label, node.ledger).permits
        }
    }

    func verdict(over route: [Int], _ label: Int, _ state: LedgerState) -> Verdict {
        var transit: [Int: Edition] = [:]
        for relay in route.dropFirst().dropLast() { transit[relay] = newest(relay, state, at: now) }
        return Verdict(
            decided: now, label: label, source: newest(node.index, state, at: now),
            destination: newest(route[route.count - 1], state, at: now), transit: transit)
    }
}
