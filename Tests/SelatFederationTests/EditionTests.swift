import SelatCore
import SelatCrypto
import SelatFederation
import SelatTestSupport
import Testing

/// Whose signatures make a policy file an edition.
@Suite struct EditionTests {
    let world: World
    let federation: Federation
    let file = Array("jurisdiction: SG\nedition: 2\n".utf8)

    init() throws {
        world = try World("SG", "MY", "VN")
        federation = try world.federation()
    }

    private func sign(
        _ signers: [CMS.Signer], over content: [UInt8]? = nil, for other: Digest? = nil
    ) throws -> [UInt8] {
        try CMS.signDetached(
            content: content ?? file, type: .policyEdition, federation: other ?? federation.id,
            signers: signers, at: World.now)
    }

    private func verify(
        _ signatures: [UInt8]?, _ owner: EditionOwner? = nil, by federation: Federation? = nil,
        at time: Timestamp = World.now
    ) throws -> EditionSignatures {
        try (federation ?? self.federation).verifyEdition(
            "SG.yaml", content: file, signatures: signatures,
            owner: owner ?? .member(Country("SG")), at: time)
    }

    private func refusal(
        _ body: () throws -> EditionSignatures
    ) -> String {
        do {
            _ = try body()
            return "accepted"
        } catch { return "\(error)" }
    }

    private func signers(_ code: String, _ indices: Int...) -> [CMS.Signer] {
        indices.map { world.member(code).policySigners[$0] }
    }

    @Test func twoPersonsMakeAnEdition() throws {
        let signed = try verify(try sign(signers("SG", 0, 2)))
        #expect(signed.members.map(\.code) == ["SG"])
        #expect((signed.counted, signed.needed) == (2, 2))
        let names = try ["SG/hub/first", "SG/hub/third"].map { try OfficerID($0) }
        #expect(signed.persons[try Country("SG")] == Set(names))
        #expect(try verify(try sign(signers("SG", 0, 1, 2))).counted == 3)
    }

