package import SelatCore
import SelatDelivery
import SelatFederation
package import SelatStore
package import SelatTransport

// What is under way now, for those who watch the node.

/// How one of the other nodes is reached.
package struct PeerStanding: Sendable {
    package let node: NodeID
    /// Whether the last connection to it failed, a short while ago.
    package let isOutOfReach: Bool
    package let traffic: Traffic.Count
}

extension Exchange {
    package var traffic: Traffic? { peers.traffic }

    /// Every other listed node, in order.
    package func peerStandings() async -> [PeerStanding] {
        var standings: [PeerStanding] = []
        for node in federation.nodes.keys.sorted() where node != identity.node {
            standings.append(
                PeerStanding(
                    node: node, isOutOfReach: await peers.isOutOfReach(node),
                    traffic: peers.traffic[node]))
        }
        return standings
    }

    /// A line for each member of which little more is taken in: what its senders may have lie here is full.
    package func fullInboxes() throws -> [String] {
        try store.lookUp { try $0.inboundLoads() }.filter { inbox.isNearlyFull($0.held) }.map {
            "datasets of `\($0.member)` that lie here: \(inbox.words($0.held)); once full, its senders "
                + "wait (`inbox-full`): destroy what was opened (`selat inbox`), or raise `inbox` in the "
                + "configuration"
        }
    }

    /// A line for each member of which little more may pass through here.
    package func fullRelays() throws -> [String] {
        try store.lookUp { try $0.relayedLoads() }.filter { relaying.isNearlyFull($0.held) }.map {
            "transfers of `\($0.member)` that lie here for others: \(relaying.words($0.held)); once full, "
                + "they go another way or wait (`relay-full`): see `selat transfers --direction relayed`, "
                + "or raise `relay` in the configuration"
        }
    }

    /// A line for each queue of the own transfers that takes little more.
    package func fullQueues() throws -> [String] {
        let (loads, all) = try store.lookUp { (try $0.outboundLoads(), try $0.outboundLoad()) }
        let full = loads.filter { queue.recipient.isNearlyFull($0.held) }.map {
            Self.full("to `\($0.recipient)`", queue.recipient.words($0.held), "recipient")
        }
        guard queue.total.isNearlyFull(all) else { return full }
        return full + [Self.full("to all nodes", queue.total.words(all), "total")]
    }

    private static func full(_ queue: String, _ standing: String, _ key: String) -> String {
        "transfers \(queue) under way: \(standing); once full, only flash is taken (`queue-full`): "
            + "see `selat transfers`, or raise `queue.\(key)` in the configuration"
    }

    /// What waits or is on its way from here.
    package func queues() async throws -> [QueueCount] {
        let outbound = Sender.State.allCases.filter { !$0.isOutcome }.map(\.rawValue)
        let relayed = Relay.State.allCases.filter { !$0.isOutcome }.map(\.rawValue)
        return try await store.read { try $0.queues(outbound: outbound, relayed: relayed) }
    }
}
