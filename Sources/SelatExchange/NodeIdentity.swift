package import SelatAudit
package import SelatCore
package import SelatCrypto
package import SelatFederation

/// Who this node is, and the keys with which it proves that.
package struct NodeIdentity: Sendable {
    package let node: NodeID
    package let signer: CMS.Signer
    package let tls: TLSIdentity
    /// The key-agreement certificates under which envelopes may still arrive.
    package let agreement: [Agreement]
    package let log: LogIdentity
    private let logKey: PrivateKey
    /// Cosigns the logs of others; nil where this node does not witness.
    package let witness: CosignerIdentity?

    package struct Agreement: Sendable {
        package let certificate: Certificate
        package let key: PrivateKey
    }

    /// The private keys that a node holds. Of a purpose there may be several: one in use, those
    /// before it, and one that the record does not list yet.
    package struct Keys: Sendable {
        package var tls: [PrivateKey]
        package var signing: [PrivateKey]
        package var agreement: [PrivateKey]
        package let log: PrivateKey
        package let witness: PrivateKey?

        package init(
            tls: [PrivateKey], signing: [PrivateKey], agreement: [PrivateKey], log: PrivateKey,
            witness: PrivateKey? = nil
        ) {
            self.tls = tls
            self.signing = signing
            self.agreement = agreement
            self.log = log
            self.witness = witness
        }
    }

    /// Finds the certificates of this node's keys in its member's record: of each purpose the newest
    /// that is listed and whose key is held; of key agreement all of them.
    /// - Parameter epoch: of the log; more than 1 once a restored backup went on.
    /// - Throws: `IdentityError` where the record knows none of the keys of a purpose.
    package init(
        node: NodeID, keys: Keys, federation: Federation, epoch: UInt64 = 1, at time: Timestamp
    ) throws {
        let record = try federation.node(node, at: time)
        func held(_ keys: [PrivateKey], _ listed: [Certificate], _ use: String) throws
            -> [(certificate: Certificate, key: PrivateKey)]
        {
            let pairs = listed.compactMap { certificate in
                keys.first { $0.publicKey == certificate.publicKey }.map { (certificate, $0) }
            }
            guard !pairs.isEmpty else { throw IdentityError.unlistedKey(node, use: use) }
            return pairs
        }
        self.node = node
        let signing = try held(keys.signing, record.signing, "signing")[0]
        signer = try CMS.Signer(certificate: signing.certificate, key: signing.key)
        let tls = try held(keys.tls, record.tls, "tls")[0]
        self.tls = TLSIdentity(certificate: tls.certificate, key: tls.key)
        agreement = try held(keys.agreement, record.agreement, "agreement").map {
            Agreement(certificate: $0.certificate, key: $0.key)
        }
        log = try LogIdentity(
            origin: LogIdentity.origin(federation: federation.id, node: node, epoch: epoch),
            key: keys.log)
        logKey = keys.log
        guard let recorded = try? VerifierKey(record.logKey),
            (try? recorded.ofEpoch(in: log.origin)) == log.verifierKey
        else {
            throw IdentityError.unlistedKey(node, use: "log")
        }
        witness = try Self.witness(node, keys, record, federation.id)
    }

    /// The log under the origin of another epoch.
    func log(epoch: UInt64, of federation: Digest) throws(AuditError) -> LogIdentity {
        try LogIdentity(
            origin: LogIdentity.origin(federation: federation, node: node, epoch: epoch),
            key: logKey)
    }

    /// The witness's key, which a record names or does not; it must not be another key of the node.
    private static func witness(
        _ node: NodeID, _ keys: Keys, _ record: MemberRecord.Node, _ federation: Digest
    ) throws -> CosignerIdentity? {
        guard let listed = record.witnessKey else { return nil }
        guard let key = keys.witness else { throw IdentityError.missingKey(node, use: "witness") }
        let witness = try CosignerIdentity(
            name: CosignerKey.name(federation: federation, node: node), key: key)
        guard witness.key.text == listed, key.publicKey != keys.log.publicKey else {
            throw IdentityError.unlistedKey(node, use: "witness")
        }
        return witness
    }
}

/// Why a node's keys and its member's record do not fit.
package enum IdentityError: Error, Hashable, Sendable, CustomStringConvertible {
    case unlistedKey(NodeID, use: String)
    /// The record names a key that the configuration does not.
    case missingKey(NodeID, use: String)

    package var description: String {
        switch self {
        case .unlistedKey(let node, let use):
            "the \(use) key of `\(node)` is not in its member's record"
        case .missingKey(let node, let use):
            "the member's record gives `\(node)` a \(use) key; name its file under `keys`"
        }
    }
}
