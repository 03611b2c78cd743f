import FoundationEssentials
import Glibc
import SelatAudit
import SelatCore
import SelatCrypto
import SelatFederation
import SelatPolicy

/// Makes what a federation's members make with ceremony: authorities, keys, certificates, membership
/// list and records. For a sandbox only.
struct SandboxFounding {
    let folder: SandboxFolder
    let countries: [Country]
    let policies: String?
    /// Pairs whose nodes are not linked.
    var apart: [(Country, Country)] = []

    static let days: Int64 = 86_400
    /// All of them; the nodes have keys for suite 2, and so use that one.
    private static let suites: [Suite: Timestamp?] = Dictionary(
        uniqueKeysWithValues: Suite.allCases.map { ($0, nil) })
    private static let roles = [
        "releasing-officer", "data-protection-officer", "emergency-officer", "head-of-agency",
    ]

    /// One member's authority, while its certificates are made.
    struct Authority {
        let country: Country
        let root: CertificateIssuer
        let signers: [CMS.Signer]
        /// Two persons who sign the member's policy editions.
        let policySigners: [CMS.Signer]
        let officers: [MemberRecord.Officer]

        /// As it stands in the list.
        var member: MembershipList.Member {
            MembershipList.Member(
                country: country, sector: .public, anchors: [root.certificate],
                authorities: signers.map(\.certificate), threshold: 2,
                roles: [.exchange, .relay, .witness])
        }
    }

    func run() throws {
        guard Set(countries).count == countries.count, !countries.isEmpty else {
            throw Ending(.usage, "--members names no country, or one twice")
        }
        let files = try policyFiles()
        try folder.makeFolder(folder.path)
        for path in ["", "/records", "/crls"] { try folder.makeFolder(folder.membership + path) }
        try folder.makeFolder(folder.policies)
        // A little back, so that clocks read a second apart do not matter.
        let now = SystemClock().now() + -60
        let authorities = try countries.map { try authority($0, now) }
        let list = try membershipList(authorities, now)
        let federation = SHA256.digest(list)
        try folder.write(list, to: "\(folder.membership)/membership.cms")
        try write(files, signedBy: authorities, federation, now)
        let nodes = try authorities.map { try node(of: $0, federation, list, now) }
        try folder.write(nodes)
    }

    /// The policy files, checked before anything is made.
    func policyFiles() throws -> [PolicySource] {
        // A folder that somebody names is no suggestion.
        let places = policies.map { [$0] } ?? ["Policies", "/usr/share/selat/Policies"]
        guard let place = places.first(where: { access("\($0)/vocabulary.yaml", R_OK) == 0 }) else {
            let names = places.map { "`\($0)`" }.joined(separator: ", ")
            throw Ending(
                .failed, "no policy files in \(names): there is no readable `vocabulary.yaml`",
                hint: "name their folder with --policies")
        }
        let files = try PolicyFolder.read(place)
        let set = try PolicySet.load(files: files)
        for country in countries where !set.countries.contains(country) {
            Terminal.warning(
                "`\(place)` has no file for \(country): nothing can be sent from or to it")
        }
        return files
    }

    /// The members' files and those of all, each with the signatures that it needs.
    private func write(
        _ files: [PolicySource], signedBy authorities: [Authority], _ federation: Digest,
        _ now: Timestamp
    ) throws {
        for file in files {
            let head = try EditionHead(file)
            var signers = authorities.flatMap(\.policySigners)
            if case .country(let country) = head.kind {
                signers = authorities.first { $0.country == country }?.policySigners ?? []
            }
            // Nobody here may speak for a country that is no member.
            guard !signers.isEmpty else { continue }
            let path = "\(folder.policies)/\(head.name).yaml"
            try folder.write(file.bytes, to: path)
            guard head.standing != .draft else { continue }
            try folder.write(
                try CMS.signDetached(
                    content: file.bytes, type: .policyEdition, federation: federation,
                    signers: signers, at: now), to: "\(path).p7s")
        }
    }

