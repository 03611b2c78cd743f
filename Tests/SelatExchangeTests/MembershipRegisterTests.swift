import SelatAudit
import SelatCore
import SelatCrypto
import SelatFederation
import SelatHTTP
import SelatStore
import SelatTestSupport
import SelatTransport
import Testing

@testable import SelatExchange

/// What a node takes of lists, records and revocation lists, and what that changes.
struct MembershipRegisterTests {
    let world: TestFederation
    var node: TestNode { world.sender }

    init() throws { world = try TestFederation() }

    private func cut(_ node: String) throws -> [MembershipList.Cut] {
        [
            MembershipList.Cut(
                subject: .node(try NodeID(node)), distrustFrom: world.clock.now() + -60)
        ]
    }

    @Test func theNextListIsInForceAtOnceAndAnEntry() async throws {
        let next = try world.list(after: world.federation)
        #expect(try await node.take(lists: [next]) == ["list 2"])
        #expect(node.exchange.federation.serial == 2)
        #expect(node.exchange.federation.records.count == 3)
        #expect(try await node.entries("membership.taken") == 1)
        // Again is no news.
        #expect(try await node.take(lists: [next]) == [])
    }

    @Test func aListNeedsTheQuorumOfBothLists() async throws {
        let lonely = try world.list(after: world.federation, by: ["SG"])
        #expect(try await node.refusal(lists: [lonely])?.contains("1 of the 2") == true)
        // Its own quorum is larger than the one before: that has to be met as well.
        let strict = try world.list(after: world.federation, by: ["SG", "VN"], quorum: 3)
        #expect(try await node.refusal(lists: [strict])?.contains("2 of the 3") == true)
        #expect(node.exchange.federation.serial == 1)
        #expect(try await node.entries("membership.refused") == 2)
    }

    @Test func aNodeThatWasAwayFollowsEveryListInBetween() async throws {
        try await node.register()
        var federation = world.federation
        var lists: [[UInt8]] = []
        for _ in 0..<3 {
            world.clock.advance(seconds: 20 * 86_400)
            lists.append(try world.list(after: federation))
            federation = try federation.taking(list: lists.last ?? [], at: world.clock.now())
        }
        // The two in the middle are over by now.
        #expect(try await node.refusal(lists: [lists[2]])?.contains("missing") == true)
        #expect(try await node.take(lists: lists.reversed()) == ["list 2", "list 3", "list 4"])
        #expect(node.exchange.federation.listDigest == federation.listDigest)
        // After a restart the same stands, from the database.
        let again = try await node.register()
        #expect(again.federation.serial == 4)
        #expect(again.federation.documents.lists.count == 4)
    }

