package import SelatCore
package import SelatCrypto

/// What the members agree on: who they are and whose signatures count (`Format.md`, *List*).
package struct MembershipList: Hashable, Sendable {
    /// One country.
    package struct Member: Hashable, Sendable {
        package let country: Country
        package internal(set) var sector: Sector
        /// Self-signed CA certificates; they count for this country only.
        package internal(set) var anchors: [Certificate]
        /// Who signs lists and the member's record.
        package internal(set) var authorities: [Certificate]
        /// How many of `authorities` speak for the member.
        package internal(set) var threshold: Int
        package internal(set) var roles: Set<NodeRole>

        package init(
            country: Country, sector: Sector, anchors: [Certificate], authorities: [Certificate],
            threshold: Int, roles: Set<NodeRole>
        ) {
            self.country = country
            self.sector = sector
            self.anchors = anchors
            self.authorities = authorities
            self.threshold = threshold
            self.roles = roles
        }
    }

    /// A node or a whole member whose word no longer counts.
    package struct Cut: Hashable, Sendable {
        package let subject: Subject
        /// Statements that were not witnessed before this moment do not count.
        package let distrustFrom: Timestamp
        /// How many entries of the node's log are trusted; nil where nobody knows a last good one.
        package let logSize: UInt64?

        package init(subject: Subject, distrustFrom: Timestamp, logSize: UInt64? = nil) {
            self.subject = subject
            self.distrustFrom = distrustFrom
            self.logSize = logSize
        }

        /// Who is cut.
        package enum Subject: Hashable, Sendable, Comparable, CustomStringConvertible {
            case member(Country)
            case node(NodeID)

            package var country: Country {
                switch self {
                case .member(let country): country
                case .node(let node): node.country
                }
            }

            package var description: String {
                switch self {
                case .member(let country): country.code
                case .node(let node): node.text
                }
            }

            package static func < (a: Self, b: Self) -> Bool { a.description < b.description }
        }
    }

    /// The digest of the first list's CMS bytes; nil in the first list, which cannot hold its own.
    package let federation: Digest?
    /// From 1.
    package let serial: UInt64
    /// The digest of the list before, `digest`; nil in the first.
    package let previous: Digest?
    package let issued: Timestamp
    package let expires: Timestamp
    package let isSandbox: Bool
    /// How many members must sign a list: more than half.
    package let quorum: Int
    /// The suites in use, each with the moment after which it is refused, if one is set.
    package let suites: [Suite: Timestamp?]
    /// What every envelope owes.
    package let profile: CryptographyProfile
    /// The classification from which on the profile `high` is owed; nil where labels change nothing.
    package let highFrom: Classification?
    /// Ordered by country.
    package let members: [Member]
    /// Ordered by whom they cut; later lists carry them on.
    package let cuts: [Cut]
    /// Names the list in its successor, in headers and in indexes: of its content alone. Whoever has a
    /// copy can make another one that is as good, without a signature or with `n - s` in place of `s`.
    package private(set) var digest = SHA256.digest([])

    /// - Throws: `FederationError.contradiction` for a quorum of half or less, a repeated country,
    ///   a CA of two countries, a threshold that cannot be met, and the like.
    package init(
        federation: Digest? = nil, serial: UInt64 = 1, previous: Digest? = nil, issued: Timestamp,
        expires: Timestamp, isSandbox: Bool, quorum: Int, suites: [Suite: Timestamp?],
        profile: CryptographyProfile = .standard, highFrom: Classification? = nil,
        members: [Member], cuts: [Cut] = []
    ) throws(FederationError) {
        self.federation = federation
        self.serial = serial
        self.previous = previous
        self.issued = issued
        self.expires = expires
        self.isSandbox = isSandbox
        self.quorum = quorum
        self.suites = suites
        self.profile = profile
        self.highFrom = highFrom
        self.members = members.sorted { $0.country < $1.country }
        self.cuts = cuts.sorted { $0.subject < $1.subject }
        if let reason = contradiction {
            throw .contradiction(Self.document, reason: reason)
        }
        digest = SHA256.digest(json.canonical)
    }

    /// Whether a digest names this list. Once it was that of the CMS bytes, and what was proven by that
    /// stays proven.
    /// - Parameter der: the CMS bytes of the list.
    package func isNamed(by name: Digest?, _ der: [UInt8]) -> Bool {
        name == digest || name == SHA256.digest(der)
    }

    /// Signs the list by one signer after another; enough of them must be among its authorities.
    /// - Returns: the bytes of `membership.cms`.
    /// - Throws: `CryptoError` when signing fails.
    package func signed(
        by signers: [CMS.Signer], at time: Timestamp
    ) throws(CryptoError) -> [UInt8] {
        try CMS.sign(
            content: json.canonical, type: .membershipList, signers: signers, at: time)
    }

    /// The suites that may be used at `time`.
    package func suites(at time: Timestamp) -> Set<Suite> {
        Set(suites.filter { _, sunset in sunset.map { time < $0 } ?? true }.keys)
    }

    /// The profile that an envelope with this label owes.
    package func profile(for label: Label) -> CryptographyProfile {
        highFrom.map { label.classification >= $0 } ?? false ? .high : profile
    }

    /// What cuts a node off: its own cut, or that of its country. Of both the stricter counts in each
    /// part, or a country that is cut later would give its node's forgeries back.
    package func cut(of node: NodeID) -> Cut? {
        let own = cuts.filter { $0.subject == .node(node) || $0.subject == .member(node.country) }
        guard let first = own.first else { return nil }
        return Cut(
            subject: first.subject,
            distrustFrom: own.map(\.distrustFrom).min() ?? first.distrustFrom,
            logSize: own.compactMap(\.logSize).min())
    }

    static let document = "membership list"

    private var contradiction: String? {
        if (serial == 1) != (federation == nil) || (serial == 1) != (previous == nil) || serial == 0
        {
            return "only the first list, with serial 1, names neither federation nor previous list"
        }
        if expires <= issued || expires - issued > FederationLimits.listLifeSecondsMax {
            return "it must expire within 30 days of its issue"
        }
        if members.isEmpty || members.count > FederationLimits.membersMax {
            return "\(members.count) members, expected 1 to \(FederationLimits.membersMax)"
        }
        if quorum > members.count || quorum * 2 <= members.count {
            return "a quorum of \(quorum) is not more than half of \(members.count) members"
        }
        if suites.isEmpty { return "it names no suite" }
        if profile == .high, highFrom != nil {
            return "`high-from` says nothing where `profile` is `high`"
        }
        if profile == .high || highFrom != nil, suites[.p384MLKEM1024] == nil {
            return "the profile `high` owes suite 4, which is not in use"
        }
        if Set(members.map(\.country)).count != members.count { return "a country stands twice" }
        return members.lazy.compactMap(\.contradiction).first
            ?? Self.shared(members.map(\.anchors), what: "CA")
            ?? Self.shared(members.map(\.authorities), what: "authority") ?? namesContradiction
            ?? cutsContradiction
    }

    /// Tools that look a signer up by issuer and serial, as CMS names it, must find one.
    private var namesContradiction: String? {
        let names = members.flatMap(\.authorities).map(\.issuerAndSerial)
        return Set(names).count == names.count
            ? nil : "two authorities have the same issuer and serial number"
    }

    private var cutsContradiction: String? {
        if cuts.count > FederationLimits.cutsMax {
            return "\(cuts.count) cuts, at most \(FederationLimits.cutsMax)"
        }
        if Set(cuts.map(\.subject)).count != cuts.count { return "one is cut twice" }
        for cut in cuts {
            if cut.distrustFrom > issued {
                return "the cut of `\(cut.subject)` distrusts only from after the list's issue"
            }
            guard case .member(let country) = cut.subject else { continue }
            if members.contains(where: { $0.country == country }) {
                return "`\(country)` is a member and cut at once"
            }
            if cut.logSize != nil { return "`\(country)` is no node, and has no log of its own" }
        }
        return nil
    }

    /// Whether one key stands twice: a CA of two countries would make them one.
    private static func shared(_ certificates: [[Certificate]], what: String) -> String? {
        let keys = certificates.joined().map(\.publicKey)
        return Set(keys).count == keys.count ? nil : "one key is that of more than one \(what)"
    }
}