    func authority(_ country: Country, _ now: Timestamp) throws -> Authority {
        let path = "\(folder.path)/authority-\(country)"
        try folder.makeFolder(path)
        let rootKey = try PrivateKey.generate(.p256)
        let root = try CertificateIssuer(
            root: "\(country) sandbox authority", country: country, key: rootKey, from: now,
            until: now + 3_650 * Self.days)
        try folder.write(try rootKey.pem(), to: "\(path)/root.key")
        try folder.write(Array(root.certificate.pem.utf8), to: "\(path)/root.pem")
        func person(_ name: String, _ uri: String, _ purpose: CertificatePurpose) throws
            -> CMS.Signer
        {
            let key = try PrivateKey.generate(.p256)
            let certificate = try root.issue(
                for: purpose, uri: uri, to: key.publicKey, from: now,
                until: now + 365 * Self.days)
            try folder.write(try key.pem(), to: "\(path)/\(name).key")
            try folder.write(Array(certificate.pem.utf8), to: "\(path)/\(name).pem")
            return try CMS.Signer(certificate: certificate, key: key)
        }
        // Two persons speak for a member, and two sign its policies, each with an own key.
        let signers = try ["authority-1", "authority-2"].map {
            try person($0, "selat://\(country)/\($0)", .authority)
        }
        let policySigners = try ["policy-1", "policy-2"].map {
            try person($0, OfficerID("\(country)/hub/\($0)").uri, .officer)
        }
        // One officer for each role that policies name.
        let officers = try Self.roles.map { role in
            let id = try OfficerID("\(country)/hub/\(role)")
            return MemberRecord.Officer(
                id: id, certificate: try person(role, id.uri, .officer).certificate,
                roles: [role])
        }
        try Self.issueRevocationList(root, country, folder, at: now)
        return Authority(
            country: country, root: root, signers: signers, policySigners: policySigners,
            officers: officers)
    }

    /// Real members publish a fresh list at least every week; a sandbox does at each `up`.
    static func refreshRevocationLists(in folder: SandboxFolder) throws {
        let now = SystemClock().now() + -60
        for node in try folder.nodes() {
            let path = "\(folder.path)/authority-\(node.id.country)"
            let certificate = try Certificate(pem: try folder.read("\(path)/root.pem"))
            let key = try PrivateKey(pem: try folder.read("\(path)/root.key"))
            let root = try CertificateIssuer(certificate: certificate, key: key)
            try issueRevocationList(root, node.id.country, folder, at: now)
        }
    }

    private static func issueRevocationList(
        _ root: CertificateIssuer, _ country: Country, _ folder: SandboxFolder, at now: Timestamp
    ) throws {
        // The number must never fall; the time does not either.
        let crl = try root.revocationList(
            revoking: [:], number: UInt64(now.seconds), from: now, until: now + 7 * days)
        try folder.write(Array(crl.pem.utf8), to: "\(folder.membership)/crls/\(country).crl")
    }

    private func membershipList(_ authorities: [Authority], _ now: Timestamp) throws -> [UInt8] {
        let list = try MembershipList(
            issued: now, expires: now + 29 * Self.days, isSandbox: true,
            quorum: authorities.count / 2 + 1, suites: Self.suites,
            members: authorities.map(\.member))
        return try list.signed(by: authorities.flatMap(\.signers), at: now)
    }

