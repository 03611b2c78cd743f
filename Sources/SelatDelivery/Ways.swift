/// The ways that lead to a transfer's recipient, as one moment knows them.
package struct Ways<Node: Hashable> {
    /// The nodes over which it was permitted, both ends included.
    private let permitted: [Node]
    /// Whether officers have approved it: then it goes only where they have seen that it goes.
    private let isApproved: Bool
    /// First nodes that could not be reached lately.
    private let outOfReach: Set<Node>
    private let paths: (_ avoided: Set<Node>) -> [[Node]]
    private let isLawful: ([Node]) throws -> Bool

    /// - Parameters:
    ///   - paths: those of the membership over other relays than these, both ends included, the best first.
    ///   - isLawful: whether each relay's country lets it pass on this path.
    package init(
        permitted: [Node], isApproved: Bool, outOfReach: Set<Node>,
        paths: @escaping (_ avoided: Set<Node>) -> [[Node]],
        isLawful: @escaping ([Node]) throws -> Bool
    ) {
        self.permitted = permitted
        self.isApproved = isApproved
        self.outOfReach = outOfReach
        self.paths = paths
        self.isLawful = isLawful
    }

    /// Those on which it may be released, in the order in which they are tried: the one on which it was permitted,
    /// then other lawful ones; those out of reach last.
    package func routes(avoiding avoided: Set<Node>) throws -> [[Node]] {
        let found = paths(avoided)
        let chosen = found.filter { $0 == permitted }
        let others = isApproved ? [] : try found.filter { try $0 != permitted && isLawful($0) }
        let all = chosen + others
        return all.filter(isInReach) + all.filter { !isInReach($0) }
    }

    func isInReach(_ route: [Node]) -> Bool { !outOfReach.contains(route[1]) }
}
