package import SelatCore
import SelatCrypto

extension MembershipList {
    package var json: JSON {
        var members: JSON.Object = [
            "type": "membership-list", "format": 1, "serial": .integer(serial),
            "issued": .string(issued.text), "expires": .string(expires.text),
            "sandbox": .bool(isSandbox), "quorum": .integer(Int64(quorum)),
            "suites": .array(
                suites.sorted { $0.key.rawValue < $1.key.rawValue }.map { suite, sunset in
                    var entry: JSON.Object = ["suite": .integer(suite.rawValue)]
                    entry["sunset"] = sunset.map { .string($0.text) }
                    return .object(entry)
                }),
            "members": .array(self.members.map(\.json)),
        ]
        if profile != .standard { members["profile"] = .string(profile.rawValue) }
        members["high-from"] = highFrom.map { .string($0.rawValue) }
        if !cuts.isEmpty { members["cut"] = .array(cuts.map(\.json)) }
        members["federation"] = federation.map { .string($0.text) }
        members["previous"] = previous.map { .string($0.text) }
        return .object(members)
    }

    /// - Parameter content: canonical JSON.
    /// - Throws: `FederationError.documentInvalid`, `.contradiction`, `.notTrusted`.
    package init(content: [UInt8]) throws(FederationError) {
        var fields = try DocumentReader(content: content, Self.document, type: "membership-list")
        let federation = try fields.read { r throws(CoreError) in
            try r.optionalString("federation").map { text throws(CoreError) in try Digest(text) }
        }
        let previous = try fields.read { r throws(CoreError) in
            try r.optionalString("previous").map { text throws(CoreError) in try Digest(text) }
        }
        let serial = try fields.read { r throws(CoreError) in try r.unsigned("serial") }
        let issued = try fields.read { r throws(CoreError) in try r.timestamp("issued") }
        let expires = try fields.read { r throws(CoreError) in try r.timestamp("expires") }
        let isSandbox = try fields.read { r throws(CoreError) in try r.bool("sandbox") }
        let quorum = try fields.count("quorum")
        var suites: [Suite: Timestamp?] = [:]
        for var entry in try fields.objects("suites", max: Suite.allCases.count) {
            let number = try entry.count("suite")
            guard let suite = Suite(rawValue: Int64(number)), suites[suite] == nil else {
                throw .contradiction(
                    Self.document, reason: "suite \(number) is unknown or repeated")
            }
            let sunset = try entry.read { r throws(CoreError) in
                try r.optionalString("sunset").map { text throws(CoreError) in
                    try Timestamp(text)
                }
            }
            suites.updateValue(sunset, forKey: suite)
            try entry.end()
        }
        let profile: CryptographyProfile = try fields.optionalChoice("profile") ?? .standard
        let highFrom: Classification? = try fields.optionalChoice("high-from")
        var members: [Member] = []
        for entry in try fields.objects("members", max: FederationLimits.membersMax) {
            members.append(try Member(entry))
        }
        let cuts = try Cut.all(&fields)
        try fields.end()
        try self.init(
            federation: federation, serial: serial, previous: previous, issued: issued,
            expires: expires, isSandbox: isSandbox, quorum: quorum, suites: suites,
            profile: profile, highFrom: highFrom, members: members, cuts: cuts)
        try DocumentReader.requireOneForm(json, content, Self.document)
    }
}

extension MembershipList.Cut {
    fileprivate var json: JSON {
        var fields: JSON.Object = ["distrust-from": .string(distrustFrom.text)]
        switch subject {
        case .member(let country): fields["country"] = .string(country.code)
        case .node(let node): fields["node"] = .string(node.text)
        }
        fields["log-size"] = logSize.map { .integer($0) }
        return .object(fields)
    }

    fileprivate static func all(_ fields: inout DocumentReader) throws(FederationError) -> [Self] {
        guard fields.contains("cut") else { return [] }
        var cuts: [Self] = []
        for entry in try fields.objects("cut", max: FederationLimits.cutsMax) {
            cuts.append(try Self(entry))
        }
        return cuts
    }

    private init(_ entry: DocumentReader) throws(FederationError) {
        var entry = entry
        if entry.contains("country") {
            subject = .member(try entry.read { r throws(CoreError) in try r.country("country") })
        } else {
            subject = .node(try entry.read { r throws(CoreError) in try r.node("node") })
        }
        distrustFrom = try entry.read { r throws(CoreError) in try r.timestamp("distrust-from") }
        logSize = try entry.read { r throws(CoreError) in try r.optionalUnsigned("log-size") }
        try entry.end()
    }
}

extension MembershipList.Member {
    /// As it stands in the list, and as a candidate's sheet (`Joining.md`, *Candidate*).
    package var json: JSON {
        [
            "country": .string(country.code), "sector": .string(sector.rawValue),
            "cas": .array(anchors.map { .string(Base64.encode($0.der)) }),
            "authorities": .array(authorities.map { .string(Base64.encode($0.der)) }),
            "threshold": .integer(Int64(threshold)),
            "roles": .strings(roles.map(\.rawValue).sorted()),
        ]
    }

    init(_ entry: DocumentReader) throws(FederationError) {
        var entry = entry
        country = try entry.read { r throws(CoreError) in try r.country("country") }
        sector = try entry.read { r throws(CoreError) in try r.choice("sector") }
        anchors = try entry.certificates("cas", max: FederationLimits.anchorsMax)
        authorities = try entry.certificates("authorities", max: FederationLimits.authoritiesMax)
        threshold = try entry.count("threshold")
        roles = try entry.roles()
        try entry.end()
    }
}
