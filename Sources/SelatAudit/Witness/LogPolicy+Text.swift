// The file of a tlog-policy: lines of words.

package import SelatCore

extension LogPolicy {
    /// Parses a policy file.
    /// - Throws: `AuditError.malformed`, which names the line, for anything that C2SP's `tlog-policy`
    ///   refuses, for keys that are not Ed25519, and for text that is not UTF-8.
    package init(parsing bytes: [UInt8]) throws(AuditError) {
        guard bytes.count <= Self.bytesMax, let text = String(validating: bytes, as: UTF8.self),
            bytes.allSatisfy({ $0 >= 0x20 && $0 != 0x7F || $0 == 0x09 || $0 == 0x0A }),
            bytes.last == 0x0A
        else { throw .malformed("witness policy", "not text in whole lines") }
        var parts = Parts()
        // Split by bytes: a carriage return or a combining mark must not join two characters.
        for (number, line) in text.utf8.split(separator: 0x0A, omittingEmptySubsequences: false)
            .enumerated()
        {
            let words = line.split(whereSeparator: { $0 == 0x20 || $0 == 0x09 })
                .map { String(Substring($0)) }
            guard let first = words.first, !first.utf8.starts(with: [UInt8(ascii: "#")]) else {
                continue
            }
            do throws(AuditError) {
                try parts.take(words)
            } catch {
                throw .malformed("witness policy", "line \(number + 1): \(error)")
            }
        }
        guard parts.quorums == 1 else {
            throw .malformed("witness policy", "\(parts.quorums) quorum lines, expected 1")
        }
        // Nobody writes that down on purpose.
        guard Set(parts.witnesses.map(\.key.key)).count == parts.witnesses.count else {
            throw .malformed("witness policy", "a witness stands twice")
        }
        try self.init(
            logs: parts.logs, witnesses: parts.witnesses, groups: parts.groups,
            quorum: parts.quorum)
    }

    /// The file's text.
    package var text: String {
        let lines =
            logs.map { "log \($0.text)" }
            + witnesses.map { "witness \($0.name) \($0.key.text)\($0.url.map { " \($0)" } ?? "")" }
            + groups.map { group in
                let count = group.members.count
                let threshold =
                    group.threshold == count
                    ? "all" : group.threshold == 1 ? "any" : "\(group.threshold)"
                return "group \(group.name) \(threshold) \(group.members.joined(separator: " "))"
            } + ["quorum \(quorum ?? "none")"]
        return lines.joined(separator: "\n") + "\n"
    }

    private static let bytesMax = 1 << 20

    private struct Parts {
        var logs: [VerifierKey] = []
        var witnesses: [Witness] = []
        var groups: [Group] = []
        var quorum: String?
        var quorums = 0
        /// Names may be used only behind the line that defines them.
        private var defined: Set<[UInt8]> = []

        mutating func take(_ words: [String]) throws(AuditError) {
            switch (words[0], words.count) {
            case ("log", 2...3): logs.append(try VerifierKey(words[1]))
            case ("witness", 3...4):
                defined.insert(words[1].octets)
                witnesses.append(
                    Witness(
                        name: words[1], key: try CosignerKey(words[2]),
                        url: words.count == 4 ? words[3] : nil))
            case ("group", 4...): try takeGroup(words)
            case ("quorum", 2):
                quorums += 1
                quorum = words[1] == "none" ? nil : words[1]
                if let quorum, !defined.contains(quorum.octets) { throw undefined(quorum) }
            default: throw .malformed("line", words.joined(separator: " ").quotable)
            }
        }

        private mutating func takeGroup(_ words: [String]) throws(AuditError) {
            let members = Array(words[3...])
            for member in members where !defined.contains(member.octets) { throw undefined(member) }
            let threshold =
                switch words[2] {
                case "all": members.count
                case "any": 1
                default: UInt64(decimal: words[2]).flatMap { Int(exactly: $0) } ?? 0
                }
            guard (1...members.count).contains(threshold) else {
                throw .malformed("group", "\(words[1].quotable) can never be met, or always is")
            }
            groups.append(Group(name: words[1], threshold: threshold, members: members))
            defined.insert(words[1].octets)
        }

        private func undefined(_ name: String) -> AuditError {
            .malformed("name", "\(name.quotable), which no line before defines")
        }
    }
}

extension LogPolicy {
    /// The quorum of a federation: one vote for each country, however many nodes of it witness.
    /// - Parameters:
    ///   - witnesses: of each other country, by its code; a country without any has no vote.
    ///   - least: countries that must have cosigned, as it stands: where fewer witness, the quorum is
    ///     never met, and no reader takes the policy's text. nil for more than half of those that
    ///     witness, and at least two, or all where there are fewer; none where nobody does.
    /// - Throws: `AuditError.malformed` for a name that two of them share.
    package static func countries(
        _ witnesses: [Country: [CosignerKey]], atLeast least: Int? = nil
    ) throws(AuditError) -> LogPolicy {
        let voting = witnesses.filter { !$0.value.isEmpty }.sorted { $0.key < $1.key }
        guard !voting.isEmpty || least != nil else {
            return try LogPolicy(witnesses: [], groups: [], quorum: nil)
        }
        let named = voting.flatMap { _, keys in keys.map { Witness(name: $0.name, key: $0) } }
        let groups = voting.map { country, keys in
            Group(name: country.code, threshold: 1, members: keys.map(\.name))
        }
        let threshold = least ?? min(voting.count, max(2, voting.count / 2 + 1))
        let all = Group(name: "countries", threshold: threshold, members: groups.map(\.name))
        return try LogPolicy(witnesses: named, groups: groups + [all], quorum: all.name)
    }
}
