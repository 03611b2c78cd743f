import SelatAudit
import SelatCore
import SelatCrypto
import SelatEnvelope
import SelatFederation
import SelatHTTP
import SelatStore
import SelatTestSupport
import SelatTransport
import Testing

@testable import SelatExchange

/// Exchange.docc, *Suites*, with whole nodes.
struct SuiteTests {
    typealias Plan = TestFederation.Plan
    typealias NodeKeys = TestFederation.NodeKeys

    private static let all: [Suite: Timestamp?] = Dictionary(
        uniqueKeysWithValues: Suite.allCases.map { ($0, nil) })

    /// Sends from SG to VN and says in which suite it arrived.
    private func suite(_ plan: Plan) async throws -> Suite? {
        let world = try TestFederation(plan)
        let (sender, recipient) = (world.sender, world.recipient)
        let id = try await sender.send(try world.request())
        try await recipient.serving { await sender.exchange.pursue(id) }
        let row = try #require(try await sender.outbound(id))
        #expect(row.state == "delivered", "\(row.cause ?? "")")
        #expect(try await recipient.opened(id) == TestFederation.bytes(5_000))
        return try sender.exchange.suite(of: row)
    }

    struct Choice: Sendable, CustomTestStringConvertible {
        let allowed: [Suite]
        let from: NodeKeys
        let to: NodeKeys
        let expected: Suite
        var testDescription: String { "\(allowed.map(\.rawValue)) \(from) \(to)" }
    }

    @Test(arguments: [
        Choice(allowed: [.p256], from: .both, to: .both, expected: .p256),
        Choice(
            allowed: Suite.allCases, from: .classical, to: NodeKeys(), expected: .p256MLKEM768),
        Choice(allowed: Suite.allCases, from: NodeKeys(), to: .classical, expected: .p256),
        Choice(allowed: Suite.allCases, from: NodeKeys(), to: .both, expected: .p256MLKEM768),
        Choice(allowed: Suite.allCases, from: .both, to: .both, expected: .p384MLKEM1024),
        Choice(allowed: Suite.allCases, from: .both, to: .high, expected: .p384MLKEM1024),
        Choice(allowed: [.p256, .p384], from: .both, to: .both, expected: .p384),
        // Of those that are not comparable the one with ML-KEM.
        Choice(
            allowed: [.p256, .p256MLKEM768, .p384], from: .both, to: .both,
            expected: .p256MLKEM768),
        Choice(
            allowed: [.p256, .p256MLKEM768, .p384], from: .both, to: .high, expected: .p384),
    ])
    func theBestSuiteOfBothEndsIsTaken(choice: Choice) async throws {
        let plan = Plan(
            suites: Dictionary(uniqueKeysWithValues: choice.allowed.map { ($0, nil) }),
            keys: ["SG/hub": choice.from, "VN/hub": choice.to])
        #expect(try await suite(plan) == choice.expected)
    }

