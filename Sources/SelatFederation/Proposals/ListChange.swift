package import SelatCore
package import SelatCrypto

/// One change of a membership list, as it is proposed. A list without any has new dates only.
package enum ListChange: Hashable, Sendable {
    case add(MembershipList.Member)
    case cut(MembershipList.Cut)
    /// Takes a node back that was cut.
    case restore(NodeID)
    case quorum(Int)
    /// Puts a suite into use, or gives it another end.
    case suite(Suite, sunset: Timestamp?)
    case withdrawSuite(Suite)
    /// What every envelope owes; `high` from a classification on, where the profile is `standard`.
    case profile(CryptographyProfile, highFrom: Classification?)
    case roles(Country, Set<NodeRole>)
    case sector(Country, Sector)
    case threshold(Country, Int)
    case addAuthority(Country, Certificate)
    case withdrawAuthority(Country, Certificate)
    case addCA(Country, Certificate)
    case withdrawCA(Country, Certificate)
}

extension MembershipList {
    /// The list that is to follow this one, with nobody's signature.
    ///
    /// A quorum that is the smallest majority stays that when members come and go; another one
    /// changes only by an own change.
    /// - Parameter id: the federation's; the first list does not name it.
    /// - Throws: `FederationError.contradiction` for a change of what is not there, or a list that
    ///   contradicts itself.
    package func next(
        _ changes: [ListChange], of id: Digest, issued: Timestamp, expires: Timestamp
    ) throws(FederationError) -> MembershipList {
        var draft = ListDraft(self)
        for change in changes { try draft.apply(change) }
        return try MembershipList(
            federation: id, serial: serial + 1, previous: digest, issued: issued,
            expires: expires, isSandbox: isSandbox, quorum: draft.quorum(after: self),
            suites: draft.suites, profile: draft.profile, highFrom: draft.highFrom,
            members: Array(draft.members.values), cuts: draft.cuts)
    }
}

extension MembershipList {
    /// The smallest quorum that a number of members may have.
    package static func majority(of members: Int) -> Int { members / 2 + 1 }
}

/// A list's parts while they change.
private struct ListDraft {
    var members: [Country: MembershipList.Member]
    var suites: [Suite: Timestamp?]
    var profile: CryptographyProfile
    var highFrom: Classification?
    var cuts: [MembershipList.Cut]
    private var quorum: Int?

    init(_ list: MembershipList) {
        members = Dictionary(uniqueKeysWithValues: list.members.map { ($0.country, $0) })
        suites = list.suites
        (profile, highFrom) = (list.profile, list.highFrom)
        cuts = list.cuts
    }

    func quorum(after list: MembershipList) -> Int {
        if let quorum { return quorum }
        let wasSmallest = list.quorum == MembershipList.majority(of: list.members.count)
        return wasSmallest ? MembershipList.majority(of: members.count) : list.quorum
    }

    mutating func apply(_ change: ListChange) throws(FederationError) {
        switch change {
        case .add(let member): try add(member)
        case .cut(let cut): try self.cut(cut)
        case .restore(let node): try restore(node)
        case .quorum(let number): quorum = number
        case .suite(let suite, let sunset): suites.updateValue(sunset, forKey: suite)
        case .withdrawSuite(let suite):
            guard suites.removeValue(forKey: suite) != nil else {
                throw Self.refusal("suite \(suite.rawValue) is not in use")
            }
        case .profile(let profile, let highFrom):
            (self.profile, self.highFrom) = (profile, highFrom)
        case .roles(let country, let roles):
            try edit(country) { member in member.roles = roles }
        case .sector(let country, let sector):
            try edit(country) { member in member.sector = sector }
        case .threshold(let country, let threshold):
            try edit(country) { member in member.threshold = threshold }
        case .addAuthority(let country, let certificate):
            try edit(country) { member in member.authorities.append(certificate) }
        case .withdrawAuthority(let country, let certificate):
            try edit(country) { member throws(FederationError) in
                member.authorities = try Self.without(certificate, member.authorities)
            }
        case .addCA(let country, let certificate):
            try edit(country) { member in member.anchors.append(certificate) }
        case .withdrawCA(let country, let certificate):
            try edit(country) { member throws(FederationError) in
                member.anchors = try Self.without(certificate, member.anchors)
            }
        }
    }

    private mutating func add(_ member: MembershipList.Member) throws(FederationError) {
        guard members.updateValue(member, forKey: member.country) == nil else {
            throw Self.refusal("`\(member.country)` is a member already")
        }
        // Who joins again is no longer cut; its nodes that were cut singly stay so.
        cuts.removeAll { $0.subject == .member(member.country) }
    }

    private mutating func cut(_ cut: MembershipList.Cut) throws(FederationError) {
        guard members[cut.subject.country] != nil else {
            throw Self.refusal("`\(cut.subject.country)` is no member, so there is nothing to cut")
        }
        if case .member(let country) = cut.subject { members[country] = nil }
        cuts.removeAll { $0.subject == cut.subject }
        cuts.append(cut)
    }

    private mutating func restore(_ node: NodeID) throws(FederationError) {
        guard cuts.contains(where: { $0.subject == .node(node) }) else {
            throw Self.refusal("`\(node)` is not cut")
        }
        cuts.removeAll { $0.subject == .node(node) }
    }

    private mutating func edit(
        _ country: Country,
        _ body: (inout MembershipList.Member) throws(FederationError) -> Void
    ) throws(FederationError) {
        guard var member = members[country] else { throw Self.refusal("`\(country)` is no member") }
        try body(&member)
        members[country] = member
    }

    private static func without(
        _ certificate: Certificate, _ certificates: [Certificate]
    ) throws(FederationError) -> [Certificate] {
        guard certificates.contains(certificate) else {
            throw refusal("`\(certificate)` is not listed")
        }
        return certificates.filter { $0 != certificate }
    }

    private static func refusal(_ reason: String) -> FederationError {
        .contradiction(MembershipList.document, reason: reason)
    }
}
