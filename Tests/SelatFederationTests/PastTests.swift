import SelatCore
import SelatCrypto
import SelatFederation
import Testing

/// Documents of a moment that is over, as evidence and backups hold them (`Format.md`, *Succession*).
@Suite struct PastTests {
    let world: World

    private static let made = try? World("SG", "MY", "VN")

    init() throws { world = try #require(Self.made) }

    private func list(_ codes: [String] = ["SG", "MY", "VN"]) throws -> [UInt8] {
        try world.signedList(
            world.list(members: codes.map { world.listed(world.member($0)) }), by: "SG", "MY")
    }

    private func past(
        _ list: [UInt8], records: [Country: [UInt8]]? = nil, crls: [Country: [UInt8]]? = nil,
        trusted: Digest? = nil
    ) throws -> Federation {
        try Federation(
            verifyingPast: MembershipDocuments(
                list: list, records: records ?? world.records(federation: SHA256.digest(list)),
                revocationLists: crls ?? world.revocationLists()),
            trusted: trusted ?? SHA256.digest(list))
    }

    @Test func whatAMemberThatHasLeftLeavesBehindIsPassedOver() throws {
        let list = try list(["SG", "MY"])
        let federation = try past(list)
        #expect(federation.nodes.keys.sorted().map(\.text) == ["MY/hub", "SG/hub"])
        let restored = try Federation(
            restoring: MembershipDocuments(
                list: list, records: try world.records(federation: SHA256.digest(list)),
                revocationLists: try world.revocationLists()))
        let members = [try Country("MY"), try Country("SG")]
        for documents in [federation.documents, restored.documents] {
            #expect(documents.records.keys.sorted() == members)
            #expect(documents.revocationLists.keys.sorted() == members)
        }
    }

    @Test func aRecordThatIsOverHindersItsOwnNodesAlone() throws {
        let list = try list()
        let id = SHA256.digest(list)
        let held = try world.record(of: "VN", federation: id)
        let short = try MemberRecord(
            federation: id, country: held.country, issued: held.issued, expires: held.issued + 30,
            nodes: held.nodes, officers: held.officers, policySigners: held.policySigners
        ).signed(by: world.member("VN").authorities, at: held.issued)
        let records = try world.records(federation: id).merging([held.country: short]) { $1 }
        // As of now that is refused: it says what is in force.
        #expect(throws: FederationError.self) {
            try Federation(
                verifying: MembershipDocuments(
                    list: list, records: records, revocationLists: world.revocationLists()),
                trusted: id, allowsSandbox: true, at: World.now)
        }
        let federation = try past(list, records: records)
        let later = World.now + 8 * 86_400
        _ = try federation.node(NodeID("SG/hub"), at: later)
        #expect(throws: FederationError.self) {
            try federation.node(NodeID("VN/hub"), at: later)
        }
    }

    @Test func aRevocationListThatIsOverHindersItsOwnCountryAlone() throws {
        let list = try world.signedList(world.list(), by: "SG", "VN")
        let old = try world.member("VN").issuer.revocationList(
            number: 1, from: World.from + -5 * 86_400, until: World.from + -86_400)
        let crls = try world.revocationLists().merging(
            [Country("VN"): Array(old.pem.utf8)]) { $1 }
        #expect(throws: FederationError.self) {
            try Federation(
                verifying: MembershipDocuments(
                    list: list, records: [:], revocationLists: crls),
                trusted: nil, allowsSandbox: true, at: World.now)
        }
        let federation = try past(list, crls: crls)
        func sign(_ code: String) throws -> VerifiedCertificate {
            try federation.signer(
                world.member(code).signing.certificate.issuerAndSerial,
                node: NodeID("\(code)/hub"), at: World.now)
        }
        _ = try sign("SG")
        #expect(throws: FederationError.self) { try sign("VN") }
    }

    /// Also where the path was followed before, for an earlier moment.
    @Test func aNodeIsGoodUntilItsCertificateWasRevoked() throws {
        let certificate = world.member("SG").signing.certificate
        let crl = try world.member("SG").issuer.revocationList(
            revoking: [certificate: World.now], number: 1, from: World.now + 60,
            until: World.crlUntil)
        let federation = try past(list(), crls: [Country("SG"): Array(crl.pem.utf8)])
        let (name, node) = (certificate.issuerAndSerial, try NodeID("SG/hub"))
        _ = try federation.signer(name, node: node, at: World.now + -1)
        for time in [World.now, World.now + 120] {
            #expect(throws: FederationError.self) {
                try federation.signer(name, node: node, at: time)
            }
        }
    }

    /// Who signs a proposal may have got the certificate after it was written.
    @Test func aRecordMayBeOlderThanTheCertificateOfItsSigner() throws {
        let sg = world.member("SG")
        let late = try ["fourth", "fifth"].map { name in
            let key = try PrivateKey.generate(.p256)
            let certificate = try sg.issuer.issue(
                for: .authority, uri: "selat://SG/\(name)", to: key.publicKey, from: World.now,
                until: World.until)
            return try CMS.Signer(certificate: certificate, key: key)
        }
        let list = try world.signedList(
            world.list(
                members: ["SG", "MY", "VN"].map { code in
                    let member = world.listed(world.member(code))
                    guard code == "SG" else { return member }
                    return MembershipList.Member(
                        country: member.country, sector: member.sector, anchors: member.anchors,
                        authorities: late.map(\.certificate), threshold: 2, roles: member.roles)
                }), by: "MY", "VN")
        let record = try world.record(of: "SG", federation: SHA256.digest(list))
        #expect(record.issued < World.now)
        let signed = try record.signed(by: late, at: World.now)
        #expect(try past(list, records: [sg.country: signed]).records[sg.country] == record)
    }

    /// It is judged at another moment, and by the same people.
    @Test func whoMustSignIsTheSame() throws {
        let list = try list()
        let id = SHA256.digest(list)
        #expect(throws: FederationError.self) { try past(list, trusted: SHA256.digest([1])) }
        let half = try world.signedList(world.list(), by: "SG")
        #expect(throws: FederationError.self) { try past(half) }
        // A record that they did not sign is as if it were not there.
        let record = try world.record(of: "SG", federation: id)
        for signers in [
            [world.member("SG").authorities[0]], world.member("MY").authorities,
        ] {
            let signed = try record.signed(by: signers, at: World.now)
            let federation = try past(list, records: [Country("SG"): signed])
            #expect(federation.nodes.isEmpty && federation.documents.records.isEmpty)
        }
        let foreign = try world.records(federation: SHA256.digest([]))
        #expect(throws: FederationError.self) { try past(list, records: foreign) }
    }
}
