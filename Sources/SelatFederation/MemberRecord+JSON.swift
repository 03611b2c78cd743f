package import SelatCore
import SelatCrypto

extension MemberRecord {
    package var json: JSON {
        var fields: JSON.Object = [
            "type": "member-record", "format": 1, "federation": .string(federation.text),
            "country": .string(country.code), "serial": .integer(serial),
            "issued": .string(issued.text), "expires": .string(expires.text),
            "nodes": .array(nodes.map(\.json)), "officers": .array(officers.map(\.json)),
            "policy-signers": .base64(policySigners),
        ]
        if policyThreshold != Self.policyThresholdLeast {
            fields["policy-threshold"] = .integer(Int64(policyThreshold))
        }
        fields["witness-quorum"] = witnessQuorum.map { .integer(Int64($0)) }
        fields["previous"] = previous.map { .string($0.text) }
        return .object(fields)
    }

    /// - Parameter content: canonical JSON.
    /// - Throws: `FederationError.documentInvalid`, `.contradiction`, `.notTrusted`.
    package init(content: [UInt8], country expected: Country) throws(FederationError) {
        let document = Self.document(of: expected)
        var fields = try DocumentReader(content: content, document, type: "member-record")
        let country = try fields.read { r throws(CoreError) in try r.country("country") }
        guard country == expected else {
            throw .contradiction(document, reason: "it is the record of `\(country)`")
        }
        let federation = try fields.read { r throws(CoreError) in try r.digest("federation") }
        let serial = try fields.read { r throws(CoreError) in try r.unsigned("serial") }
        let previous = try fields.read { r throws(CoreError) in
            try r.optionalString("previous").map { text throws(CoreError) in try Digest(text) }
        }
        let issued = try fields.read { r throws(CoreError) in try r.timestamp("issued") }
        let expires = try fields.read { r throws(CoreError) in try r.timestamp("expires") }
        var nodes: [Node] = []
        for entry in try fields.objects("nodes", max: FederationLimits.nodesPerMemberMax) {
            nodes.append(try Node(entry))
        }
        var officers: [Officer] = []
        for entry in try fields.objects("officers", max: FederationLimits.officersPerMemberMax) {
            officers.append(try Officer(entry, document))
        }
        let signers = try fields.certificates(
            "policy-signers", max: FederationLimits.authoritiesMax)
        let threshold = try fields.read { r throws(CoreError) in
            try r.optionalUnsigned("policy-threshold").map { Int(clamping: $0) }
        }
        let quorum = try fields.read { r throws(CoreError) in
            try r.optionalUnsigned("witness-quorum").map { Int(clamping: $0) }
        }
        try fields.end()
        try self.init(
            federation: federation, country: country, serial: serial, previous: previous,
            issued: issued, expires: expires, nodes: nodes, officers: officers,
            policySigners: signers, policyThreshold: threshold ?? Self.policyThresholdLeast,
            witnessQuorum: quorum)
        try DocumentReader.requireOneForm(json, content, document)
    }
}

extension MemberRecord.Node {
    fileprivate var json: JSON {
        var fields: JSON.Object = [
            "id": .string(id.text),
            "endpoint": endpoint.json,
            "certificates": [
                "tls": .base64(tls), "signing": .base64(signing), "agreement": .base64(agreement),
            ],
            "log": .string(logKey), "roles": .strings(roles.map(\.rawValue).sorted()),
        ]
        if !mlkem.isEmpty {
            fields["mlkem"] = .strings(mlkem.map { Base64.encode($0.raw) })
        }
        fields["witness"] = witnessKey.map { .string($0) }
        fields["links"] = links.map { .strings($0.sorted().map(\.text)) }
        return .object(fields)
    }

    init(_ entry: DocumentReader) throws(FederationError) {
        var entry = entry
        id = try entry.read { r throws(CoreError) in try r.node("id") }
        endpoint = try Endpoint(try entry.object("endpoint"), of: id)
        var certificates = try entry.object("certificates")
        let max = FederationLimits.certificatesPerPurposeMax
        tls = try certificates.certificates("tls", max: max)
        signing = try certificates.certificates("signing", max: max)
        agreement = try certificates.certificates("agreement", max: max)
        try certificates.end()
        mlkem = try entry.mlkemKeys("mlkem", max: FederationLimits.mlkemKeysMax)
        logKey = try entry.read { r throws(CoreError) in try r.string("log") }
        witnessKey = try entry.read { r throws(CoreError) in try r.optionalString("witness") }
        roles = try entry.roles()
        links = try entry.links()
        try entry.end()
    }
}

extension DocumentReader {
    /// Nodes by name, none twice; the one form of the document holds their order.
    fileprivate mutating func links() throws(FederationError) -> Set<NodeID>? {
        guard contains("links") else { return nil }
        return try read { reader throws(CoreError) in
            var links: Set<NodeID> = []
            for name in try reader.strings("links") { links.insert(try NodeID(name)) }
            return links
        }
    }
}

extension MemberRecord.Officer {
    fileprivate var json: JSON {
        [
            "id": .string(id.text), "certificate": .string(Base64.encode(certificate.der)),
            "roles": .strings(
                roles.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }),
        ]
    }

    fileprivate init(_ entry: DocumentReader, _ document: String) throws(FederationError) {
        var entry = entry
        id = try entry.read { r throws(CoreError) in try OfficerID(try r.string("id")) }
        let der = try entry.read { r throws(CoreError) in try r.base64("certificate") }
        do throws(CryptoError) {
            certificate = try Certificate(der: der)
        } catch {
            throw .notTrusted(document, error)
        }
        let words = try entry.read { r throws(CoreError) in try r.strings("roles") }
        roles = Set(words)
        guard roles.count == words.count else {
            throw .contradiction(document, reason: "a role of `\(id)` stands twice")
        }
        try entry.end()
    }
}

extension JSON {
    fileprivate static func base64(_ certificates: [Certificate]) -> JSON {
        .strings(certificates.map { Base64.encode($0.der) })
    }
}
