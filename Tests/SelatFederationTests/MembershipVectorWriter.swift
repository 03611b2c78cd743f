import SelatCore
import SelatCrypto
import SelatFederation

/// Makes the membership vectors: one federation of three, and one thing wrong with it at a time.
struct MembershipVectorWriter {
    let world: World
    let first: MembershipList
    let list: [UInt8]

    init() throws {
        world = try World("SG", "MY", "VN")
        first = try world.list(isSandbox: false)
        list = try world.signedList(first, by: "SG", "MY")
    }

    private var trust: Digest { SHA256.digest(list) }
    private var everyone: [CMS.Signer] { world.members.flatMap(\.authorities) }

    /// Name and text of each.
    func all() throws -> [(String, String)] {
        try good() + signatures() + contents() + successions() + others()
    }

    // MARK: Texts

    private func vector(
        _ comment: String, accepted: (serial: Int, nodes: String)? = nil,
        lists: [[UInt8]]? = nil, trust: Digest? = nil, records: [Country: [UInt8]]? = nil,
        crls: [Country: [UInt8]]? = nil, sandboxes: Bool = false, time: Timestamp = World.now
    ) throws -> String {
        let lists = lists ?? [list]
        var lines = [
            "comment: \(comment)", "expect: \(accepted == nil ? "refused" : "accepted")",
            "time: \(time)", "trust: \(trust ?? SHA256.digest(lists[0]))",
            "sandboxes: \(sandboxes ? "yes" : "no")",
        ]
        if let accepted {
            lines += [
                "serial: \(accepted.serial)",
                "nodes: \(accepted.nodes.isEmpty ? "none" : accepted.nodes)",
            ]
        }
        lines += lists.map { "list: \(Base64.encode($0))" }
        let records = try records ?? world.records(federation: SHA256.digest(lists[0]))
        lines += records.sorted { $0.key < $1.key }
            .map { "record: \($0.key) \(Base64.encode($0.value))" }
        lines += try (crls ?? world.revocationLists()).sorted { $0.key < $1.key }
            .map { "crl: \($0.key) \(Base64.encode($0.value))" }
        return lines.joined(separator: "\n") + "\n"
    }

    private static let all = "MY/hub SG/hub VN/hub"

    private func signed(
        _ signers: [CMS.Signer]? = nil, _ change: (inout JSON.Object) throws -> Void = { _ in }
    ) throws -> [UInt8] {
        var fields = first.json.objectValue ?? [:]
        try change(&fields)
        return try CMS.sign(
            content: JSON.object(fields).canonical, type: .membershipList,
            signers: signers ?? everyone, at: World.now)
    }

    // MARK: Vectors

    private func good() throws -> [(String, String)] {
        [
            ("first", try vector("a first list with three records", accepted: (1, Self.all))),
            (
                "without-records",
                try vector("nobody has a record yet", accepted: (1, ""), records: [:])
            ),
            (
                "signed-by-all",
                try vector(
                    "more than the quorum", accepted: (1, Self.all), lists: [try signed()])
            ),
        ]
    }

    private func signatures() throws -> [(String, String)] {
        let (sg, my) = (world.member("SG").authorities, world.member("MY").authorities)
        let few = try signed([sg[0], sg[1], my[0]])
        let twice = try signed([sg[0], sg[0], my[0], my[1]])
        let stranger = try World("SG").member("SG").authorities[0]
        var flipped = list
        flipped[flipped.count - 1] ^= 1
        return [
            ("one-signature-too-few", try vector("MY's second authority lacks", lists: [few])),
            ("signed-twice", try vector("one signer stands twice", lists: [twice])),
            (
                "signed-by-a-stranger",
                try vector("enough, and one of nobody", lists: [try signed(everyone + [stranger])])
            ),
            ("signature-flipped", try vector("the last bit of a signature", lists: [flipped])),
            (
                "other-trust",
                try vector("another digest is trusted", trust: SHA256.digest([1]))
            ),
        ]
    }