    @Test func theFirstStartKeepsTheFolderAndAnotherTrustedDigestIsRefused() async throws {
        let first = try await node.register()
        #expect(first.federation.id == world.federation.id)
        #expect(first.isListed)
        #expect(try await node.entries("membership.taken") == 1)
        await #expect(throws: FederationError.self) {
            try await node.register(trusting: SHA256.digest([1]))
        }
    }

    @Test func anOldFolderIsNoAttemptAtAnything() async throws {
        try await node.register()
        let record = try world.record("VN", after: world.federation)
        let crl = try world.revocationList("VN", number: 5)
        _ = try await node.take(records: ["VN": record], crls: ["VN": crl])
        // The folder still has the first record and no list of revocations.
        let again = try await node.register(folder: world.federation.documents)
        #expect(again.federation.records[try Country("VN")]?.serial == 2)
        #expect(try await node.entries("membership.refused") == 0)
    }

    /// A record that was taken while the clock was ahead is one of the future once the clock is right.
    @Test func whatARecordOfAnAheadClockBearsOutStaysReadable() async throws {
        let (sender, recipient, ahead) = (world.sender, world.recipient, Int64(2 * 86_400))
        let (all, country) = (world.federation.documents, sender.id.country)
        try await recipient.register(
            folder: MembershipDocuments(
                lists: all.lists, records: all.records.filter { $0.key != country },
                revocationLists: all.revocationLists))
        world.clock.advance(seconds: ahead)
        let register = try await recipient.register(folder: all)
        #expect(register.federation.records[country] != nil)
        world.clock.advance(seconds: -ahead)
        let id = try await sender.send(world.request())
        try await recipient.serving { await sender.exchange.pursue(id) }
        #expect(try await recipient.opened(id) == TestFederation.bytes(5_000))
        // The membership of that moment does not list it.
        let now = world.clock.now()
        #expect(try await register.federation(asOf: now).records[country] == nil)
        #expect(try await recipient.inbound(id, from: sender)?.received == now)
    }

    @Test func olderListsAndRecordsAreRefused() async throws {
        let next = try world.list(after: world.federation)
        let record = try world.record("VN", after: world.federation)
        let newer = try world.record("VN", after: world.federation) { $0.removeAll() }
        _ = try await node.take(lists: [next], records: ["VN": record])
        // One of the same serial is a fork of the record.
        #expect(try await node.refusal(records: ["VN": newer])?.contains("serial 2") == true)
        let old = world.federation.documents.records[try Country("VN")] ?? []
        #expect(try await node.refusal(records: ["VN": old])?.contains("older") == true)
        #expect(try await node.refusal(records: ["MY": record]) != nil)
    }

    /// Whoever has a copy can make another one that is as good, and bring it first.
    @Test func copiesWithOtherSignaturesAreOneDocument() async throws {
        let lists = try [["MY", "SG"], ["SG", "VN"]].map {
            try world.list(after: world.federation, by: $0)
        }
        let view = { [node] in node.membership.current }
        _ = try await node.take(lists: [lists[0]])
        let before = view()
        #expect(lists[0] != lists[1] && before.federation.documents.list == lists[0])
        let other = try world.federation.taking(list: lists[1], at: world.clock.now())
        // Who holds the other copy names the same list, and lacks nothing.
        #expect(other.listDigest == before.federation.listDigest)
        #expect(MembershipIndex(of: other) == before.index)
        let (next, record) = (
            try world.list(after: other, by: ["MY", "SG"]), try world.record("VN", after: other)
        )
        #expect(
            try await node.take(lists: [lists[1], next], records: ["VN": record]) == [
                "list 3", "record VN 2",
            ])
    }

    @Test func twoValidListsOfOneSerialStopSending() async throws {
        try await node.register()
        let one = try world.list(after: world.federation)
        let again = try world.list(after: world.federation, by: ["MY", "VN"])
        world.clock.advance(seconds: 1)
        let other = try world.list(after: world.federation, by: ["MY", "VN"])
        _ = try await node.take(lists: [one])
        // The same list with other signatures is the same word.
        #expect(try await node.take(lists: [again]) == [])
        #expect(node.membership.forks == [])
        #expect(try await node.take(lists: [other]) == ["fork 2"])
        #expect(try await node.entries("membership.forked") == 1)
        #expect(node.membership.forks == [2])
        // The first stays in force, nothing new is sent, and people are told.
        #expect(node.exchange.federation.documents.list == one)
        let problem = await #expect(throws: Problem.self) {
            try await node.exchange.decide(try world.request())
        }
        #expect(problem?.type == "urn:selat:problem:membership-forked")
        #expect(node.membership.warnings(at: world.clock.now()).contains { $0.contains("two") })
        // What lacks the quorum is no fork.
        world.clock.advance(seconds: 1)
        let forged = try world.list(after: world.federation, by: ["VN"])
        #expect(try await node.refusal(lists: [forged]) != nil)
        #expect(try await node.register().forks == [2])
    }

    @Test func aCutNodeIsNobodyAndItsDatasetsAreHeldBack() async throws {
        let next = try world.list(after: world.federation, cuts: try cut("VN/hub"))
        _ = try await node.take(lists: [next])
        #expect(node.exchange.federation.nodes[world.recipient.id] == nil)
        let problem = await #expect(throws: Problem.self) {
            try await node.exchange.decide(try world.request())
        }
        #expect(problem?.detail?.contains("cut off") == true)
        // The one who is cut learns it from the list itself.
        _ = try await world.recipient.take(lists: [next])
        #expect(world.recipient.membership.isListed == false)
        #expect(world.recipient.membership.current.exclusion?.contains("cut off") == true)
    }

    /// The list has the last word on roles, and the refusal does not blame the record alone.
    @Test func nothingIsSentToWhomTheListGivesNoExchange() async throws {
        let my = world.stranger.id.country
        let list = try world.list(after: world.federation) { members in
            members = members.map { member in
                guard member.country == my else { return member }
                return MembershipList.Member(
                    country: my, sector: member.sector, anchors: member.anchors,
                    authorities: member.authorities, threshold: 2, roles: [.relay])
            }
        }
        _ = try await node.take(lists: [list])
        let problem = #expect(throws: Problem.self) {
            try node.exchange.recipient(world.stranger.id, at: world.clock.now())
        }
        #expect(problem?.detail?.contains("or the membership list does not give it") == true)
    }

    // MARK: Other authorities

    /// The next list, by which other persons speak for VN, and who they are.
    private func replacing() throws -> (list: [UInt8], signers: [CMS.Signer]) {
        let (vn, now) = (try world.authority("VN"), world.clock.now())
        let signers = try ["third", "fourth"].map { person in
            let key = try PrivateKey.generate(.p256)
            let certificate = try vn.root.issue(
                for: .authority, uri: "selat://VN/authority/\(person)", to: key.publicKey,
                from: now, until: now + 90 * 86_400)
            return try CMS.Signer(certificate: certificate, key: key)
        }
        let list = try world.list(after: world.federation, by: ["MY", "SG"]) { members in
            members = members.map { member in
                guard member.country == vn.member.country else { return member }
                return MembershipList.Member(
                    country: member.country, sector: member.sector, anchors: member.anchors,
                    authorities: signers.map(\.certificate), threshold: 2, roles: member.roles)
            }
        }
        return (list, signers)
    }

    /// VN's record begun anew, as those who speak for it now have signed it.
    private func recordAnew(by signers: [CMS.Signer]) throws -> [UInt8] {
        let now = world.clock.now()
        let held = try #require(world.federation.records[try Country("VN")])
        return try MemberRecord(
            federation: world.federation.id, country: held.country, issued: now,
            expires: now + 86_400, nodes: held.nodes, officers: held.officers,
            policySigners: held.policySigners
        ).signed(by: signers, at: now)
    }

    /// Also at the node whose own record it is: it goes on, and says what is missing.
    @Test func aRecordFallsWithTheAuthoritiesWhoSignedIt() async throws {
        let (list, signers) = try replacing()
        let vn = try Country("VN")
        let record = try recordAnew(by: signers)
        for node in [world.sender, world.recipient] {
            try await node.register()
            #expect(try await node.take(lists: [list]) == ["list 2"])
            #expect(node.exchange.federation.records[vn] == nil)
            #expect(try await node.register().federation.records[vn] == nil)
            let warnings = node.membership.warnings(at: world.clock.now())
            let warning = warnings.first { $0.hasPrefix("no record of VN is held that its") }
            #expect(warning?.contains("at another member's node") == true)
            // Its own nodes are strangers, who could tell nobody of the next one.
            #expect(throws: FederationError.self) {
                try node.exchange.federation.node(world.recipient.id, at: world.clock.now())
            }
            #expect(node.membership.isListed == (node.id.country != vn))
            // Of the serial that the fallen one has, and kept beside that.
            #expect(try await node.take(records: ["VN": record]) == ["record VN 1"])
            #expect(node.exchange.federation.nodes[world.recipient.id] != nil)
            #expect(node.membership.isListed)
            #expect(try await node.register().federation.documents.records[vn] == record)
        }
    }

    @Test func listAndRecordComeTogether() async throws {
        let (list, signers) = try replacing()
        let record = try recordAnew(by: signers)
        let taken = try await world.recipient.take(lists: [list], records: ["VN": record])
        #expect(taken == ["list 2", "record VN 1"])
        #expect(world.recipient.membership.isListed)
    }

    // MARK: What other nodes bring

    private func bring(crl pem: [UInt8]) async throws -> [String] {
        try await node.membership.take(
            MembershipBundle(revocationLists: [try Country("VN"): pem]),
            from: .node(world.stranger.id), together: false)
    }

    @Test func ofOneMemberOnlySoManyChangesAreTakenFromOtherNodes() async throws {
        func isTaken(_ number: UInt64) async throws -> Bool {
            try await bring(crl: try world.revocationList("VN", number: number)) != []
        }
        for number in 1...5 { #expect(try await isTaken(UInt64(number))) }
        for number in 6...7 { #expect(try await !isTaken(UInt64(number))) }
        #expect(try await node.entries("membership.refused") == 0)
        // Other countries have their own share.
        let other = try world.revocationList("MY", number: 1)
        let bundle = MembershipBundle(revocationLists: [try Country("MY"): other])
        let peer = EntryActor.node(world.stranger.id)
        #expect(try await node.membership.take(bundle, from: peer, together: false) != [])
        world.clock.advance(seconds: 60)
        #expect(try await isTaken(8))
        #expect(try await !isTaken(9))
        #expect(try await node.take(crls: ["VN": world.revocationList("VN", number: 10)]) != [])
        // A clock that was ahead puts nothing off.
        world.clock.advance(seconds: -3_600)
        let vn = try Country("VN")
        #expect(node.membership.takesChange(.revocationLists, of: vn))
        world.clock.advance(seconds: 3_600 + 300)
        for number in 11...15 { #expect(try await isTaken(UInt64(number))) }
        #expect(try await !isTaken(16))
    }

    @Test func refusalsOfOnePeerAreEnteredUpToARate() async throws {
        for number in 0..<Limits.refusalsPerMinuteMax + 5 {
            await #expect(throws: MembershipRefused.self) {
                try await bring(crl: Array("no list \(number)".utf8))
            }
        }
        #expect(try await node.entries("membership.refused") == Limits.refusalsPerMinuteMax)
        try await node.exchange.enterCounted()
        #expect(try await node.entries("offers.refused") == 1)
        // Not so of the own people.
        for number in 0..<3 { _ = try await node.refusal(crls: ["VN": [UInt8(number)]]) }
        #expect(try await node.entries("membership.refused") == Limits.refusalsPerMinuteMax + 3)
    }

    // MARK: Revocation lists

    @Test func numbersNeverFallAndStrangersSignNothing() async throws {
        _ = try await node.take(crls: ["VN": try world.revocationList("VN", number: 5)])
        let fallen = try world.revocationList("VN", number: 4)
        #expect(try await node.refusal(crls: ["VN": fallen])?.contains("older") == true)
        let foreign = try world.revocationList("MY", number: 9)
        #expect(
            try await node.refusal(crls: ["VN": foreign])?.contains("authorities signed") == true)
        let long = try world.revocationList("VN", number: 6, days: 8)
        #expect(try await node.refusal(crls: ["VN": long])?.contains("seven days") == true)
        #expect(try await node.refusal(crls: ["VN": Array("no list".utf8)]) != nil)
        let huge = [UInt8](repeating: 0x0A, count: FederationLimits.documentBytesMax + 1)
        #expect(try await node.refusal(crls: ["VN": huge])?.contains("4 MiB") == true)
    }

    @Test func listsThatAreHeldAreNoNewsHoweverTheyArePut() async throws {
        let list = try world.revocationList("VN", number: 5)
        #expect(try await node.take(crls: ["VN": list]) == ["crl VN"])
        #expect(try await node.take(crls: ["VN": Array("Of VN:\n".utf8) + list]) == [])
        #expect(try await node.entries("membership.taken") == 1)
        // The same once more, with another signature.
        let again = try world.revocationList("VN", number: 5)
        #expect(again != list)
        #expect(try await node.take(crls: ["VN": again]) == [])
        let other = try world.revocationList("VN", number: 5, days: 6)
        #expect(try await node.refusal(crls: ["VN": other])?.contains("number 5") == true)
    }

    @Test func aListCountsOneDayLongerThanItSays() async throws {
        _ = try await node.take(crls: ["VN": try world.revocationList("VN", number: 5)])
        let peer = world.recipient.identity.tls.certificate.der
        func isAdmitted() -> Bool {
            let now = world.clock.now()
            return
                (try? node.exchange.federation.verifyPeer(
                    certificateDER: peer, as: .tlsClient, at: now)) != nil
        }
        #expect(isAdmitted())
        world.clock.advance(seconds: 7 * 86_400 + 3_600)
        #expect(isAdmitted())
        world.clock.advance(seconds: 86_400)
        #expect(!isAdmitted())
        let now = world.clock.now()
        #expect(node.exchange.federation.areRevocationListsOver(of: try Country("VN"), at: now))
        // For its next list alone it is still somebody.
        #expect(
            try node.exchange.federation.verifyPeer(
                certificateDER: peer, as: .tlsClient, judgesRevocation: false, at: now)
                == world.recipient.id)
        _ = try await node.take(crls: ["VN": try world.revocationList("VN", number: 6)])
        #expect(isAdmitted())
    }

    @Test func whoIsRevokedIsNobody() async throws {
        let certificate = world.recipient.identity.tls.certificate
        let list = try world.revocationList("VN", number: 5, revoking: [certificate])
        _ = try await node.take(crls: ["VN": list])
        #expect(throws: FederationError.self) {
            try node.exchange.federation.verifyPeer(
                certificateDER: certificate.der, as: .tlsClient, at: world.clock.now())
        }
    }

    @Test func aCertificateThatBeginsLaterIsTakenUpThen() async throws {
        let (old, now) = (node.identity.signer, world.clock.now())
        let renewed = try world.authority("SG").root.issue(
            for: .signing, uri: node.id.uri, to: old.key.publicKey, from: now + 3_600,
            until: now + 100 * 86_400)
        let record = try world.record("SG", after: world.federation) { nodes in
            let node = nodes[0]
            nodes[0] = MemberRecord.Node(
                id: node.id, endpoint: node.endpoint, tls: node.tls,
                signing: [renewed] + node.signing, agreement: node.agreement,
                mlkem: node.mlkem, logKey: node.logKey, roles: node.roles)
        }
        _ = try await node.take(records: ["SG": record])
        try await node.membership.useCertificatesInForce()
        #expect(node.membership.identity.signer.certificate == old.certificate)
        world.clock.advance(seconds: 3_600)
        #expect(node.membership.identity.signer.certificate == old.certificate)
        try await node.membership.useCertificatesInForce()
        #expect(node.membership.identity.signer.certificate == renewed)
    }

    @Test func warningsComeWeeksAhead() async throws {
        #expect(node.membership.warnings(at: world.clock.now()) == [])
        let late = world.clock.now() + 24 * 86_400
        let warnings = node.membership.warnings(at: late)
        #expect(warnings.contains { $0.hasPrefix("the membership list ends") })
        #expect(warnings.contains { $0.hasPrefix("the record of SG") })
        let over = node.membership.warnings(at: world.clock.now() + 30 * 86_400)
        #expect(over.contains { $0.hasPrefix("the membership list is over") })
    }
}
