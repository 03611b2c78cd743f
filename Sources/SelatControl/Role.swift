package import SelatHTTP

/// What a person may be at the control socket. Nobody gets a right with another's role: who needs
/// two belongs to two groups.
package enum Role: String, CaseIterable, Comparable, Sendable {
    /// Sends, opens, exports packages and looks.
    case `operator`
    /// Looks at what waits for approval, and hands in what was signed.
    case officer
    /// Reads the log and what proves a transfer; never a dataset.
    case auditor
    /// Policies, membership, keys, restoring and erasing; never a dataset.
    case administrator

    package static func < (a: Role, b: Role) -> Bool { a.rawValue < b.rawValue }
}

/// Which callers have which role: by Unix groups, as numbers.
package struct RoleBook: Sendable {
    /// Root and the daemon's own user can change configuration and keys anyway.
    private let administrators: Set<UInt32>
    /// In a sandbox: the user who has every role.
    private let owner: UInt32?
    private let groups: [Role: Set<UInt32>]
    /// The groups' names, for the words of a refusal.
    private let names: [Role: [String]]

    /// - Parameters:
    ///   - daemon: the daemon's own user.
    ///   - ownerHasAll: whether that user has every role, as in a sandbox.
    ///   - groups: the groups that exist on this machine; a role without one has nobody.
    ///   - names: as configured.
    package init(
        daemon: UInt32, ownerHasAll: Bool, groups: [Role: Set<UInt32>], names: [Role: [String]]
    ) {
        administrators = [0, daemon]
        owner = ownerHasAll ? daemon : nil
        self.groups = groups
        self.names = names
    }

    /// The roles of a process, by the groups that it had when it connected.
    package func roles(of process: ProcessCredentials) -> Set<Role> {
        if process.user == owner { return Set(Role.allCases) }
        var roles = Set(
            groups.filter { !$0.value.isDisjoint(with: process.groups) }.map(\.key))
        if administrators.contains(process.user) { roles.insert(.administrator) }
        return roles
    }

    /// The groups that give a role.
    func names(of role: Role) -> [String] { names[role] ?? [] }
}
