import FoundationEssentials
import Glibc
import SelatControl
import SelatCore
import SelatCrypto
import SelatFederation
import SelatPolicy

/// Lets one more member join a running sandbox, by the steps of `Joining.md` and the code behind
/// their verbs; only that one program plays every part.
struct SandboxJoining {
    let folder: SandboxFolder
    let country: Country
    let policies: String?

    /// - Returns: the node, its process, and how many milliseconds after the publication it served.
    func run() async throws -> (SandboxFolder.Node, Int32, Int64) {
        let now = SystemClock().now() + -60
        let before = try membership(at: now)
        guard !before.members.contains(where: { $0.country == country }) else {
            throw Ending(.usage, "\(country) is a member already")
        }
        let founding = SandboxFounding(folder: folder, countries: [country], policies: policies)
        let files = try founding.policyFiles()
        // On the authority's machine, and on the node's.
        let authority = try founding.authority(country, now)
        let (node, sheet) = try makeNode(before)
        let record = try record(sheet, node, authority, before.id, now)
        // Among the members.
        let list = try nextList(before, authority, now)
        let editions = try sign(files, authority, before.id, now)
        // Its node waits already when the members publish.
        let members = try folder.nodes()
        try folder.write(members + [node])
        let pid = try await SandboxProcess(folder: folder, node: node).start()
        let published = ContinuousClock.now
        try await publish(list, record)
        try await served(node)
        let milliseconds = Int64((ContinuousClock.now - published) / .milliseconds(1))
        try keep(list, record, serial: before.serial + 1)
        for member in members { try await activate(editions, at: member) }
        return (node, pid, milliseconds)
    }

    private func membership(at now: Timestamp) throws -> Federation {
        do {
            return try FederationLoader.load(
                directory: folder.membership, trusted: nil, allowsSandbox: true, at: now + 60)
        } catch {
            throw Ending(.failed, "membership in `\(folder.membership)`: \(error)")
        }
    }

    // MARK: The new member

    private func makeNode(
        _ federation: Federation
    ) throws -> (SandboxFolder.Node, JoinSheet) {
        let id = try NodeID("\(country)/hub")
        let port = try SandboxFounding.freePort()
        let node = SandboxFolder.Node(id: id, port: port, folder: folder.folder(of: id))
        let place = NodeFolder(node.folder)
        let keys = NodeKeys(
            folder: place, node: id, endpoint: Endpoint(host: "127.0.0.1", port: port),
            roles: [.exchange, .relay, .witness], federation: federation.id, curve: .p256)
        let sheet = try keys.make()
        let configuration = NodeConfiguration(
            node: id, state: "\(node.folder)/state", control: node.socket,
            listen: ("127.0.0.1", port), membership: folder.membership, digest: federation.id,
            policies: folder.policies, folder: place, hasWitness: true, isSandbox: true)
        try NewFile.write(configuration.text, to: place.configuration)
        return (node, sheet)
    }

    /// Issues from the node's requests, checks as the node does, and signs the record.
    private func record(
        _ sheet: JoinSheet, _ node: SandboxFolder.Node, _ authority: SandboxFounding.Authority,
        _ federation: Digest, _ now: Timestamp
    ) throws -> [UInt8] {
        let anchors = try TrustAnchors(
            country: country, anchors: [authority.root.certificate], revocationLists: [])
        var issued: [KeyPurpose: Certificate] = [:]
        for (purpose, request) in sheet.requests {
            guard let use = purpose.certificate else { continue }
            let certificate = try authority.root.issue(
                for: use, uri: sheet.node.uri, hosts: purpose == .tls ? ["localhost"] : [],
                to: request.publicKey, from: now, until: now + 90 * SandboxFounding.days)
            let faults = purpose.faults(
                of: certificate, for: sheet.node, key: request.publicKey, anchors: anchors,
                at: now + 60)
            guard faults.isEmpty else {
                throw Ending(.failed, faults.joined(separator: "\n"))
            }
            try NewFile.write(
                certificate.pem, to: NodeFolder(node.folder).certificate(purpose))
            issued[purpose] = certificate
        }
        let record = try MemberRecord(
            federation: federation, country: country, issued: now,
            expires: now + 29 * SandboxFounding.days, nodes: [try sheet.entry(with: issued)],
            officers: authority.officers,
            policySigners: authority.policySigners.map(\.certificate))
        return try record.signed(by: authority.signers, at: now)
    }

    // MARK: The members

