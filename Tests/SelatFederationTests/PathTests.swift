import SelatCore
import SelatCrypto
import Testing

@testable import SelatFederation

/// Which ways the membership's links leave open.
struct PathTests {
    private static let all: Set<String> = ["MY", "SG", "TH", "VN"]

    /// Four members, each with `CC/hub`; the links as they are given, who relays by its record, and
    /// whose nodes may by the list.
    private func federation(
        relays: Set<String> = all, allowed: Set<String> = all, links: [String: Set<String>] = [:]
    ) throws -> Federation {
        let world = try World("MY", "SG", "TH", "VN")
        let members = world.members.map { member in
            var listed = world.listed(member)
            if allowed.contains(member.country.code) { listed.roles.insert(.relay) }
            return listed
        }
        let list = try world.signedList(
            world.list(quorum: 3, members: members), by: "MY", "SG", "TH")
        let plain = try Federation(
            verifying: MembershipDocuments(
                list: list, records: try world.records(federation: SHA256.digest(list)),
                revocationLists: [:]), trusted: nil, allowsSandbox: true, at: World.now)
        let records = try plain.records.mapValues { record in
            let nodes = try record.nodes.map { node in
                let code = record.country.code
                return MemberRecord.Node(
                    id: node.id, endpoint: node.endpoint, tls: node.tls, signing: node.signing,
                    agreement: node.agreement, logKey: node.logKey,
                    roles: relays.contains(code) ? [.exchange, .relay] : [.exchange],
                    links: try links[code].map { Set(try $0.map { try NodeID("\($0)/hub") }) })
            }
            return try MemberRecord(
                federation: record.federation, country: record.country, issued: record.issued,
                expires: record.expires, nodes: nodes, officers: record.officers)
        }
        return Federation(
            id: plain.id, list: plain.list, records: records,
            anchors: plain.allAnchors, documents: plain.documents)
    }

    private func paths(
        _ federation: Federation, _ from: String = "SG", _ to: String = "VN",
        without: Set<String> = []
    ) throws -> [String] {
        try federation.paths(from: NodeID("\(from)/hub"), to: NodeID("\(to)/hub")) {
            !without.contains($0.country.code)
        }.map { $0.map(\.country.code).joined(separator: " ") }
    }

    @Test func fewerRelaysComeFirstThenNames() throws {
        #expect(
            try paths(federation()) == [
                "SG VN", "SG MY VN", "SG TH VN", "SG MY TH VN", "SG TH MY VN",
            ])
    }

    @Test func eitherEndOfALinkCanDenyIt() throws {
        let federation = try federation(links: ["SG": ["MY"], "VN": ["TH", "MY"]])
        #expect(try paths(federation) == ["SG MY VN", "SG MY TH VN"])
        #expect(try paths(federation, "VN", "SG") == ["VN MY SG", "VN TH MY SG"])
    }

    @Test func onlyRelaysStandBetween() throws {
        #expect(try paths(federation(relays: ["TH"])) == ["SG VN", "SG TH VN"])
        #expect(try paths(federation(relays: [], links: ["SG": []])) == [])
        // A record alone makes no relay, and neither does the list.
        #expect(try paths(federation(allowed: ["TH"])) == ["SG VN", "SG TH VN"])
        #expect(try paths(federation(relays: ["TH"], allowed: ["MY"])) == ["SG VN"])
    }

    @Test func whoIsNotAdmittedIsOnNoPath() throws {
        #expect(try paths(federation(), without: ["MY"]) == ["SG VN", "SG TH VN"])
    }

    @Test func strangersHaveNoPath() throws {
        #expect(try paths(federation(), "SG", "LA") == [])
        #expect(try paths(federation(), "SG", "SG") == [])
    }

    @Test func linksStandInTheRecord() throws {
        let record = try #require(
            try federation(links: ["SG": ["VN", "MY"]]).records[try Country("SG")])
        let content = record.json.canonical
        let text = String(decoding: content, as: UTF8.self)
        #expect(text.contains(#""links":["MY/hub","VN/hub"]"#))
        let read = try MemberRecord(content: content, country: record.country)
        #expect(read.nodes == record.nodes)
        // Another order or a repeated name is another form of the same.
        for other in [#"["VN/hub","MY/hub"]"#, #"["MY/hub","MY/hub","VN/hub"]"#, #"["SG/hub"]"#] {
            let changed = text.replacing(#"["MY/hub","VN/hub"]"#, with: other)
            #expect(throws: FederationError.self) {
                try MemberRecord(content: Array(changed.utf8), country: record.country)
            }
        }
    }

    @Test func linksAreProposedAndShown() throws {
        let federation = try federation()
        let record = try #require(federation.records[try Country("SG")])
        let node = try NodeID("SG/hub")
        let next = try record.next(
            [.links(node, [try NodeID("MY/hub")])], issued: World.now,
            expires: World.now + 86_400)
        #expect(next.nodes.first?.links == [try NodeID("MY/hub")])
        let shown = next.differences(from: record).map { "\($0)" }
        #expect(shown.contains { $0.contains("links") && $0.contains("MY/hub") })
        #expect(throws: FederationError.self) {
            try record.next(
                [.links(try NodeID("SG/other"), nil)],
                issued: World.now, expires: World.now + 86_400)
        }
    }
}
