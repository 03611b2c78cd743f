import NIOCore
import SelatAudit
import SelatCore
import SelatCrypto
import SelatFederation
import SelatHTTP
import SelatStore
import SelatTestSupport
import SelatTransport
import Synchronization
import Testing

@testable import SelatExchange

/// Nodes that keep the membership the same everywhere, over real TLS.
struct GossipTests {
    let world: TestFederation
    var publisher: TestNode { world.sender }
    var away: TestNode { world.recipient }

    init() throws { world = try TestFederation() }

    private func cut(_ node: String) throws -> [MembershipList.Cut] {
        [
            MembershipList.Cut(
                subject: .node(try NodeID(node)), distrustFrom: world.clock.now() + -60)
        ]
    }

    /// Three lists, a record and a revocation list that the other node has missed.
    private func publish() async throws {
        for _ in 0..<3 {
            let next = try world.list(after: publisher.exchange.federation)
            _ = try await publisher.take(lists: [next])
        }
        let record = try world.record("MY", after: publisher.exchange.federation)
        let crl = try world.revocationList("MY", number: 3)
        _ = try await publisher.take(records: ["MY": record], crls: ["MY": crl])
    }

    @Test func aNodeThatMissedThreeListsTakesThemInOneRound() async throws {
        try await publish()
        try await publisher.serving { await away.exchange.gossip.compare(with: publisher.id) }
        #expect(away.exchange.federation.serial == 4)
        #expect(away.membership.current.index == publisher.membership.current.index)
        #expect(try await away.entries("membership.taken") == 1)
    }

    @Test func ofWhatComesOnlySoMuchIsInMemory() async throws {
        try await publish()
        let gossip = MembershipGossip(
            away.membership, peers: away.exchange.peers, entropy: SystemEntropy(),
            logger: .silent, bytesAtOnce: 1)
        try await publisher.serving { await gossip.compare(with: publisher.id) }
        #expect(away.membership.current.index == publisher.membership.current.index)
        #expect(try await away.entries("membership.taken") == 5)
    }

    private func waits(_ turns: MemberTurns, for count: Int) async {
        while await turns.waiting != count { await Task.yield() }
    }

    @Test func nodesOfOneMemberTakeTurns() async throws {
        try await publish()
        let (gossip, from) = (away.exchange.gossip, publisher.id)
        // Another node of the publisher's member is asked.
        try await gossip.turns.enter(from.country)
        try await publisher.serving {
            let asking = Task { await gossip.compare(with: from) }
            await waits(gossip.turns, for: 1)
            #expect(away.exchange.federation.serial == 1)
            // It holds no connection meanwhile.
            let kept = try #require(await away.exchange.peers.takeKept(from))
            await away.exchange.peers.keep(kept)
            await gossip.turns.leave(from.country)
            await asking.value
        }
        #expect(away.membership.current.index == publisher.membership.current.index)
    }

    /// It is dialled only when it has its turn.
    @Test func whoseRevocationListIsOverIsAskedForTheNextInTurn() async throws {
        let (gossip, from) = (away.exchange.gossip, publisher.id)
        _ = try await away.take(crls: ["SG": try world.revocationList("SG", number: 1)])
        world.clock.advance(seconds: 8 * 86_400 + 3_600)
        func isOver() -> Bool {
            away.exchange.federation.areRevocationListsOver(
                of: from.country, at: world.clock.now())
        }
        #expect(isOver())
        _ = try await publisher.take(crls: ["SG": try world.revocationList("SG", number: 2)])
        try await gossip.turns.enter(from.country)
        // Nobody answers yet: who dialled now would have given up.
        let asking = Task { await gossip.compare(with: from) }
        let until = ContinuousClock.now + .seconds(30)
        while await gossip.turns.waiting == 0, ContinuousClock.now < until { await Task.yield() }
        try await publisher.serving {
            await gossip.turns.leave(from.country)
            await asking.value
        }
        #expect(!isOver())
    }