    /// The list that adds the member, signed by every authority there is: the quorum of the old and
    /// of the new list among them.
    private func nextList(
        _ before: Federation, _ authority: SandboxFounding.Authority, _ now: Timestamp
    ) throws -> [UInt8] {
        let issued = max(now, before.list.issued)
        let next = try before.list.next(
            [.add(authority.member)], of: before.id, issued: issued,
            expires: issued + 29 * SandboxFounding.days)
        let signers = try before.members.flatMap { member in
            try ["authority-1", "authority-2"].map { try signer($0, of: member.country) }
        }
        return try next.signed(by: signers + authority.signers, at: now)
    }

    private func signer(_ name: String, of country: Country) throws -> CMS.Signer {
        let path = "\(folder.path)/authority-\(country)/\(name)"
        return try CMS.Signer(
            certificate: Certificate(pem: try folder.read("\(path).pem")),
            key: PrivateKey(pem: try folder.read("\(path).key")))
    }

    /// The new member's own policy file, and its signatures beside those of the others.
    /// - Returns: the former, for the other members' nodes.
    private func sign(
        _ files: [PolicySource], _ authority: SandboxFounding.Authority, _ federation: Digest,
        _ now: Timestamp
    ) throws -> [ActivationRequest.Edition] {
        var editions: [ActivationRequest.Edition] = []
        for file in files {
            let head = try EditionHead(file)
            guard head.standing != .draft else { continue }
            let path = "\(folder.policies)/\(head.name).yaml"
            if case .country(let owner) = head.kind {
                guard owner == country else { continue }
                let message = try CMS.signDetached(
                    content: file.bytes, type: .policyEdition, federation: federation,
                    signers: authority.policySigners, at: now)
                try folder.write(file.bytes, to: path)
                try folder.write(message, to: "\(path).p7s")
                editions.append(
                    .init(file: "\(head.name).yaml", bytes: file.bytes, signatures: message))
            } else if access("\(path).p7s", R_OK) == 0 {
                var message = try folder.read("\(path).p7s")
                let content = try folder.read(path)
                for signer in authority.policySigners {
                    message = try CMS.addSignature(
                        toDetached: message, content: content, type: .policyEdition,
                        federation: federation, signer: signer, at: now)
                }
                try folder.write(message, to: "\(path).p7s")
            }
        }
        return editions
    }

    /// Hands the documents to one node; the others hear of them from it.
    private func publish(_ list: [UInt8], _ record: [UInt8]) async throws {
        let crl = try folder.read("\(folder.membership)/crls/\(country).crl")
        let request = MembershipRequest(
            lists: [list], records: [country: record], revocationLists: [country: crl])
        guard let first = try folder.nodes().first else {
            throw Ending(.failed, "the sandbox has no node")
        }
        try await post(request.json, "/v1/membership", to: first)
    }

    private func post(_ json: JSON, _ path: String, to node: SandboxFolder.Node) async throws {
        let client = try await ControlClient(socket: node.socket)
        do {
            _ = try await client.post(path, json)
            await client.close()
        } catch {
            await client.close()
            throw error
        }
    }

    /// Gives a member's node the new member's policy file. It may be that it has not heard yet of the
    /// record that says whose signatures count.
    private func activate(
        _ editions: [ActivationRequest.Edition], at node: SandboxFolder.Node
    ) async throws {
        guard !editions.isEmpty else { return }
        let deadline = ContinuousClock.now + .seconds(90)
        while true {
            do {
                return try await post(
                    ActivationRequest(editions: editions).json, "/v1/policies", to: node)
            } catch {
                guard ContinuousClock.now < deadline else { throw error }
            }
            try await Task.sleep(for: .milliseconds(500))
        }
    }

    /// Puts them into the folder as well, for nodes that begin there.
    private func keep(_ list: [UInt8], _ record: [UInt8], serial: UInt64) throws {
        try folder.makeFolder("\(folder.membership)/lists")
        try folder.write(list, to: "\(folder.membership)/lists/\(serial).cms")
        try folder.write(record, to: "\(folder.membership)/records/\(country).cms")
    }

    private func served(_ node: SandboxFolder.Node) async throws {
        let deadline = ContinuousClock.now + .seconds(120)
        while ContinuousClock.now < deadline {
            if let client = try? await ControlClient(socket: node.socket) {
                let status = try? await client.getJSON("/v1/status")
                await client.close()
                if status?["state"]?.stringValue == "ready" { return }
            }
            try await Task.sleep(for: .milliseconds(100))
        }
        throw Ending(
            .notYet, "\(node.id) is not listed after two minutes",
            hint: "see \(node.folder)/selatd.log")
    }
}
