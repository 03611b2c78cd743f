package import SelatCore
package import SelatCrypto

/// One change of a member record, as it is proposed. A record without any has new dates only.
package enum RecordChange: Hashable, Sendable {
    /// A new node, or another one of its name in its place.
    case node(MemberRecord.Node)
    case removeNode(NodeID)
    /// A node's new certificate, which becomes the first of its purpose.
    case certificate(Certificate)
    /// A certificate of a node that nothing may name any more.
    case withdraw(Certificate)
    /// A node's new ML-KEM key, which becomes the first of its kind.
    case mlkem(NodeID, MLKEMPublicKey)
    /// One that no envelope needs to name any more, by its fingerprint.
    case withdrawMLKEM(NodeID, KeyFingerprint)
    /// A node's other key for cosigning, as C2SP signed notes write it.
    case witness(NodeID, String)
    case endpoint(NodeID, Endpoint)
    /// With which nodes one exchanges directly; nil for every node.
    case links(NodeID, Set<NodeID>?)
    /// A new officer, or other roles and another certificate.
    case officer(MemberRecord.Officer)
    case removeOfficer(OfficerID)
    case addPolicySigner(Certificate)
    case removePolicySigner(Certificate)
    case policyThreshold(Int)
    case witnessQuorum(Int?)
}

extension MemberRecord {
    /// The record that is to follow this one, with nobody's signature.
    /// - Throws: `FederationError.contradiction` for a change of what is not there, or a record that
    ///   contradicts itself.
    package func next(
        _ changes: [RecordChange], issued: Timestamp, expires: Timestamp
    ) throws(FederationError) -> MemberRecord {
        var draft = RecordDraft(self)
        for change in changes { try draft.apply(change) }
        let next = try MemberRecord(
            federation: federation, country: country, serial: serial + 1, previous: digest,
            issued: issued, expires: expires, nodes: Array(draft.nodes.values),
            officers: Array(draft.officers.values), policySigners: draft.policySigners,
            policyThreshold: draft.policyThreshold, witnessQuorum: draft.witnessQuorum)
        try next.requireReadable()
        return next
    }
}

/// A record's parts while they change.
private struct RecordDraft {
    let document: String
    var nodes: [NodeID: MemberRecord.Node]
    var officers: [OfficerID: MemberRecord.Officer]
    var policySigners: [Certificate]
    var policyThreshold: Int
    var witnessQuorum: Int?

    init(_ record: MemberRecord) {
        document = MemberRecord.document(of: record.country)
        nodes = Dictionary(uniqueKeysWithValues: record.nodes.map { ($0.id, $0) })
        officers = Dictionary(uniqueKeysWithValues: record.officers.map { ($0.id, $0) })
        policySigners = record.policySigners
        policyThreshold = record.policyThreshold
        witnessQuorum = record.witnessQuorum
    }

    mutating func apply(_ change: RecordChange) throws(FederationError) {
        switch change {
        case .node(let node): nodes[node.id] = node
        case .removeNode(let id):
            guard nodes.removeValue(forKey: id) != nil else { throw refusal("`\(id)` is no node") }
        case .certificate(let certificate): try list(certificate)
        case .withdraw(let certificate): try withdraw(certificate)
        case .mlkem(let id, let key):
            try edit(id) { node in node.mlkem.insert(key, at: 0) }
        case .withdrawMLKEM(let id, let fingerprint):
            let unlisted = refusal("`\(id)` lists no ML-KEM key \(fingerprint)")
            try edit(id) { node throws(FederationError) in
                let kept = node.mlkem.filter { $0.fingerprint != fingerprint }
                guard kept.count < node.mlkem.count else { throw unlisted }
                node.mlkem = kept
            }
        case .witness(let id, let key):
            let silent = refusal("`\(id)` is no witness")
            try edit(id) { node throws(FederationError) in
                guard node.witnessKey != nil else { throw silent }
                node.witnessKey = key
            }
        case .endpoint(let id, let endpoint):
            try edit(id) { node in node.endpoint = endpoint }
        case .links(let id, let links): try edit(id) { node in node.links = links }
        case .officer(let officer): officers[officer.id] = officer
        case .removeOfficer(let id):
            guard officers.removeValue(forKey: id) != nil else {
                throw refusal("`\(id)` is no officer")
            }
        case .addPolicySigner(let certificate): policySigners.insert(certificate, at: 0)
        case .removePolicySigner(let certificate):
            guard policySigners.contains(certificate) else {
                throw refusal("`\(certificate)` is no policy signer")
            }
            policySigners.removeAll { $0 == certificate }
        case .policyThreshold(let number): policyThreshold = number
        case .witnessQuorum(let number): witnessQuorum = number
        }
    }

    private mutating func list(_ certificate: Certificate) throws(FederationError) {
        guard let id = certificate.node else {
            throw refusal("`\(certificate)` names no node")
        }
        let unfit = refusal("the certificate of `\(id)` is for none of a node's purposes")
        try edit(id) { node throws(FederationError) in
            switch certificate.purpose {
            case .tlsServer, .tlsClient: node.tls.insert(certificate, at: 0)
            case .signing: node.signing.insert(certificate, at: 0)
            case .agreement: node.agreement.insert(certificate, at: 0)
            case .officer, .authority, .backup, nil: throw unfit
            }
        }
    }

    private mutating func withdraw(_ certificate: Certificate) throws(FederationError) {
        guard let id = certificate.node, var node = nodes[id],
            (node.tls + node.signing + node.agreement).contains(certificate)
        else { throw refusal("`\(certificate)` is listed for no node") }
        node.tls.removeAll { $0 == certificate }
        node.signing.removeAll { $0 == certificate }
        node.agreement.removeAll { $0 == certificate }
        nodes[id] = node
    }

    private mutating func edit(
        _ id: NodeID,
        _ body: (inout MemberRecord.Node) throws(FederationError) -> Void
    ) throws(FederationError) {
        guard var node = nodes[id] else { throw refusal("`\(id)` is no node of the record") }
        try body(&node)
        nodes[id] = node
    }

    private func refusal(_ reason: String) -> FederationError {
        .contradiction(document, reason: reason)
    }
}
