package import SelatCore
package import SelatCrypto

/// What one member says about itself: its nodes, officers and policy signers (`Format.md`,
/// *Record*).
package struct MemberRecord: Hashable, Sendable {
    /// A node, as its member lists it.
    package struct Node: Hashable, Sendable {
        package let id: NodeID
        /// Where peers dial.
        package internal(set) var endpoint: Endpoint
        /// Newest first in each; old ones stay while an envelope may name them.
        package internal(set) var tls: [Certificate]
        package internal(set) var signing: [Certificate]
        package internal(set) var agreement: [Certificate]
        /// Encapsulation keys, newest first; one key of a kind is used, the others are old.
        package internal(set) var mlkem: [MLKEMPublicKey]
        /// The verifier key of the node's audit log, as C2SP signed notes write it.
        package let logKey: String
        /// The key with which the node cosigns others' logs, as C2SP signed notes write it; nil
        /// where it does not witness.
        package internal(set) var witnessKey: String?
        package internal(set) var roles: Set<NodeRole>
        /// The nodes with which it exchanges directly; nil for every node.
        package internal(set) var links: Set<NodeID>?

        package init(
            id: NodeID, endpoint: Endpoint, tls: [Certificate], signing: [Certificate],
            agreement: [Certificate], mlkem: [MLKEMPublicKey] = [], logKey: String,
            witnessKey: String? = nil, roles: Set<NodeRole>, links: Set<NodeID>? = nil
        ) {
            self.id = id
            self.endpoint = endpoint
            self.tls = tls
            self.signing = signing
            self.agreement = agreement
            self.mlkem = mlkem
            self.logKey = logKey
            self.witnessKey = witnessKey
            self.roles = roles
            self.links = links
        }
    }

    /// A person who may approve.
    package struct Officer: Hashable, Sendable {
        package let id: OfficerID
        package let certificate: Certificate
        /// As policies name them: `data-protection-officer`.
        package let roles: Set<String>

        package init(id: OfficerID, certificate: Certificate, roles: Set<String>) {
            self.id = id
            self.certificate = certificate
            self.roles = roles
        }
    }

    package let federation: Digest
    package let country: Country
    /// From 1.
    package let serial: UInt64
    package let previous: Digest?
    package let issued: Timestamp
    package let expires: Timestamp
    package let nodes: [Node]
    package let officers: [Officer]
    /// Who signs the member's policy editions.
    package let policySigners: [Certificate]
    /// How many persons among them must sign an edition.
    package let policyThreshold: Int
    /// How many other countries must cosign the logs of this member's nodes; nil for the usual
    /// quorum.
    package let witnessQuorum: Int?
    /// Names the record in its successor and in indexes: of its content alone, as a list's.
    package private(set) var digest = SHA256.digest([])

    /// Whether a digest names this record, as `MembershipList.isNamed`.
    /// - Parameter der: the CMS bytes of the record.
    func isNamed(by name: Digest?, _ der: [UInt8]) -> Bool {
        name == digest || name == SHA256.digest(der)
    }

    /// - Throws: `FederationError.contradiction` for another country's node or officer, a repeated
    ///   one, a certificate that names another, or a host or a role that is none.
    package init(
        federation: Digest, country: Country, serial: UInt64 = 1, previous: Digest? = nil,
        issued: Timestamp, expires: Timestamp, nodes: [Node], officers: [Officer],
        policySigners: [Certificate] = [], policyThreshold: Int = Self.policyThresholdLeast,
        witnessQuorum: Int? = nil
    ) throws(FederationError) {
        self.federation = federation
        self.country = country
        self.serial = serial
        self.previous = previous
        self.issued = issued
        self.expires = expires
        self.nodes = nodes.sorted { $0.id < $1.id }
        self.officers = officers.sorted { $0.id < $1.id }
        self.policySigners = policySigners
        self.policyThreshold = policyThreshold
        self.witnessQuorum = witnessQuorum
        if let reason = contradiction {
            throw .contradiction(Self.document(of: country), reason: reason)
        }
        digest = SHA256.digest(json.canonical)
    }

    /// Signs the record by the member's authorities.
    /// - Returns: the bytes of `records/CC.cms`.
    /// - Throws: `CryptoError` when signing fails.
    package func signed(
        by signers: [CMS.Signer], at time: Timestamp
    ) throws(CryptoError) -> [UInt8] {
        try CMS.sign(content: json.canonical, type: .memberRecord, signers: signers, at: time)
    }

    /// No single person decides what the law is.
    package static let policyThresholdLeast = 2

    static func document(of country: Country) -> String { "member record of `\(country)`" }

    private var contradiction: String? {
        if serial == 0 || (serial == 1) != (previous == nil) {
            return "only the first record, with serial 1, names no previous one"
        }
        if expires <= issued || expires - issued > FederationLimits.listLifeSecondsMax {
            return "it must expire within 30 days of its issue"
        }
        if let witnessQuorum, !(1...FederationLimits.membersMax).contains(witnessQuorum) {
            return "a witness quorum of \(witnessQuorum) countries cannot be"
        }
        if let foreign = nodes.first(where: { $0.id.country != country }) {
            return "`\(foreign.id)` is another country's node"
        }
        if let foreign = officers.first(where: { $0.id.node.country != country }) {
            return "`\(foreign.id)` is another country's officer"
        }
        if Set(nodes.map(\.id)).count != nodes.count { return "a node stands twice" }
        if Set(officers.map(\.id)).count != officers.count { return "an officer stands twice" }
        return nodes.lazy.compactMap(\.contradiction).first
            ?? officers.lazy.compactMap(\.contradiction).first ?? signersContradiction
    }

    private var signersContradiction: String? {
        if let stranger = policySigners.first(where: { $0.officer?.node.country != country }) {
            return "policy signer `\(stranger)` is no officer of `\(country)`"
        }
        if Set(policySigners.map(\.publicKey)).count != policySigners.count {
            return "a key of a policy signer stands twice"
        }
        let persons = Set(policySigners.compactMap(\.officer)).count
        // Without any signers there are no editions, and so nothing to reach.
        let reachable = persons == 0 ? Self.policyThresholdLeast : persons
        guard policyThreshold >= Self.policyThresholdLeast else {
            return "`policy-threshold` is \(policyThreshold), at least \(Self.policyThresholdLeast)"
        }
        return policyThreshold <= reachable
            ? nil : "\(persons) policy signers cannot reach the threshold of \(policyThreshold)"
    }
}

