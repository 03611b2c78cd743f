import SelatCore
import SelatCrypto
import SelatFederation
import Testing

/// `Format.md`, *Succession*: what may take the place of what is held, and what may not.
@Suite struct SuccessionTests {
    let world: World
    let held: Federation

    private static let made = try? World("SG", "MY", "VN", "TH")

    init() throws {
        let world = try #require(Self.made)
        self.world = world
        held = try world.federation(
            members: ["SG", "MY", "VN"].map { world.listed(world.member($0)) })
    }

    // MARK: Making the next ones

    private func next(
        of federation: Federation, _ changes: [ListChange] = [], issued: Timestamp = World.now
    ) throws -> MembershipList {
        try federation.list.next(
            changes, of: federation.id, issued: issued, expires: issued + 30 * 86_400)
    }

    private func sign(_ list: MembershipList, by codes: [String]) throws -> [UInt8] {
        try list.signed(
            by: codes.flatMap { world.member($0).authorities.prefix(2) }, at: World.now)
    }

    private func refusal(_ list: [UInt8], of federation: Federation? = nil) -> String {
        let error = #expect(throws: FederationError.self) {
            try (federation ?? held).taking(list: list, at: World.now)
        }
        return error?.description ?? "no error"
    }

    // MARK: Lists

    @Test func theNextListIsTakenAndNamesTheSameFederation() throws {
        let list = try next(of: held, [.quorum(3)])
        let signed = try sign(list, by: ["SG", "MY", "VN"])
        let taken = try held.taking(list: signed, at: World.now)
        #expect(taken.serial == 2 && taken.list.quorum == 3 && taken.id == held.id)
        #expect(taken.listDigest == list.digest)
        #expect(taken.nodes.count == held.nodes.count)
        // What is held already changes nothing.
        #expect(try taken.taking(list: signed, at: World.now).listDigest == taken.listDigest)
    }

    @Test func theQuorumsOfBothListsAreNeeded() throws {
        let joins = try next(
            of: held, [.add(world.listed(world.member("TH")))])
        #expect(joins.quorum == 3)
        let crls = try world.revocationLists()
        for (codes, isEnough) in [
            (["SG", "MY", "TH"], true), (["SG", "MY", "VN"], true), (["SG", "MY"], false),
            (["SG", "TH"], false),
        ] {
            let signed = try sign(joins, by: codes)
            let taken = try? held.taking(list: signed, with: crls, at: World.now)
            #expect((taken != nil) == isEnough, "\(codes)")
        }
    }

    /// Two nodes may hold copies of one list that others have signed, and at other moments.
    @Test func whoStandsSinceTheFirstListHangsOnNoSignature() throws {
        let joins = try next(
            of: held, [.add(world.listed(world.member("TH")))])
        let crls = try world.revocationLists()
        func taken(by codes: [String], late: Int64) throws -> Federation {
            let signed = try joins.signed(
                by: codes.flatMap { world.member($0).authorities.prefix(2) },
                at: World.now + late)
            return try held.taking(list: signed, with: crls, at: World.now + 100)
        }
        let copies = [
            try taken(by: ["SG", "MY", "VN"], late: 0),
            try taken(by: ["SG", "MY", "VN", "TH"], late: 100),
        ]
        #expect(copies[0].documents.list != copies[1].documents.list)
        for copy in copies {
            #expect(copy.listDigest == joins.digest && copy.members.count == 4)
            #expect(copy.standingMembers.map(\.code).sorted() == ["MY", "SG", "VN"])
        }
        #expect(held.standingMembers.count == 3)
    }

    /// The members that a list puts in cannot put themselves in.
    @Test func aListOfStrangersIsRefused() throws {
        let others = try World("JP", "DE", "TR")
        let list = try MembershipList(
            federation: held.id, serial: 2, previous: held.listDigest, issued: World.now,
            expires: World.now + 86_400, isSandbox: true, quorum: 2, suites: [.p256: nil],
            members: others.members.map(others.listed))
        let signed = try list.signed(
            by: others.members.flatMap(\.authorities), at: World.now)
        _ = refusal(signed)
    }

    @Test func oneSignatureTooFew() throws {
        let list = try next(of: held)
        let (sg, my) = (world.member("SG").authorities, world.member("MY").authorities)
        _ = refusal(try list.signed(by: [sg[0], sg[1], my[0]], at: World.now))
        _ = refusal(try list.signed(by: [sg[0], sg[0], my[0], my[1]], at: World.now))
        _ = try held.taking(
            list: list.signed(by: [sg[0], sg[1], my[0], my[1]], at: World.now), at: World.now)
    }

    @Test func aSerialThatJumpsWaitsForThoseBetween() throws {
        let second = try sign(
            next(of: held), by: ["SG", "MY"])
        let two = try held.taking(list: second, at: World.now)
        let third = try sign(next(of: two), by: ["SG", "MY"])
        #expect(refusal(third).contains("3"))
        // Who was away takes each of them.
        let three = try two.taking(list: third, at: World.now)
        let fourth = try sign(next(of: three), by: ["VN", "MY"])
        let caughtUp = try held.taking(list: second, at: World.now)
            .taking(list: third, at: World.now).taking(list: fourth, at: World.now)
        #expect(caughtUp.serial == 4 && caughtUp.documents.lists.count == 4)
        #expect(
            try Federation(
                verifying: caughtUp.documents, trusted: held.id, allowsSandbox: true,
                at: World.now
            ).serial == 4)
    }

    @Test func anOlderListIsRefused() throws {
        let second = try sign(
            next(of: held), by: ["SG", "MY"])
        let two = try held.taking(list: second, at: World.now)
        let third = try two.taking(
            list: sign(next(of: two), by: ["SG", "MY"]),
            at: World.now)
        for old in [held.documents.list, second] {
            _ = refusal(old, of: third)
        }
    }

    @Test func anotherListOfOneSerialIsNotTaken() throws {
        let one = try sign(next(of: held), by: ["SG", "MY"])
        let other = try sign(
            next(of: held, [.quorum(3)]),
            by: ["SG", "MY", "VN"])
        let taken = try held.taking(list: one, at: World.now)
        _ = refusal(other, of: taken)
        // Nor what would follow the other one.
        let elsewhere = try held.taking(list: other, at: World.now)
        let after = try sign(
            next(of: elsewhere), by: ["SG", "MY", "VN"])
        #expect(try elsewhere.taking(list: after, at: World.now).serial == 3)
        _ = refusal(after, of: taken)
    }

    @Test func aListThatDoesNotFitWhatIsHeldIsRefused() throws {
        func list(
            federation: Digest? = nil, previous: Digest? = nil, isSandbox: Bool = true,
            issued: Timestamp = World.now
        ) throws -> [UInt8] {
            try sign(
                MembershipList(
                    federation: federation ?? held.id, serial: 2,
                    previous: previous ?? held.listDigest, issued: issued,
                    expires: issued + 86_400, isSandbox: isSandbox, quorum: 2,
                    suites: [.p256: nil], members: held.members), by: ["SG", "MY"])
        }
        let other = SHA256.digest([1])
        for wrong in [
            try list(federation: other), try list(previous: other), try list(isSandbox: false),
            try list(issued: World.now + -3_600), try list(issued: World.now + 3_600),
        ] {
            _ = refusal(wrong)
        }
        _ = try held.taking(list: list(), at: World.now)
    }

    @Test func whoIsCutIsGoneWithItsRecord() throws {
        let cut = MembershipList.Cut(
            subject: .member(try Country("VN")), distrustFrom: World.from)
        let list = try sign(
            next(of: held, [.cut(cut)]), by: ["SG", "MY"])
        let taken = try held.taking(list: list, at: World.now)
        #expect(taken.nodes.keys.sorted().map(\.text) == ["MY/hub", "SG/hub"])
        #expect(throws: FederationError.self) {
            try taken.verifyPeer(
                certificateDER: world.member("VN").tls.certificate.der, as: .tlsClient,
                at: World.now)
        }
        // Its word no longer counts: MY alone is no quorum of two.
        let after = try next(of: taken)
        _ = refusal(try sign(after, by: ["MY", "VN"]), of: taken)
    }

    // MARK: Records

    private func nextRecord(
        _ changes: RecordChange..., serial: UInt64? = nil, previous: Digest? = nil
    ) throws -> MemberRecord {
        let country = try Country("SG")
        let record = try #require(held.records[country])
        let next = try record.next(changes, issued: World.now, expires: World.now + 86_400)
        guard serial != nil || previous != nil else { return next }
        return try MemberRecord(
            federation: next.federation, country: country, serial: serial ?? next.serial,
            previous: previous ?? next.previous, issued: next.issued, expires: next.expires,
            nodes: next.nodes, officers: next.officers, policySigners: next.policySigners)
    }

    private func take(_ record: MemberRecord, by code: String = "SG", count: Int = 2) throws
        -> Federation
    {
        let signed = try record.signed(
            by: Array(world.member(code).authorities.prefix(count)), at: World.now)
        return try held.taking(record: signed, of: record.country, at: World.now)
    }

    @Test func theNextRecordIsTaken() throws {
        let moved = Endpoint(host: "sg.example", port: 443)
        let id = try NodeID("SG/hub")
        let taken = try take(nextRecord(.endpoint(id, moved)))
        #expect(try taken.node(id, at: World.now).endpoint == moved)
        #expect(try held.node(id, at: World.now).endpoint != moved)
    }

    @Test func aRecordThatIsOlderOrAnothersIsRefused() throws {
        let record = try nextRecord()
        #expect(throws: FederationError.self, "one signature") { try take(record, count: 1) }
        #expect(throws: FederationError.self, "signed by MY") { try take(record, by: "MY") }
        #expect(throws: FederationError.self, "another before it") {
            try take(nextRecord(previous: SHA256.digest([1])))
        }
        let newer = try take(record)
        let old = try #require(held.documents.records[record.country])
        #expect(throws: FederationError.self, "rollback") {
            try newer.taking(record: old, of: record.country, at: World.now)
        }
        let other = try nextRecord(.policyThreshold(3)).signed(
            by: Array(world.member("SG").authorities.prefix(2)), at: World.now)
        #expect(throws: FederationError.self, "another of one serial") {
            try newer.taking(record: other, of: record.country, at: World.now)
        }
        #expect(throws: FederationError.self, "under another country's name") {
            try held.taking(record: other, of: Country("MY"), at: World.now)
        }
    }

    // MARK: Records whose signers a list names no more

    /// Withdrawn, outnumbered, or with a CA that counts no more.
    private func withdrawals(of member: World.Member) throws -> [[ListChange]] {
        let other = try CertificateIssuer(
            root: "another CA", country: member.country, key: PrivateKey.generate(.p256),
            from: World.from, until: World.until)
        return [
            [.withdrawAuthority(member.country, member.authorities[0].certificate)],
            [.threshold(member.country, 3)],
            [
                .addCA(member.country, other.certificate),
                .withdrawCA(member.country, member.issuer.certificate),
            ],
        ]
    }

    @Test func aRecordFallsWithThoseWhoSignedIt() throws {
        let (sg, id) = (world.member("SG"), try NodeID("SG/hub"))
        for changes in try withdrawals(of: sg) {
            let list = try next(of: held, changes)
            #expect(try held.recordsFalling(with: .list(list)).map(\.what) == ["record of SG"])
            let taken = try held.taking(list: sign(list, by: ["MY", "VN"]), at: World.now)
            #expect(taken.records[sg.country] == nil && taken.nodes[id] == nil)
            #expect(taken.nodes.count == 2 && taken.documents.records.count == 2)
            #expect(
                taken.warnings(at: World.now).contains { $0.hasPrefix("no record of SG is held") })
            // And so for who comes back from a database, and for who judges the past.
            let documents = MembershipDocuments(
                lists: taken.documents.lists, records: held.documents.records,
                revocationLists: held.documents.revocationLists)
            for again in [
                try Federation(restoring: documents),
                try Federation(verifyingPast: documents, trusted: held.id),
            ] {
                #expect(again.records == taken.records)
                #expect(again.documents.records == taken.documents.records)
            }
        }
        let same = try next(of: held, [.quorum(3)])
        #expect(try held.recordsFalling(with: .list(same)).isEmpty)
    }

    /// Published before the list, where those who stay are authorities already.
    @Test func aRecordOfThoseWhoStayStandsUnderBothLists() throws {
        let sg = world.member("SG")
        let record = try nextRecord().signed(by: Array(sg.authorities.suffix(2)), at: World.now)
        let before = try held.taking(record: record, of: sg.country, at: World.now)
        let list = try next(
            of: before,
            [.withdrawAuthority(sg.country, sg.authorities[0].certificate)])
        #expect(try before.recordsFalling(with: .list(list)).isEmpty)
        let taken = try before.taking(list: sign(list, by: ["MY", "VN"]), at: World.now)
        #expect(taken.documents.records[sg.country] == record)
    }

    /// Whoever stole enough keys has made a record after which none can come.
    @Test func aStolenRecordBlocksNobodyOnceItsSignersAreWithdrawn() throws {
        let sg = world.member("SG")
        let stolen = try take(nextRecord(serial: 1 << 40))
        let bytes = try #require(stolen.documents.records[sg.country])
        let list = try next(
            of: stolen,
            [.withdrawAuthority(sg.country, sg.authorities[0].certificate)])
        let taken = try stolen.taking(list: sign(list, by: ["MY", "VN"]), at: World.now)
        #expect(throws: FederationError.self) {
            try taken.taking(record: bytes, of: sg.country, at: World.now)
        }
        let real = try nextRecord()
        let again = try taken.taking(
            record: real.signed(by: Array(sg.authorities.suffix(2)), at: World.now),
            of: sg.country, at: World.now)
        #expect(again.records[sg.country] == real)
        #expect(try again.node(NodeID("SG/hub"), at: World.now).id.country == sg.country)
    }

    /// Signed by those who stay, in force, and with what has been removed since. A serial says nothing
    /// where the next one begins anew.
    @Test func noOlderRecordComesBackWhereOneFell() throws {
        let sg = world.member("SG")
        let stay = Array(sg.authorities.suffix(2))
        let first = try #require(held.records[sg.country])
        let older = try MemberRecord(
            federation: first.federation, country: first.country, serial: 7,
            previous: SHA256.digest([7]), issued: first.issued, expires: first.expires,
            nodes: first.nodes, officers: first.officers, policySigners: first.policySigners
        ).signed(by: stay, at: World.now)
        let newer = try take(nextRecord(serial: 10))
        let list = try next(
            of: newer,
            [.withdrawAuthority(sg.country, sg.authorities[0].certificate)])
        let taken = try newer.taking(list: sign(list, by: ["MY", "VN"]), at: World.now)
        #expect(taken.records[sg.country] == nil)
        let restored = try Federation(
            restoring: MembershipDocuments(
                lists: taken.documents.lists, records: newer.documents.records,
                revocationLists: taken.documents.revocationLists))
        let real = try nextRecord()
        for federation in [taken, restored] {
            let again = try federation.taking(
                record: real.signed(by: stay, at: World.now), of: sg.country, at: World.now)
            #expect(again.records[sg.country] == real)
            for held in [federation, again] {
                let error = #expect(throws: FederationError.self) {
                    try held.taking(record: older, of: sg.country, at: World.now)
                }
                #expect(error?.description.contains("issued before the last one") == true)
            }
        }
    }

    // MARK: Revocation lists

    private func crl(
        _ code: String = "SG", number: UInt64, from: Timestamp = World.now + -60,
        until: Timestamp = World.now + 6 * 86_400, revoking: [Certificate] = []
    ) throws -> [UInt8] {
        let list = try world.member(code).issuer.revocationList(
            revoking: Dictionary(uniqueKeysWithValues: revoking.map { ($0, World.from) }),
            number: number, from: from, until: until)
        return Array(list.pem.utf8)
    }

    private func take(_ pem: [UInt8], _ federation: Federation? = nil) throws -> Federation {
        try (federation ?? held).taking(
            revocationLists: pem, of: Country("SG"), at: World.now)
    }

    @Test func aNewerRevocationListTakesEffectAtOnce() throws {
        let signing = world.member("SG").signing.certificate
        let name = signing.issuerAndSerial
        let node = try NodeID("SG/hub")
        _ = try held.signer(name, node: node, at: World.now)
        let taken = try take(crl(number: 2, revoking: [signing]))
        let error = #expect(throws: FederationError.self) {
            try taken.signer(name, node: node, at: World.now)
        }
        #expect(error?.description.contains("revoked") == true)
    }

    /// Their lists travel in one text, and reach two nodes in another order.
    @Test func listsOfTwoAuthoritiesComeToTheSame() throws {
        let sg = world.member("SG")
        let other = try CertificateIssuer(
            root: "another CA", country: sg.country, key: PrivateKey.generate(.p256),
            from: World.from, until: World.until)
        let listed = world.listed(sg)
        let both = MembershipList.Member(
            country: sg.country, sector: listed.sector,
            anchors: listed.anchors + [other.certificate], authorities: listed.authorities,
            threshold: listed.threshold, roles: listed.roles)
        let held = try world.federation(
            members: [both] + ["MY", "VN"].map { world.listed(world.member($0)) })
        func list(
            _ issuer: CertificateIssuer, _ number: UInt64, revoking: [Certificate: Timestamp] = [:]
        ) throws -> [UInt8] {
            let list = try issuer.revocationList(
                revoking: revoking, number: number, from: World.now + -60,
                until: World.now + 6 * 86_400)
            return Array(list.pem.utf8)
        }
        func text(_ federation: Federation) throws -> [UInt8] {
            try #require(federation.documents.revocationLists[sg.country])
        }
        let (a2, a3) = (try list(sg.issuer, 2), try list(sg.issuer, 3))
        let (b4, b5, b6) = (try list(other, 4), try list(other, 5), try list(other, 6))
        let (one, two) = (try take(a3 + b4, held), try take(b5 + a2, held))
        let (first, second) = (try take(text(two), one), try take(text(one), two))
        #expect(try text(first) == text(second))
        #expect(try Set(CRL.all(pem: text(first)).map(\.number)) == [3, 5])
        // What is held, however it is put and signed: ECDSA signs nothing twice alike.
        let resigned = try list(sg.issuer, 3)
        #expect(resigned != a3)
        for same in [a3 + b5, b5 + a3, Array("SG\n".utf8) + a3, b5, resigned, resigned + b5] {
            #expect(try text(take(same, first)) == text(first))
        }
        for old in [a3 + b4, b4 + a2, a2] {
            #expect(throws: FederationError.self) { try take(old, first) }
        }
        // Another one of a number that is held is no newer one, whoever made it.
        let again = try list(sg.issuer, 3, revoking: [sg.signing.certificate: World.from])
        let error = #expect(throws: FederationError.self) { try take(again, first) }
        #expect(error?.description.contains("another one of number 3 is held") == true)
        #expect(try text(take(again + b6, first)) == text(take(b6, first)))
    }

    @Test func aRevocationListThatIsOldForeignOrFallsIsRefused() throws {
        let taken = try take(crl(number: 5))
        let wrong: [(String, [UInt8])] = [
            ("its number falls", try crl(number: 4)),
            ("number 0", try crl(number: 0)),
            (
                "its time falls",
                try crl(number: 6, from: World.now + -3_600, until: World.now + 86_400)
            ),
            ("another country's", try crl("MY", number: 9)),
            (
                "over",
                try crl(
                    number: 9, from: World.now + -9 * 86_400, until: World.now + -2 * 86_400)
            ),
            ("not yet", try crl(number: 9, from: World.now + 3_600)),
            ("lives too long", try crl(number: 9, until: World.now + 8 * 86_400)),
            ("twice", try crl(number: 9) + crl(number: 10)),
            ("none", []),
            ("huge", [UInt8](repeating: 0x41, count: 50 << 20)),
        ]
        for (why, pem) in wrong {
            #expect(throws: FederationError.self, "\(why)") { try take(pem, taken) }
        }
        var forged = try crl(number: 9)
        // A letter of the signature, before the last line.
        forged[forged.count - 60] = forged[forged.count - 60] == 0x41 ? 0x42 : 0x41
        #expect(throws: FederationError.self, "forged") { try take(forged, taken) }
    }
}
