package import SelatCore

// How an envelope can travel: from node to node along the membership's links (`Format.md`, *Links*).

extension Federation {
    /// Whether two nodes exchange directly: neither record names links that lack the other.
    package func areLinked(_ a: NodeID, _ b: NodeID) -> Bool {
        guard let first = nodes[a], let second = nodes[b] else { return false }
        return first.reaches(b) && second.reaches(a)
    }

    /// Paths between two nodes, both ends included: fewer relays first, then by name.
    ///
    /// Each link of a path is one of the membership's, no node stands on it twice, and every node
    /// between the ends has the role `relay`.
    /// - Parameter admits: whether a node may stand between the ends.
    /// - Returns: at most `FederationLimits.pathsMax`, with at most
    ///   `FederationLimits.relaysPerPathMax` relays each.
    package func paths(
        from: NodeID, to: NodeID, admits: (NodeID) -> Bool
    ) -> [[NodeID]] {
        guard from != to, nodes[from] != nil, nodes[to] != nil else { return [] }
        let relays = nodes.values.filter { node in
            node.roles.contains(.relay) && node.id != from && node.id != to && admits(node.id)
        }.map(\.id).sorted()
        var found: [[NodeID]] = []
        var begun = [[from]]
        for _ in 0...FederationLimits.relaysPerPathMax {
            found += begun.filter { areLinked($0[$0.count - 1], to) }.map { $0 + [to] }
            guard found.count < FederationLimits.pathsMax else { break }
            begun = begun.flatMap { path in
                relays.filter { !path.contains($0) && areLinked(path[path.count - 1], $0) }
                    .map { path + [$0] }
            }
        }
        return Array(found.prefix(FederationLimits.pathsMax))
    }
}

extension MemberRecord.Node {
    fileprivate func reaches(_ other: NodeID) -> Bool { links?.contains(other) ?? true }
}
