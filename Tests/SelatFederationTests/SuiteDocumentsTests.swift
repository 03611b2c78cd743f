import SelatCore
import SelatCrypto
import Testing

@testable import SelatFederation

/// `Format.md`, *Profiles*, and `mlkem` in *Record*.
@Suite struct SuiteDocumentsTests {
    private static let time = Timestamp(seconds: 1_793_491_200)
    private static let keys = (0..<9).map { _ in try? MLKEMPrivateKey.generate(.mlkem768).publicKey
    }

    private func record(_ keys: [MLKEMPublicKey]) throws -> MemberRecord {
        try MemberRecord(
            federation: SHA256.digest([]), country: try Country("SG"), issued: Self.time,
            expires: Self.time + 86_400,
            nodes: [
                MemberRecord.Node(
                    id: try NodeID("SG/hub"), endpoint: Endpoint(host: "hub.example", port: 7443),
                    tls: [], signing: [], agreement: [], mlkem: keys, logKey: "log", roles: [])
            ], officers: [])
    }

    /// The record's JSON with another text for `mlkem`.
    private func read(_ text: String) throws -> MemberRecord {
        let key = try #require(Self.keys[0])
        let json = String(decoding: try record([key]).json.canonical, as: UTF8.self)
        let changed = json.replacing("[\"\(Base64.encode(key.raw))\"]", with: text)
        #expect(changed != json)
        return try MemberRecord(content: Array(changed.utf8), country: try Country("SG"))
    }

    @Test func keysAreReadAsTheyWereWrittenNewestFirst() throws {
        let keys = Self.keys.prefix(8).compactMap(\.self)
        let large = try MLKEMPrivateKey.generate(.mlkem1024).publicKey
        for keys in [[], [keys[0]], keys, [large, keys[1]]] {
            let record = try record(keys)
            let read = try MemberRecord(
                content: record.json.canonical, country: try Country("SG"))
            #expect(read == record)
            #expect(read.nodes[0].mlkem == keys)
        }
        #expect(try record([]).json["nodes"]?.arrayValue?[0]["mlkem"] == nil)
    }

    @Test func nineKeysOrOneTwiceAreRefused() throws {
        let keys = Self.keys.compactMap(\.self)
        #expect(throws: FederationError.self) { try record(keys) }
        #expect(throws: FederationError.self) { try record([keys[0], keys[1], keys[0]]) }
    }

    @Test func bytesThatAreNoKeyAreRefused() throws {
        let raw = try #require(Self.keys[0]).raw
        var large = raw
        (large[0], large[1]) = (0xFF, large[1] | 0x0F)
        let wrong = [Array(raw.dropLast()), raw + [0], [], large].map {
            "[\"\(Base64.encode($0))\"]"
        }
        for text in wrong + ["[]", "[1]", "[\"%\"]", "\"\(Base64.encode(raw))\"", "null"] {
            #expect(throws: FederationError.self, "\(text.prefix(20))") { try read(text) }
        }
    }

