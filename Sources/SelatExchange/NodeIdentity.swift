package import SelatAudit
package import SelatCore
package import SelatCrypto
package import SelatEnvelope
package import SelatFederation

/// Who this node is, and the keys with which it proves that.
package struct NodeIdentity: Sendable {
    package let node: NodeID
    /// With which statements are signed: the newest key, whatever its curve.
    package let signer: CMS.Signer
    /// The newest on each curve, since a suite fixes the curve of a header's signature.
    package let signers: [KeyKind: CMS.Signer]
    package let tls: TLSIdentity
    /// The key-agreement certificates under which envelopes may still arrive.
    package let agreement: [Agreement]
    /// All that are held, listed now or before.
    package let mlkem: [MLKEMPrivateKey]
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
        package var mlkem: [MLKEMPrivateKey]
        package let log: PrivateKey
        package var witness: [PrivateKey]
        /// Keys that prove nothing yet although a record lists them: that record has not had the
        /// time to reach those who would have to believe it. They serve where nothing else does.
        package var waiting: Set<PublicKey> = []
        /// Certificates for key agreement that no record lists any more, and under which envelopes
        /// may still arrive.
        package var agreementBefore: [Certificate] = []

        package init(
            tls: [PrivateKey], signing: [PrivateKey], agreement: [PrivateKey],
            mlkem: [MLKEMPrivateKey] = [], log: PrivateKey, witness: [PrivateKey] = []
        ) {
            self.tls = tls
            self.signing = signing
            self.agreement = agreement
            self.mlkem = mlkem
            self.log = log
            self.witness = witness
        }
    }

    /// Finds the certificates of this node's keys in its member's record: of each purpose the newest
    /// that is listed, in force, and whose key is held and not waiting; of key agreement all of them.
    /// - Parameter epoch: of the log; more than 1 once a restored backup went on.
    /// - Throws: `IdentityError` where the record knows none of the keys of a purpose.
    package init(
        node: NodeID, keys: Keys, federation: Federation, epoch: UInt64 = 1, at time: Timestamp
    ) throws {
        let record = try federation.node(node, at: time)
        (self.node, logKey) = (node, keys.log)
        let signing = try Self.best(keys.signing, record.signing, keys.waiting, at: time)
        guard let signing else { throw IdentityError.unlistedKey(node, use: "signing") }
        signer = try CMS.Signer(certificate: signing.certificate, key: signing.key)
        signers = try Self.signers(keys, record, at: time)
        let tls = try Self.best(keys.tls, record.tls, keys.waiting, at: time)
        guard let tls else { throw IdentityError.unlistedKey(node, use: "tls") }
        self.tls = TLSIdentity(certificate: tls.certificate, key: tls.key)
        let listed = Self.held(keys.agreement, record.agreement)
        guard !listed.isEmpty else { throw IdentityError.unlistedKey(node, use: "agreement") }
        let before = Self.held(
            keys.agreement, keys.agreementBefore.filter { !record.agreement.contains($0) })
        agreement = (listed + before).map {
            Agreement(certificate: $0.certificate, key: $0.key)
        }
        mlkem = try Self.mlkem(node, keys, record)
        log = try LogIdentity(
            origin: LogIdentity.origin(federation: federation.id, node: node, epoch: epoch),
            key: keys.log)
        guard let recorded = try? VerifierKey(record.logKey),
            (try? recorded.ofEpoch(in: log.origin)) == log.verifierKey
        else {
            throw IdentityError.unlistedKey(node, use: "log")
        }
        witness = try Self.witness(node, keys, record, federation.id)
    }

    private typealias Pair = (certificate: Certificate, key: PrivateKey)

    /// The listed certificates whose keys are held, newest first.
    private static func held(_ keys: [PrivateKey], _ listed: [Certificate]) -> [Pair] {
        listed.compactMap { certificate in
            keys.first { $0.publicKey == certificate.publicKey }.map { (certificate, $0) }
        }
    }

    /// The one to prove oneself with.
    private static func best(
        _ keys: [PrivateKey], _ listed: [Certificate], _ waiting: Set<PublicKey>,
        at time: Timestamp
    ) throws -> Pair? {
        let pairs = held(keys, listed)
        let inForce = pairs.filter {
            ($0.certificate.notBefore..<$0.certificate.notAfter).contains(time)
        }
        return inForce.first { !waiting.contains($0.key.publicKey) } ?? inForce.first
            ?? pairs.first
    }

    /// The node's log, which is named before any membership is known.
    package static func log(
        of node: NodeID, key: PrivateKey, epoch: UInt64, federation: Digest
    ) throws(AuditError) -> LogIdentity {
        try LogIdentity(
            origin: LogIdentity.origin(federation: federation, node: node, epoch: epoch), key: key)
    }

    /// The one to sign with on each curve.
    private static func signers(
        _ keys: Keys, _ record: MemberRecord.Node, at time: Timestamp
    ) throws -> [KeyKind: CMS.Signer] {
        var signers: [KeyKind: CMS.Signer] = [:]
        for kind in Set(record.signing.map(\.publicKey.kind)) {
            let listed = record.signing.filter { $0.publicKey.kind == kind }
            let pair = try best(keys.signing, listed, keys.waiting, at: time)
            signers[kind] = try pair.map { (certificate, key) in
                try CMS.Signer(certificate: certificate, key: key)
            }
        }
        return signers
    }

    /// Whether both prove the node with the same certificates.
    func provesLike(_ other: NodeIdentity) -> Bool {
        tls.certificate == other.tls.certificate
            && signer.certificate == other.signer.certificate
            && signers.mapValues(\.certificate) == other.signers.mapValues(\.certificate)
    }

    /// Who signs the header of an envelope of this suite.
    /// - Throws: `IdentityError.missingKey` where the node has no key on the suite's curve.
    package func signer(for suite: Suite) throws(IdentityError) -> CMS.Signer {
        guard let signer = signers[suite.curve] else {
            throw .missingKey(node, use: "\(suite.curve.rawValue) signing")
        }
        return signer
    }

    /// The keys that a core's `to-keys` names, if they are held.
    package func openingKeys(for core: EnvelopeCore) -> OpeningKeys? {
        var encapsulated: [MLKEMPrivateKey?] = [nil]
        if let kind = core.suite.mlkem { encapsulated = mlkem.filter { $0.kind == kind } }
        for agreement in agreement where agreement.key.kind == core.suite.curve {
            for key in encapsulated {
                let keys = OpeningKeys(
                    certificate: agreement.certificate, key: agreement.key, mlkem: key)
                if keys.recipient.digest == core.toKeys { return keys }
            }
        }
        return nil
    }

    /// The log under the origin of another epoch.
    func log(epoch: UInt64, of federation: Digest) throws(AuditError) -> LogIdentity {
        try LogIdentity(
            origin: LogIdentity.origin(federation: federation, node: node, epoch: epoch),
            key: logKey)
    }

    /// Peers seal to the first that is listed of a kind: without its private half nothing opens.
    private static func mlkem(
        _ node: NodeID, _ keys: Keys, _ record: MemberRecord.Node
    ) throws -> [MLKEMPrivateKey] {
        for kind in MLKEMKind.allCases {
            guard let listed = record.mlkem.first(where: { $0.kind == kind }) else { continue }
            guard keys.mlkem.contains(where: { $0.publicKey == listed }) else {
                throw IdentityError.missingKey(node, use: kind.rawValue)
            }
        }
        return keys.mlkem
    }

    /// The witness's key, which a record names or does not; it must not be another key of the node.
    private static func witness(
        _ node: NodeID, _ keys: Keys, _ record: MemberRecord.Node, _ federation: Digest
    ) throws -> CosignerIdentity? {
        guard let listed = record.witnessKey else { return nil }
        guard !keys.witness.isEmpty else { throw IdentityError.missingKey(node, use: "witness") }
        let name = CosignerKey.name(federation: federation, node: node)
        for key in keys.witness where key.publicKey != keys.log.publicKey {
            let witness = try CosignerIdentity(name: name, key: key)
            if witness.key.text == listed { return witness }
        }
        throw IdentityError.unlistedKey(node, use: "witness")
    }
}

/// Why a node's keys and its member's record do not fit.
package enum IdentityError: Error, Hashable, Sendable, CustomStringConvertible {
    case unlistedKey(NodeID, use: String)
    /// The record names a key that the configuration does not.
    case missingKey(NodeID, use: String)
    /// Nothing proves the node to peers: no record lists it, and it has no certificate of its own.
    case noCertificate(NodeID)

    package var description: String {
        switch self {
        case .unlistedKey(let node, let use):
            "the \(use) key of `\(node)` is not in its member's record"
        case .noCertificate(let node):
            "no record lists `\(node)`, and it has no TLS certificate to ask others with"
        case .missingKey(let node, let use):
            "the member's record lists a key of `\(node)` for \(use) that is not held here; name its file"
                + " under `keys`"
        }
    }
}
