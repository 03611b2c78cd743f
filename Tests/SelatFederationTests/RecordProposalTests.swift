import SelatCore
import SelatCrypto
import SelatFederation
import Testing

@Suite struct RecordProposalTests {
    let world: World
    let federation: Federation
    let record: MemberRecord

    private static let made = try? World("SG", "MY", "VN")

    init() throws {
        world = try #require(Self.made)
        federation = try world.federation()
        record = try #require(federation.records[Country("SG")])
    }

    private var sg: World.Member { world.member("SG") }

    private func next(_ changes: RecordChange...) throws -> MemberRecord {
        try record.next(changes, issued: World.now, expires: World.now + 20 * 86_400)
    }

    private func issue(_ purpose: CertificatePurpose, _ name: String) throws -> Certificate {
        try sg.issuer.issue(
            for: purpose, uri: "selat://SG/\(name)", to: PrivateKey.generate(.p256).publicKey,
            from: World.from, until: World.until)
    }

    @Test func aNewCertificateComesFirstAndTheOldOneStays() throws {
        let new = try issue(.tlsServer, "hub")
        let next = try next(.certificate(new))
        #expect(next.nodes[0].tls == [new, sg.tls.certificate])
        #expect(next.nodes[0].signing == record.nodes[0].signing)
        #expect(
            Array(next.differences(from: record).map(\.description).dropFirst(2)) == [
                "+ node SG/hub, tls: \(new.introduction)"
            ])
        let gone = try next.next(
            [.withdraw(sg.tls.certificate)], issued: World.now,
            expires: World.now + 60)
        #expect(gone.nodes[0].tls == [new])
    }

    @Test func anotherOrderIsADifference() throws {
        let new = try issue(.signing, "hub")
        let first = try next(.certificate(new))
        let turned = try first.next(
            [.withdraw(sg.signing.certificate), .certificate(sg.signing.certificate)],
            issued: World.now, expires: World.now + 60)
        let words = turned.differences(from: first).map(\.description)
        #expect(words.contains { $0.hasPrefix("~ node SG/hub, signing, order: ") })
    }

    @Test func officersAndSignersComeAndGo() throws {
        let (lee, fourth) = (try OfficerID("SG/hub/lee"), try issue(.officer, "hub/fourth"))
        let tan = MemberRecord.Officer(
            id: try OfficerID("SG/hub/tan"), certificate: try issue(.officer, "hub/tan"),
            roles: ["releasing-officer"])
        let next = try next(
            .officer(tan), .removeOfficer(lee), .addPolicySigner(fourth), .policyThreshold(3),
            .witnessQuorum(2),
            .endpoint(NodeID("SG/hub"), Endpoint(host: "sg.example", port: 443)))
        #expect(
            Array(next.differences(from: record).map(\.description).dropFirst(2)) == [
                "~ node SG/hub: 127.0.0.1:7443, roles exchange -> sg.example:443, roles exchange",
                "- officer SG/hub/lee: releasing-officer; \(sg.officer.certificate.introduction)",
                "+ officer SG/hub/tan: releasing-officer; \(tan.certificate.introduction)",
                "+ policy signer: \(fourth.introduction)", "~ policy threshold: 2 -> 3",
                "~ witness quorum: the usual -> 2",
            ])
    }

    @Test(arguments: ["::1", "192.0.2.1", "localhost", "sg.example.", "node_1", "xn--a-b"])
    func aNodeIsDialledByNameOrAddress(host: String) throws {
        let next = try next(.endpoint(NodeID("SG/hub"), Endpoint(host: host, port: 443)))
        let read = try MemberRecord(content: next.json.canonical, country: next.country)
        #expect(read.nodes[0].endpoint.host == host)
    }

    @Test(arguments: [
        "", ".", "a..b", "-a", "a b", "a:1", "[::1]", "300.1.1.1", "127.0.0.1\0", "x\u{1B}[2J",
        "sg\u{202E}.example", "a\nb", String(repeating: "a", count: 64),
    ])
    func aNodeIsDialledByNothingElse(host: String) throws {
        #expect(throws: FederationError.self) {
            try next(.endpoint(NodeID("SG/hub"), Endpoint(host: host, port: 443)))
        }
    }

    @Test(arguments: [
        "", "releasing officer", "officer\n+ policy signer", "x\u{1B}[2J", "a\u{202E}b",
        String(repeating: "a", count: 65),
    ])
    func aRoleIsAWord(role: String) throws {
        let lee = try OfficerID("SG/hub/lee")
        func officer(_ role: String) -> MemberRecord.Officer {
            MemberRecord.Officer(id: lee, certificate: sg.officer.certificate, roles: [role])
        }
        #expect(try next(.officer(officer("Head_of.agency-2"))).officers.count == 1)
        #expect(throws: FederationError.self) { try next(.officer(officer(role))) }
    }

    /// Unicode would put the accented letter, two code points here, behind `f`.
    @Test func rolesStandByTheirBytes() throws {
        let held = try #require(record.officers.first)
        let odd = try MemberRecord(
            federation: record.federation, country: record.country, serial: record.serial,
            previous: record.previous, issued: record.issued, expires: record.expires,
            nodes: record.nodes,
            officers: [
                MemberRecord.Officer(
                    id: held.id, certificate: held.certificate, roles: ["f", "e\u{301}"])
            ], policySigners: record.policySigners)
        let officers = try #require(odd.json["officers"]?.arrayValue)
        #expect(officers.first?["roles"] == .strings(["e\u{301}", "f"]))
        #expect(try MemberRecord(content: odd.json.canonical, country: record.country) == odd)
    }

    /// It was signed before roles and hosts were looked at: no node stops over it.
    @Test func aRecordThatIsInForceStays() throws {
        let (next, held) = (try next(), try #require(record.officers.first))
        let odd = try MemberRecord(
            federation: next.federation, country: next.country, serial: next.serial,
            previous: next.previous, issued: next.issued, expires: next.expires,
            nodes: next.nodes,
            officers: [
                MemberRecord.Officer(
                    id: held.id, certificate: held.certificate, roles: ["head of agency"])
            ], policySigners: next.policySigners)
        let signed = try odd.signed(by: sg.authorities, at: World.now)
        let taken = try federation.taking(
            record: signed, of: record.country, at: World.now)
        #expect(taken.records[record.country] == odd)
        #expect(
            try Federation(restoring: taken.documents).records[record.country] == odd)
        #expect(throws: FederationError.self) {
            try federation.requireNext(.record(odd), at: World.now)
        }
    }

    @Test func changesOfWhatIsNotThereAreRefused() throws {
        let wrong: [RecordChange] = [
            .removeNode(try NodeID("SG/csa")), .removeOfficer(try OfficerID("SG/hub/tan")),
            .withdraw(try issue(.tlsServer, "hub")),
            .removePolicySigner(try issue(.officer, "hub/x")),
            .certificate(try issue(.tlsServer, "csa")), .certificate(sg.officer.certificate),
            .certificate(sg.authorities[0].certificate), .policyThreshold(4),
            .endpoint(try NodeID("SG/csa"), Endpoint(host: "a", port: 1)),
        ]
        for change in wrong {
            #expect(throws: FederationError.self, "\(change)") { try next(change) }
        }
    }

    @Test func theMembersOwnThresholdSigns() throws {
        let proposal = Proposal.record(try next())
        try federation.requireNext(proposal, at: World.now)
        let signed = try CMS.sign(
            content: proposal.json.canonical, type: .memberRecord, signer: sg.authorities[1],
            at: World.now)
        let half = try federation.standing(of: proposal, signed: signed, at: World.now)
        #expect(half.sides.count == 1 && half.sides[0].members.map(\.country.code) == ["SG"])
        #expect(half.sides[0].members[0].signed == [sg.authorities[1].certificate])
        #expect(!half.isComplete)
        let both = try CMS.addSignature(
            to: signed, type: .memberRecord, signer: sg.authorities[0], at: World.now)
        #expect(try federation.standing(of: proposal, signed: both, at: World.now).isComplete)
    }

    @Test func onlyTheNextRecordOfAMemberIsSigned() throws {
        let first = try world.record(of: "SG", federation: federation.id)
        let foreign = try world.record(of: "SG", federation: SHA256.digest([]))
        for record in [first, foreign] {
            #expect(throws: FederationError.self) {
                try federation.requireNext(.record(record), at: World.now)
            }
        }
        let stranger = try MemberRecord(
            federation: federation.id, country: Country("TH"), issued: World.now,
            expires: World.now + 60, nodes: [], officers: [])
        #expect(throws: FederationError.unknownMember(try Country("TH"))) {
            try federation.requireNext(.record(stranger), at: World.now)
        }
    }

    @Test func noRecordMayBringACutNodeBack() throws {
        let cut = MembershipList.Cut(
            subject: .node(try NodeID("SG/hub")), distrustFrom: World.from)
        let list = try world.signedList(world.list(cuts: [cut]), by: "SG", "MY")
        let records = try world.records(federation: SHA256.digest(list))
        let federation = try Federation(
            verifying: MembershipDocuments(
                list: list, records: records, revocationLists: try world.revocationLists()),
            trusted: nil, allowsSandbox: true, at: World.now)
        let held = try #require(federation.records[record.country])
        let same = try held.next([], issued: World.now, expires: World.now + 60)
        #expect(throws: FederationError.self) {
            try federation.requireNext(.record(same), at: World.now)
        }
        let without = try held.next(
            [.removeNode(NodeID("SG/hub"))], issued: World.now,
            expires: World.now + 60)
        try federation.requireNext(.record(without), at: World.now)
    }
}