    @Test func theDifferenceNamesKindAndFingerprint() throws {
        let keys = Self.keys.prefix(2).compactMap(\.self)
        let words = try record([keys[1], keys[0]]).differences(from: try record([keys[0]]))
            .map(\.description)
        #expect(
            words == ["+ node SG/hub, ML-KEM: ML-KEM-768, key \(keys[1].fingerprint)"])
        let order = try record([keys[1], keys[0]]).differences(from: try record(keys))
        #expect(order.map(\.what) == ["node SG/hub, ML-KEM, order"])
    }

    // MARK: Profiles

    private func list(
        _ suites: [Suite], _ profile: CryptographyProfile = .standard,
        highFrom: Classification? = nil
    ) throws -> MembershipList {
        let world = try World("SG", "MY", "VN")
        return try MembershipList(
            issued: World.now + -60, expires: World.now + 86_400, isSandbox: true, quorum: 2,
            suites: Dictionary(uniqueKeysWithValues: suites.map { ($0, nil) }), profile: profile,
            highFrom: highFrom, members: world.members.map(world.listed))
    }

    private func label(_ classification: Classification) -> Label {
        Label(classification: classification, releasableTo: [])
    }

    @Test func profilesSurviveTheRoundAndTheUsualOneIsAbsent() throws {
        let usual = try list([.p256])
        #expect(usual.json["profile"] == nil && usual.json["high-from"] == nil)
        let lists = [
            usual, try list([.p384MLKEM1024], .high),
            try list(Suite.allCases, highFrom: .confidential),
        ]
        for list in lists { #expect(try MembershipList(content: list.json.canonical) == list) }
        let spelt = String(decoding: usual.json.canonical, as: UTF8.self)
            .replacing("\"quorum\"", with: "\"profile\":\"standard\",\"quorum\"")
        #expect(throws: FederationError.self) { try MembershipList(content: Array(spelt.utf8)) }
        let unknown = spelt.replacing("\"standard\"", with: "\"highest\"")
        #expect(throws: FederationError.self) { try MembershipList(content: Array(unknown.utf8)) }
    }

    @Test func aProfileThatNoSuiteMeetsIsAContradiction() throws {
        #expect(throws: FederationError.self) { try list([.p256, .p384], .high) }
        #expect(throws: FederationError.self) { try list([.p256MLKEM768], highFrom: .secret) }
        #expect(throws: FederationError.self) { try list(Suite.allCases, .high, highFrom: .secret) }
    }

    @Test func aLabelOwesHighFromItsClassificationOn() throws {
        let some = try list(Suite.allCases, highFrom: .confidential)
        #expect(some.profile(for: label(.restricted)) == .standard)
        #expect(some.profile(for: label(.confidential)) == .high)
        #expect(some.profile(for: label(.topSecret)) == .high)
        let all = try list(Suite.allCases, .high)
        #expect(all.profile(for: label(.unclassified)) == .high)
        let none = try list(Suite.allCases)
        #expect(none.profile(for: label(.topSecret)) == .standard)
    }

    // MARK: Changes

    @Test func theNextListCarriesTheProfileOnUnlessItIsChanged() throws {
        let before = try list(Suite.allCases, highFrom: .confidential)
        func next(_ changes: [ListChange]) throws -> MembershipList {
            try before.next(
                changes, of: SHA256.digest([]), issued: World.now,
                expires: World.now + 86_400)
        }
        #expect(try next([]).highFrom == .confidential)
        let high = try next([.profile(.high, highFrom: nil)])
        #expect(high.profile == .high && high.highFrom == nil)
        #expect(
            high.differences(from: before).map(\.description).contains(
                "~ profile: standard, high from confidential on -> high"))
        #expect(throws: FederationError.self) { try next([.withdrawSuite(.p384MLKEM1024)]) }
    }

    @Test func aNewKeyComesFirstAndAnOldOneGoesByName() throws {
        let keys = Self.keys.compactMap(\.self)
        let before = try record([keys[0]])
        let node = try NodeID("SG/hub")
        func next(_ changes: [RecordChange]) throws -> [MLKEMPublicKey] {
            try before.next(
                changes, issued: Self.time,
                expires: Self.time + 86_400
            ).nodes[0].mlkem
        }
        #expect(try next([]) == [keys[0]])
        #expect(try next([.mlkem(node, keys[1])]) == [keys[1], keys[0]])
        #expect(
            try next([.mlkem(node, keys[1]), .withdrawMLKEM(node, keys[0].fingerprint)]) == [
                keys[1]
            ])
        #expect(throws: FederationError.self) {
            try next([.withdrawMLKEM(node, keys[2].fingerprint)])
        }
        #expect(throws: FederationError.self) { try next([.mlkem(node, keys[0])]) }
        #expect(throws: FederationError.self) {
            try next([.mlkem(try NodeID("SG/other"), keys[1])])
        }
    }
}
