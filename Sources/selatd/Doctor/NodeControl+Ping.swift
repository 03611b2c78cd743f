import SelatControl
import SelatCore
import SelatExchange
import SelatFederation
import SelatHTTP
import SelatTransport

// Other nodes, as this one reaches them.
extension NodeControl {
    func ping(_ node: NodeID) async throws -> JSON {
        guard node != exchange.identity.node else {
            throw ServiceProblem.badFilter("`\(node)` is this node; `selat doctor` looks at it")
        }
        guard exchange.federation.nodes[node] != nil else {
            throw ServiceProblem.badFilter("no record lists `\(node)`; see `selat members`")
        }
        let ping: Ping
        do { ping = try await exchange.ping(node) } catch {
            throw Problem(
                type: "urn:selat:problem:peer-unreachable", title: "the node does not answer",
                status: 502, detail: "`\(node)`: \(Self.words(error))",
                remedy: Self.remedy(error))
        }
        return [
            "node": .string(node.text), "address": .string(ping.address),
            "handshake_ms": .integer(Self.milliseconds(ping.handshake)),
            "round_trip_ms": .integer(Self.milliseconds(ping.roundTrip)),
            "list_here": .integer(ping.ours.serial), "list_there": .integer(ping.theirs.serial),
            "same_list": .bool(ping.ours == ping.theirs),
            "same_documents": .bool(ping.hasSameDocuments),
        ]
    }

    /// One check for each node, all at once; nodes that are down are their operators' failure, and this
    /// node's where it reaches none.
    func peerChecks() async -> [Check] {
        let nodes = exchange.federation.nodes.keys.filter { $0 != exchange.identity.node }.sorted()
        let found = await withTaskGroup { group in
            for node in nodes { group.addTask { (node, await self.reach(node)) } }
            var found: [NodeID: Reached] = [:]
            for await (node, reached) in group { found[node] = reached }
            return found
        }
        let isAlone = !nodes.isEmpty && found.values.allSatisfy { $0.state == .failure }
        return nodes.compactMap { node in
            guard let reached = found[node] else { return nil }
            let state = reached.state == .failure && !isAlone ? .warning : reached.state
            return Check(
                "peer \(node)", lookedAt: "TCP, TLS both ways, and the membership of both ends",
                state, reached.words, remedy: reached.remedy)
        }
    }

    private struct Reached: Sendable {
        let state: Check.State
        let words: String
        let remedy: String?
    }

    private func reach(_ node: NodeID) async -> Reached {
        do {
            let ping = try await exchange.ping(node)
            let times =
                "answers in \(Self.milliseconds(ping.roundTrip)) ms, "
                + "handshake \(Self.milliseconds(ping.handshake)) ms"
            guard ping.ours != ping.theirs else {
                return Reached(state: .ok, words: times, remedy: nil)
            }
            return Reached(
                state: .warning,
                words: "\(times); goes by list \(ping.theirs.serial), this node by "
                    + "\(ping.ours.serial)", remedy: "they spread by themselves within minutes")
        } catch {
            return Reached(
                state: .failure, words: Self.words(error), remedy: Self.remedy(error))
        }
    }

    private static func words(_ error: any Error) -> String {
        String("\(error)".prefix(500).map { $0.isNewline ? " " : $0 })
    }

    private static func remedy(_ error: any Error) -> String {
        if case HTTPFault.unreachable = error {
            return "check the way there: name, route and firewall; else ask its operator"
        }
        return "compare membership and certificates with its operator: selat members show NODE"
    }

    private static func milliseconds(_ time: Duration) -> Int64 {
        max(1, Int64(time / .milliseconds(1)))
    }
}
