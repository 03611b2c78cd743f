import ArgumentParser
import SelatCore
import SelatCrypto
import SelatFederation

/// Changes of the membership list, as they are typed.
struct ListChangeOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp("A new member: the file of its authorities.", valueName: "file"))
    var add: [String] = []

    @Option(help: ArgumentHelp("Cut off a member (VN) or a node (VN/hub).", valueName: "who"))
    var cut: [String] = []

    @Option(help: "With --cut: from when on statements are distrusted (default: now).")
    var distrustFrom: String?

    @Option(help: "With --cut of one node: how many entries of its log are trusted.")
    var logSize: UInt64?

    @Option(help: ArgumentHelp("Take a node back that was cut.", valueName: "node"))
    var restore: [NodeID] = []

    @Option(help: "How many members must sign a list.")
    var quorum: Int?

    @Option(
        help: ArgumentHelp("Use a suite, or give it an end: 2, 1:TIME.", valueName: "suite"))
    var suite: [String] = []

    @Option(help: ArgumentHelp("Use a suite no more.", valueName: "suite"))
    var dropSuite: [String] = []

    @Option(
        help: ArgumentHelp(
            "What envelopes owe: standard, high, or high-from:secret.", valueName: "profile"))
    var profile: String?

    @Option(
        help: ArgumentHelp("What a member's nodes may be: SG:exchange,relay.", valueName: "cc:…"))
    var role: [String] = []

    @Option(help: ArgumentHelp("A member's sector: SG:public.", valueName: "cc:sector"))
    var sector: [String] = []

    @Option(
        help: ArgumentHelp(
            "How many of a member's authorities speak for it: SG:2.", valueName: "cc:number"))
    var threshold: [String] = []

    @Option(help: ArgumentHelp("One more authority: SG:a3.pem.", valueName: "cc:pem"))
    var authority: [String] = []

    @Option(
        help: ArgumentHelp(
            "An authority less, by file or fingerprint: SG:a1.pem.", valueName: "cc:pem"))
    var dropAuthority: [String] = []

    @Option(help: ArgumentHelp("One more CA: SG:root-2.pem.", valueName: "cc:pem"))
    var ca: [String] = []

    @Option(
        help: ArgumentHelp("A CA less: SG:root-1.pem.", valueName: "cc:pem"))
    var dropCA: [String] = []

    func validate() throws {
        try (0...UInt64(JSON.integerMax)).require(logSize, of: "--log-size")
        try (1...FederationLimits.membersMax).require(quorum, of: "--quorum")
    }

    /// The changes, in the order in which they are to be made: who is cut may be added anew.
    func changes(at now: Timestamp) throws -> [ListChange] {
        try cuts(at: now) + restore.map { .restore($0) } + candidates().map { .add($0) }
            + (quorum.map { [.quorum($0)] } ?? []) + suites() + profiles()
            + members()
    }

    func candidates() throws -> [MembershipList.Member] {
        try add.map { path in
            let bytes = try ProposalFile.bytes(of: path)
            do {
                return try MembershipList.Member(candidate: bytes)
            } catch {
                throw Ending(.invalidConfiguration, "`\(path)`: \(error)")
            }
        }
    }

    private func cuts(at now: Timestamp) throws -> [ListChange] {
        guard distrustFrom == nil || !cut.isEmpty, logSize == nil || cut.count == 1 else {
            throw Ending(
                .usage, "--distrust-from and --log-size go with --cut, the size with one node")
        }
        let since = try distrustFrom.map { try Timestamp($0) } ?? now
        return try cut.map { who in
            let subject: MembershipList.Cut.Subject =
                who.contains("/") ? .node(try NodeID(who)) : .member(try Country(who))
            return .cut(
                MembershipList.Cut(subject: subject, distrustFrom: since, logSize: logSize))
        }
    }

    private func suites() throws -> [ListChange] {
        try suite.map { text in
            let parts = text.split(separator: ":", maxSplits: 1).map(String.init)
            let sunset = parts.count == 2 ? try Timestamp(parts[1]) : nil
            return .suite(try Self.suite(parts.first ?? ""), sunset: sunset)
        } + dropSuite.map { .withdrawSuite(try Self.suite($0)) }
    }

    private func profiles() throws -> [ListChange] {
        guard let profile else { return [] }
        if let known = CryptographyProfile(rawValue: profile) {
            return [.profile(known, highFrom: nil)]
        }
        let parts = profile.split(separator: ":", maxSplits: 1).map(String.init)
        guard parts.count == 2, parts[0] == "high-from",
            let classification = Classification(rawValue: parts[1])
        else {
            throw Ending(
                .usage, "`\(profile)` is no profile",
                hint: "standard, high, or high-from: and a classification")
        }
        return [.profile(.standard, highFrom: classification)]
    }

    private static func suite(_ text: String) throws -> Suite {
        guard let suite = Int64(text).flatMap({ Suite(rawValue: $0) }) else {
            throw Ending(.usage, "`\(text)` is no suite", hint: "suites are 1 to 4")
        }
        return suite
    }

    private func members() throws -> [ListChange] {
        let roles = try role.map { text -> ListChange in
            let (country, words) = try Pair.of(text)
            return .roles(country, try NodeRole.all(words))
        }
        let sectors = try sector.map { text -> ListChange in
            let (country, word) = try Pair.of(text)
            guard let sector = Sector(rawValue: word) else {
                throw Ending(.usage, "`\(word)` is no sector", hint: "defence, public or business")
            }
            return .sector(country, sector)
        }
        let thresholds = try threshold.map { text -> ListChange in
            let (country, number) = try Pair.of(text)
            let bounds = 1...FederationLimits.authoritiesMax
            guard let number = Int(number), bounds.contains(number) else {
                throw Ending(
                    .usage,
                    "--threshold `\(text)`: expected a number from \(bounds.lowerBound) to "
                        + "\(bounds.upperBound)")
            }
            return .threshold(country, number)
        }
        return roles + sectors + (try authorities()) + thresholds
    }

    private func authorities() throws -> [ListChange] {
        func all(
            _ texts: [String], _ change: (Country, Certificate) -> ListChange
        ) throws -> [ListChange] {
            try texts.map { text in
                let (country, path) = try Pair.of(text)
                return change(country, try Pair.certificate(path))
            }
        }
        return try all(ca) { .addCA($0, $1) } + all(dropCA) { .withdrawCA($0, $1) }
            + all(authority) { .addAuthority($0, $1) }
            + all(dropAuthority) { .withdrawAuthority($0, $1) }
    }
}

extension NodeRole {
    /// Words between commas.
    static func all(_ words: String) throws -> Set<NodeRole> {
        let roles = words.split(separator: ",").map { NodeRole(rawValue: String($0)) }
        guard !roles.contains(nil) else {
            throw Ending(
                .usage, "`\(words)` names no such roles",
                hint: NodeRole.allCases.map(\.rawValue).joined(separator: ", "))
        }
        return Set(roles.compactMap { $0 })
    }
}

/// `SG:what`, as options take it.
enum Pair {
    static func of(_ text: String) throws -> (Country, String) {
        let parts = text.split(separator: ":", maxSplits: 1).map(String.init)
        guard parts.count == 2, let country = try? Country(parts[0]) else {
            throw Ending(.usage, "`\(text)`: expected a country, a colon and what is meant")
        }
        return (country, parts[1])
    }

    static func certificate(_ path: String) throws -> Certificate {
        let pem = try ProposalFile.bytes(of: path)
        do {
            return try Certificate(pem: pem)
        } catch {
            throw Ending(.invalidConfiguration, "`\(path)`: \(error)")
        }
    }
}