    @Test func theSuiteIsEnteredAndNamedForEachPeer() async throws {
        let world = try TestFederation(Plan(keys: ["MY/hub": .classical]))
        let id = try await world.sender.send(try world.request())
        let entry = try #require(
            try await world.sender.store.entries(
                EntryFilter(transfer: id, kind: "transfer.accepted")
            ).first)
        let details = try JSON(parsing: try #require(entry.details))
        #expect(details["suite"]?.integerValue == 2)
        let peers = world.sender.exchange.peerSuites()
        #expect(peers.map(\.node.text) == ["MY/hub", "VN/hub"])
        #expect(peers.map(\.suite) == [.p256, .p256MLKEM768])
        #expect(world.sender.exchange.keyShortages() == [])
        #expect(
            world.stranger.exchange.keyShortages() == [
                "nothing can be received in suite 2 (P-256, ML-KEM-768): "
                    + "the record of `MY/hub` lists no key for ML-KEM-768"
            ])
    }

    // MARK: No downgrade

    @Test func anEnvelopeWithoutMLKEMIsRefusedForGood() async throws {
        let world = try TestFederation()
        let sealing = try await world.seal(suite: .p256)
        let answer = try await world.recipient.exchange.offer(
            head: world.head(sealing), payload: sealing.payload, from: world.sender.id)
        #expect(answer.state == "refused")
        #expect(answer.receipt != nil)
        let row = try #require(
            try await world.recipient.inbound(sealing.core.id, from: world.sender))
        #expect(
            row.cause
                == "suite-too-weak: suite 1 (P-256), though the record of `VN/hub` lists ML-KEM keys"
        )
        #expect(try world.recipient.parts == [])
    }

    @Test func whatWasMadeBeforeTheKeysWereListedArrives() async throws {
        let world = try TestFederation()
        let sealing = try await world.seal(created: -1, suite: .p256)
        let answer = try await world.recipient.exchange.offer(
            head: world.head(sealing), payload: sealing.payload, from: world.sender.id)
        #expect(answer.state == "delivered")
    }

    @Test func withoutAnAllowedSuiteForThemKeysForbidNothing() async throws {
        #expect(
            try await suite(Plan(suites: [.p256: nil, .p384MLKEM1024: nil])) == .p256)
    }

    // MARK: What is owed

    @Test func aProfileForAllIsOwedByAll() async throws {
        let high = Plan(
            suites: Self.all, profile: .high, keys: ["SG/hub": .high, "VN/hub": .high])
        #expect(try await suite(high) == .p384MLKEM1024)
    }

    @Test func aLabelOwesHighAndTheOthersDoNot() async throws {
        let keys = ["SG/hub": NodeKeys.both, "VN/hub": NodeKeys()]
        var plan = Plan(suites: Self.all, highFrom: .restricted, keys: keys)
        #expect(try await suite(plan) == .p256MLKEM768)
        plan.highFrom = .unclassified
        let world = try TestFederation(plan)
        let request = try world.request()
        let problem = await refusal {
            _ = try await world.sender.exchange.begin(request, lifeSeconds: 60, by: 0)
        }
        #expect(problem?.type == "urn:selat:problem:suite-missing")
        #expect(
            problem?.detail
                == "suite 4 (P-384, ML-KEM-1024) is needed (suite 4 or above is owed by the "
                + "membership list's profile `high`): the record of `VN/hub` lists no key for P-384 "
                + "key agreement; the record of `VN/hub` lists no key for ML-KEM-1024")
        #expect(
            problem?.remedy
                == "ask the operator of `VN/hub` to make such keys and publish them in the record")
        // Nothing was recorded, and nothing read.
        #expect(try await world.sender.entries("transfer.permitted") == 0)
        #expect(try world.sender.parts == [])
    }

    @Test func whatTheSenderLacksIsSaidToTheSender() async throws {
        let keys = ["SG/hub": NodeKeys(), "VN/hub": NodeKeys.both]
        let world = try TestFederation(Plan(suites: Self.all, profile: .high, keys: keys))
        let request = try world.request()
        let problem = await refusal {
            _ = try await world.sender.exchange.begin(request, lifeSeconds: 60, by: 0)
        }
        #expect(problem?.detail?.contains("this node has no P-384 key that signs") == true)
        #expect(problem?.remedy?.contains("have the member's record list its certificate") == true)
        #expect(world.sender.exchange.keyShortages().count == 3)
        #expect(
            world.recipient.exchange.keyShortages()
                == ["the profile `high` asks for a TLS key on P-384, this one is on P-256"])
    }

    @Test func theRecipientHoldsTheListAgainstTheSender() async throws {
        // The keys are there for both; a sender that takes the weaker all the same is refused.
        let keys = ["SG/hub": NodeKeys.both, "VN/hub": NodeKeys.both]
        let world = try TestFederation(Plan(suites: Self.all, profile: .high, keys: keys))
        let sealing = try await world.seal()
        let answer = try await world.recipient.exchange.offer(
            head: world.head(sealing), payload: nil, from: world.sender.id)
        #expect(answer.state == "refused")
        let row = try #require(
            try await world.recipient.inbound(sealing.core.id, from: world.sender))
        #expect(row.cause?.hasPrefix("suite-too-weak: suite 4 or above is owed by") == true)
    }

    @Test func aPolicyMayAskForMoreThanTheList() async throws {
        let rule = (
            file: "VN.yaml", old: "  - ground: receive\n    flow: import\n",
            new: "  - ground: receive\n    flow: import\n"
                + "    obligations:\n      - encryption: {at-least: suite-3}\n"
        )
        let both = ["SG/hub": NodeKeys.both, "VN/hub": NodeKeys.both]
        #expect(
            try await suite(Plan(suites: Self.all, keys: both, edit: rule)) == .p384MLKEM1024)
        // Suite 2 is not above 3: with ML-KEM keys at the recipient only 4 is left.
        let world = try TestFederation(Plan(suites: Self.all, edit: rule))
        let request = try world.request()
        let problem = await refusal {
            _ = try await world.sender.exchange.begin(request, lifeSeconds: 60, by: 0)
        }
        #expect(problem?.type == "urn:selat:problem:suite-missing")
        #expect(problem?.detail?.contains("owed by VN/") == true)
    }

    @Test func aListWithoutWhatIsOwedIsNamed() async throws {
        let world = try TestFederation(
            Plan(
                edit: (
                    file: "VN.yaml", old: "  - ground: receive\n    flow: import\n",
                    new: "  - ground: receive\n    flow: import\n"
                        + "    obligations:\n      - encryption: {at-least: suite-4}\n"
                )))
        let request = try world.request()
        let problem = await refusal {
            _ = try await world.sender.exchange.begin(request, lifeSeconds: 60, by: 0)
        }
        #expect(
            problem?.detail?.hasPrefix("the membership list allows suites 1, 2 and nothing above")
                == true)
    }

    // MARK: Keys

    @Test func anOldKeyOpensWhatWasSealedToIt() async throws {
        let world = try TestFederation()
        let sealing = try await world.seal()
        let old = try #require(world.recipient.keys.mlkem.first)
        #expect(
            world.recipient.identity.openingKeys(for: sealing.core)?.mlkem?.publicKey
                == old.publicKey)
        var keys = world.recipient.keys
        keys.mlkem = [try .generate(.mlkem768), old]
        let identity = try NodeIdentity(
            node: world.recipient.id, keys: keys, federation: world.federation,
            at: world.clock.now())
        #expect(identity.openingKeys(for: sealing.core)?.mlkem?.publicKey == old.publicKey)
    }

    @Test func withoutTheKeyThatTheRecordListsANodeDoesNotStart() throws {
        let world = try TestFederation()
        var keys = world.recipient.keys
        for held in [[], [try MLKEMPrivateKey.generate(.mlkem768)]] {
            keys.mlkem = held
            #expect(throws: IdentityError.missingKey(world.recipient.id, use: "ML-KEM-768")) {
                try NodeIdentity(
                    node: world.recipient.id, keys: keys, federation: world.federation,
                    at: world.clock.now())
            }
        }
    }
}

/// What `body` is refused with.
func refusal(_ body: () async throws -> Void) async -> Problem? {
    do {
        try await body()
        return nil
    } catch { return error as? Problem }
}
