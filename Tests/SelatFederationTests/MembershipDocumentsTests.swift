import Foundation
import SelatCore
import SelatCrypto
import SelatFederation
import SelatTestSupport
import Testing

@Suite struct MembershipDocumentsTests {
    let world: World

    init() throws { world = try World("SG", "MY", "VN") }

    private func verify(
        list: [UInt8], records: [Country: [UInt8]] = [:],
        revocationLists: [Country: [UInt8]]? = nil, trusted: Digest? = nil,
        allowsSandbox: Bool = true, at time: Timestamp = World.now
    ) throws(FederationError) -> Federation {
        let lists: [Country: [UInt8]]
        do { lists = try revocationLists ?? world.revocationLists() } catch {
            throw .contradiction("test", reason: "\(error)")
        }
        return try Federation(
            verifying: MembershipDocuments(list: list, records: records, revocationLists: lists),
            trusted: trusted, allowsSandbox: allowsSandbox, at: time)
    }

    /// Authorities number their revocation lists as they like; JSON's integers end before eight bytes do.
    @Test(arguments: [1, 1 << 53 - 1, 1 << 53, UInt64(Int64.max), UInt64(Int64.max) + 1, .max])
    func aRevocationListOfAnyNumberIsReported(number: UInt64) throws {
        var lists = try world.revocationLists()
        let list = try world.member("SG").issuer.revocationList(
            number: number, from: World.from, until: World.crlUntil)
        lists[try Country("SG")] = Array(list.pem.utf8)
        let federation = try verify(
            list: try world.signedList(world.list(), by: "SG", "MY"), revocationLists: lists)
        let report = federation.report(at: World.now)
        let member = report["members"]?.arrayValue?.first { $0["country"] == "SG" }
        let shown = member?["crl"]?["number"]
        #expect(shown == (number < 1 << 53 ? .integer(number) : .string("\(number)")))
        #expect(try JSON(parsing: report.canonical) == report)
    }