    @Test func whatIsMissingIsNamed() throws {
        #expect(
            refusal { try verify(nil) } == "`SG.yaml`: 0 of 2 signatures; signers named by the "
                + "member record of `SG` are `SG/hub/first`, `SG/hub/second`, `SG/hub/third`")
        let one = refusal { try verify(try sign(signers("SG", 1))) }
        #expect(one.hasPrefix("`SG.yaml`: 1 of 2 signatures; "))
        #expect(one.hasSuffix("not yet signed: `SG/hub/first`, `SG/hub/third`"))
    }

    @Test func anotherCountrysOfficerSpoilsIt() throws {
        let der = try sign(signers("SG", 0, 1) + signers("MY", 0))
        #expect(refusal { try verify(der) }.contains("is no policy signer of `SG`"))
    }

    @Test func nodesOfficersAndAuthoritiesAreNoSigners() throws {
        let sg = world.member("SG")
        for stranger in [sg.officer, sg.signing, sg.authorities[0]] {
            let der = try sign(signers("SG", 0) + [stranger])
            #expect(refusal { try verify(der) }.contains("who is no policy signer of any member"))
        }
    }

    @Test func anotherEditionsSignaturesAreRefused() throws {
        let der = try sign(signers("SG", 0, 1), over: Array("edition: 1\n".utf8))
        #expect(refusal { try verify(der) }.contains("it is of another edition"))
    }

    @Test func anotherFederationsSignaturesAreRefused() throws {
        let der = try sign(signers("SG", 0, 1), for: SHA256.digest([7]))
        #expect(refusal { try verify(der) }.contains("for another federation"))
    }

    @Test func oneCertificateCountsOnce() throws {
        let twice = try sign(signers("SG", 0, 0))
        #expect(refusal { try verify(twice) }.contains("signed twice"))
    }

    @Test func twoCertificatesOfOnePersonAreOnePerson() throws {
        let sg = world.member("SG")
        let key = try PrivateKey.generate(.p256)
        let renewed = try CMS.Signer(
            certificate: try sg.issuer.issue(
                for: .officer, uri: "selat://SG/hub/first", to: key.publicKey, from: World.from,
                until: World.until), key: key)
        let federation = try self.federation(signers: sg.policySigners + [renewed])
        func signed(_ signers: [CMS.Signer]) throws -> [UInt8] {
            try CMS.signDetached(
                content: file, type: .policyEdition, federation: federation.id, signers: signers,
                at: World.now)
        }
        let one = try signed([sg.policySigners[0], renewed])
        #expect(refusal { try verify(one, by: federation) }.contains("1 of 2 signatures"))
        let two = try signed([sg.policySigners[0], renewed, sg.policySigners[1]])
        let found = try verify(two, by: federation)
        #expect(found.counted == 2)
        #expect(
            found.persons[try Country("SG")]
                == Set(sg.policySigners[..<2].map(\.certificate).compactMap(\.officer)))
    }

    @Test func moreThanTwoWhereTheRecordSaysSo() throws {
        let federation = try self.federation(
            signers: world.member("SG").policySigners, threshold: 3)
        func verified(_ indices: [Int]) -> String {
            refusal {
                try verify(
                    try CMS.signDetached(
                        content: file, type: .policyEdition, federation: federation.id,
                        signers: indices.map { world.member("SG").policySigners[$0] },
                        at: World.now), by: federation)
            }
        }
        #expect(verified([0, 1]).contains("2 of 3 signatures"))
        #expect(verified([0, 1, 2]) == "accepted")
    }

    @Test func revokedAndExpiredSignersAreRefused() throws {
        let der = try sign(signers("SG", 0, 1))
        let revoked = signers("SG", 1)[0].certificate
        let strict = try world.federation(revoking: [revoked])
        let der2 = try CMS.signDetached(
            content: file, type: .policyEdition, federation: strict.id,
            signers: signers("SG", 0, 1), at: World.now)
        #expect(refusal { try verify(der2, by: strict) }.contains("selat://SG/hub/second"))
        #expect(refusal { try verify(der, at: World.now + 40 * 86_400) }.contains("in force"))
    }

    @Test func theFederationsFilesNeedTheQuorum() throws {
        let owner = EditionOwner.members(parties: [])
        let both = try verify(try sign(signers("SG", 0, 1) + signers("VN", 1, 2)), owner)
        #expect(both.members.map(\.code) == ["SG", "VN"])
        #expect((both.counted, both.needed) == (2, 2))
        let one = refusal { try verify(try sign(signers("SG", 0, 1) + signers("VN", 1)), owner) }
        #expect(one.contains("signed for 1 of 2 members; not yet signed for `MY` (2 of `MY/hub/"))
        #expect(refusal { try verify(nil, owner) }.contains("signed for 0 of 2 members"))
    }

    @Test func everyPartySignsItsInstruments() throws {
        let parties = Set(try ["MY", "JP"].map { try Country($0) })
        let owner = EditionOwner.members(parties: parties)
        let two = try sign(signers("SG", 0, 1) + signers("VN", 0, 1))
        #expect(
            refusal { try verify(two, owner) }.contains(
                "have not signed it; not yet signed for `MY`"))
        // Japan is no member: its instruments never count, and it has nobody who could sign.
        let three = try sign(signers("SG", 0, 1) + signers("MY", 0, 1))
        #expect(try verify(three, owner).members.map(\.code) == ["MY", "SG"])
    }

    @Test func mutatedSignaturesAreRefused() throws {
        let der = try sign(signers("SG", 0, 1))
        for changed in Mutations.of(der, count: 200, seed: 5) where changed != der {
            #expect(throws: FederationError.self) { try verify(changed) }
        }
        #expect(throws: FederationError.self) { try verify([]) }
        #expect(throws: FederationError.self) {
            try verify([UInt8](repeating: 0x30, count: 65 << 10))
        }
    }

    // MARK: Records

    private func record(
        signers: [CMS.Signer], threshold: Int
    ) throws -> MemberRecord {
        let plain = try world.record(of: "SG", federation: SHA256.digest([1]))
        return try MemberRecord(
            federation: plain.federation, country: plain.country, issued: plain.issued,
            expires: plain.expires, nodes: plain.nodes, officers: plain.officers,
            policySigners: signers.map(\.certificate), policyThreshold: threshold)
    }

    /// The world, but with other policy signers of SG.
    private func federation(
        signers: [CMS.Signer], threshold: Int = 2
    ) throws -> Federation {
        let list = try world.signedList(world.list(), by: "SG", "MY")
        let id = SHA256.digest(list)
        let plain = try world.record(of: "SG", federation: id)
        let record = try MemberRecord(
            federation: id, country: plain.country, issued: plain.issued, expires: plain.expires,
            nodes: plain.nodes, officers: plain.officers,
            policySigners: signers.map(\.certificate), policyThreshold: threshold)
        var records = try world.records(federation: id)
        records[record.country] = try record.signed(
            by: world.member("SG").authorities, at: World.now)
        return try Federation(
            verifying: MembershipDocuments(
                list: list, records: records, revocationLists: try world.revocationLists()),
            trusted: nil, allowsSandbox: true, at: World.now)
    }

    @Test(arguments: [0, 1, 4, 9])
    func aThresholdIsTwoOrMoreAndReachable(_ threshold: Int) throws {
        let signers = world.member("SG").policySigners
        #expect(throws: FederationError.self) {
            try record(signers: signers, threshold: threshold)
        }
        let fine = try record(signers: signers, threshold: 3)
        let read = try MemberRecord(content: fine.json.canonical, country: fine.country)
        #expect(read == fine && read.policyThreshold == 3)
    }

    @Test func policySignersAreTheCountrysOwn() throws {
        let own = world.member("SG").policySigners
        #expect(throws: FederationError.self) {
            try record(signers: own + signers("MY", 0), threshold: 2)
        }
        #expect(throws: FederationError.self) {
            try record(signers: own + [world.member("SG").signing], threshold: 2)
        }
        #expect(throws: FederationError.self) {
            try record(signers: own + [own[0]], threshold: 2)
        }
    }
}
