package import SelatCore
import SelatDelivery
import SelatFederation
package import SelatPolicy
import SelatStore

// Which way an envelope may go: over the membership's links, through countries whose rules on transit
// let it pass (Exchange.docc, *Routes*).

extension Exchange {
    /// One way to a recipient, as it looks now.
    package struct RouteView: Sendable {
        /// Both ends included.
        package let nodes: [NodeID]
        /// What each relay's country says.
        package let transit: [SelatPolicy.Judgement]
        /// Whether the first node after this one could not be reached lately.
        package let isOutOfReach: Bool

        package var isLawful: Bool { transit.allSatisfy { $0.outcome == .permitted } }
    }

    /// Every way that the links leave to a recipient, lawful or not for this label, in the order in
    /// which they are tried.
    /// - Throws: `Problem` for a recipient who is not known or takes nothing.
    package func routes(to recipient: NodeID, label: Label) async throws -> [RouteView] {
        _ = try self.recipient(recipient, at: clock.now())
        let federation = federation
        let paths = federation.paths(from: identity.node, to: recipient) { _ in true }
        var views: [RouteView] = []
        for path in paths {
            views.append(
                RouteView(
                    nodes: path, transit: try transit(of: path, label),
                    isOutOfReach: await peers.isOutOfReach(path[1])))
        }
        return views.filter { !$0.isOutOfReach } + views.filter(\.isOutOfReach)
    }

    /// The relays over which a new transfer is judged: none where the ends are linked, else those of
    /// the first way that the verdict permits.
    func chooseRelays(for request: OutboundRequest) async throws -> [NodeID] {
        let federation = federation
        guard request.to != identity.node, federation.nodes[request.to] != nil,
            !federation.areLinked(identity.node, request.to)
        else { return [] }
        let paths = federation.paths(from: identity.node, to: request.to) { _ in true }
        guard let first = paths.first else {
            throw ServiceProblem.badDataset(
                "no route leads from `\(identity.node)` to `\(request.to)`: see `selat route`")
        }
        for path in paths where try isTransitPermitted(path, request.label) {
            let relays = Array(path.dropFirst().dropLast())
            if try await decide(request, through: relays).permit != nil { return relays }
        }
        // Then the verdict says what stands against it.
        return Array(first.dropFirst().dropLast())
    }

    /// The ways on which a sealed transfer may be released now.
    nonisolated(nonsending) func ways(of row: OutboundRow) async throws -> Ways<NodeID> {
        let asked = try request(of: row)
        let (label, permitted) = (asked.request.label, asked.verdict)
        let (federation, node) = (federation, identity.node)
        return Ways(
            permitted: [node] + permitted.question.relays + [row.to],
            isApproved: !ApprovalDebt.all(permitted.obligations).isEmpty,
            outOfReach: await peers.nodesOutOfReach(),
            paths: { avoided in
                federation.paths(from: node, to: row.to) { !avoided.contains($0) }
            },
            isLawful: { try self.isTransitPermitted($0, label) })
    }

    func isTransitPermitted(_ path: [NodeID], _ label: Label) throws -> Bool {
        try transit(of: path, label).allSatisfy { $0.outcome == .permitted }
    }

    /// What the country of each relay says, from what a header shows.
    func transit(of path: [NodeID], _ label: Label) throws -> [SelatPolicy.Judgement] {
        let relays = Array(path.dropFirst().dropLast())
        guard !relays.isEmpty else { return [] }
        let question = Question(
            source: path[0], destination: path[path.count - 1], relays: relays,
            sectors: federation.sectors, membershipSerial: federation.serial,
            decided: clock.now(), label: label, facts: Facts([:]))
        let policies = policies
        let (source, destination) = (question.source.country, question.destination.country)
        // Within one country its own relays are not asked.
        return try Set(relays.map(\.country)).sorted().filter { relay in
            source != destination || relay != source
        }.map { try policies.decideTransit(question, through: $0) }
    }
}
