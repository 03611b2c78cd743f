import SelatCore
import SelatCrypto
import Testing

@testable import SelatFederation

/// `Format.md`, *Cuts*.
@Suite struct CutTests {
    let world: World

    private static let made = try? World("SG", "MY", "VN")

    init() throws { world = try #require(Self.made) }

    private static let since = World.now + -86_400

    private func cut(
        _ node: String, from time: Timestamp = since, logSize: UInt64? = nil
    ) throws -> MembershipList.Cut {
        MembershipList.Cut(
            subject: .node(try NodeID(node)), distrustFrom: time, logSize: logSize)
    }

    private func cut(country: String) throws -> MembershipList.Cut {
        MembershipList.Cut(subject: .member(try Country(country)), distrustFrom: Self.since)
    }

    @Test func cutsSurviveTheRoundInOrder() throws {
        let cuts = [try cut("VN/hub", logSize: 48_213), try cut(country: "TH"), try cut("MY/a")]
        let list = try world.list(cuts: cuts)
        #expect(list.cuts.map(\.subject.description) == ["MY/a", "TH", "VN/hub"])
        #expect(try MembershipList(content: list.json.canonical) == list)
        #expect(try world.list().json["cut"] == nil)
    }

    @Test func aCutIsOfTheNodeOrOfItsWholeCountry() throws {
        let list = try world.list(cuts: [try cut("VN/hub", logSize: 7), try cut(country: "TH")])
        #expect(list.cut(of: try NodeID("VN/hub"))?.logSize == 7)
        #expect(list.cut(of: try NodeID("TH/any"))?.subject == .member(try Country("TH")))
        #expect(list.cut(of: try NodeID("VN/hub2")) == nil)
    }

    /// Whichever of the two came first, and whichever is the stricter in which part.
    @Test(arguments: [
        (World.from, World.from + 3_600), (World.from + 3_600, World.from),
    ])
    func ofTwoCutsTheStricterCounts(_ node: Timestamp, _ country: Timestamp) throws {
        let vn = try Country("VN")
        let list = try world.list(
            members: ["SG", "MY"].map { world.listed(world.member($0)) },
            cuts: [
                try cut("VN/hub", from: node, logSize: 7), try cut("VN/hub2", from: node),
                MembershipList.Cut(subject: .member(vn), distrustFrom: country),
            ])
        let both = try #require(list.cut(of: try NodeID("VN/hub")))
        #expect(both.distrustFrom == min(node, country) && both.logSize == 7)
        let other = try #require(list.cut(of: try NodeID("VN/hub2")))
        #expect(other.distrustFrom == min(node, country) && other.logSize == nil)
        #expect(
            list.cut(of: try NodeID("VN/third"))
                == MembershipList.Cut(subject: .member(vn), distrustFrom: country))
    }

    @Test func contradictionsAreRefused() throws {
        let wrong: [[MembershipList.Cut]] = [
            [try cut(country: "SG")],
            [try cut("VN/hub"), try cut("VN/hub", from: World.from)],
            [try cut("VN/hub", from: World.now)],
            [
                MembershipList.Cut(
                    subject: .member(try Country("TH")), distrustFrom: Self.since, logSize: 1)
            ],
            try (0...FederationLimits.cutsMax).map { try cut("VN/n\($0)") },
        ]
        for cuts in wrong {
            #expect(throws: FederationError.self) { try world.list(cuts: cuts) }
        }
    }

    @Test func whatIsCutIsKnownToNobodyThoughItsRecordNamesIt() throws {
        let list = try world.signedList(world.list(cuts: [try cut("VN/hub")]), by: "SG", "MY")
        let federation = try Federation(
            verifying: MembershipDocuments(
                list: list, records: try world.records(federation: SHA256.digest(list)),
                revocationLists: try world.revocationLists()),
            trusted: nil, allowsSandbox: true, at: World.now)
        let node = try NodeID("VN/hub")
        let stated = try #require(federation.list.cut(of: node))
        #expect(federation.nodes.keys.sorted().map(\.text) == ["MY/hub", "SG/hub"])
        #expect(throws: FederationError.cut(node, by: stated)) {
            try federation.node(node, at: World.now)
        }
        #expect(throws: FederationError.cut(node, by: stated)) {
            try federation.verifyPeer(
                certificateDER: world.member("VN").tls.certificate.der, as: .tlsClient,
                at: World.now)
        }
        #expect(throws: FederationError.cut(node, by: stated)) {
            try federation.signer(
                world.member("VN").signing.certificate.issuerAndSerial, node: node, at: World.now)
        }
        #expect(throws: FederationError.self) {
            try federation.officer(
                CMS.SignerName(of: world.member("VN").officer.certificate), at: World.now)
        }
    }

    /// Whoever connects makes a node ask for them, before anything is proven.
    @Test func theLastAuthoritiesOfCutMembersAreLookedForOnce() throws {
        let anchors = LastAnchors()
        let (gone, never) = (try Country("TH"), try Country("LA"))
        let root = world.member("VN").issuer.certificate
        var searches = 0
        func find() -> [Country: [Certificate]] {
            searches += 1
            return [gone: [root]]
        }
        for _ in 0..<3 {
            #expect(anchors.anchors(of: gone, find) == [root])
            #expect(anchors.anchors(of: never, find).isEmpty)
        }
        #expect(searches == 1)
    }

    @Test(arguments: [
        #"[]"#, #"[{}]"#, #"{}"#, #"[{"node":"VN/hub"}]"#,
        #"[{"country":"TH","distrust-from":"2026-05-01T00:00:00Z","node":"VN/hub"}]"#,
        #"[{"distrust-from":"2026-05-01T00:00:00Z","node":"VN"}]"#,
        #"[{"distrust-from":"2026-05-01T00:00:00Z","log-size":-1,"node":"VN/hub"}]"#,
        #"[{"distrust-from":"2026-05-01T00:00:00Z","node":"VN/hub","why":"x"}]"#,
        #"[{"distrust-from":"2026-05-01T00:00:00Z","node":"VN/hub"},{"country":"TH","distrust-from":"2026-05-01T00:00:00Z"}]"#,
    ])
    func cutsOfAnotherFormAreRefused(text: String) throws {
        var fields = try #require(try world.list().json.objectValue)
        fields["cut"] = try JSON(parsing: Array(text.utf8))
        #expect(throws: FederationError.self) {
            try MembershipList(content: JSON.object(fields).canonical)
        }
    }

    @Test func entriesInAnotherOrderAreAnotherDocumentAndRefused() throws {
        var fields = try #require(try world.list().json.objectValue)
        let members = try #require(fields["members"]?.arrayValue)
        fields["members"] = .array(members.reversed())
        let error = #expect(throws: FederationError.self) {
            try MembershipList(content: JSON.object(fields).canonical)
        }
        #expect(error?.description.contains("not in order") == true)
    }
}