    @Test func listAndRecordSurviveTheRound() throws {
        let list = try world.list()
        #expect(try MembershipList(content: list.json.canonical) == list)
        let record = try world.record(of: "SG", federation: SHA256.digest([]))
        #expect(
            try MemberRecord(content: record.json.canonical, country: record.country) == record)
    }

    @Test func quorumIsCountedByMember() throws {
        let list = try world.list()
        let one = try world.signedList(list, by: "SG")
        #expect(
            throws: FederationError.tooFewSigners("membership list", signed: 1, needed: 2)
        ) { try verify(list: one) }
        let half = try list.signed(
            by: world.member("SG").authorities + [world.member("MY").authorities[0]],
            at: World.now)
        #expect(
            throws: FederationError.tooFewSigners("membership list", signed: 1, needed: 2)
        ) { try verify(list: half) }
        #expect(try verify(list: world.signedList(list, by: "SG", "VN")).serial == 1)
    }

    @Test(arguments: [0, 1, 4])
    func quorumOfHalfOrLessIsRefused(quorum: Int) throws {
        #expect(throws: FederationError.self) { try world.list(quorum: quorum) }
    }

    @Test func strangersSignatureSpoilsTheList() throws {
        let stranger = try World("SG").member("SG").authorities[0]
        let list = try world.list().signed(
            by: world.member("SG").authorities + world.member("MY").authorities + [stranger],
            at: World.now)
        #expect(throws: FederationError.self) { try verify(list: list) }
    }

    @Test func nodesSignatureIsNoAuthoritys() throws {
        let members = world.members.map { member in
            MembershipList.Member(
                country: member.country, sector: .public, anchors: [member.issuer.certificate],
                authorities: [member.signing.certificate], threshold: 1, roles: [.exchange])
        }
        let list = try world.list(members: members).signed(
            by: world.members.map(\.signing), at: World.now)
        #expect(throws: FederationError.self) { try verify(list: list) }
    }

    @Test func authorityOfTwoCountriesIsRefused() throws {
        let shared = world.member("SG").issuer.certificate
        let members = world.members.map { member in
            MembershipList.Member(
                country: member.country, sector: .public, anchors: [shared],
                authorities: member.authorities.map(\.certificate), threshold: 2, roles: [])
        }
        #expect(throws: FederationError.self) { try world.list(members: members) }
    }

    @Test func onlyTheTrustedListIsTaken() throws {
        let list = try world.signedList(world.list(), by: "SG", "MY")
        let digest = SHA256.digest(list)
        #expect(try verify(list: list, trusted: digest).id == digest)
        let other = SHA256.digest([])
        #expect(throws: FederationError.anotherList(digest, trusted: other)) {
            try verify(list: list, trusted: other)
        }
    }

    @Test func productionRefusesSandboxes() throws {
        let list = try world.signedList(world.list(), by: "SG", "MY")
        #expect(throws: FederationError.sandbox) { try verify(list: list, allowsSandbox: false) }
        let real = try world.signedList(world.list(isSandbox: false), by: "SG", "MY")
        #expect(try !verify(list: real, allowsSandbox: false).isSandbox)
    }

    @Test func realListNeedsRevocationLists() throws {
        let real = try world.signedList(world.list(isSandbox: false), by: "SG", "MY")
        #expect(throws: FederationError.self) { try verify(list: real, revocationLists: [:]) }
        let sandbox = try world.signedList(world.list(), by: "SG", "MY")
        #expect(try verify(list: sandbox, revocationLists: [:]).isSandbox)
    }

    @Test(arguments: [World.now + -3_600, World.now + 2 * 86_400])
    func listIsTakenOnlyWhileInForce(time: Timestamp) throws {
        let list = try world.signedList(
            world.list(expires: World.now + 86_400), by: "SG", "MY")
        let error = #expect(throws: FederationError.self) { try verify(list: list, at: time) }
        #expect(error?.description.contains("in force only") == true)
    }

    @Test func recordOfAnotherCountryOrFederationIsRefused() throws {
        let list = try world.signedList(world.list(), by: "SG", "MY")
        let records = try world.records(federation: SHA256.digest(list))
        let (sg, my) = (try Country("SG"), try Country("MY"))
        #expect(try verify(list: list, records: records).nodes.count == 3)
        #expect(throws: FederationError.self) {
            try verify(list: list, records: [sg: #require(records[my])])
        }
        #expect(throws: FederationError.self) {
            try verify(list: list, records: [Country("TH"): #require(records[sg])])
        }
        let foreign = try world.records(federation: SHA256.digest([]))
        #expect(throws: FederationError.self) { try verify(list: list, records: foreign) }
    }

    @Test func recordNeedsItsMembersThreshold() throws {
        let list = try world.signedList(world.list(), by: "SG", "MY")
        let record = try world.record(of: "SG", federation: SHA256.digest(list))
        let one = try record.signed(
            by: [world.member("SG").authorities[0]], at: World.now)
        #expect(
            throws: FederationError.tooFewSigners(
                "member record of `SG`", signed: 1, needed: 2)
        ) { try verify(list: list, records: [Country("SG"): one]) }
        let foreign = try record.signed(by: world.member("MY").authorities, at: World.now)
        #expect(throws: FederationError.self) {
            try verify(list: list, records: [Country("SG"): foreign])
        }
    }

    @Test func recordOfForeignNodesCannotBeMade() throws {
        let record = try world.record(of: "SG", federation: SHA256.digest([]))
        #expect(throws: FederationError.self) {
            try MemberRecord(
                federation: record.federation, country: Country("MY"), issued: record.issued,
                expires: record.expires, nodes: record.nodes, officers: [])
        }
    }

    @Test(arguments: ["members", "quorum", "serial", "issued", "suites", "sandbox", "type"])
    func documentWithoutAKeyIsRefused(key: String) throws {
        var fields = try #require(try world.list().json.objectValue)
        fields[key] = nil
        #expect(throws: FederationError.self) {
            try MembershipList(content: JSON.object(fields).canonical)
        }
    }

    @Test func unknownKeysAndOtherSpellingsAreRefused() throws {
        var fields = try #require(try world.list().json.objectValue)
        let content = JSON.object(fields).canonical
        #expect(throws: FederationError.self) { try MembershipList(content: [0x20] + content) }
        fields["note"] = "hello"
        #expect(throws: FederationError.self) {
            try MembershipList(content: JSON.object(fields).canonical)
        }
    }

    @Test func mutatedDocumentsAreRefused() throws {
        let list = try world.signedList(world.list(), by: "SG", "MY")
        let crls = try world.revocationLists()
        for bytes in Mutations.of(list, count: 500, seed: 5) where bytes != list {
            #expect(throws: FederationError.self) {
                try verify(list: bytes, revocationLists: crls)
            }
        }
    }

    /// Unsigned bytes may say something else, but never one thing in two ways.
    @Test func mutatedContentIsRefusedOrReadAsItStands() throws {
        let content = try world.list().json.canonical
        for bytes in Mutations.of(content, count: 500, seed: 6) {
            guard let list = try? MembershipList(content: bytes) else { continue }
            #expect(list.json.canonical == bytes)
        }
    }

    @Test func directoryIsReadWholeOrNotAtAll() throws {
        let directory = FileManager.default.temporaryDirectory.appending(
            path: "selat-membership-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: directory) }
        let documents = try world.documents()
        for folder in ["records", "crls"] {
            try FileManager.default.createDirectory(
                at: directory.appending(path: folder), withIntermediateDirectories: true)
        }
        try Data(documents.list).write(to: directory.appending(path: "membership.cms"))
        for (country, bytes) in documents.records {
            try Data(bytes).write(to: directory.appending(path: "records/\(country).cms"))
        }
        for (country, bytes) in documents.revocationLists {
            try Data(bytes).write(to: directory.appending(path: "crls/\(country).crl"))
        }
        let federation = try FederationLoader.load(
            directory: directory.path(), trusted: SHA256.digest(documents.list),
            allowsSandbox: true, at: World.now)
        #expect(federation.nodes.count == 3)
        try Data().write(to: directory.appending(path: "records/sg.cms"))
        #expect(throws: FederationError.self) {
            try FederationLoader.documents(in: directory.path())
        }
        #expect(throws: FederationError.self) {
            try FederationLoader.documents(in: directory.path() + "/nowhere")
        }
    }
}
