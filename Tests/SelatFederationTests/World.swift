import SelatCore
import SelatCrypto
import SelatFederation

/// A federation of a few countries with one node and one officer each, for tests.
struct World {
    struct Member {
        let country: Country
        let issuer: CertificateIssuer
        let authorities: [CMS.Signer]
        let tls: CMS.Signer
        let signing: CMS.Signer
        let agreement: CMS.Signer
        let officer: CMS.Signer
        /// Three persons, two of whom must sign an edition.
        let policySigners: [CMS.Signer]
    }

    static let from = Timestamp(seconds: 1_780_000_000)
    static let now = from + 86_400
    static let until = from + 365 * 86_400
    static let crlUntil = now + 7 * 86_400

    let members: [Member]

    init(_ countries: String...) throws {
        members = try countries.map { code in try Self.makeMember(code) }
    }

    func member(_ code: String) -> Member {
        guard let member = members.first(where: { $0.country.code == code }) else {
            preconditionFailure("no such member in this world")
        }
        return member
    }

    func list(
        quorum: Int = 2, isSandbox: Bool = true, expires: Timestamp = now + 20 * 86_400,
        members: [MembershipList.Member]? = nil, cuts: [MembershipList.Cut] = []
    ) throws -> MembershipList {
        try MembershipList(
            issued: Self.now + -60, expires: expires, isSandbox: isSandbox, quorum: quorum,
            suites: [.p256: nil], members: members ?? self.members.map(listed),
            cuts: cuts)
    }

    func listed(_ member: Member) -> MembershipList.Member {
        MembershipList.Member(
            country: member.country, sector: .public, anchors: [member.issuer.certificate],
            authorities: member.authorities.map(\.certificate), threshold: 2, roles: [.exchange])
    }

    /// The list, signed by both authorities of each of these countries.
    func signedList(_ list: MembershipList, by countries: String...) throws -> [UInt8] {
        let signers = countries.flatMap { member($0).authorities }
        return try list.signed(by: signers, at: Self.now)
    }

    func record(of code: String, federation: Digest) throws -> MemberRecord {
        let member = member(code)
        let node = MemberRecord.Node(
            id: try NodeID("\(code)/hub"), endpoint: Endpoint(host: "127.0.0.1", port: 7_443),
            tls: [member.tls.certificate], signing: [member.signing.certificate],
            agreement: [member.agreement.certificate], logKey: "selat+00000000+AQ==",
            roles: [.exchange])
        let officer = MemberRecord.Officer(
            id: try OfficerID("\(code)/hub/lee"), certificate: member.officer.certificate,
            roles: ["releasing-officer"])
        return try MemberRecord(
            federation: federation, country: member.country, issued: Self.now + -60,
            expires: Self.now + 20 * 86_400, nodes: [node], officers: [officer],
            policySigners: member.policySigners.map(\.certificate))
    }

    func documents(
        revoking revoked: [Certificate] = [], members: [MembershipList.Member]? = nil
    ) throws -> MembershipDocuments {
        let list = try signedList(list(members: members), by: "SG", "MY")
        let listed = Set((members ?? self.members.map(listed)).map(\.country))
        return MembershipDocuments(
            list: list,
            records: try records(federation: SHA256.digest(list)).filter {
                listed.contains($0.key)
            },
            revocationLists: try revocationLists(revoking: revoked))
    }

    func records(federation: Digest) throws -> [Country: [UInt8]] {
        var records: [Country: [UInt8]] = [:]
        for member in members {
            records[member.country] = try record(of: member.country.code, federation: federation)
                .signed(by: Array(member.authorities.prefix(2)), at: Self.now)
        }
        return records
    }

    func revocationLists(revoking revoked: [Certificate] = []) throws -> [Country: [UInt8]] {
        var lists: [Country: [UInt8]] = [:]
        for member in members {
            let crl = try member.issuer.revocationList(
                revoking: Dictionary(uniqueKeysWithValues: revoked.map { ($0, Self.from) }),
                number: 1, from: Self.from, until: Self.crlUntil)
            lists[member.country] = Array(crl.pem.utf8)
        }
        return lists
    }

    func federation(
        revoking revoked: [Certificate] = [], members: [MembershipList.Member]? = nil
    ) throws -> Federation {
        try Federation(
            verifying: documents(revoking: revoked, members: members), trusted: nil,
            allowsSandbox: true,
            at: Self.now)
    }

    func message(from code: String) throws -> [UInt8] {
        try CMS.sign(
            content: Array("{}".utf8), type: .header, signer: member(code).signing, at: Self.now)
    }

    private static func makeMember(_ code: String) throws -> Member {
        let country = try Country(code)
        let issuer = try CertificateIssuer(
            root: "\(code) CA", country: country, key: PrivateKey.generate(.p256), from: from,
            until: until)
        func signer(_ purpose: CertificatePurpose, _ name: String) throws -> CMS.Signer {
            let key = try PrivateKey.generate(.p256)
            let certificate = try issuer.issue(
                for: purpose, uri: "selat://\(code)/\(name)", to: key.publicKey, from: from,
                until: until)
            return try CMS.Signer(certificate: certificate, key: key)
        }
        return Member(
            country: country, issuer: issuer,
            authorities: [
                try signer(.authority, "authority-1"), try signer(.authority, "authority-2"),
                try signer(.authority, "authority-3"),
            ],
            tls: try signer(.tlsServer, "hub"), signing: try signer(.signing, "hub"),
            agreement: try signer(.agreement, "hub"), officer: try signer(.officer, "hub/lee"),
            policySigners: [
                try signer(.officer, "hub/first"), try signer(.officer, "hub/second"),
                try signer(.officer, "hub/third"),
            ])
    }
}
