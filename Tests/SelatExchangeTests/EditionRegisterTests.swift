import GRDB
import SelatAudit
import SelatCore
import SelatCrypto
import SelatFederation
import SelatPolicy
import SelatTestSupport
import SelatTransport
import Synchronization
import Testing

@testable import SelatExchange
@testable import SelatStore

/// What a node judges by: taken, kept, activated, and never by halves.
struct EditionRegisterTests {
    let world: TestFederation
    let node: TestNode
    private static let day: Int64 = 86_400

    init() throws {
        world = try TestFederation()
        node = world.sender
    }

    private func ahead(_ days: Int64) -> Timestamp { world.clock.now() + days * Self.day }

    private func after(_ days: Int64, _ register: EditionRegister) async throws {
        world.clock.advance(seconds: days * Self.day)
        try await register.activateDue()
    }

    @Test func theFolderIsInputOnceAndTheDatabaseAfterwards() async throws {
        let first = try await world.register(of: node)
        #expect(first.active.countries.map(\.code) == ["MY", "SG", "VN"])
        let again = try await EditionRegister.open(
            store: node.store, membership: node.membership, clock: world.clock, logger: .silent,
            input: { throw TestPolicies.Absent(text: "nobody reads the folder again") })
        #expect(again.active.editions == first.active.editions)
        #expect(try await node.entries("policy.received") == 1)
        #expect(try await node.entries("policy.activated") == 1)
    }

