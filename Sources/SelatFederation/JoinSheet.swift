package import SelatCore
package import SelatCrypto

/// What a new node hands to its country's authority: who it is, where it listens, and its public
/// keys (`Joining.md`, *Sheet*). It is not signed; people compare its fingerprints.
package struct JoinSheet: Hashable, Sendable {
    package let federation: Digest
    package let node: NodeID
    package let endpoint: Endpoint
    package let roles: Set<NodeRole>
    /// One for each of `KeyPurpose.certified`.
    package let requests: [KeyPurpose: CertificateRequest]
    /// ML-KEM keys, newest first; none where the node has none.
    package let mlkem: [MLKEMPublicKey]
    /// The verifier key of the node's audit log, as C2SP signed notes write it.
    package let logKey: String
    /// The key with which the node cosigns others' logs; nil where it does not witness.
    package let witnessKey: String?

    /// - Throws: `FederationError.contradiction` for a missing request, one key for two purposes,
    ///   a host that nobody can dial, or a witness's key without the role.
    package init(
        federation: Digest, node: NodeID, endpoint: Endpoint, roles: Set<NodeRole>,
        requests: [KeyPurpose: CertificateRequest], mlkem: [MLKEMPublicKey] = [], logKey: String,
        witnessKey: String?
    ) throws(FederationError) {
        self.federation = federation
        self.node = node
        self.endpoint = endpoint
        self.roles = roles
        self.requests = requests
        self.mlkem = mlkem
        self.logKey = logKey
        self.witnessKey = witnessKey
        if let reason = contradiction { throw .contradiction(Self.document, reason: reason) }
    }

    private var contradiction: String? {
        if Set(requests.keys) != Set(KeyPurpose.certified) {
            return "it must hold a request for each of tls, signing and agreement"
        }
        if Set(requests.values.map(\.publicKey)).count != requests.count {
            return "one key is asked for two purposes"
        }
        guard NodeHost.isOne(endpoint.host), endpoint.port > 0 else {
            return "the endpoint is no DNS name or address with a port"
        }
        return (witnessKey != nil) == roles.contains(.witness)
            ? nil : "a node with the role `witness` has a witness key, and no other has one"
    }

    /// The node as its member's record lists it, once its certificates are issued.
    /// - Throws: `FederationError.contradiction` where one is missing.
    package func entry(
        with certificates: [KeyPurpose: Certificate]
    ) throws(FederationError) -> MemberRecord.Node {
        guard let tls = certificates[.tls], let signing = certificates[.signing],
            let agreement = certificates[.agreement]
        else {
            let missing = KeyPurpose.certified.filter { certificates[$0] == nil }
            throw .contradiction(
                Self.document,
                reason: "no certificate for "
                    + missing.map(\.rawValue).joined(separator: ", "))
        }
        return MemberRecord.Node(
            id: node, endpoint: endpoint, tls: [tls], signing: [signing], agreement: [agreement],
            mlkem: mlkem, logKey: logKey, witnessKey: witnessKey, roles: roles)
    }

    static let document = "sheet of a joining node"
}

extension JoinSheet {
    package var json: JSON {
        var fields: JSON.Object = [
            "type": "join-sheet", "format": 1, "federation": .string(federation.text),
            "node": .string(node.text), "endpoint": endpoint.json,
            "roles": .strings(roles.map(\.rawValue).sorted()),
            "requests": byPurpose { .string(Base64.encode($0.der)) },
            "fingerprints": byPurpose { .string($0.publicKey.fingerprint.text) },
            "log": .string(logKey),
        ]
        fields["witness"] = witnessKey.map { .string($0) }
        if !mlkem.isEmpty { fields["mlkem"] = .strings(mlkem.map { Base64.encode($0.raw) }) }
        return .object(fields)
    }

    private func byPurpose(_ value: (CertificateRequest) -> JSON) -> JSON {
        .object(
            JSON.Object(requests.map { ($0.key.rawValue, value($0.value)) }))
    }

    /// - Parameter content: canonical JSON.
    /// - Throws: `FederationError.documentInvalid`, `.contradiction`, also for a fingerprint that is
    ///   not that of its request's key; `.notTrusted` for a request that its key did not sign.
    package init(content: [UInt8]) throws(FederationError) {
        var fields = try DocumentReader(content: content, Self.document, type: "join-sheet")
        let federation = try fields.read { r throws(CoreError) in try r.digest("federation") }
        let node = try fields.read { r throws(CoreError) in try r.node("node") }
        let endpoint = try Endpoint(try fields.object("endpoint"), of: node)
        let roles = try fields.roles()
        let requests = try Self.requests(
            try fields.object("requests"), try fields.object("fingerprints"))
        let mlkem = try fields.mlkemKeys("mlkem", max: FederationLimits.mlkemKeysMax)
        let log = try fields.read { r throws(CoreError) in try r.string("log") }
        let witness = try fields.read { r throws(CoreError) in try r.optionalString("witness") }
        try fields.end()
        try self.init(
            federation: federation, node: node, endpoint: endpoint, roles: roles,
            requests: requests, mlkem: mlkem, logKey: log, witnessKey: witness)
    }

    private static func requests(
        _ requests: DocumentReader, _ fingerprints: DocumentReader
    ) throws(FederationError) -> [KeyPurpose: CertificateRequest] {
        var (requests, fingerprints) = (requests, fingerprints)
        var found: [KeyPurpose: CertificateRequest] = [:]
        for purpose in KeyPurpose.certified {
            let key = purpose.rawValue
            let der = try requests.read { r throws(CoreError) in try r.base64(key) }
            let shown = try fingerprints.read { r throws(CoreError) in try r.string(key) }
            let request: CertificateRequest
            do throws(CryptoError) {
                request = try CertificateRequest(der: der)
            } catch {
                throw .notTrusted("\(document), `\(key)`", error)
            }
            guard request.publicKey.fingerprint.text == shown else {
                throw .contradiction(
                    document,
                    reason: "its fingerprint of the \(key) key is another than the key's, "
                        + "\(request.publicKey.fingerprint)")
            }
            found[purpose] = request
        }
        try requests.end()
        try fingerprints.end()
        return found
    }
}

extension Endpoint {
    var json: JSON { ["host": .string(host), "port": .integer(Int64(port))] }

    /// - Throws: `FederationError.contradiction` for a port that is none.
    init(_ place: DocumentReader, of node: NodeID) throws(FederationError) {
        var place = place
        let host = try place.read { r throws(CoreError) in try r.string("host") }
        let port = try place.count("port")
        try place.end()
        guard let port = UInt16(exactly: port), port > 0 else {
            throw .contradiction("endpoint of `\(node)`", reason: "\(port) is no port")
        }
        self.init(host: host, port: port)
    }
}