extension MembershipList.Member {
    fileprivate var contradiction: String? {
        if !(1...FederationLimits.anchorsMax).contains(anchors.count) {
            return "`\(country)` has \(anchors.count) CAs"
        }
        if !(1...FederationLimits.authoritiesMax).contains(authorities.count) {
            return "`\(country)` has \(authorities.count) authorities"
        }
        return (1...authorities.count).contains(threshold)
            ? nil : "`\(country)` cannot reach its threshold of \(threshold)"
    }
}

/// What a node may be used for.
package enum NodeRole: String, Hashable, Sendable, CaseIterable {
    /// Sends and receives datasets of its own.
    case exchange
    /// Passes others' envelopes on.
    case relay
    /// Cosigns others' checkpoints.
    case witness
}

/// Limits of the membership documents.
package enum FederationLimits {
    package static let membersMax = 64
    package static let cutsMax = 1_024
    package static let anchorsMax = 8
    package static let authoritiesMax = 8
    package static let nodesPerMemberMax = 256
    package static let linksPerNodeMax = 256
    /// Relays on one path.
    package static let relaysPerPathMax = Limits.routeNodesMax - 2
    /// Countries through which an approval lets a transfer travel.
    package static let transitCountriesMax = 16
    /// Paths that are looked at for one transfer.
    package static let pathsMax = 64
    package static let officersPerMemberMax = 1_024
    package static let certificatesPerPurposeMax = 8
    package static let mlkemKeysMax = 8
    /// `membership.cms`, and one record.
    package static let documentBytesMax = 4 << 20
    /// `FILE.p7s`.
    package static let editionSignaturesBytesMax = 64 << 10
    package static let listLifeSecondsMax: Int64 = 30 * 86_400
    /// From a revocation list's thisUpdate to its nextUpdate.
    package static let revocationListLifeSecondsMax: Int64 = 7 * 86_400
    /// After a document's expiry what is on its way may still arrive.
    package static let graceSecondsMax: Int64 = 7 * 86_400
}
