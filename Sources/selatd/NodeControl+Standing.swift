import SelatCore
import SelatExchange
import SelatStore
import SelatTransport

// What is under way: the members of `status` for those who watch.
extension NodeControl {
    /// Precedence to state to number, and to `size_bytes`; the most urgent first is the reader's order.
    func queues() async throws -> JSON {
        let counts = Dictionary(grouping: try await exchange.queues(), by: \.precedence)
        return .object(
            JSON.Object(counts.map { ($0.key.rawValue, Self.document($0.value)) }))
    }

    private static func document(_ counts: [QueueCount]) -> JSON {
        // Own transfers and relayed ones have the states `relayed` and `delivered` apart.
        let states = Dictionary(counts.map { ($0.state, Int64($0.count)) }, uniquingKeysWith: +)
        return [
            "states": .object(JSON.Object(states.mapValues { .integer($0) })),
            "size_bytes": .integer(counts.reduce(0) { $0 + $1.bytes }),
        ]
    }

    static func document(_ disk: DiskStanding) -> JSON {
        [
            "free_bytes": .integer(disk.free), "reserve_bytes": .integer(disk.reserve),
            "reached": .bool(disk.isReached),
        ]
    }

    static func warnings(_ disk: DiskStanding) -> [String] {
        guard disk.isReached else { return [] }
        return [
            "only flash is taken in: \(disk.free) bytes of the disk are free, and \(disk.reserve) "
                + "are its reserve; destroy what was opened (`selat inbox`), or give it a larger disk"
        ]
    }

    func peerStandings() async -> JSON {
        .array(
            await exchange.peerStandings().map { peer in
                [
                    "node": .string(peer.node.text), "out_of_reach": .bool(peer.isOutOfReach),
                    "sent_bytes": .integer(peer.traffic.sent),
                    "received_bytes": .integer(peer.traffic.received),
                ]
            })
    }
}
