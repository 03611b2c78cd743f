import Foundation
import SelatAudit
import SelatCore
import SelatCrypto
import SelatEvidence
import SelatFederation
import SelatHTTP
import SelatStore
import SelatTestSupport
import SelatTransport
import Testing

@testable import SelatExchange

/// Logs among others: real stores, real TLS, three countries.
@Suite(.serialized) struct WitnessingTests {
    private static func plan(awaitsProof: Bool = false) -> TestFederation.Plan {
        var plan = TestFederation.Plan()
        plan.isWitnessed = true
        plan.awaitsProof = awaitsProof
        plan.witnessing = WitnessSettings(interval: 1, refresh: 60, patience: 3_600)
        return plan
    }

    private static func note(_ count: Int, _ node: TestNode) async throws {
        for index in 0..<count {
            _ = try await node.store.commit { transaction in
                try transaction.append(
                    EntryDraft(kind: "node.started", details: ["number": .integer(Int64(index))]))
            }
        }
    }

    /// Every node serves while `body` runs.
    private static func serving(
        _ nodes: [TestNode], _ body: @escaping @Sendable () async throws -> Void
    ) async throws {
        guard let first = nodes.first else { return try await body() }
        try await first.serving { try await serving(Array(nodes.dropFirst()), body) }
    }

    @Test func theQuorumIsMetWithinAnInterval() async throws {
        let world = try TestFederation(Self.plan())
        let (sender, witnesses) = (world.sender, [world.recipient, world.stranger])
        try await Self.note(5, sender)
        try await Self.serving(witnesses) {
            try await sender.exchange.witnesses.ask()
            #expect(sender.exchange.witnesses.witnessedSize == 5)
            try await Self.note(3, sender)
            try await sender.exchange.witnesses.ask()
        }
        #expect(sender.exchange.witnesses.witnessedSize == 8)
        let policy = try world.federation.witnessPolicy(of: sender.id.country)
        let note = try await sender.exchange.witnesses.newestCheckpoint()
        #expect(try policy.standing(of: SignedNote(parsing: note)).cosignatures.count == 2)
        #expect(policy.isWitnessed(note))
        // Cosigning makes no entry, or two logs would never rest.
        #expect(sender.store.latestCheckpoint.checkpoint.size == 8)
        #expect(witnesses.allSatisfy { $0.store.latestCheckpoint.checkpoint.size == 0 })
    }

    /// A key is public: whoever names it in a record of its own stops nothing, and takes nobody's vote.
    @Test func aKeyThatTwoNodesClaimStopsNoDocument() async throws {
        let world = try TestFederation(Self.plan())
        let (sender, witness, thief) = (world.sender, world.recipient, world.stranger)
        let key = try #require(witness.keys.witness.first).publicKey
        let claim = try CosignerKey(
            name: CosignerKey.name(federation: world.federation.id, node: thief.id), key: key)
        let record = try world.record("MY", after: world.federation) { nodes in
            let node = nodes[0]
            nodes[0] = MemberRecord.Node(
                id: node.id, endpoint: node.endpoint, tls: node.tls, signing: node.signing,
                agreement: node.agreement, mlkem: node.mlkem, logKey: node.logKey,
                witnessKey: claim.text, roles: node.roles, links: node.links)
        }
        #expect(Set(sender.membership.current.roll.asked.keys) == [witness.id, thief.id])
        #expect(try await sender.take(records: ["MY": record]) == ["record MY 2"])
        #expect(Set(sender.membership.current.roll.asked.keys) == [witness.id, thief.id])
        #expect(sender.membership.federation.contestedWitnesses == [thief.id, witness.id])
        let warnings = sender.membership.warnings(at: world.clock.now())
        #expect(warnings.contains { $0.contains("a witness key: MY/hub, VN/hub") })
        // What is honest is taken as ever.
        let honest = try world.record("VN", after: world.federation)
        #expect(try await sender.take(records: ["VN": honest]) == ["record VN 2"])
        let list = try world.list(after: world.federation)
        #expect(try await sender.take(lists: [list]) == ["list 2"])
    }