    @Test func nothingUnsignedIsInput() async throws {
        let unsigned = try world.editions().map {
            SignedEdition(file: $0.file, bytes: $0.bytes, signatures: nil)
        }
        await #expect(throws: EditionsRefused.self) {
            try await EditionRegister.open(
                store: node.store, membership: node.membership, clock: world.clock,
                logger: .silent, input: { unsigned })
        }
        #expect(try await node.store.read { try $0.editionMarks() }.isEmpty)
        #expect(try await node.entries("policy.refused") == 1)
    }

    @Test func anEditionWaitsForItsMoment() async throws {
        let register = try await world.register(of: node)
        let taken = try await register.take(
            [try world.later("SG", 2, inForce: ahead(3))], from: .user(7), together: true)
        #expect(taken.map(\.standing) == [.waiting])
        #expect(register.number("SG") == 1)
        try await after(2, register)
        #expect(register.number("SG") == 1)
        try await after(1, register)
        #expect(register.number("SG") == 2)
        #expect(register.state.withLock { $0.next } == nil)
        #expect(try await node.entries("policy.activated") == 2)
        let back = try await world.register(of: node)
        #expect(back.number("SG") == 2)
    }

    /// The clock jumps past its moment; or the node starts with a clock that did.
    @Test func nothingComesIntoForceByAClockThatMayBeWrong() async throws {
        let register = try await world.register(of: node)
        try node.judge(by: register)
        let (exchange, request) = (node.exchange, try world.request())
        let waiting = try world.later("SG", 2, inForce: ahead(3))
        #expect(try await register.refusal(waiting) == nil)
        world.clock.advance(seconds: 3 * Self.day)
        exchange.witnesses.noteStep(by: 3 * Self.day)
        await register.activateComing()
        let started = try await EditionRegister.open(
            store: node.store, membership: node.membership, clock: world.clock, logger: .silent,
            input: { [] })
        #expect((register.number("SG"), started.number("SG")) == (1, 1))
        #expect(try await register.status()["SG"]?["waiting"]?.arrayValue?.count == 1)
        // Nor does the one before judge any more.
        #expect(await problem { _ = try await exchange.decide(request) } == "clock")
        #expect(exchange.hindrances.contains { $0.contains("a policy edition is due") })
        // What was in force when the members made their list does not hang on the clock.
        #expect(try await register.refusal(try world.later("VN", 2)) == nil)
        #expect(register.number("VN") == 2)

        world.clock.advance(seconds: -3 * Self.day)
        #expect(try await exchange.decide(request).verdict.editions["SG"]?.number == 1)
        world.clock.advance(seconds: 3 * Self.day)
        exchange.witnesses.state.withLock { $0.clockDoubt = nil }
        #expect(try await exchange.decide(request).verdict.editions["SG"]?.number == 2)
        #expect(exchange.hindrances.isEmpty)
        #expect(try await node.entries("policy.activated") == 3)
    }

    /// Where nobody else's clock tells, as in a federation of two.
    @Test func whatWaitsForTheClockSaysUntilWhenAndGoesOnThen() async throws {
        let register = try await world.register(of: node)
        try node.judge(by: register)
        let exchange = node.exchange
        let waiting = try world.later("SG", 2, inForce: ahead(3))
        #expect(try await register.refusal(waiting) == nil)
        #expect(exchange.lawWarnings.isEmpty)
        #expect(exchange.retryPause(20) > Exchange.doubtPause)
        world.clock.advance(seconds: 3 * Self.day)
        exchange.witnesses.noteStep(by: 3 * Self.day)
        let left = exchange.witnesses.doubtEnd - world.clock.now()
        #expect((500...600).contains(left))
        #expect(exchange.lawWarnings.contains { $0.contains("at the latest") })
        // After hours of failures too.
        #expect(exchange.retryPause(20) <= Exchange.doubtPause)
        exchange.witnesses.state.withLock { $0.clockDoubt = ContinuousClock.now - .seconds(600) }
        #expect(exchange.lawWarnings.isEmpty)
        try await exchange.followLaw()
        #expect(register.number("SG") == 2)
    }

    @Test func aLaterEditionOvertakesOneThatStillWaits() async throws {
        let register = try await world.register(of: node)
        let waiting = try world.later("SG", 2, inForce: ahead(3))
        let sooner = try world.later("SG", 3, inForce: ahead(1))
        #expect(try await register.refusal(waiting, sooner) == nil)
        try await after(1, register)
        #expect(register.number("SG") == 3)
        try await after(5, register)
        #expect(register.number("SG") == 3)
    }

    @Test func everyEditionThatIsKeptIsInAnEntry() async throws {
        let register = try await world.register(of: node)
        let editions = [
            try world.later("SG", 2, inForce: ahead(1)), try world.later("VN", 2),
            try world.later("SG", 3, inForce: ahead(2)),
        ]
        _ = try await register.take(editions, from: .user(7), together: true)
        let entries = try await node.store.entries(EntryFilter(kind: "policy.received"))
        let named = try entries.map { item -> JSON.Object in
            let details = try JSON(parsing: try #require(item.details))
            return try #require(details["editions"]?.objectValue)
        }
        // The first one tells of the folder.
        #expect(named.count == 3)
        #expect(named.dropFirst().map(\.keys) == [["SG", "VN"], ["SG"]])
        let digests = named.joined().compactMap { $0.value["digest"]?.stringValue }
        let held = try await node.store.read { try $0.editionMarks() }
        #expect(Set(digests) == Set(held.map(\.digest.text)))
    }

    @Test func ofOneNameOnlySoManyWait() async throws {
        let register = try await world.register(of: node)
        let more = Limits.waitingEditionsMax + 2
        let waiting = try (2...more).map { try world.later("SG", $0, inForce: ahead(1)) }
        // One too many of one call spoils it; from a peer the first ones are taken.
        let reasons = await #expect(throws: EditionsRefused.self) {
            try await register.take(waiting, from: .user(7), together: true)
        }
        #expect(reasons?.description.contains("more than 16 editions of `SG` would wait") == true)
        let taken = try await register.take(
            waiting, from: .node(world.recipient.id), together: false)
        #expect(taken.count == Limits.waitingEditionsMax)
        let late = try world.later("SG", more, inForce: ahead(2))
        #expect(try await register.refusal(late)?.contains("would wait") == true)
        // Others' names have room, and so has what is in force at once.
        #expect(try await register.refusal(try world.later("VN", 2, inForce: ahead(1))) == nil)
        #expect(try await register.refusal(try world.later("SG", 20)) == nil)
        #expect(register.number("SG") == 20)
    }

    @Test func peersAreToldOfWhatIsInForceFirst() async throws {
        let register = try await world.register(of: node)
        _ = try await register.take(
            [try world.later("MY", 2, inForce: ahead(1))], from: .user(7), together: true)
        let active = register.active.editions
        let index = register.index
        #expect(index.count == active.count + 1)
        #expect(Set(index.prefix(active.count).map(\.digest)) == Set(active.values.map(\.digest)))
    }

    @Test func whatIsRepealedComesBackAsANewEdition() async throws {
        let register = try await world.register(of: node)
        #expect(try await register.refusal(try world.later("SG", 3)) == nil)
        let lower = try await register.refusal(try world.later("SG", 2))
        #expect(lower?.contains("edition 2 is below the active edition 3 of `SG`") == true)
        let rival = try await register.refusal(try world.later("SG", 3) { $0 + "# x\n" })
        #expect(rival?.contains("another edition 3 of `SG` is held") == true)
        #expect(try await node.entries("policy.refused") == 2)
    }

    @Test func allOrNoneOfOneCallAreTaken() async throws {
        let register = try await world.register(of: node)
        let reasons = try await register.refusal(
            try world.later("SG", 2), try world.later("MY", 9, by: ["VN"]),
            try world.later("VN", 2, persons: 1))
        #expect(reasons?.contains("is no policy signer of `MY`") == true)
        #expect(reasons?.contains("1 of 2 signatures") == true)
        #expect(register.number("SG") == 1)
        #expect(try await node.store.read { try $0.editionMarks() }.count == 6)
    }

    @Test func whatAPeerBringsIsTakenOneByOne() async throws {
        let register = try await world.register(of: node)
        let taken = try await register.take(
            [try world.later("SG", 2), try world.later("VN", 2, persons: 1)],
            from: .node(world.recipient.id), together: false)
        #expect(taken.map(\.name) == ["SG"])
        #expect((register.number("SG"), register.number("VN")) == (2, 1))
        #expect(try await node.entries("policy.refused") == 1)
    }

    @Test func refusalsOfOnePeerAreEnteredUpToARate() async throws {
        let register = try await world.register(of: node)
        let none = SignedEdition(file: "SG.yaml", bytes: Array("none".utf8), signatures: nil)
        for _ in 0..<Limits.refusalsPerMinuteMax + 5 {
            await #expect(throws: EditionsRefused.self) {
                try await register.take(
                    [none], from: .node(world.recipient.id), together: false)
            }
        }
        #expect(try await node.entries("policy.refused") == Limits.refusalsPerMinuteMax)
        try await node.exchange.enterCounted()
        #expect(try await node.entries("offers.refused") == 1)
        #expect(try await register.refusal(none) != nil)
        #expect(try await node.entries("policy.refused") == Limits.refusalsPerMinuteMax + 1)
    }

    // MARK: Agreements

    /// The next edition of the agreements, whose first instrument bears these signatures.
    private func agreements(
        _ number: Int = 2, bearing signatures: [[UInt8]], inForce: Timestamp? = nil,
        by codes: [String]? = nil
    ) throws -> SignedEdition {
        let lines = signatures.map { "      - \(Base64.encode($0))\n" }.joined()
        let key = lines.isEmpty ? "    signatures: []\n" : "    signatures:\n\(lines)"
        let before = "    territory: [SG, VN]"
        return try world.later("agreements", number, inForce: inForce, by: codes) {
            $0.replacing(before, with: key + before, maxReplacements: 1)
        }
    }

    private func signature(
        for party: String, by signer: CMS.Signer, federation: Digest? = nil, late: Int64 = 0
    ) throws -> [UInt8] {
        let now = world.clock.now()
        let statement = AgreementStatement(
            federation: federation ?? world.federation.id, instrument: "sg-vn-relief-2026",
            parties: .mutual(["SG", "VN"]),
            text: try Digest("sha256:" + String(repeating: "0", count: 64)),
            party: try Country(party), issued: now)
        return try CMS.sign(
            content: statement.json.canonical, type: .agreement, signer: signer, at: now + late)
    }

    private func signer(_ code: String) throws -> CMS.Signer {
        try #require(world.policySigners[try Country(code)]?.first)
    }

    @Test func anInstrumentCountsOnceItsPartiesHaveSignedIt() async throws {
        let register = try await world.register(of: node)
        let (sg, vn) = (
            try signature(for: "SG", by: signer("SG")), try signature(for: "VN", by: signer("VN"))
        )
        for (number, signatures) in [(2, []), (3, [sg]), (4, [sg, vn])] {
            let edition = try agreements(number, bearing: signatures)
            #expect(try await register.refusal(edition) == nil)
            #expect(register.number("agreements") == UInt64(number))
            let isSigned = try EditionHead(
                PolicySource(name: "agreements.yaml", bytes: edition.bytes)
            ).instruments(among: register.members).contains("sg-vn-relief-2026")
            #expect(isSigned == (signatures.count == 2))
        }
        // What was accepted stays, although its signer is none any more.
        let back = try await world.register(of: node)
        #expect(back.number("agreements") == 4)
    }

    @Test func aSignatureThatNoPartyMadeSpoilsTheEdition() async throws {
        let register = try await world.register(of: node)
        let officer = try #require(node.officers["releasing-officer"])
        for (signature, says) in [
            (try signature(for: "SG", by: signer("MY")), "the signature of SG"),
            (try signature(for: "SG", by: signer("VN")), "is no policy signer of `SG`"),
            (try signature(for: "SG", by: officer), "who is no policy signer"),
            (try signature(for: "SG", by: node.identity.signer), "who is no policy signer"),
            (
                try signature(for: "SG", by: signer("SG"), federation: SHA256.digest([9])),
                "is for another federation"
            ),
            (try signature(for: "SG", by: signer("SG"), late: 1), "at another moment than it says"),
        ] {
            let refusal = try await register.refusal(try agreements(bearing: [signature]))
            #expect(refusal?.contains(says) == true, "\(refusal ?? "taken")")
        }
        var flipped = try signature(for: "SG", by: signer("SG"))
        flipped[flipped.count - 1] ^= 1
        #expect(try await register.refusal(try agreements(bearing: [flipped])) != nil)
        #expect(register.number("agreements") == 1)
        #expect(try await node.entries("policy.refused") == 7)
    }

    private func counts(_ register: EditionRegister) throws -> Bool {
        try verdict(register).instruments.contains("sg-vn-relief-2026")
    }

    private func signedByBoth() throws -> [[UInt8]] {
        try ["SG", "VN"].map { try signature(for: $0, by: signer($0)) }
    }

    /// VN leaves and comes back, and has signed nothing of what was made meanwhile.
    @Test func whoJoinsLaterSignsTheInstrumentItself() async throws {
        let register = try await world.register(of: node)
        #expect(try counts(register))
        let two = try world.list(after: world.federation, without: "VN")
        _ = try await node.take(lists: [two])
        try await register.reload()
        #expect(try !counts(register))
        world.clock.advance(seconds: 60)
        let second = try world.later("agreements", 2, inForce: ahead(0), by: ["MY", "SG"])
        #expect(try await register.refusal(second) == nil)
        world.clock.advance(seconds: 60)
        let member = try world.authority("VN").member
        let three = try world.list(after: node.exchange.federation) { $0.append(member) }
        let copy = try world.list(
            after: node.exchange.federation, by: ["MY", "SG"]
        ) { $0.append(member) }
        let record = try #require(world.federation.documents.records[member.country])
        _ = try await node.take(lists: [three], records: ["VN": record])
        try await register.reload()
        #expect(register.members.count == 3)
        #expect(register.number("agreements") == 2)
        #expect(try !counts(register))
        // Who takes it only now, with another copy of the list, asks VN for no signature, and answers alike.
        let other = world.stranger
        _ = try await other.take(lists: [two, copy])
        _ = try await other.take(records: ["VN": record])
        let late = try await world.register(of: other)
        #expect(try await late.refusal(second) == nil)
        #expect(late.number("agreements") == 2)
        #expect(try !counts(late))
        world.clock.advance(seconds: 60)
        // Beside the file a signature of VN may be at one node, and not at the other.
        let third = try world.later("agreements", 3, inForce: ahead(0))
        let signatures = try signedByBoth()
        let unsigned = try agreements(
            4, bearing: signatures, inForce: ahead(0), by: ["MY", "SG"])
        let fourth = try agreements(4, bearing: signatures, inForce: ahead(0))
        for one in [register, late] {
            #expect(try await one.refusal(third) == nil)
            #expect(try !counts(one))
            #expect(try await one.refusal(unsigned)?.contains("have not signed it") == true)
            #expect(try await one.refusal(fourth) == nil)
            #expect(try counts(one))
        }
    }

    /// VN was a member when the edition was first signed, did not sign it, and was away when it was taken.
    @Test func whoComesBackSignsTheInstrumentItself() async throws {
        let register = try await world.register(of: node)
        #expect(try counts(register))
        let second = try world.later("agreements", 2, inForce: ahead(0), by: ["MY", "SG"])
        #expect(try await register.refusal(second)?.contains("have not signed it") == true)
        world.clock.advance(seconds: 60)
        _ = try await node.take(lists: [try world.list(after: world.federation, without: "VN")])
        #expect(try await register.refusal(second) == nil)
        #expect(register.number("agreements") == 2)
        world.clock.advance(seconds: 60)
        let member = try world.authority("VN").member
        let three = try world.list(after: node.exchange.federation) { $0.append(member) }
        let record = try #require(world.federation.documents.records[member.country])
        _ = try await node.take(lists: [three], records: ["VN": record])
        try await register.reload()
        #expect(register.members.count == 3)
        #expect(try !counts(register))
        world.clock.advance(seconds: 60)
        let third = try agreements(3, bearing: signedByBoth(), inForce: ahead(0))
        #expect(try await register.refusal(third) == nil)
        #expect(try counts(register))
    }

    /// Who takes what VN has signed inside it while VN is away could ask it for no signature beside it.
    @Test func whatAStrangerHasSignedInsideIsRefused() async throws {
        let register = try await world.register(of: node)
        let signatures = try signedByBoth()
        _ = try await node.take(lists: [try world.list(after: world.federation, without: "VN")])
        let second = try agreements(2, bearing: signatures, inForce: ahead(0), by: ["MY", "SG"])
        #expect(try await register.refusal(second)?.contains("the signature of VN") == true)
    }

    /// An edition that waits was made before VN came back, whenever it comes into force.
    @Test func whatIsSignedBesideAFileChangesNothing() async throws {
        let register = try await world.register(of: node)
        let two = try world.list(after: world.federation, without: "VN")
        _ = try await node.take(lists: [two])
        world.clock.advance(seconds: 60)
        let waiting = try world.later("agreements", 2, inForce: ahead(2), by: ["MY", "SG"])
        #expect(try await register.refusal(waiting) == nil)
        world.clock.advance(seconds: 60)
        let member = try world.authority("VN").member
        let three = try world.list(after: node.exchange.federation) { $0.append(member) }
        _ = try await node.take(lists: [three])
        try await after(2, register)
        #expect(register.number("agreements") == 2)
        #expect(try !counts(register))
        // The same bytes, and signed by all now that VN is back: another node may not hear of it.
        let record = try #require(world.federation.documents.records[member.country])
        _ = try await node.take(records: ["VN": record])
        let anew = try world.signed("agreements", String(decoding: waiting.bytes, as: UTF8.self))
        let taken = try await register.take([anew], from: .user(7), together: true)
        #expect(taken.map(\.standing) == [.known])
        let held = try await register.edition(SHA256.digest(waiting.bytes))
        #expect(held?.signatures == anew.signatures)
        try await register.reload()
        #expect(try !counts(register))
    }

    /// Also of agreements.
    @Test func otherSignaturesReplaceTheOldOnes() async throws {
        let register = try await world.register(of: node)
        for name in ["SG", "agreements"] {
            let edition = try world.later(name, 2, inForce: ahead(1))
            #expect(try await register.refusal(edition) == nil)
            world.clock.advance(seconds: 60)
            let anew = try world.signed(name, String(decoding: edition.bytes, as: UTF8.self))
            let taken = try await register.take([anew], from: .user(7), together: true)
            #expect(taken.map(\.standing) == [.known])
            let held = try await register.edition(SHA256.digest(edition.bytes))
            #expect(held?.signatures == anew.signatures)
        }
        try await after(1, register)
        #expect((register.number("SG"), register.number("agreements")) == (2, 2))
        #expect(try counts(register))
    }

    /// Each is in force at once, and kept for good.
    @Test func ofOneNameOnlySoManyComeFromOthersInADay() async throws {
        let register = try await world.register(of: node)
        world.clock.advance(seconds: Self.day)
        let (peer, most) = (EntryActor.node(world.recipient.id), Limits.editionsPerDayMax)
        let day = try (2..<2 + most).map { try world.later("SG", $0) }
        let last = try world.later("SG", 2 + most)
        func lacks(_ edition: SignedEdition) -> Bool {
            register.lacks(
                OfferedEdition(
                    name: "SG", number: 9_999, digest: SHA256.digest(edition.bytes),
                    inForce: world.clock.now()))
        }
        await #expect(throws: EditionsRefused.self) {
            try await register.take(day + [last], from: peer, together: true)
        }
        #expect(lacks(last))
        _ = try await register.take(day, from: peer, together: true)
        #expect(register.number("SG") == UInt64(most + 1))
        #expect(!lacks(last))
        await #expect(throws: EditionsRefused.self) {
            try await register.take([last], from: peer, together: false)
        }
        // The own people bring what they like, and other names have their own share.
        #expect(try await register.refusal(last) == nil)
        _ = try await register.take([try world.later("VN", 2)], from: peer, together: true)
        world.clock.advance(seconds: Self.day)
        let next = try world.later("SG", 3 + most)
        #expect(lacks(next))
        _ = try await register.take([next], from: peer, together: true)
        #expect(register.number("SG") == UInt64(most + 3))
    }

    @Test func draftsAndStrangersFilesArePassedOver() async throws {
        let register = try await world.register(of: node)
        let draft = try world.later("SG", 2) {
            $0.replacing("standing: published", with: "standing: draft")
        }
        let foreign = SignedEdition(
            file: "TH.yaml", bytes: try Self.shipped("TH"), signatures: nil)
        let taken = try await register.take([draft, foreign], from: .user(7), together: true)
        #expect(taken.map(\.standing) == [.draft, .foreign])
        #expect(register.number("SG") == 1)
        #expect(register.number("TH") == nil)
    }

    private static func shipped(_ name: String) throws -> [UInt8] {
        try TestPolicies.sources(changing: nil).first { $0.name == "\(name).yaml" }?.bytes ?? []
    }

    // MARK: Sets that do not load

    private static let newRole = "roles:\n  harbour-master:\n    label: {en: Harbour master}\n"

    private func vocabulary(_ number: Int, inForce: Timestamp, _ hasRole: Bool) throws
        -> SignedEdition
    {
        try world.later("vocabulary", number, inForce: inForce) {
            hasRole ? $0.replacing("roles:\n", with: Self.newRole) : $0
        }
    }

    private func needingTheRole(_ number: Int, inForce: Timestamp) throws -> SignedEdition {
        try world.later("SG", number, inForce: inForce) {
            $0.replacing("{role: releasing-officer}", with: "{role: harbour-master}")
        }
    }

    @Test func whatIsDueTogetherComesIntoForceTogether() async throws {
        let register = try await world.register(of: node)
        let alone = try await register.refusal(try needingTheRole(2, inForce: ahead(1)))
        #expect(alone?.contains("harbour-master") == true)
        let both = [
            try needingTheRole(2, inForce: ahead(1)), try vocabulary(2, inForce: ahead(1), true),
        ]
        let taken = try await register.take(both, from: .user(7), together: true)
        #expect(taken.map(\.standing) == [.waiting, .waiting])
        try await after(1, register)
        #expect((register.number("SG"), register.number("vocabulary")) == (2, 2))
        #expect(try await node.entries("policy.activated") == 2)
    }

    @Test func anEditionThatNoLongerLoadsLeavesTheOneBefore() async throws {
        let register = try await world.register(of: node)
        let good = [
            try vocabulary(2, inForce: ahead(1), true), try needingTheRole(2, inForce: ahead(3)),
        ]
        _ = try await register.take(good, from: .user(7), together: true)
        // The role goes again before the file that needs it comes into force.
        #expect(try await register.refusal(try vocabulary(3, inForce: ahead(2), false)) == nil)
        try await after(4, register)
        #expect((register.number("SG"), register.number("vocabulary")) == (1, 3))
        #expect(register.warnings.contains { $0.contains("harbour-master") })
        let shown = try await register.status()["SG"]
        #expect(shown?["fault"]?.stringValue?.contains("harbour-master") == true)
        #expect(try await node.entries("policy.refused") == 1)
        try await register.activateDue()
        #expect(try await node.entries("policy.refused") == 1, "a known fault is entered once")
        // Nor does anything wait for it where the clock may be wrong, as after a start.
        let started = try await startedInDoubt()
        #expect(!started.isBehind)
        #expect(started.warnings.contains { $0.contains("harbour-master") })
        started.believeClock { true }
        #expect(try await started.refusal(try world.later("VN", 2)) == nil)
        #expect(started.number("VN") == 2)
        // A later one of the country mends it.
        #expect(try await register.refusal(try world.later("SG", 3)) == nil)
        #expect(register.number("SG") == 3)
        #expect(register.warnings.isEmpty)
    }

    private func startedInDoubt() async throws -> EditionRegister {
        try await EditionRegister.open(
            store: node.store, membership: node.membership, clock: world.clock, logger: .silent,
            input: { [] })
    }

    /// Also while another one waits until the clock is believed.
    @Test func anEditionThatNoLongerLoadsKeepsNoOtherFromBeingTaken() async throws {
        let register = try await world.register(of: node)
        let good = [
            try vocabulary(2, inForce: ahead(1), true), try needingTheRole(2, inForce: ahead(3)),
        ]
        _ = try await register.take(good, from: .user(7), together: true)
        #expect(try await register.refusal(try vocabulary(3, inForce: ahead(2), false)) == nil)
        world.clock.advance(seconds: 4 * Self.day)
        let started = try await startedInDoubt()
        #expect(started.isBehind && started.number("vocabulary") == 1)
        for number in [2, 3] {
            let next = try world.later("VN", number, inForce: ahead(Int64(number)))
            #expect(try await started.refusal(next) == nil)
        }
    }

    @Test func anEditionWhoseBytesWereChangedLeavesTheOneBefore() async throws {
        let register = try await world.register(of: node)
        let waiting = try ["SG", "VN"].map { try world.later($0, 2, inForce: ahead(1)) }
        _ = try await register.take(waiting, from: .user(7), together: true)
        _ = try await node.store.commit { transaction in
            try transaction.database.execute(
                sql: """
                    DROP TRIGGER editions_never_change;
                    UPDATE editions SET bytes = x'00' WHERE name = 'SG' AND number = 2
                    """)
        }
        try await after(1, register)
        #expect((register.number("SG"), register.number("VN")) == (1, 2))
        #expect(!register.isBehind)
        #expect(register.warnings.contains { $0.contains("of `SG` was changed") })
        #expect(try await node.entries("policy.refused") == 1)
    }

    /// Whoever went on by the old ones would never look for what is active again.
    @Test func whatWasActivatedJudgesAlsoWhereNothingCanBeReadAfterIt() async throws {
        let register = try await world.register(of: node)
        let waiting = try world.later("SG", 2, inForce: ahead(1))
        #expect(try await register.refusal(waiting) == nil)
        // The commit of the activation spoils what is read after it.
        _ = try await node.store.commit { transaction in
            try transaction.database.execute(
                sql: """
                    PRAGMA ignore_check_constraints = ON;
                    CREATE TRIGGER spoiling AFTER UPDATE ON active_editions BEGIN
                      INSERT INTO editions VALUES (x'00', 'none', 1, 0, 0, '', x'', x'');
                    END
                    """)
        }
        world.clock.advance(seconds: Self.day)
        try? await register.activateDue()
        await #expect(throws: (any Error).self) { try await register.refresh() }
        #expect(register.number("SG") == 2)
        #expect(register.state.withLock { $0.schedule.activeMark("SG")?.number } == 2)
    }

    /// It comes into force with the next look at the clock that finds it due.
    @Test(arguments: [0, 1] as [Int64])
    func whatWasTakenIsDueAlsoWhereNothingCanBeReadAfterIt(_ days: Int64) async throws {
        let register = try await world.register(of: node)
        _ = try await node.store.commit { transaction in
            try transaction.database.execute(
                sql: """
                    PRAGMA ignore_check_constraints = ON;
                    CREATE TRIGGER spoiling AFTER INSERT ON editions WHEN new.name = 'SG' BEGIN
                      INSERT INTO editions VALUES (x'00', 'none', 1, 0, 0, '', x'', x'');
                    END
                    """)
        }
        let edition = try world.later("SG", 2, inForce: ahead(days))
        await #expect(throws: (any Error).self) {
            try await register.take([edition], from: .user(7), together: true)
        }
        #expect(register.isBehind == (days == 0))
        world.clock.advance(seconds: days * Self.day)
        #expect(register.isBehind)
    }

    // MARK: Verdicts by earlier editions

    private func verdict(_ register: EditionRegister) throws -> Verdict {
        let request = try world.request()
        return try register.active.decide(
            Question(
                source: node.id, destination: request.to, sectors: world.federation.sectors,
                membershipSerial: world.federation.serial, decided: world.clock.now(),
                label: request.label, facts: request.facts)
        ).verdict
    }

    @Test func aVerdictIsJudgedAgainByWhatItPins() async throws {
        let register = try await world.register(of: node)
        let early = try verdict(register)
        _ = try await register.take(
            [try world.later("SG", 2, inForce: ahead(1))], from: .user(7), together: true)
        try await after(1, register)
        #expect(register.number("SG") == 2)
        // It was decided while edition 1 was in force.
        let set = try await register.set(pinnedBy: early)
        #expect(set.editions["SG"]?.number == 1)
        #expect(try set.verify(record: early.record) == early)
        #expect(throws: VerdictMismatch.self) { try register.active.verify(record: early.record) }
        let late = try verdict(register)
        #expect(try await register.set(pinnedBy: late).editions == register.active.editions)
    }

    /// Also where a set of the same editions was made before.
    @Test func whatAVerdictPinsIsReadByTheMembersOfNow() async throws {
        let register = try await world.register(of: node)
        let early = try verdict(register)
        _ = try await register.take(
            [try world.later("SG", 2, inForce: ahead(1))], from: .user(7), together: true)
        try await after(1, register)
        func instruments() async throws -> [String] {
            try await register.set(pinnedBy: early).decide(early.question).verdict.instruments
        }
        #expect(try await instruments() == ["sg-vn-relief-2026"])
        _ = try await node.take(lists: [try world.list(after: world.federation, without: "VN")])
        try await register.reload()
        #expect(try await instruments() == [])
    }

    @Test func aVerdictByARepealedEditionIsStale() async throws {
        let register = try await world.register(of: node)
        let other = try await world.register(of: world.recipient)
        _ = try await register.take([try world.later("SG", 2)], from: .user(7), together: true)
        let behind = try verdict(other)
        let stale = await #expect(throws: EditionRegister.Stale.self) {
            try await register.set(pinnedBy: behind)
        }
        #expect(stale?.name == "SG" && stale?.isMissing == false)
        #expect(stale?.active == register.active.editions["SG"]?.digest)
        let ahead = try verdict(register)
        let missing = await #expect(throws: EditionRegister.Stale.self) {
            try await other.set(pinnedBy: ahead)
        }
        #expect(missing?.isMissing == true)
    }

    @Test func aVerdictByAnEditionThatWaitsIsStale() async throws {
        let register = try await world.register(of: node)
        let other = try await world.register(of: world.recipient)
        _ = try await register.take(
            [try world.later("SG", 2, inForce: ahead(1))], from: .user(7), together: true)
        // The same bytes, where the clock is a day ahead.
        let eager = try world.later("SG", 2, inForce: ahead(1))
        _ = try await other.take([eager], from: .user(7), together: true)
        world.clock.advance(seconds: Self.day)
        try await other.activateDue()
        var early = try verdict(other)
        world.clock.advance(seconds: -Self.day)
        early = try other.active.decide(question(early, at: world.clock.now())).verdict
        let stale = await #expect(throws: EditionRegister.Stale.self) {
            try await register.set(pinnedBy: early)
        }
        #expect(stale?.reason?.contains("was not in force") == true)
    }

    private func question(_ verdict: Verdict, at time: Timestamp) -> Question {
        var question = verdict.question
        question.decided = time
        return question
    }
}
