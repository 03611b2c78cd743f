import SelatCore
import SelatCrypto
import SelatFederation
import SelatTestSupport
import Testing

/// Mutated documents: a typed error, or what was signed; never a crash, never another membership.
@Suite struct MembershipFuzzTests {
    static let world = try? World("SG", "MY", "VN")
    static let documents = try? world?.documents()

    private func inputs() throws -> (world: World, documents: MembershipDocuments) {
        (try #require(Self.world), try #require(Self.documents))
    }

    private func verify(_ documents: MembershipDocuments) throws(FederationError) -> Federation {
        try Federation(
            verifying: documents, trusted: nil, allowsSandbox: true, at: World.now)
    }

    @Test(arguments: 0..<4)
    func mutatedListsAreNoLists(seed: UInt64) throws {
        let (_, good) = try inputs()
        for list in Mutations.of(good.list, count: 120, seed: seed) where list != good.list {
            let mutated = MembershipDocuments(
                list: list, records: [:], revocationLists: good.revocationLists)
            #expect(throws: FederationError.self) { try verify(mutated) }
        }
    }

    @Test(arguments: 0..<4)
    func mutatedRecordsAreNoRecords(seed: UInt64) throws {
        let (_, good) = try inputs()
        let country = try Country("SG")
        let record = try #require(good.records[country])
        for bytes in Mutations.of(record, count: 50, seed: seed) where bytes != record {
            let mutated = MembershipDocuments(
                list: good.list, records: [country: bytes],
                revocationLists: good.revocationLists)
            #expect(throws: FederationError.self) { try verify(mutated) }
        }
    }

    /// A list that nobody has signed may say anything, but one thing in one way.
    @Test(arguments: 0..<4)
    func unsignedContentsReadAsThemselvesOrNotAtAll(seed: UInt64) throws {
        let (world, _) = try inputs()
        let cut = MembershipList.Cut(
            subject: .node(try NodeID("VN/hub")), distrustFrom: World.from, logSize: 7)
        let list = try world.list(cuts: [cut]).json.canonical
        for content in Mutations.of(list, count: 120, seed: seed) {
            guard let read = try? MembershipList(content: content) else { continue }
            #expect(read.json.canonical == content)
        }
        let country = try Country("SG")
        let record = try world.record(of: "SG", federation: SHA256.digest([])).json.canonical
        for content in Mutations.of(record, count: 120, seed: seed + 100) {
            guard let read = try? MemberRecord(content: content, country: country) else {
                continue
            }
            #expect(read.json.canonical == content && read.country == country)
        }
    }

    @Test(arguments: 0..<4)
    func proposalsAndCandidatesReadOrSayWhyNot(seed: UInt64) throws {
        let (world, good) = try inputs()
        let text = Array(try world.list().json.pretty.utf8)
        for mutated in Mutations.of(text, count: 120, seed: seed) {
            if let read = try? Proposal(json: mutated) {
                #expect(try Proposal(json: Array(read.json.pretty.utf8)) == read)
            }
        }
        for mutated in Mutations.of(good.list, count: 120, seed: seed) {
            _ = try? Proposal(unverified: mutated)
        }
        let members = try world.list().json["members"]?.arrayValue
        let candidate = Array(try #require(members?.first).pretty.utf8)
        for mutated in Mutations.of(candidate, count: 120, seed: seed) {
            _ = try? MembershipList.Member(candidate: mutated)
        }
        _ = try MembershipList.Member(candidate: candidate)
    }

    @Test(arguments: 0..<4)
    func mutatedRevocationListsRevokeNothingElse(seed: UInt64) throws {
        let (world, good) = try inputs()
        let country = try Country("SG")
        let pem = try #require(good.revocationLists[country])
        let name = world.member("SG").signing.certificate.issuerAndSerial
        for bytes in Mutations.of(pem, count: 30, seed: seed) where bytes != pem {
            var lists = good.revocationLists
            lists[country] = bytes
            let mutated = MembershipDocuments(
                list: good.list, records: good.records, revocationLists: lists)
            // White space and text around the block may differ; the list inside is the same.
            guard let federation = try? verify(mutated) else { continue }
            let verified = try? federation.signer(name, node: NodeID("SG/hub"), at: World.now)
            let end = World.crlUntil + TrustAnchors.revocationGraceSeconds
            #expect(verified?.validUntil ?? end == end)
        }
    }
}