    @Test func aWitnessThatIsDownIsCaughtUpLater() async throws {
        let world = try TestFederation(Self.plan())
        let sender = world.sender
        try await Self.note(4, sender)
        try await world.recipient.serving { try await sender.exchange.witnesses.ask() }
        #expect(sender.exchange.witnesses.witnessedSize == 0)
        let status = JSON.object(try await sender.exchange.witnesses.status())
        #expect(status["unwitnessed"] == 4)
        let warnings = (status["warnings"]?.arrayValue ?? []).compactMap(\.stringValue)
        #expect(warnings.contains { $0.hasPrefix("witness MY/hub does not cosign") })
        try await Task.sleep(for: .seconds(1.1))
        try await Self.serving([world.recipient, world.stranger]) {
            try await sender.exchange.witnesses.ask()
        }
        #expect(sender.exchange.witnesses.witnessedSize == 4)
    }

    @Test func withoutAQuorumForLongNothingNewIsSent() async throws {
        let world = try TestFederation(Self.plan())
        let witnesses = world.sender.exchange.witnesses
        try await Self.note(1, world.sender)
        try await witnesses.ask()
        try witnesses.requireNewTransfers()
        world.clock.advance(seconds: 3_601)
        let problem = #expect(throws: Problem.self) { try witnesses.requireNewTransfers() }
        #expect(problem?.type == "urn:selat:problem:unwitnessed")
        try witnesses.requireExchange()
    }

