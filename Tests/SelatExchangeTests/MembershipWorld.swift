import SelatAudit
import SelatCore
import SelatCrypto
import SelatFederation
import SelatTestSupport

@testable import SelatExchange

// The members' authorities at work: next lists, records and revocation lists of a test's federation.
extension TestFederation {
    private static var life: Int64 { 29 * 86_400 }

    /// The list that follows `before`, changed and signed by the authorities of these countries.
    func list(
        after before: Federation, by codes: [String] = ["MY", "SG", "VN"],
        cuts: [MembershipList.Cut]? = nil, quorum: Int = 2, without gone: String? = nil,
        _ change: (inout [MembershipList.Member]) throws -> Void = { _ in }
    ) throws -> [UInt8] {
        let now = clock.now()
        var members = before.list.members.filter { $0.country.code != gone }
        try change(&members)
        let list = try MembershipList(
            federation: before.id, serial: before.serial + 1, previous: before.listDigest,
            issued: now, expires: now + Self.life, isSandbox: true, quorum: quorum,
            suites: before.list.suites, members: members,
            cuts: cuts ?? before.list.cuts)
        return try list.signed(by: try codes.flatMap { try authority($0).signers }, at: now)
    }

    /// A country's next record, changed and signed by its authorities.
    func record(
        _ code: String, after before: Federation, officers: [MemberRecord.Officer]? = nil,
        witnessQuorum: Int? = nil,
        _ change: (inout [MemberRecord.Node]) throws -> Void = { _ in }
    ) throws -> [UInt8] {
        let (country, now) = (try Country(code), clock.now())
        guard let held = before.records[country] else { throw NoSuchMember(code: code) }
        var nodes = held.nodes
        try change(&nodes)
        return try MemberRecord(
            federation: before.id, country: country, serial: held.serial + 1,
            previous: held.digest, issued: now,
            expires: now + Self.life, nodes: nodes, officers: officers ?? held.officers,
            policySigners: held.policySigners, witnessQuorum: witnessQuorum
        ).signed(by: try authority(code).signers, at: now)
    }

    /// The next record of a node's country, SG unless said otherwise, with another certificate for the
    /// node's signing key in the place of the first.
    func recordWithSigningRenewed(of other: TestNode? = nil) throws -> [UInt8] {
        let renewing = other ?? sender
        let (code, now) = (renewing.id.country.code, clock.now())
        let certificate = try authority(code).root.issue(
            for: .signing, uri: renewing.id.uri, to: renewing.identity.signer.key.publicKey,
            from: now + -60, until: now + Self.life)
        return try record(code, after: federation) { nodes in
            let node = nodes[0]
            nodes[0] = MemberRecord.Node(
                id: node.id, endpoint: node.endpoint, tls: node.tls, signing: [certificate],
                agreement: node.agreement, mlkem: node.mlkem, logKey: node.logKey,
                witnessKey: node.witnessKey, roles: node.roles, links: node.links)
        }
    }

    /// SG's next record, with another certificate and key for its releasing officer.
    func recordWithOfficerRenewed(
        after before: Federation? = nil
    ) throws -> (record: [UInt8], officer: CMS.Signer) {
        let (country, now, before) = (sender.id.country, clock.now(), before ?? federation)
        guard let held = before.records[country] else { throw NoSuchMember(code: country.code) }
        let id = try OfficerID("\(sender.id)/releasing-officer")
        let key = try PrivateKey.generate(.p256)
        let certificate = try authority("SG").root.issue(
            for: .officer, uri: id.uri, to: key.publicKey, from: now + -60,
            until: now + Self.life)
        let officers = held.officers.map { officer in
            officer.id == id
                ? MemberRecord.Officer(id: id, certificate: certificate, roles: officer.roles)
                : officer
        }
        return (
            try record("SG", after: before, officers: officers),
            try CMS.Signer(certificate: certificate, key: key)
        )
    }

    /// A country's revocation list, PEM.
    func revocationList(
        _ code: String, number: UInt64, revoking revoked: [Certificate] = [], days: Int64 = 7
    ) throws -> [UInt8] {
        let now = clock.now()
        let list = try authority(code).root.revocationList(
            revoking: Dictionary(uniqueKeysWithValues: revoked.map { ($0, now) }), number: number,
            from: now, until: now + days * 86_400)
        return Array(list.pem.utf8)
    }

    func authority(_ code: String) throws -> Authority {
        guard let found = authorities.first(where: { $0.member.country.code == code }) else {
            throw NoSuchMember(code: code)
        }
        return found
    }

    struct NoSuchMember: Error { let code: String }
}

extension TestNode {
    /// A register over the node's database, which keeps the first documents at its first start.
    @discardableResult
    func register(
        trusting digest: Digest? = nil, folder: MembershipDocuments? = nil
    ) async throws -> MembershipRegister {
        let federation = membership.federation
        let place = MembershipRegister.Place(
            node: id, keys: keys, epoch: 1, trusted: digest ?? federation.id, allowsSandbox: true)
        return try await MembershipRegister.open(
            place, store: store, clock: exchange.clock, logger: .silent,
            input: { folder ?? federation.documents })
    }

    /// Hands documents over, as an administrator does.
    func take(
        lists: [[UInt8]] = [], records: [String: [UInt8]] = [:], crls: [String: [UInt8]] = [:]
    ) async throws -> [String] {
        func byCountry(_ documents: [String: [UInt8]]) throws -> [Country: [UInt8]] {
            Dictionary(uniqueKeysWithValues: try documents.map { (try Country($0), $1) })
        }
        return try await membership.take(
            MembershipBundle(
                lists: lists, records: try byCountry(records),
                revocationLists: try byCountry(crls)), from: .user(7), together: true)
    }

    /// Why documents are refused; nil where they are taken.
    func refusal(
        lists: [[UInt8]] = [], records: [String: [UInt8]] = [:], crls: [String: [UInt8]] = [:]
    ) async throws -> String? {
        do {
            _ = try await take(lists: lists, records: records, crls: crls)
            return nil
        } catch let refused as MembershipRefused {
            return refused.description
        }
    }
}