extension MemberRecord {
    /// Refuses what whoever signs a record could not read, such as a host with a line break. Asked of what
    /// is proposed alone: records that are in force were signed before it was asked.
    /// - Throws: `FederationError.contradiction`.
    package func requireReadable() throws(FederationError) {
        let reason: String
        if let node = nodes.first(where: { !NodeHost.isOne($0.endpoint.host) }) {
            reason = "the host of `\(node.id)` is neither a DNS name nor an address"
        } else if let officer = officers.first(where: { !$0.roles.allSatisfy(OfficerRole.isOne) }) {
            reason = "a role of `\(officer.id)` is no word"
        } else {
            return
        }
        throw .contradiction(Self.document(of: country), reason: reason)
    }
}

extension MemberRecord.Node {
    /// The node as far as its member's nodes may be what it says.
    func limited(to roles: Set<NodeRole>) -> Self {
        var node = self
        node.roles.formIntersection(roles)
        return node
    }

    fileprivate var contradiction: String? {
        if let stranger = (tls + signing + agreement).first(where: { $0.node != id }) {
            return "a certificate of `\(id)` names `\(stranger)`"
        }
        if mlkem.count > FederationLimits.mlkemKeysMax {
            return
                "`\(id)` has \(mlkem.count) ML-KEM keys, at most \(FederationLimits.mlkemKeysMax)"
        }
        if Set(mlkem).count != mlkem.count { return "an ML-KEM key of `\(id)` stands twice" }
        if witnessKey != nil, !roles.contains(.witness) {
            return "`\(id)` has a witness key and not the role"
        }
        if let links, links.contains(id) || links.count > FederationLimits.linksPerNodeMax {
            return
                "the links of `\(id)` must be at most \(FederationLimits.linksPerNodeMax) other nodes"
        }
        return nil
    }
}

extension MemberRecord.Officer {
    fileprivate var contradiction: String? {
        certificate.officer == id ? nil : "the certificate of `\(id)` names `\(certificate)`"
    }
}

/// Where peers dial a node.
package struct Endpoint: Hashable, Sendable, CustomStringConvertible {
    /// A DNS name or an IP address.
    package let host: String
    package let port: UInt16

    package init(host: String, port: UInt16) {
        self.host = host
        self.port = port
    }

    package var description: String {
        host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    }
}
