import SelatCore
import SelatCrypto
import SelatFederation
import Testing

/// What is proposed, who must sign it, and what they are told before.
@Suite struct ProposalTests {
    let world: World
    let federation: Federation

    private static let made = try? World("SG", "MY", "VN", "TH")

    init() throws {
        let world = try #require(Self.made)
        self.world = world
        let three = ["SG", "MY", "VN"].map { world.listed(world.member($0)) }
        federation = try world.federation(members: three)
    }

    private func next(
        _ changes: ListChange..., issued: Timestamp = World.now, days: Int64 = 30
    ) throws -> MembershipList {
        try federation.list.next(
            changes, of: federation.id, issued: issued,
            expires: issued + days * 86_400)
    }

    private func words(_ list: MembershipList) -> [String] {
        list.differences(from: federation.list).map(\.description)
    }

    private func sign(_ proposal: Proposal, by codes: [String]) throws -> [UInt8] {
        try CMS.sign(
            content: proposal.json.canonical, type: proposal.type,
            signers: codes.flatMap { world.member($0).authorities.prefix(2) }, at: World.now)
    }

    // MARK: Lists

    @Test func aRenewedListDiffersInItsDatesAlone() throws {
        let list = try next()
        #expect(list.previous == federation.listDigest && list.federation == federation.id)
        #expect(
            words(list) == [
                "~ serial: 1 -> 2",
                "~ issued: \(federation.list.issued) -> \(list.issued)",
                "~ expires: \(federation.list.expires) -> \(list.expires)",
            ])
        try federation.requireNext(.list(list), at: World.now)
    }

    @Test func aNewMemberIsIntroducedByItsKeys() throws {
        let list = try next(.add(world.listed(world.member("TH"))))
        #expect(list.quorum == 3, "the smallest majority stays the smallest")
        let words = words(list)
        #expect(words.contains("~ quorum: 2 of 3 members -> 3 of 4 members"))
        #expect(
            words.contains("+ member TH: public, 2 of 3 authorities sign, roles exchange"))
        let key = world.member("TH").authorities[0].key.publicKey.fingerprint.text
        #expect(words.count { $0.contains(key) } == 1)
        #expect(words.count { $0.hasPrefix("+ member TH, CA: CA, key ") } == 1)
    }

    @Test func aQuorumThatWasChosenStays() throws {
        let strict = try next(.quorum(3))
        let after = try strict.next(
            [.add(world.listed(world.member("TH")))], of: federation.id,
            issued: World.now, expires: World.now + 86_400)
        #expect(after.quorum == 3)
        #expect(throws: FederationError.self) { try next(.quorum(1)) }
        #expect(throws: FederationError.self) { try next(.quorum(4)) }
    }

    @Test func whoIsCutIsGoneAndStaysCut() throws {
        let country = try Country("VN")
        let cut = MembershipList.Cut(subject: .member(country), distrustFrom: World.from)
        let list = try next(.cut(cut))
        #expect(list.members.map(\.country.code) == ["MY", "SG"] && list.quorum == 2)
        #expect(words(list).contains("+ cut of VN: distrusted from \(World.from)"))
        let later = try list.next(
            [], of: federation.id, issued: World.now, expires: World.now + 86_400)
        #expect(later.cuts == [cut])
        let back = try list.next(
            [.add(world.listed(world.member("VN")))], of: federation.id,
            issued: World.now, expires: World.now + 86_400)
        #expect(back.cuts.isEmpty && back.members.count == 3)
        #expect(
            back.differences(from: list).map(\.description)
                .contains("- cut of VN: distrusted from \(World.from)"))
    }

    @Test func aNodeIsCutAndTakenBack() throws {
        let node = try NodeID("VN/hub")
        let cut = MembershipList.Cut(
            subject: .node(node), distrustFrom: World.from, logSize: 12)
        let list = try next(.cut(cut))
        #expect(list.members.count == 3)
        #expect(
            words(list).last
                == "+ cut of VN/hub: distrusted from \(World.from), its log trusted up to 12 entries"
        )
        let restored = try list.next(
            [.restore(node)], of: federation.id, issued: World.now, expires: World.now + 60)
        #expect(restored.cuts.isEmpty)
        #expect(throws: FederationError.self) { try next(.restore(node)) }
    }

    @Test func changesOfWhatIsNotThereAreRefused() throws {
        let (th, sg) = (try Country("TH"), try Country("SG"))
        let stranger = world.member("TH").authorities[0].certificate
        let wrong: [ListChange] = [
            .add(world.listed(world.member("SG"))), .roles(th, []), .sector(th, .defence),
            .threshold(th, 1), .threshold(sg, 9), .withdrawSuite(.p256),
            .addAuthority(th, stranger), .withdrawAuthority(sg, stranger),
            .withdrawCA(sg, stranger),
            .cut(MembershipList.Cut(subject: .member(th), distrustFrom: World.from)),
        ]
        for change in wrong {
            #expect(throws: FederationError.self, "\(change)") { try next(change) }
        }
    }

    @Test func membersPartsChangeByName() throws {
        let sg = try Country("SG")
        let old = world.member("SG").authorities[2].certificate
        let list = try next(
            .roles(sg, [.exchange, .witness]), .sector(sg, .defence),
            .withdrawAuthority(sg, old), .suite(.p256, sunset: World.until))
        #expect(
            Array(words(list).dropFirst(3)) == [
                "~ suite 1: in use -> until \(World.until)",
                "~ member SG, sector: public -> defence",
                "~ member SG, roles: exchange -> exchange, witness",
                "~ member SG, threshold: 2 of 3 authorities sign -> 2 of 2 authorities sign",
                "- member SG, authority: \(old.introduction)",
            ])
    }

    // MARK: The next one

    @Test func onlyTheNextOfWhatIsHeldIsSigned() throws {
        let list = try next()
        let other = SHA256.digest([1])
        func changed(
            federation: Digest? = nil, serial: UInt64 = 2, previous: Digest? = nil,
            isSandbox: Bool = true, issued: Timestamp = World.now
        ) throws -> Proposal {
            .list(
                try MembershipList(
                    federation: federation ?? self.federation.id, serial: serial,
                    previous: previous ?? self.federation.listDigest, issued: issued,
                    expires: issued + 86_400, isSandbox: isSandbox, quorum: 2,
                    suites: list.suites, members: list.members))
        }
        try federation.requireNext(try changed(), at: World.now)
        let wrong = [
            try changed(federation: other), try changed(serial: 3), try changed(serial: 4),
            try changed(previous: other), try changed(isSandbox: false),
            try changed(issued: World.now + -3_600), .list(federation.list),
        ]
        for proposal in wrong {
            #expect(throws: FederationError.self) {
                try federation.requireNext(proposal, at: World.now)
            }
        }
        let error = #expect(throws: FederationError.self) {
            try federation.requireNext(try changed(serial: 3), at: World.now)
        }
        #expect(error?.description.contains("expected 2") == true)
        #expect(throws: FederationError.self) {
            try federation.requireNext(.list(list), at: list.expires)
        }
    }

    // MARK: Signatures

    @Test func bothListsQuorumsAreCounted() throws {
        let list = try next(.add(world.listed(world.member("TH"))))
        let proposal = Proposal.list(list)
        let none = try federation.standing(of: proposal, signed: nil, at: World.now)
        #expect(!none.isComplete)
        #expect(none.sides.map(\.quorum) == [2, 3] && none.sides.map(\.signed) == [0, 0])
        #expect(none.sides.map(\.members.count) == [3, 4])
        #expect(none.sides[0].members[0].missing.count == 3)
        let two = try federation.standing(
            of: proposal, signed: sign(proposal, by: ["SG", "MY"]), at: World.now)
        #expect(two.sides.map(\.isComplete) == [true, false])
        let all = try federation.standing(
            of: proposal, signed: sign(proposal, by: ["SG", "MY", "TH"]), at: World.now)
        #expect(all.isComplete && all.sides.map(\.signed) == [2, 3])
    }

    @Test func theCutMembersWordCountsInTheOldListAlone() throws {
        let cut = MembershipList.Cut(
            subject: .member(try Country("VN")), distrustFrom: World.from)
        let proposal = Proposal.list(try next(.cut(cut)))
        let standing = try federation.standing(
            of: proposal, signed: sign(proposal, by: ["VN", "SG"]), at: World.now)
        #expect(standing.sides.map(\.signed) == [2, 1] && !standing.isComplete)
    }

    @Test func aSignatureThatMayNotStandThereIsRefused() throws {
        let proposal = Proposal.list(try next())
        #expect(throws: FederationError.self, "TH is in neither list") {
            try federation.standing(
                of: proposal, signed: sign(proposal, by: ["SG", "TH"]), at: World.now)
        }
        let other = Proposal.list(try next(days: 3))
        #expect(throws: FederationError.self, "signatures over another list") {
            try federation.standing(
                of: proposal, signed: sign(other, by: ["SG"]), at: World.now)
        }
        #expect(throws: FederationError.self, "its certificate has expired") {
            try federation.standing(
                of: proposal, signed: sign(proposal, by: ["SG"]), at: World.until + 1)
        }
        let revoked = try world.federation(
            revoking: [world.member("VN").authorities[2].certificate],
            members: federation.members)
        let after = Proposal.list(
            try revoked.list.next(
                [], of: revoked.id, issued: World.now, expires: World.now + 60))
        #expect(throws: FederationError.self, "its certificate is revoked") {
            let message = try CMS.sign(
                content: after.json.canonical, type: .membershipList,
                signer: world.member("VN").authorities[2], at: World.now)
            _ = try revoked.standing(of: after, signed: message, at: World.now)
        }
    }

    @Test func onlyAuthoritiesSign() throws {
        let electorate = try ProposalElectorate(of: .list(try next()), in: federation)
        let sg = world.member("SG")
        try electorate.require(sg.authorities[0].certificate, at: World.now)
        for certificate in [
            sg.officer.certificate, sg.signing.certificate, sg.issuer.certificate,
            world.member("TH").authorities[0].certificate,
        ] {
            #expect(throws: FederationError.self) {
                try electorate.require(certificate, at: World.now)
            }
        }
        let record = try world.record(of: "SG", federation: federation.id)
        let own = try ProposalElectorate(of: .record(record), in: federation)
        try own.require(sg.authorities[0].certificate, at: World.now)
        #expect(throws: FederationError.self) {
            try own.require(world.member("MY").authorities[0].certificate, at: World.now)
        }
    }

    @Test func theFirstListIsSignedByItsOwnQuorum() throws {
        let first = try world.list(quorum: 3)
        let half = try Federation.standing(
            ofFirst: first, signed: sign(.list(first), by: ["SG", "MY"]), at: World.now)
        #expect(half.sides.map(\.signed) == [2] && !half.isComplete)
        let all = try Federation.standing(
            ofFirst: first, signed: sign(.list(first), by: ["SG", "MY", "TH"]), at: World.now)
        #expect(all.isComplete)
    }

    // MARK: Copies that were signed apart

    @Test func copiesAreJoinedAndNobodySignsTwice() throws {
        let content = try next().json.canonical
        let (sg, my) = (world.member("SG").authorities[0], world.member("MY").authorities[0])
        func signed(_ signers: CMS.Signer..., content: [UInt8]) throws -> [UInt8] {
            try CMS.sign(
                content: content, type: .membershipList, signers: signers, at: World.now)
        }
        let (one, two) = (try signed(sg, content: content), try signed(my, content: content))
        let merged = try CMS.merged([one, two], type: .membershipList)
        #expect(try CMS.unverifiedSigners(of: merged, type: .membershipList).count == 2)
        #expect(try CMS.merged([merged, two, one], type: .membershipList) == merged)
        #expect(try CMS.unverifiedContent(merged, type: .membershipList) == content)
        #expect(throws: CryptoError.self) {
            try CMS.merged(
                [one, signed(my, content: content + [0x20])], type: .membershipList)
        }
        #expect(throws: CryptoError.self) {
            try CMS.addSignature(to: merged, type: .membershipList, signer: sg, at: World.now)
        }
    }

    // MARK: Files

    @Test func onlyTheFirstListIsNamedByItsSignatures() throws {
        let record = Proposal.record(
            try #require(federation.records[world.member("SG").country]))
        for proposal in [Proposal.list(try next()), record] {
            let content = SHA256.digest(proposal.json.canonical)
            for codes in [["SG"], ["SG", "MY"]] {
                let signed = try sign(proposal, by: codes)
                #expect(proposal.digest(signed: signed) == content)
            }
        }
        let first = Proposal.list(federation.list)
        #expect(first.digest(signed: federation.documents.list) == federation.id)
    }

    @Test func proposalsReadAsPeopleWriteThem() throws {
        let list = try next()
        #expect(try Proposal(json: Array(list.json.pretty.utf8)) == .list(list))
        let record = try world.record(of: "SG", federation: federation.id)
        #expect(try Proposal(json: Array(record.json.pretty.utf8)) == .record(record))
        #expect(try Proposal(unverified: federation.documents.list) == .list(federation.list))
        let signed = try record.signed(by: world.member("SG").authorities, at: World.now)
        #expect(try Proposal(unverified: signed) == .record(record))
        for text in ["", "{}", "[]", #"{"type":"member-record"}"#, #"{"type":"receipt"}"#] {
            #expect(throws: FederationError.self) { try Proposal(json: Array(text.utf8)) }
        }
        // A list is no record, whatever the message is called.
        let forged = try CMS.sign(
            content: list.json.canonical, type: .memberRecord,
            signers: world.member("SG").authorities, at: World.now)
        #expect(throws: FederationError.self) { try Proposal(unverified: forged) }
    }
}