    @Test func aQuorumThatCannotBeMetHoldsTransfersAndSaysWhy() async throws {
        let world = try TestFederation(Self.plan())
        let (sender, witnesses) = (world.sender, world.sender.exchange.witnesses)
        let record = try world.record("SG", after: world.federation, witnessQuorum: 3)
        #expect(try await sender.take(records: ["SG": record]) == ["record SG 2"])
        try await Self.note(2, sender)
        try await Self.serving([world.recipient, world.stranger]) { try await witnesses.ask() }
        #expect(witnesses.witnessedSize == 0)
        let status = JSON.object(try await witnesses.status())
        #expect(status["quorum"] == 3)
        let warnings = (status["warnings"]?.arrayValue ?? []).compactMap(\.stringValue)
        #expect(
            warnings.contains { $0.contains("cosignatures of 3 countries, and 2 can give one") })
        try witnesses.requireNewTransfers()
        world.clock.advance(seconds: 3_601)
        #expect(throws: Problem.self) { try witnesses.requireNewTransfers() }
    }

    /// A second database with the same key that grew differently.
    private static func fork(
        of node: TestNode, _ world: TestFederation, common: Int, own: Int
    ) async throws -> (store: Store, folder: TestFolder) {
        let folder = try TestFolder()
        let copy = "\(folder.path)/selat.sqlite"
        try FileManager.default.copyItem(atPath: node.store.path, toPath: copy)
        for suffix in ["-wal", "-shm"]
        where FileManager.default.fileExists(atPath: node.store.path + suffix) {
            try FileManager.default.copyItem(
                atPath: node.store.path + suffix, toPath: copy + suffix)
        }
        let store = try Store.open(
            path: copy, log: node.identity.log, clock: world.clock, entropy: SystemEntropy(),
            fatal: { preconditionFailure("\($0)") })
        for _ in 0..<own {
            _ = try await store.commit { transaction in
                try transaction.append(EntryDraft(kind: "node.stopped", details: [:]))
            }
        }
        return (store, folder)
    }

    private static func exchange(
        _ node: TestNode, _ world: TestFederation, _ store: Store, epoch: UInt64 = 1,
        isProven: Bool = true
    ) throws -> Exchange {
        let membership = try MembershipRegister(
            world.federation, node: node.id, keys: node.keys, epoch: epoch, allowsSandbox: true,
            store: store, clock: world.clock, logger: .silent)
        return Exchange(
            membership: membership,
            editions: EditionRegister(
                judgingBy: node.policies, store: store, membership: membership,
                clock: world.clock, logger: .silent), store: store, spool: node.spool,
            storageKey: StorageKey(Random.secret(32)), witnessing: Self.plan().witnessing,
            awaitsProof: !isProven, clock: world.clock, logger: .silent)
    }

    /// The attempt that arrived was signed after the backup was made.
    @Test(arguments: [(1, nil), (2, "delivered")] as [(UInt64, String?)])
    func onlyARestoredNodeTakesTheReceiptOfAnUnknownAttempt(
        _ epoch: UInt64, _ state: String?
    ) async throws {
        let world = try TestFederation(Self.plan())
        let sender = world.sender
        let id = try await sender.send(world.request())
        let (backup, folder) = try await Self.fork(of: sender, world, common: 0, own: 0)
        defer { withExtendedLifetime(folder) {} }
        try await world.recipient.serving { await sender.exchange.pursue(id) }
        let receipt = try #require(try await sender.receipt(of: id))
        let restored = try Self.exchange(sender, world, backup, epoch: epoch)
        let taken = try? await restored.take(receipt: receipt, by: .daemon)
        #expect(taken?.state == state)
        #expect(try await backup.read { try $0.outbound(id) }?.state == state ?? "queued")
    }

    @Test func aForkInACopiedDatabaseIsFoundInTheNextInterval() async throws {
        let world = try TestFederation(Self.plan())
        let (sender, witness) = (world.sender, world.recipient)
        try await Self.note(3, sender)
        let (copy, folder) = try await Self.fork(of: sender, world, common: 3, own: 4)
        let forked = try Self.exchange(sender, world, copy)
        try await Self.note(2, sender)
        try await Self.serving([witness, world.stranger]) {
            try await sender.exchange.witnesses.ask()
            #expect(sender.exchange.witnesses.witnessedSize == 5)
            // The copy begins to speak: seven entries, of which the last four are others.
            try await forked.witnesses.ask()
        }
        #expect(try await witness.entries("witness.unproven") == 1)
        #expect(forked.witnesses.standing.word == "forked")
        #expect(forked.witnesses.witnessedSize == 0)
        let entries = try await copy.entries(EntryFilter(kind: "log.forked"))
        #expect(entries.count == 1)
        #expect(throws: Problem.self) { try forked.witnesses.requireExchange() }
        let findings = try await witness.store.read { try $0.findings() }
        #expect(findings.map(\.node) == [sender.id])
        await copy.close()
        withExtendedLifetime(folder) {}
    }

    /// The witness that has seen more is away at the next start, and another one knows of nothing.
    @Test func aContradictionIsNotForgottenAtAStart() async throws {
        let world = try TestFederation(Self.plan())
        let (sender, witness) = (world.sender, world.recipient)
        try await Self.note(3, sender)
        let (copy, folder) = try await Self.fork(of: sender, world, common: 3, own: 0)
        try await Self.note(2, sender)
        try await witness.serving {
            try await sender.exchange.witnesses.ask()
            try await Self.exchange(sender, world, copy, isProven: false).witnesses.prove()
        }
        let again = try Self.exchange(sender, world, copy, isProven: false)
        #expect(again.witnesses.standing == .unproven)
        try await world.stranger.serving { try await again.witnesses.prove() }
        #expect(again.witnesses.standing.word == "behind")
        guard case .contradicted(let found) = again.witnesses.standing else { return }
        #expect(found.witness == witness.id && found.checkpoint.checkpoint.size == 5)
        #expect(throws: Problem.self) { try again.witnesses.requireExchange() }
        // What is kept is believed by its signature alone.
        let kept = try #require(try await copy.contradiction())
        for flipped in [kept.count / 3, kept.count / 2, kept.count - 40] {
            var changed = kept
            changed[flipped] ^= 0x01
            _ = try await copy.commit { [changed] in try $0.keep(contradiction: changed) }
            let third = try Self.exchange(sender, world, copy, isProven: false)
            try await world.stranger.serving { try? await third.witnesses.prove() }
            #expect(third.witnesses.standing != .proven)
        }
        await copy.close()
        withExtendedLifetime(folder) {}
    }

    /// A backup was laid down, and the only witness that answers knows of nothing that came after it.
    @Test(arguments: [0, 2])
    func aRestoredLogIsNotProvenByAWitnessThatKnowsLess(_ lost: Int) async throws {
        let world = try TestFederation(Self.plan())
        let (sender, witness) = (world.sender, world.recipient)
        try await Self.note(3, sender)
        let (copy, folder) = try await Self.fork(of: sender, world, common: 3, own: 0)
        if lost > 0 { try await Self.note(lost, sender) }
        try await witness.serving { try await sender.exchange.witnesses.ask() }
        _ = try await copy.commit { try $0.setValue("log-restored", Array("3".utf8)) }
        let again = try Self.exchange(sender, world, copy, isProven: false)
        try await world.stranger.serving { try await again.witnesses.prove() }
        #expect(again.witnesses.standing == .unproven)
        #expect(try await copy.restoredSize() == 3)
        try await world.stranger.serving {
            try await witness.serving { try await again.witnesses.prove() }
        }
        #expect(again.witnesses.standing.word == (lost > 0 ? "behind" : "proven"))
        #expect(try await copy.restoredSize() == (lost > 0 ? 3 : nil))
        await copy.close()
        withExtendedLifetime(folder) {}
    }

    /// It was away while the epoch before was begun and left, or while this one was.
    @Test(arguments: [[2], [1, 3], [1, 5], [4]] as [[UInt64]])
    func anEpochIsFoundBehindOneThatTheWitnessHasNotSeen(_ epochs: [UInt64]) async throws {
        let world = try TestFederation(Self.plan())
        let (sender, witness) = (world.sender, world.recipient)
        try await Self.note(3, sender)
        let (copy, folder) = try await Self.fork(of: sender, world, common: 3, own: 0)
        let newest = sender.store.latestCheckpoint.checkpoint
        for epoch in epochs {
            let origin = sender.identity.log.origin.replacing("/hub/1", with: "/hub/\(epoch)")
            let log = try LogIdentity(origin: origin, key: sender.keys.log)
            let note = try log.sign(size: newest.size, root: newest.root).note
            let request = try WitnessRequest(old: 0, proof: [], note: note)
            _ = try await witness.exchange.witnesses.addCheckpoint(request.bytes, from: sender.id)
        }
        let restored = try Self.exchange(sender, world, copy, isProven: false)
        try await witness.serving { try await restored.witnesses.prove() }
        #expect(restored.witnesses.standing.word == "behind")
        if case .contradicted(let found) = restored.witnesses.standing {
            let last = try #require(epochs.last)
            #expect(found.checkpoint.checkpoint.origin.hasSuffix("/hub/\(last)"))
        }
        await copy.close()
        withExtendedLifetime(folder) {}
    }

    @Test func gossipFindsAForkWithoutAnyWitness() async throws {
        let world = try TestFederation(Self.plan())
        let (sender, peer) = (world.sender, world.recipient)
        try await Self.note(3, sender)
        let watch = peer.exchange.witnesses
        let first = sender.store.latestCheckpoint
        let other = try sender.identity.log.sign(size: 3, root: SHA256.digest([9]))
        watch.hear(checkpoint: first.note, from: sender.id)
        try await watch.compareHeard()
        #expect(try await peer.store.read { try $0.findings() }.isEmpty)
        watch.hear(checkpoint: other.note, from: sender.id)
        try await watch.compareHeard()
        #expect(try await peer.entries("witness.forked") == 1)
        // Heard again it is no news, and another's log proves nothing about this one.
        watch.hear(checkpoint: other.note, from: sender.id)
        watch.hear(checkpoint: other.note, from: world.stranger.id)
        watch.hear(checkpoint: [0x41, 0x0A], from: sender.id)
        try await watch.compareHeard()
        #expect(try await peer.entries("witness.forked") == 1)
    }

    @Test func growthIsProvenByThePeerItself() async throws {
        let world = try TestFederation(Self.plan())
        let (sender, peer) = (world.sender, world.recipient)
        try await Self.note(3, sender)
        peer.exchange.witnesses.hear(
            checkpoint: sender.store.latestCheckpoint.note, from: sender.id)
        try await peer.exchange.witnesses.compareHeard()
        try await Self.note(6, sender)
        let grown = sender.store.latestCheckpoint
        peer.exchange.witnesses.hear(checkpoint: grown.note, from: sender.id)
        try await sender.serving { try await peer.exchange.witnesses.compareHeard() }
        #expect(try await peer.store.read { try $0.seen(grown.checkpoint.origin) } == grown.note)
        // Nine entries that are not a continuation, though they are signed.
        let other = try sender.identity.log.sign(size: 12, root: SHA256.digest([9]))
        try await Self.note(3, sender)
        peer.exchange.witnesses.hear(checkpoint: other.note, from: sender.id)
        try await sender.serving { try await peer.exchange.witnesses.compareHeard() }
        #expect(try await peer.entries("witness.unproven") == 1)
    }

    @Test func twoRequestsAtOnceNeverRollAWitnessBack() async throws {
        let world = try TestFederation(Self.plan())
        let (sender, witness) = (world.sender, world.recipient)
        try await Self.note(2, sender)
        let small = sender.store.latestCheckpoint
        try await Self.note(30, sender)
        let large = sender.store.latestCheckpoint
        let requests = try [small, large].map {
            try WitnessRequest(old: 0, proof: [], note: $0.note).bytes
        }
        let (service, peer) = (witness.exchange.witnesses, sender.id)
        let answers = await withTaskGroup(of: WitnessAnswer?.self) { group in
            for request in requests + requests {
                group.addTask { try? await service.addCheckpoint(request, from: peer) }
            }
            return await group.reduce(into: [WitnessAnswer?]()) { $0.append($1) }
        }
        let cosigned = answers.compactMap { answer in
            if case .cosigned = answer { true } else { nil }
        }
        #expect(cosigned.count == 1)
        let kept = try await witness.store.read { try $0.witnessed() }
        let size = try #require(kept.first?.size)
        #expect(kept.count == 1 && [2, 32].contains(size))
    }

    @Test func aWitnessAnswersStrangersAsTheSpecificationWants() async throws {
        let world = try TestFederation(Self.plan())
        let (sender, witness) = (world.sender, world.recipient)
        try await Self.note(2, sender)
        let service = witness.exchange.witnesses
        func status(_ body: [UInt8]) async -> Int {
            do {
                switch try await service.addCheckpoint(body, from: sender.id) {
                case .cosigned: return 200
                case .conflict: return 409
                }
            } catch {
                return (error as? Problem)?.status ?? 500
            }
        }
        func body(_ origin: String, key: PrivateKey, old: UInt64 = 0) throws -> [UInt8] {
            let log = try LogIdentity(origin: origin, key: key)
            let note = try log.sign(size: 2, root: SHA256.digest([1])).note
            return try WitnessRequest(old: old, proof: [], note: note).bytes
        }
        let (own, key) = (sender.identity.log.origin, sender.keys.log)
        #expect(await status([]) == 400)
        #expect(await status(Array("old 0\n\n".utf8)) == 400)
        #expect(await status(try body("selat/else/SG/hub/1", key: key)) == 404)
        #expect(await status(try body(own.replacing("SG/hub", with: "TH/hub"), key: key)) == 404)
        #expect(await status(try body(witness.identity.log.origin, key: witness.keys.log)) == 404)
        #expect(await status(try body(own, key: .generate(.ed25519))) == 403)
        #expect(await status(try body(own, key: key, old: 3)) == 400)
        #expect(await status(try body(own, key: key, old: 1)) == 409)
        #expect(await status(try body(own, key: key)) == 200)
        #expect(await status(try body(own, key: key, old: 2)) == 200)
        let later = own.replacing("/hub/1", with: "/hub/2")
        #expect(await status(try body(later, key: key)) == 200)
        // An epoch that has been left takes nothing more.
        #expect(await status(try body(own, key: key, old: 2)) == 403)
        #expect(try await witness.entries("witness.epoch") == 1)
        #expect(try await witness.entries("witness.behind") == 1)
    }

    @Test func aNodeWithoutTheRoleWitnessesNothing() async throws {
        let world = try TestFederation()
        let problem = await #expect(throws: Problem.self) {
            try await world.recipient.exchange.witnesses.addCheckpoint([], from: world.sender.id)
        }
        #expect(problem?.status == 404)
        #expect(!world.sender.exchange.witnesses.hasQuorum)
    }

    @Test func aLogWaitsForItsFirstWitness() async throws {
        let world = try TestFederation(Self.plan(awaitsProof: true))
        let sender = world.sender
        try await Self.note(3, sender)
        try await sender.exchange.witnesses.prove()
        #expect(sender.exchange.witnesses.standing == .unproven)
        #expect(throws: Problem.self) { try sender.exchange.witnesses.requireExchange() }
        #expect(try await sender.exchange.witnesses.proof(of: 0) == nil)
        // Until then it cosigns nothing, whatever the request is.
        let problem = await #expect(throws: Problem.self) {
            try await sender.exchange.witnesses.addCheckpoint([], from: world.recipient.id)
        }
        #expect(problem?.status == 503)
        try await world.recipient.serving { try await sender.exchange.witnesses.prove() }
        #expect(sender.exchange.witnesses.standing == .proven)
        #expect(try await sender.exchange.witnesses.proof(of: 0)?.index == 0)
    }

    @Test func aRestoredBackupIsFoundAndGoesOnAsTheNextEpoch() async throws {
        let world = try TestFederation(Self.plan())
        let (sender, witnesses) = (world.sender, [world.recipient, world.stranger])
        try await Self.note(3, sender)
        let (backup, folder) = try await Self.fork(of: sender, world, common: 3, own: 0)
        await backup.close()
        try await Self.note(6, sender)
        try await Self.serving(witnesses) { try await sender.exchange.witnesses.ask() }

        let store = try Store.open(
            path: "\(folder.path)/selat.sqlite", log: sender.identity.log, clock: world.clock,
            entropy: SystemEntropy(), awaitsProof: true, fatal: { preconditionFailure("\($0)") })
        let restored = Exchange(
            membership: sender.membership,
            editions: sender.exchange.editions, store: store, spool: sender.spool,
            storageKey: StorageKey(Random.secret(32)), witnessing: Self.plan().witnessing,
            awaitsProof: true, clock: world.clock, logger: .silent)
        await #expect(throws: Problem.self) {
            try await restored.witnesses.beginEpoch(reason: "too early", by: 0)
        }
        try await Self.serving(witnesses) {
            try await restored.witnesses.prove()
            #expect(restored.witnesses.standing.word == "behind")
            let begun = try await restored.witnesses.beginEpoch(reason: "a test", by: 1_000)
            let origin = begun.origin
            #expect(origin == sender.identity.log.origin.replacing("/hub/1", with: "/hub/2"))
            try await restored.witnesses.ask()
        }
        #expect(restored.witnesses.witnessedSize == 5)
        #expect(try await store.contradiction() == nil, "another epoch is not contradicted")
        let entry = try #require(
            try await store.entries(EntryFilter(kind: "log.continued")).first)
        let details = try JSON(parsing: try #require(entry.details))
        #expect(details["size"] == 9 && details["held"] == 4)
        #expect(entry.entry.actor == .user(1_000))
        for witness in witnesses { #expect(try await witness.entries("witness.epoch") == 1) }
        await store.close()
        #expect(try Store.epoch(path: store.path) == 2)
        #expect(try LogFile.verify(path: store.path).isSound)

        // The same backup once more, without its epoch: witnesses know of the later one.
        let again = try await Self.fork(of: sender, world, common: 9, own: 0)
        let older = try Self.exchange(sender, world, again.store)
        try await Self.serving(witnesses) { try await older.witnesses.ask() }
        #expect(older.witnesses.standing.word == "behind")
        await again.store.close()
    }

    @Test func tilesAndProofsAreServedFromTheSignedTree() async throws {
        let world = try TestFederation(Self.plan())
        let sender = world.sender
        try await Self.note(300, sender)
        let service = sender.exchange.witnesses
        let full = try #require(try await service.tile(["0", "000"]))
        #expect(full.count == 8_192)
        #expect(try await service.tile(["0", "001.p", "44"])?.count == 44 * 32)
        #expect(try await service.tile(["0", "001.p", "45"]) == nil)
        #expect(try await service.tile(["1", "000.p", "1"])?.count == 32)
        #expect(try await service.tile(["0", "002"]) == nil)
        #expect(try await service.tile(["entries", "000"]) == nil)
        #expect(try await service.consistency(from: 0, to: 3) == nil)
        #expect(try await service.consistency(from: 3, to: 301) == nil)
        #expect(try await service.consistency(from: 300, to: 300) == [])
        for request: JSON in [
            [:], ["entries": []], ["entries": [-1]], ["entries": ["1"]],
            ["entries": .array((0..<257).map { .integer(Int64($0)) })],
        ] {
            let problem = await #expect(throws: Problem.self) { try await service.proofs(request) }
            #expect(problem?.status == 400)
        }
        let early = await #expect(throws: Problem.self) {
            try await service.proofs(["entries": [1]])
        }
        #expect(early?.status == 404)
        try await Self.serving([world.recipient, world.stranger]) { try await service.ask() }
        let answer = try await service.proofs(["entries": [1, 299, 300]])
        #expect(answer["paths"]?.objectValue?.keys.sorted() == ["1", "299"])
    }

    /// As where its signer lost its disk and its log goes on without the entry.
    @Test func aReceiptThatCannotBeRenewedHoldsUpNoOther() async throws {
        let world = try TestFederation(Self.plan())
        let (sender, recipient) = (world.sender, world.recipient)
        let hopeless = try await sender.send(world.request())
        let good = try await sender.send(world.request())
        try await Self.serving([sender, recipient, world.stranger]) {
            for id in [hopeless, good] { await sender.exchange.pursue(id) }
            let held = try Receipt(parsing: try #require(try await sender.receipt(of: hopeless)))
            let lost = try #require(try await sender.store.entries().first)
            let document = Receipt(
                statement: held.statement, entry: lost.entry, details: held.details,
                salt: held.salt, proof: held.proof
            ).json.canonical
            _ = try await sender.store.commit {
                try $0.keep(document, as: .receipt, of: hopeless)
            }
            world.clock.advance(seconds: 60)
            try await recipient.exchange.witnesses.ask()
            try await sender.exchange.witnesses.renewReceipts()
            #expect(try await Self.unwitnessed(sender).map(\.id) == [hopeless])
            // After a minute in vain it is asked for in another.
            let now = world.clock.now()
            for (seconds, count): (Int64, Int) in [(0, 0), (59, 0), (60, 1)] {
                let due = try await sender.store.read {
                    try $0.unwitnessedReceipts(of: recipient.id, dueAt: now + seconds, limit: 10)
                }
                #expect(due.count == count)
            }
        }
    }

    /// The signer's quorum is out for hours, and what it gave meanwhile is no worse for that.
    @Test func whatNoWitnessHasSeenYetIsAskedForSoonAgain() async throws {
        let world = try TestFederation(Self.plan())
        let (sender, recipient) = (world.sender, world.recipient)
        let first = try await sender.send(world.request())
        let second = try await sender.send(world.request())
        try await Self.serving([sender, recipient, world.stranger]) {
            await sender.exchange.pursue(first)
            try await recipient.exchange.witnesses.ask()
            await sender.exchange.pursue(second)
            world.clock.advance(seconds: 7_200)
            try await sender.exchange.witnesses.renewReceipts()
            #expect(try await Self.unwitnessed(sender).map(\.id) == [second])
            let now = world.clock.now()
            for (seconds, count): (Int64, Int) in [(59, 0), (60, 1)] {
                let due = try await sender.store.read {
                    try $0.unwitnessedReceipts(of: recipient.id, dueAt: now + seconds, limit: 10)
                }
                #expect(due.count == count)
            }
            world.clock.advance(seconds: 60)
            try await recipient.exchange.witnesses.ask()
            try await sender.exchange.witnesses.renewReceipts()
            #expect(try await Self.unwitnessed(sender).isEmpty)
        }
    }

    @Test func whatARecipientStatesLaterBecomesWitnessedToo() async throws {
        let world = try TestFederation(Self.plan())
        let (sender, recipient) = (world.sender, world.recipient)
        let id = try await sender.send(world.request())
        try await Self.serving([sender, recipient, world.stranger]) {
            await sender.exchange.pursue(id)
            _ = try await recipient.opened(id)
            try await recipient.exchange.bringLetters(to: sender.id)
            #expect(try await Self.unwitnessed(sender).map(\.id) == [id, id])
            #expect(try await Self.standings(id, sender) == [.signed])

            world.clock.advance(seconds: 86_399)
            let late = JSON.string(
                "2 receipts of VN/hub are not witnessed after 24 h; ask its operator")
            var status = JSON.object(try await sender.exchange.witnesses.status())
            #expect(status["receipts_unwitnessed"] == 2)
            #expect(status["warnings"]?.arrayValue?.contains(late) == false)
            world.clock.advance(seconds: 1)
            status = JSON.object(try await sender.exchange.witnesses.status())
            #expect(status["warnings"]?.arrayValue?.contains(late) == true)

            try await recipient.exchange.witnesses.ask()
            try await sender.exchange.witnesses.renewReceipts()
            #expect(try await Self.unwitnessed(sender).isEmpty)
            #expect(try await Self.standings(id, sender) == [.witnessed])
            // Brought again, it is no news, and the better proof stays.
            let stated = try await recipient.store.read { try $0.stated(of: id, from: sender.id) }
            let row = try #require(stated.last)
            let again = try #require(
                try await recipient.exchange.receipt(row.statement, row.entry))
            #expect(try await !sender.exchange.take(receipt: again, by: .user(0)).isNew)
            #expect(try await Self.standings(id, sender) == [.witnessed])
        }
        #expect(try await sender.entries("receipt.taken") == 1)
    }

    @Test func aRelaysReceiptBecomesWitnessedToo() async throws {
        let world = try RelayTests.world {
            $0.isWitnessed = true
            $0.witnessing = Self.plan().witnessing
        }
        let (sender, relay, recipient) = (world.sender, world.stranger, world.recipient)
        // The recipient is down, and with it one of the relay's two witnesses.
        let id = try await relay.running {
            try await sender.running {
                let id = try await sender.send(world.request())
                try await RelayTests.until { try await sender.outbound(id)?.state == "relayed" }
                return id
            }
        }
        #expect(try await Self.unwitnessed(sender).map(\.peer) == [relay.id])
        try await Self.serving([sender, relay, recipient]) {
            try await RelayTests.until {
                try await relay.exchange.witnesses.ask()
                try await sender.exchange.witnesses.renewReceipts()
                return try await Self.unwitnessed(sender).isEmpty
            }
        }
        #expect(try await Self.standings(id, sender) == [.witnessed])
    }

    @Test func whatACountryHasSignedThatHasLeftIsNotLateForEver() async throws {
        let world = try TestFederation(Self.plan())
        let sender = world.sender
        let ids = (UInt64(1)...2).map {
            TransferID(milliseconds: $0, entropy: [UInt8](repeating: 0, count: 10))
        }
        let (gone, other) = (try NodeID("BN/hub"), world.recipient.id)
        #expect(world.federation.records[gone.country] == nil)
        _ = try await sender.store.commit { try $0.awaitWitnesses(ids[0], of: gone) }
        world.clock.advance(seconds: 172_800)
        var status = JSON.object(try await sender.exchange.witnesses.status())
        #expect(status["receipts_unwitnessed"] == 0)
        let warnings = status["warnings"]?.arrayValue ?? []
        #expect(!warnings.contains { $0.stringValue?.contains("BN/hub") == true })
        _ = try await sender.store.commit { try $0.awaitWitnesses(ids[1], of: other) }
        status = JSON.object(try await sender.exchange.witnesses.status())
        #expect(status["receipts_unwitnessed"] == 1)
    }

    private static func unwitnessed(_ node: TestNode) async throws -> [UnwitnessedReceipt] {
        let nodes = node.exchange.federation.nodes.keys
        // Those that were put off are among them.
        let now = node.exchange.clock.now() + 86_400
        return try await node.store.read { snapshot in
            try nodes.flatMap {
                try snapshot.unwitnessedReceipts(of: $0, dueAt: now, limit: 10)
            }
        }
    }

    /// What the receipts amount to that a sender holds beside the outcome's.
    private static func standings(
        _ id: TransferID, _ node: TestNode
    ) async throws -> [Exchange.ReceiptStanding] {
        var standings: [Exchange.ReceiptStanding] = []
        for row in try await node.store.read({ try $0.receipts(of: id, from: node.id) }) {
            let receipt = try Receipt(parsing: row.document)
            standings.append(try await node.exchange.standing(of: receipt, signer: row.signer))
        }
        return standings
    }

    @Test func aSilentLogIsReportedOnceAndHeardAgain() async throws {
        let world = try TestFederation(Self.plan())
        let (sender, witness) = (world.sender, world.recipient)
        try await Self.note(1, sender)
        try await witness.serving { try await sender.exchange.witnesses.ask() }
        try await witness.exchange.witnesses.lookForSilence()
        #expect(try await witness.entries("witness.silent") == 0)
        world.clock.advance(seconds: 181)
        try await witness.exchange.witnesses.lookForSilence()
        try await witness.exchange.witnesses.lookForSilence()
        #expect(try await witness.entries("witness.silent") == 1)
        try await witness.serving { try await sender.exchange.witnesses.ask() }
        #expect(try await witness.entries("witness.heard") == 1)
    }
}