    @Test func whoGoesByTheSameWaitsForNoTurn() async throws {
        let (gossip, from) = (away.exchange.gossip, publisher.id)
        try await gossip.turns.enter(from.country)
        try await publisher.serving { await gossip.compare(with: from) }
        #expect(away.membership.state.withLock { $0.compared[from] != nil })
    }

    @Test func noMemberWaitsForAnotherAndWhoGivesUpIsPassedOver() async throws {
        let turns = MemberTurns()
        let country = publisher.id.country
        try await turns.enter(country)
        #expect(try await turns.take(of: away.id.country) { 7 } == 7)
        let second = Task { try await turns.enter(country) }
        await waits(turns, for: 1)
        let third = Task { try await turns.take(of: country) { 8 } }
        await waits(turns, for: 2)
        second.cancel()
        await #expect(throws: CancellationError.self) { try await second.value }
        await turns.leave(country)
        #expect(try await third.value == 8)
        // A turn comes back from whoever fails.
        await #expect(throws: CancellationError.self) {
            try await turns.take(of: country) { throw CancellationError() }
        }
        #expect(try await turns.take(of: country) { 9 } == 9)
    }

    /// Its member's turn is taken meanwhile, and another of that member's nodes may wait for that.
    @Test func whoTakesADocumentDoesNotWaitUntilOthersHaveHeardOfIt() async throws {
        _ = try await publisher.take(crls: ["MY": try world.revocationList("MY", number: 3)])
        let (exchange, third) = (away.exchange, world.stranger)
        away.membership.observe { before, after in await exchange.follow(before, after) }
        try await third.serving {
            try await publisher.serving { await exchange.gossip.compare(with: publisher.id) }
            #expect(away.membership.current.index == publisher.membership.current.index)
            let connection = await exchange.peers.takeKept(third.id)
            #expect(connection?.node == nil)
            let run = Task { await exchange.gossip.run() }
            var differing = third.membership.differing.makeAsyncIterator()
            #expect(await differing.next() == away.id)
            run.cancel()
            await run.value
        }
    }

    @Test func whatIsOfNoMemberIsNotAskedFor() async throws {
        _ = try await publisher.take(crls: ["MY": try world.revocationList("MY", number: 3)])
        let exchange = publisher.exchange
        // It could not be had, and nothing would come of the rest.
        let liar = Liar(
            exchange: exchange, list: try await exchange.membershipIndex().list,
            stranger: try Country("TH"))
        try await publisher.serving(documents: liar) {
            await away.exchange.gossip.compare(with: publisher.id)
        }
        #expect(away.membership.current.index == publisher.membership.current.index)
    }

    @Test func whoHearsOfAnotherIndexAsksOnce() async throws {
        _ = try await publisher.take(crls: ["MY": try world.revocationList("MY", number: 3)])
        let link = away.membership.link
        let theirs = publisher.membership.current.mark
        link.heard(theirs, publisher.id)
        var differing = away.membership.differing.makeAsyncIterator()
        #expect(await differing.next() == publisher.id)
        try await publisher.serving { await away.exchange.gossip.compare(with: publisher.id) }
        #expect(away.membership.current.mark == publisher.membership.current.mark)
    }

    @Test func forgedDocumentsOfAPeerChangeNothing() async throws {
        // A peer that took what no honest one would.
        let forged = try world.list(after: world.federation, by: ["VN"])
        let digest = SHA256.digest(forged)
        _ = try await publisher.store.commit { transaction in
            try transaction.keep(
                MembershipRow(
                    kind: .list, country: nil, serial: 2, digest: digest,
                    taken: world.clock.now(), source: "daemon", bytes: forged))
        }
        let liar = Liar(exchange: publisher.exchange, list: .init(serial: 2, digest: digest))
        try await publisher.serving(documents: liar) {
            await away.exchange.gossip.compare(with: publisher.id)
        }
        #expect(away.exchange.federation.serial == 1)
        #expect(try await away.entries("membership.refused") == 1)
    }

    @Test func aCutEndsOpenConnectionsAndHoldsBackWhatCame() async throws {
        let victim = publisher
        // The dataset comes before anybody knows of the cut, and after the moment of distrust.
        world.clock.advance(seconds: 10)
        let id = try await away.serving {
            let id = try await victim.send(try world.request())
            await victim.exchange.pursue(id)
            return id
        }
        #expect(try await away.inbound(id, from: victim)?.state == "delivered")
        let next = try world.list(after: world.federation, cuts: try cut("SG/hub"))
        try await away.servingAt { server in
            let peer = try await victim.exchange.peers.take(away.id)
            _ = try await peer.membershipIndex()
            _ = try await away.take(lists: [next])
            server.judgeConnections(
                by: away.membership.peerVerification(.tlsClient, world.clock))
            await #expect(throws: (any Error).self) {
                while true { _ = try await peer.membershipIndex() }
            }
            // And it is let in again for what tells it of its cut, and for nothing else.
            let again = try await victim.exchange.peers.take(away.id)
            let refusal = await #expect(throws: Problem.self) {
                _ = try await again.offeredEditions()
            }
            #expect(refusal?.type == "urn:selat:problem:cut-off")
            #expect(refusal?.detail?.contains("cut off") == true)
            #expect(victim.membership.isListed)
            await victim.exchange.gossip.compare(with: away.id)
            #expect(!victim.membership.isListed)
        }
        let warnings = victim.membership.warnings(at: world.clock.now())
        #expect(warnings.contains { $0.contains("is cut off by the membership list") })
        let problem = await #expect(throws: Problem.self) {
            _ = try await away.exchange.open(id, by: 7)
        }
        #expect(problem?.type == "urn:selat:problem:quarantined")
        #expect(try await away.inbound(id, from: victim)?.state == "delivered")
    }

    /// Takes the publisher's country out of the list, at the node that is away.
    private func cutOffPublisher() async throws {
        let without = try world.list(
            after: world.federation,
            cuts: [
                MembershipList.Cut(
                    subject: .member(try Country("SG")), distrustFrom: world.clock.now())
            ], without: "SG")
        _ = try await away.take(lists: [without])
    }

    @Test func aMemberThatIsCutLearnsItFromTheOthersToo() async throws {
        try await cutOffPublisher()
        #expect(away.exchange.federation.members.map(\.country.code) == ["MY", "VN"])
        try await away.serving { await publisher.exchange.gossip.compare(with: away.id) }
        #expect(publisher.exchange.federation.serial == 2)
        #expect(publisher.membership.current.exclusion != nil)
    }

    @Test func aMemberThatIsCutIsLetInByItsLastAuthorities() async throws {
        try await cutOffPublisher()
        let admission = away.membership.admission(world.clock)
        let own = publisher.identity.tls.certificate.der
        let now = world.clock.now()
        let foreign = try world.authority("MY").root.issue(
            for: .tlsServer, uri: "selat://SG/hub", to: PrivateKey.generate(.p256).publicKey,
            from: now, until: now + 60
        ).der
        for _ in 0..<2 {
            #expect(try admission([own]) == publisher.id)
            #expect(throws: (any Error).self) { try admission([foreign]) }
        }
    }

    @Test func whoIsNoNodeOfAnybodysIsNotLetIn() async throws {
        let next = try world.list(after: world.federation, cuts: try cut("SG/hub"))
        _ = try await away.take(lists: [next])
        let now = world.clock.now()
        func certificate(_ code: String, _ uri: String) throws -> [UInt8] {
            try world.authority(code).root.issue(
                for: .tlsServer, uri: uri, to: PrivateKey.generate(.p256).publicKey, from: now,
                until: now + 60
            ).der
        }
        let admission = away.membership.admission(world.clock)
        // The cut node itself, by its own country's authority alone.
        #expect(try admission([certificate("SG", "selat://SG/hub")]) == NodeID("SG/hub"))
        for (code, uri) in [
            ("MY", "selat://SG/hub"), ("SG", "selat://SG/other"), ("MY", "selat://MY/other"),
        ] {
            #expect(throws: (any Error).self) { try admission([certificate(code, uri)]) }
        }
        #expect(throws: (any Error).self) { try admission([]) }
    }

    @Test func whatIsQueuedForACutNodeStays() async throws {
        let next = try world.list(after: world.federation, cuts: try cut("VN/hub"))
        let id = try await publisher.send(try world.request())
        _ = try await publisher.take(lists: [next])
        let task = Task { await publisher.exchange.pursue(id) }
        var cause: String?
        while cause == nil { cause = try await publisher.outbound(id)?.cause }
        #expect(cause?.contains("cut off") == true)
        #expect(try await publisher.outbound(id)?.state == "queued")
        #expect(try await publisher.outbound(id)?.attempt == 0)
        task.cancel()
        await task.value
    }

    @Test func whatWasSignedBeforeStaysReadableWhenKeysAreRenewed() async throws {
        try await away.register()
        let id = try await away.serving {
            let id = try await publisher.send(try world.request())
            await publisher.exchange.pursue(id)
            return id
        }
        world.clock.advance(seconds: 60)
        // SG's record lists another signing certificate now, and the old one is revoked.
        let old = publisher.identity.signer.certificate
        let key = try PrivateKey.generate(.p256)
        let now = world.clock.now()
        let renewed = try world.authority("SG").root.issue(
            for: .signing, uri: publisher.id.uri, to: key.publicKey, from: now,
            until: now + 86_400)
        let record = try world.record("SG", after: away.exchange.federation) { nodes in
            let node = nodes[0]
            nodes[0] = MemberRecord.Node(
                id: node.id, endpoint: node.endpoint, tls: node.tls, signing: [renewed],
                agreement: node.agreement, logKey: node.logKey, roles: node.roles)
        }
        let crl = try world.revocationList("SG", number: 8, revoking: [old])
        _ = try await away.take(records: ["SG": record], crls: ["SG": crl])
        #expect(throws: FederationError.self) {
            try away.exchange.federation.signer(
                old.issuerAndSerial, node: publisher.id, at: world.clock.now())
        }
        let opening = try await away.exchange.open(id, by: 7)
        var bytes = 0
        while let piece = try await opening.next() { bytes += piece.readableBytes }
        #expect(bytes == 5_000)
        // The publisher takes its new key up with the record; without it, it is not listed.
        _ = try await publisher.take(records: ["SG": record])
        #expect(!publisher.membership.isListed)
        var keys = publisher.keys
        keys.signing.append(key)
        try await publisher.membership.use(keys)
        #expect(publisher.membership.isListed)
        #expect(publisher.exchange.identity.signer.certificate == renewed)
    }
}

/// Serves another index than its node goes by.
private struct Liar: MembershipService {
    let exchange: Exchange
    let list: MembershipIndex.Mark
    /// Of whom it claims to have documents.
    var stranger: Country?

    func membershipIndex() async throws -> MembershipIndex {
        let honest = try await exchange.membershipIndex()
        var (records, lists) = (honest.records, honest.revocationLists)
        if let stranger {
            records[stranger] = list
            lists[stranger] = list.digest
        }
        return MembershipIndex(list: list, records: records, revocationLists: lists)
    }

    func membershipList(_ serial: UInt64) async throws -> [UInt8]? {
        try await exchange.membershipList(serial)
    }

    func memberRecord(_ country: Country) async throws -> [UInt8]? {
        try await exchange.memberRecord(country)
    }

    func revocationLists(_ country: Country) async throws -> [UInt8]? {
        try await exchange.revocationLists(country)
    }
}