    private func contents() throws -> [(String, String)] {
        func changed(_ change: (inout JSON.Object) throws -> Void) throws -> [[UInt8]] {
            [try signed(nil, change)]
        }
        return [
            ("unknown-key", try vector("`note`", lists: changed { $0["note"] = "x" })),
            (
                "critical-key",
                try vector(
                    "a mark that this page does not know", lists: changed { $0["critical"] = ["x"] }
                )
            ),
            ("quorum-of-half", try vector("1 of 3", lists: changed { $0["quorum"] = 1 })),
            (
                "one-country-twice",
                try vector(
                    "two members are MY",
                    lists: changed { fields in
                        var members = fields["members"]?.arrayValue ?? []
                        var second = members[1].objectValue ?? [:]
                        second["country"] = "MY"
                        members[1] = .object(second)
                        fields["members"] = .array(members)
                    })
            ),
            (
                "members-out-of-order",
                try vector(
                    "VN, SG, MY",
                    lists: changed { fields in
                        fields["members"] = .array(
                            (fields["members"]?.arrayValue ?? []).reversed())
                    })
            ),
            (
                "lives-too-long",
                try vector(
                    "31 days",
                    lists: changed {
                        $0["expires"] = .string((first.issued + 31 * 86_400).text)
                    })
            ),
            (
                "cut-of-nobody", try vector("an empty `cut`", lists: changed { $0["cut"] = [] })
            ),
            (
                "a-sandboxs",
                try vector(
                    "a sandbox's, where none may be", lists: changed { $0["sandbox"] = true })
            ),
        ]
    }

    private func successions() throws -> [(String, String)] {
        func next(
            _ list: MembershipList, _ changes: [ListChange] = []
        ) throws -> MembershipList {
            try list.next(
                changes, of: trust, issued: World.now, expires: World.now + 20 * 86_400)
        }
        let second = try next(first)
        let two = try world.signedList(second, by: "SG", "VN")
        let copy = try world.signedList(second, by: "SG", "MY")
        let three = try world.signedList(next(second), by: "MY", "VN")
        let bytes = try MembershipList(
            federation: trust, serial: 3, previous: SHA256.digest(two), issued: World.now,
            expires: World.now + 20 * 86_400, isSandbox: false, quorum: second.quorum,
            suites: second.suites, members: second.members)
        let old = try world.signedList(bytes, by: "MY", "VN")
        let cut = MembershipList.Cut(
            subject: .node(try NodeID("VN/hub")), distrustFrom: World.from, logSize: 12)
        let cutting = try world.signedList(next(first, [.cut(cut)]), by: "SG", "MY")
        let half = try world.signedList(second, by: "SG")
        return [
            (
                "second",
                try vector("a list after the first", accepted: (2, Self.all), lists: [list, two])
            ),
            (
                "third",
                try vector("and one after it", accepted: (3, Self.all), lists: [list, two, three])
            ),
            (
                "third-after-a-copy",
                try vector(
                    "the second with other signatures than where the third was made",
                    accepted: (3, Self.all), lists: [list, copy, three])
            ),
            (
                "third-of-before",
                try vector(
                    "the third names the CMS bytes of the second, as lists did once",
                    accepted: (3, Self.all), lists: [list, two, old])
            ),
            (
                "third-of-a-copy",
                try vector(
                    "the third names the CMS bytes of a copy that is not there",
                    lists: [list, copy, old])
            ),
            (
                "cut",
                try vector(
                    "VN/hub is cut, though its record lists it",
                    accepted: (2, "MY/hub SG/hub"), lists: [list, cutting])
            ),
            ("gap", try vector("the second is missing", lists: [list, three])),
            (
                "fork",
                try vector("the third follows another second", lists: [list, cutting, three])
            ),
            ("second-without-quorum", try vector("SG alone", lists: [list, half])),
            ("repeated", try vector("the second twice", lists: [list, two, two])),
        ]
    }

    private func others() throws -> [(String, String)] {
        let (sg, my) = (try Country("SG"), try Country("MY"))
        let records = try world.records(federation: trust)
        let record = try world.record(of: "SG", federation: trust)
        let one = try record.signed(by: [world.member("SG").authorities[0]], at: World.now)
        let foreign = try record.signed(by: world.member("MY").authorities, at: World.now)
        var crls = try world.revocationLists()
        crls[my] = nil
        let revoked = try world.revocationLists(
            revoking: [world.member("SG").authorities[0].certificate])
        return [
            (
                "record-signed-by-one",
                try vector("SG's threshold is two", records: records.merging([sg: one]) { $1 })
            ),
            (
                "record-signed-by-another",
                try vector("by MY's", records: records.merging([sg: foreign]) { $1 })
            ),
            (
                "record-of-another", try vector("MY's under SG", records: [sg: records[my] ?? []])
            ),
            ("no-revocation-list", try vector("MY has none", crls: crls)),
            ("authority-revoked", try vector("SG's first authority is revoked", crls: revoked)),
            (
                "expired",
                try vector("after `expires`", time: first.expires)
            ),
            ("not-yet", try vector("an hour before `issued`", time: first.issued + -3_600)),
        ]
    }
}
