import SelatAudit
import SelatCore
import SelatCrypto
import SelatFederation

/// The keys of a new node, made in its folder and never anywhere else.
struct NodeKeys {
    let folder: NodeFolder
    let node: NodeID
    let endpoint: Endpoint
    let roles: Set<NodeRole>
    let federation: Digest
    let curve: KeyKind
    /// Encrypts them; nil leaves them plain.
    var passphrase: Secret?
    /// What removes them where the verb does not end well; nil where they stay.
    var unfinished: Unfinished?

    /// Makes the keys with their requests, and the sheet.
    func make() throws -> JoinSheet {
        try folder.make()
        var requests: [KeyPurpose: CertificateRequest] = [:]
        for purpose in KeyPurpose.certified { requests[purpose] = try request(purpose) }
        let log = try key(.log, .ed25519)
        let mlkem = try MLKEMPrivateKey.generate(curve == .p384 ? .mlkem1024 : .mlkem768)
        try write(try passphrase.map(mlkem.pem(passphrase:)) ?? mlkem.pem(), .mlkem)
        let witness = roles.contains(.witness) ? try key(.witness, .ed25519) : nil
        let sheet = try JoinSheet(
            federation: federation, node: node, endpoint: endpoint, roles: roles,
            requests: requests, mlkem: [mlkem.publicKey],
            logKey: try VerifierKey(
                name: LogIdentity.origin(federation: federation, node: node),
                key: log.publicKey
            ).text,
            witnessKey: try witness.map { key in
                try CosignerKey(
                    name: CosignerKey.name(federation: federation, node: node),
                    key: key.publicKey
                ).text
            })
        try NewFile.write(sheet.json.canonical, to: folder.sheet, mode: 0o644, of: unfinished)
        return sheet
    }

    private func request(_ purpose: KeyPurpose) throws -> CertificateRequest {
        let key = try key(purpose, curve)
        let request = try CertificateRequest(
            name: "\(node.country) \(node.name) \(purpose.rawValue)", uri: node.uri,
            hosts: purpose == .tls ? [endpoint.host] : [], key: key)
        try NewFile.write(request.pem, to: folder.request(purpose), of: unfinished)
        return request
    }

    private func key(_ purpose: KeyPurpose, _ kind: KeyKind) throws -> PrivateKey {
        let key = try PrivateKey.generate(kind)
        try write(try key.pem(passphrase: passphrase), purpose)
        return key
    }

    private func write(_ pem: [UInt8], _ purpose: KeyPurpose) throws {
        var pem = pem
        defer { wipe(&pem) }
        try NewFile.write(pem, to: folder.key(purpose), of: unfinished)
    }
}
