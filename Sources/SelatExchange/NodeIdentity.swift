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

    /// The private keys of a node, as they lie in its key files.
    package struct Keys: Sendable {
        package let tls: PrivateKey
        package let signing: PrivateKey
        package let agreement: PrivateKey
        package let log: PrivateKey
        package let witness: PrivateKey?

        package init(
            tls: PrivateKey, signing: PrivateKey, agreement: PrivateKey, log: PrivateKey,
            witness: PrivateKey? = nil
        ) {
            self.tls = tls
            self.signing = signing
            self.agreement = agreement
            self.log = log
            self.witness = witness
        }
    }

    /// Finds the certificates of this node's keys in its member's record.
    /// - Parameter epoch: of the log; more than 1 once a restored backup went on.
    /// - Throws: `IdentityError` for a key that the record does not know.
    package init(
        node: NodeID, keys: Keys, federation: Federation, epoch: UInt64 = 1, at time: Timestamp
    ) throws {
        let record = try federation.node(node, at: time)
        func certificate(_ key: PrivateKey, _ listed: [Certificate], _ use: String) throws
            -> Certificate
        {
            guard let found = listed.first(where: { $0.publicKey == key.publicKey }) else {
                throw IdentityError.unlistedKey(node, use: use)
            }
            return found
        }
        self.node = node
        signer = try CMS.Signer(
            certificate: try certificate(keys.signing, record.signing, "signing"),
            key: keys.signing)
        tls = TLSIdentity(certificate: try certificate(keys.tls, record.tls, "tls"), key: keys.tls)
        agreement = [
            Agreement(
                certificate: try certificate(keys.agreement, record.agreement, "agreement"),
                key: keys.agreement)
        ]
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