    /// One node named `hub`: keys, certificates, the member's record, and its configuration.
    private func node(
        of authority: Authority, _ federation: Digest, _ list: [UInt8], _ now: Timestamp
    ) throws -> SandboxFolder.Node {
        let id = try NodeID("\(authority.country)/hub")
        let port = try Self.freePort()
        let node = SandboxFolder.Node(id: id, port: port, folder: folder.folder(of: id))
        for path in ["", "/keys", "/state"] { try folder.makeFolder(node.folder + path) }
        func certified(_ name: String, _ purpose: CertificatePurpose) throws -> Certificate {
            let key = try PrivateKey.generate(.p256)
            try folder.write(try key.pem(), to: "\(node.folder)/keys/\(name).key")
            return try authority.root.issue(
                for: purpose, uri: id.uri, hosts: purpose == .tlsServer ? ["localhost"] : [],
                to: key.publicKey, from: now, until: now + 90 * Self.days)
        }
        let mlkem = try MLKEMPrivateKey.generate(.mlkem768)
        try folder.write(mlkem.pem(), to: "\(node.folder)/keys/mlkem.key")
        let logKey = try PrivateKey.generate(.ed25519)
        try folder.write(try logKey.pem(), to: "\(node.folder)/keys/log.key")
        try backupKey(of: id, authority.country, now)
        let log = try LogIdentity(
            origin: LogIdentity.origin(federation: federation, node: id), key: logKey)
        let witnessKey = try PrivateKey.generate(.ed25519)
        try folder.write(try witnessKey.pem(), to: "\(node.folder)/keys/witness.key")
        let witness = try CosignerKey(
            name: CosignerKey.name(federation: federation, node: id), key: witnessKey.publicKey)
        let record = try MemberRecord(
            federation: federation, country: authority.country, issued: now,
            expires: now + 29 * Self.days,
            nodes: [
                MemberRecord.Node(
                    id: id, endpoint: Endpoint(host: "127.0.0.1", port: port),
                    tls: [try certified("tls", .tlsServer)],
                    signing: [try certified("signing", .signing)],
                    agreement: [try certified("agreement", .agreement)],
                    mlkem: [mlkem.publicKey],
                    logKey: log.verifierKey.text, witnessKey: witness.text,
                    roles: [.exchange, .relay, .witness], links: try links(of: authority.country))
            ], officers: authority.officers,
            policySigners: authority.policySigners.map(\.certificate))
        try folder.write(
            try record.signed(by: authority.signers, at: now),
            to: "\(folder.membership)/records/\(authority.country).cms")
        try folder.write(
            Array(configuration(node, federation).utf8), to: "\(node.folder)/selatd.yaml")
        return node
    }

    /// It lies with the authority: whoever holds it can read everything that the node has.
    private func backupKey(of node: NodeID, _ country: Country, _ now: Timestamp) throws {
        let key = try PrivateKey.generate(.p384)
        let certificate = try Certificate.forBackups(
            named: "\(node.country) \(node.name) backup", key: key, from: now,
            until: now + 3_650 * Self.days)
        let path = "\(folder.path)/authority-\(country)/backup"
        try folder.write(try key.pem(), to: "\(path).key")
        try folder.write(Array(certificate.pem.utf8), to: "\(path).pem")
    }

    private func links(of country: Country) throws -> Set<NodeID>? {
        let others = apart.compactMap { pair in
            pair.0 == country ? pair.1 : pair.1 == country ? pair.0 : nil
        }
        guard !others.isEmpty else { return nil }
        let linked = countries.filter { $0 != country && !others.contains($0) }
        return Set(try linked.map { try NodeID("\($0)/hub") })
    }

    private func configuration(_ node: SandboxFolder.Node, _ list: Digest) -> String {
        """
        # A sandbox node. Its keys have no passphrase, and real federations refuse its list.
        node: \(node.id)
        state: \(node.folder)/state
        control: \(node.socket)
        listen: {host: 127.0.0.1, port: \(node.port)}
        membership: {directory: \(folder.membership), digest: "\(list.text)"}
        policies: \(folder.policies)
        keys:
          tls: \(node.folder)/keys/tls.key
          signing: \(node.folder)/keys/signing.key
          agreement: \(node.folder)/keys/agreement.key
          mlkem: \(node.folder)/keys/mlkem.key
          log: \(node.folder)/keys/log.key
          witness: \(node.folder)/keys/witness.key
        backup: \(folder.path)/authority-\(node.id.country)/backup.pem
        sandbox: yes

        """
    }

    /// Below the ports that the system gives to outgoing connections (ip_local_port_range): one of those
    /// could take a node's while the sandbox is down, and the node would not come up again.
    private static let ports: ClosedRange<UInt16> = 15_000...32_000

    /// A port that nobody uses now; it stands in the signed record, so it stays the node's.
    static func freePort() throws -> UInt16 {
        for _ in 0..<1_000 {
            let port = UInt16.random(in: ports)
            if isFree(port) { return port }
        }
        throw Ending(.failed, "no free port on 127.0.0.1 from \(ports.lowerBound) on")
    }

    private static func isFree(_ port: UInt16) -> Bool {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let length = socklen_t(MemoryLayout<sockaddr_in>.size)
        return withUnsafePointer(to: &address) { address in
            address.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                bind(descriptor, address, length) == 0
            }
        }
    }
}
