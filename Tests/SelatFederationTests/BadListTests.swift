import SelatCore
import SelatCrypto
import SelatFederation
import SelatTestSupport
import Testing

/// Lists and records as somebody hands them in who should not be believed, with real signatures.
@Suite struct BadListTests {
    let world: World

    private static let made = try? World("SG", "MY", "VN")

    init() throws { world = try #require(Self.made) }

    private func verify(
        _ list: [UInt8], crls: [Country: [UInt8]]? = nil, at time: Timestamp = World.now
    ) throws -> Federation {
        try Federation(
            verifying: MembershipDocuments(
                list: list, records: [:], revocationLists: crls ?? world.revocationLists()),
            trusted: nil, allowsSandbox: true, at: time)
    }

    private func sign(_ content: [UInt8], _ signers: [CMS.Signer]) throws -> [UInt8] {
        try CMS.sign(content: content, type: .membershipList, signers: signers, at: World.now)
    }

    /// The list with one change of its JSON, signed by everybody.
    private func signed(_ change: (inout JSON.Object) throws -> Void) throws -> [UInt8] {
        var fields = try #require(try world.list().json.objectValue)
        try change(&fields)
        return try sign(
            JSON.object(fields).canonical, world.members.flatMap { $0.authorities })
    }

    private func refusal(_ list: [UInt8], at time: Timestamp = World.now) -> String {
        let error = #expect(throws: FederationError.self) { try verify(list, at: time) }
        return error?.description ?? "no error"
    }

    private func members(_ fields: JSON.Object) throws -> [JSON.Object] {
        try #require(fields["members"]?.arrayValue).map { try #require($0.objectValue) }
    }

    // MARK: Signatures

    @Test func oneSignatureTooFew() throws {
        let content = try world.list().json.canonical
        let (sg, my) = (world.member("SG").authorities, world.member("MY").authorities)
        let few = try sign(content, [sg[0], sg[1], my[0]])
        #expect(refusal(few).contains("signed by 1 of the 2 who are needed"))
        _ = try verify(try sign(content, [sg[0], sg[1], my[0], my[1]]))
    }

    @Test func theSameSignerTwice() throws {
        let content = try world.list().json.canonical
        let (sg, my) = (world.member("SG").authorities, world.member("MY").authorities)
        let twice = try sign(content, [sg[0], sg[0], my[0], my[1]])
        #expect(refusal(twice).contains("one signer signed twice"))
        let enoughAndTwice = try sign(content, [sg[0], sg[1], my[0], my[1], my[1]])
        #expect(refusal(enoughAndTwice).contains("one signer signed twice"))
    }

    /// Two certificates of one key would be two voices of one person.
    @Test func oneKeyWithTwoCertificates() throws {
        let sg = world.member("SG")
        let key = sg.authorities[0].key
        let second = try sg.issuer.issue(
            for: .authority, uri: "selat://SG/authority-9", to: key.publicKey, from: World.from,
            until: World.until)
        let list = try signed { fields in
            var members = try members(fields)
            members[1]["authorities"] = .strings(
                [sg.authorities[0].certificate, second].map { Base64.encode($0.der) })
            fields["members"] = .array(members.map { .object($0) })
        }
        #expect(refusal(list).contains("one key is that of more than one authority"))
    }

    @Test func anExpiredAuthority() throws {
        let world = try World("SG", "MY", "VN")
        let sg = world.member("SG")
        let key = try PrivateKey.generate(.p256)
        let expired = try sg.issuer.issue(
            for: .authority, uri: "selat://SG/authority-1", to: key.publicKey, from: World.from,
            until: World.now + -1)
        let signer = try CMS.Signer(certificate: expired, key: key)
        let members = world.members.map { member in
            guard member.country == sg.country else { return world.listed(member) }
            return MembershipList.Member(
                country: sg.country, sector: .public, anchors: [sg.issuer.certificate],
                authorities: [expired, sg.authorities[1].certificate], threshold: 2,
                roles: [.exchange])
        }
        let content = try world.list(members: members).json.canonical
        let others = world.member("MY").authorities + world.member("VN").authorities
        let list = try sign(content, [signer, sg.authorities[1]] + others)
        let crls = try world.revocationLists()
        let error = #expect(throws: FederationError.self) { try verify(list, crls: crls) }
        #expect(error?.description.contains("certificate has expired") == true)
        // Who has not signed may have expired: the list only names the authority.
        _ = try verify(try sign(content, others), crls: crls)
    }

    @Test func aRevokedAuthority() throws {
        let revoked = world.member("SG").authorities[0].certificate
        let list = try world.signedList(world.list(), by: "SG", "MY")
        let crls = try world.revocationLists(revoking: [revoked])
        let error = #expect(throws: FederationError.self) { try verify(list, crls: crls) }
        #expect(error?.description.contains("certificate revoked") == true)
    }

    // MARK: Contents

    @Test(arguments: ["note", "critical", "members2", "Quorum"])
    func anUnknownField(key: String) throws {
        #expect(refusal(try signed { $0[key] = ["x"] }).contains("unknown key `\(key)`"))
    }

    @Test func anUnknownFieldOfAMember() throws {
        let list = try signed { fields in
            var members = try members(fields)
            members[0]["critical"] = true
            fields["members"] = .array(members.map { .object($0) })
        }
        #expect(refusal(list).contains("unknown key `critical`"))
    }

    @Test func twoMembersWithOneCountry() throws {
        let list = try signed { fields in
            var members = try members(fields)
            members[1]["country"] = members[0]["country"]
            fields["members"] = .array(members.map { .object($0) })
        }
        #expect(refusal(list).contains("a country stands twice"))
    }

    @Test func oneCAOfTwoCountries() throws {
        let list = try signed { fields in
            var members = try members(fields)
            members[1]["cas"] = members[0]["cas"]
            fields["members"] = .array(members.map { .object($0) })
        }
        #expect(refusal(list).contains("one key is that of more than one CA"))
    }

    @Test func aSerialThatJumps() throws {
        let jump = try signed { $0["serial"] = 3 }
        #expect(refusal(jump).contains("only the first list, with serial 1"))
        #expect(refusal(try signed { $0["serial"] = 0 }).contains("only the first list"))
        #expect(refusal(try signed { $0["serial"] = -1 }).contains("serial"))
    }

    @Test(
        arguments: [
            ("quorum", 1), ("quorum", 4), ("quorum", -1), ("expires", "2100-01-01T00:00:00Z"),
            ("expires", "2020-01-01T00:00:00Z"), ("suites", []), ("suites", [["suite": 9]]),
            ("suites", [["suite": 1], ["suite": 1]]), ("members", []), ("format", 2),
            ("type", "member-record"), ("sandbox", "yes"), ("issued", "yesterday"),
        ] as [(String, JSON)])
    func aValueThatCannotBe(key: String, value: JSON) throws {
        _ = refusal(try signed { $0[key] = value })
    }

    // MARK: Sizes

    @Test(arguments: [FederationLimits.documentBytesMax + 1, 50 << 20])
    func aListThatIsTooLarge(size: Int) throws {
        let list = [UInt8](repeating: 0x30, count: size)
        #expect(refusal(list).contains("larger than 4 MiB"))
        #expect(throws: FederationError.self) { try Proposal(unverified: list) }
        #expect(throws: FederationError.self) { try Proposal(json: list) }
    }

    @Test func aListOfTooManyMembers() throws {
        let list = try signed { fields in
            let member = try #require(fields["members"]?.arrayValue?.first)
            fields["members"] = .array([JSON](repeating: member, count: 65))
        }
        #expect(refusal(list).contains("65 entries in `members`, at most 64"))
    }

    @Test func aListThatNestsWithoutEnd() throws {
        let deep = [UInt8](repeating: UInt8(ascii: "["), count: 100_000)
        let list = try sign(deep, world.members.flatMap { $0.authorities })
        #expect(refusal(list).contains("membership list"))
    }

    // MARK: Records

    @Test func aNodeInTwoCountries() throws {
        let list = try world.signedList(world.list(), by: "SG", "MY")
        let id = SHA256.digest(list)
        var fields = try #require(try world.record(of: "SG", federation: id).json.objectValue)
        let foreign = try #require(
            try world.record(of: "MY", federation: id).json["nodes"]?.arrayValue)
        fields["nodes"] = .array(foreign + (fields["nodes"]?.arrayValue ?? []))
        let record = try CMS.sign(
            content: JSON.object(fields).canonical, type: .memberRecord,
            signers: world.member("SG").authorities, at: World.now)
        var records = try world.records(federation: id)
        records[try Country("SG")] = record
        let error = #expect(throws: FederationError.self) {
            try Federation(
                verifying: MembershipDocuments(
                    list: list, records: records, revocationLists: world.revocationLists()),
                trusted: nil, allowsSandbox: true, at: World.now)
        }
        #expect(error?.description.contains("`MY/hub` is another country's node") == true)
    }

    /// A certificate that the other country's CA issued for the own name changes nothing.
    @Test func aNodeWithAnothersCertificate() throws {
        let record = try world.record(of: "SG", federation: SHA256.digest([]))
        var fields = try #require(record.json.objectValue)
        var node = try #require(fields["nodes"]?.arrayValue?.first?.objectValue)
        var certificates = try #require(node["certificates"]?.objectValue)
        certificates["tls"] = .strings([Base64.encode(world.member("MY").tls.certificate.der)])
        node["certificates"] = .object(certificates)
        fields["nodes"] = [.object(node)]
        let error = #expect(throws: FederationError.self) {
            try MemberRecord(content: JSON.object(fields).canonical, country: record.country)
        }
        #expect(error?.description.contains("names `selat://MY/hub`") == true)
    }

    // MARK: Revocation lists

    private func refusal(crl: [UInt8]) throws -> String {
        var crls = try world.revocationLists()
        crls[try Country("SG")] = crl
        let list = try world.signedList(world.list(), by: "SG", "MY")
        let error = #expect(throws: FederationError.self) { try verify(list, crls: crls) }
        return error?.description ?? "no error"
    }

    private func crl(
        _ code: String, from: Timestamp = World.from, until: Timestamp = World.crlUntil,
        revoking count: Int = 0
    ) throws -> [UInt8] {
        let issuer = world.member(code).issuer
        var revoked: [Certificate: Timestamp] = [:]
        for _ in 0..<count {
            let key = world.member(code).tls.certificate.publicKey
            let certificate = try issuer.issue(
                for: .signing, uri: "selat://\(code)/x", to: key, from: from, until: until)
            revoked[certificate] = from
        }
        return Array(
            try issuer.revocationList(revoking: revoked, number: 1, from: from, until: until)
                .pem.utf8)
    }

    @Test func aRevocationListThatIsHuge() throws {
        let huge =
            "-----BEGIN X509 CRL-----\n" + String(repeating: "MIIB", count: 500_000)
            + "\n-----END X509 CRL-----\n"
        #expect(try refusal(crl: Array(huge.utf8)).contains("larger than 1048576 bytes"))
    }

    @Test(arguments: ["", "hello", "-----BEGIN X509 CRL-----\n", "-----BEGIN CERTIFICATE-----\n"])
    func aRevocationListThatIsNone(text: String) throws {
        #expect(try refusal(crl: Array(text.utf8)).contains("SG"))
    }
}
