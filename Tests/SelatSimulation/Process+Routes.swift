import SelatCore
import SelatDelivery

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

    /// The ways on which a sealed transfer may be released now.
    func ways(of row: OutboundRow) -> Ways<Int> {
        Ways(
            permitted: row.chosen, isApproved: row.permitted.owesApproval,
            outOfReach: Set(world.nodes.indices.filter(isOutOfReach)),
            paths: { avoided in
                self.paths(to: row.to).filter {
                    avoided.isDisjoint(with: $0.dropFirst().dropLast())
                }
            },
            isLawful: {
                self.verdict(over: $0, row.label, self.node.ledger).isTransitPermitted
            })
    }

    func verdict(over route: [Int], _ label: Int, _ state: LedgerState) -> Verdict {
        var transit: [Int: Edition] = [:]
        for relay in route.dropFirst().dropLast() { transit[relay] = newest(relay, state, at: now) }
        return Verdict(
            decided: now, label: label, source: newest(node.index, state, at: now),
            destination: newest(route[route.count - 1], state, at: now), transit: transit)
    }
}
