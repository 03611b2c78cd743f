import ArgumentParser
import SelatCore
import SelatCrypto
import SelatFederation

struct MembersPropose: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "propose",
        abstract: "Write the next membership list, or a member's next record, for others to sign.",
        discussion: """
            The next one begins as what is held, with the next serial and new dates, and
            the changes that you name; with none, say --renew. Or edit the JSON and pass
            it with --from. Shows what changes and who must sign; nothing is in force
            before they have.

            Examples:
              selat members propose --add TH.json --out add-TH.json
              selat members propose --cut VN/hub --distrust-from 2026-11-20T00:00:00Z
              selat members propose --quorum 3 --suite 2 --suite 1:2027-01-01T00:00:00Z
              selat members propose --record SG --certificate tls-new.pem \\
                --officer SG/csa/tan:releasing-officer:tan.pem
              selat members propose --renew --membership membership --trust sha256:4f62…
            """)

    @Flag(help: "New dates and no other change.")
    var renew = false

    @OptionGroup(title: "The list") var list: ListChangeOptions
    @OptionGroup(title: "A member's record") var record: RecordChangeOptions

    @Option(help: "An edited JSON file instead of named changes; serial and dates as it has them.")
    var from: String?

    @Flag(help: "The first list of a new federation, of the members named with --add.")
    var first = false

    @Flag(help: "With --first: a sandbox's list, which real nodes refuse.")
    var sandbox = false

    @Option(help: "How long it is in force, at most 30d.")
    var lifetime: String = "30d"

    @Option(help: "The file to write (default: list-SERIAL.json or CC-SERIAL.json).")
    var out: String?

    @OptionGroup var held: HeldMembership
    @OptionGroup var client: ClientOptions

    func run() async throws {
        let now = SystemClock().now()
        let federation = first ? nil : try await held.load(client, at: now)
        let proposal = try proposal(after: federation, at: now)
        let page: ProposalPage
        do {
            try federation?.requireNext(proposal, at: now)
            page = try ProposalPage(proposal, signed: nil, held: federation, at: now)
        } catch {
            throw Ending(.invalidConfiguration, "\(error)")
        }
        let path = out ?? Self.name(of: proposal)
        try ProposalFile.write(
            Array((proposal.json.pretty + "\n").utf8), to: path, replacing: from == path)
        if client.json { return Terminal.result(page.json(path: path)) }
        Terminal.result(lines: page.lines + [path])
        Terminal.hint("selat members sign \(path) --key KEY --certificate PEM")
    }

    private static func name(of proposal: Proposal) -> String {
        switch proposal {
        case .list(let list): "list-\(list.serial).json"
        case .record(let record): "\(record.country)-\(record.serial).json"
        }
    }

    private func proposal(
        after federation: Federation?, at now: Timestamp
    ) throws -> Proposal {
        if let from {
            let file = try ProposalFile(from)
            guard file.message == nil else {
                throw Ending(.usage, "`\(from)` is signed already", hint: "name its JSON")
            }
            return file.proposal
        }
        let expires = now + (try Span.seconds(lifetime))
        do {
            guard let federation else { return try firstList(now, expires) }
            return try record.country.map { country in
                try next(record: country, of: federation, now, expires)
            } ?? next(list: federation, now, expires)
        } catch let error as FederationError {
            throw Ending(.invalidConfiguration, "\(error)")
        }
    }

    private func firstList(_ now: Timestamp, _ expires: Timestamp) throws -> Proposal {
        let members = try list.candidates()
        guard !members.isEmpty else {
            throw Ending(.usage, "a first list needs its members", hint: "name each with --add")
        }
        var suites: [Suite: Timestamp?] = [:]
        var (profile, highFrom) = (CryptographyProfile.standard, Classification?.none)
        for change in try list.changes(at: now) {
            switch change {
            case .suite(let suite, let sunset): suites.updateValue(sunset, forKey: suite)
            case .profile(let named, let from): (profile, highFrom) = (named, from)
            default: break
            }
        }
        // What both ends have keys for is found out with each envelope.
        if suites.isEmpty { for suite in Suite.allCases { suites.updateValue(nil, forKey: suite) } }
        return .list(
            try MembershipList(
                issued: now, expires: expires, isSandbox: sandbox,
                quorum: list.quorum ?? MembershipList.majority(of: members.count),
                suites: suites, profile: profile, highFrom: highFrom, members: members))
    }

    private func next(
        list federation: Federation, _ now: Timestamp, _ expires: Timestamp
    ) throws -> Proposal {
        let changes = try list.changes(at: now)
        try requireWords(changes.isEmpty, other: try record.changes().isEmpty)
        return .list(
            try federation.list.next(
                changes, of: federation.id, issued: now, expires: expires))
    }

    private func next(
        record country: Country, of federation: Federation, _ now: Timestamp,
        _ expires: Timestamp
    ) throws -> Proposal {
        let changes = try record.changes()
        try requireWords(changes.isEmpty, other: try list.changes(at: now).isEmpty)
        guard let held = federation.records[country] else {
            throw Ending(
                .failed, "no record of `\(country)` is held",
                hint: "a member's first record is made with its first node: selat join --help")
        }
        return .record(try held.next(changes, issued: now, expires: expires))
    }

    private func requireWords(_ isEmpty: Bool, other isOtherEmpty: Bool) throws {
        guard isOtherEmpty else {
            throw Ending(
                .usage, "changes of the list and of a record are two proposals",
                hint: "those of a record go with --record CC")
        }
        guard !isEmpty || renew else {
            throw Ending(
                .usage, "no change is named", hint: "with --renew it has new dates only")
        }
    }
}
