package import SelatCore

// Numbers, durations and dates: one spelling each.
extension DocumentReader {
    /// Digits only, without a leading zero, at most 2^53 - 1.
    package mutating func number(_ node: DocumentNode?, _ what: String) -> UInt64? {
        guard let node, let text = word(node, what) else { return nil }
        if let number = Self.number(text) { return number }
        report(.number, node.place, "\(what): `\(text)` is no number\(Self.numberHint(text))")
        return nil
    }

    /// `72 hours` or `180 days`, in seconds.
    package mutating func duration(_ node: DocumentNode?, _ what: String) -> UInt64? {
        guard let node, let text = word(node, what) else { return nil }
        let parts = text.split(separator: " ", omittingEmptySubsequences: false)
        let units: [Substring: UInt64] = [
            "hours": 3_600, "hour": 3_600, "days": 86_400, "day": 86_400,
        ]
        if parts.count == 2, let count = Self.number(String(parts[0])),
            (1...999_999).contains(count),
            let unit = units[parts[1]]
        {
            return count * unit
        }
        report(
            .duration, node.place,
            "\(what): `\(text)` is no duration; write `72 hours` or `180 days`")
        return nil
    }

    /// `2026-12-31`, the beginning of that day in UTC.
    package mutating func date(_ node: DocumentNode?, _ what: String) -> Timestamp? {
        guard let node, let text = word(node, what) else { return nil }
        if let date = try? Timestamp(date: text) { return date }
        report(.date, node.place, "\(what): `\(text)` is no date; write it as `2026-12-31`")
        return nil
    }

    /// A date, or a moment in UTC where midnight there is the middle of somebody's day.
    package mutating func moment(_ node: DocumentNode?, _ what: String) -> Timestamp? {
        guard let node, let text = word(node, what) else { return nil }
        return (try? Timestamp(text)) ?? date(node, what)
    }

    private static func number(_ text: String) -> UInt64? {
        guard !text.isEmpty, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
            text == "0" || text.utf8.first != 0x30, let number = UInt64(text),
            number <= UInt64(JSON.integerMax)
        else { return nil }
        return number
    }

    /// The number that `100.000`, `100,000`, `1_000`, `0100` or `1e5` was probably meant to be.
    private static func numberHint(_ text: String) -> String {
        let digits = text.filter { !".,_' ".contains($0) }
        let shifted: String? =
            digits.split(separator: "e").count == 2
            ? digits.split(separator: "e").last.flatMap { Int($0) }.flatMap { power in
                (0...12).contains(power)
                    ? digits.prefix { $0 != "e" } + String(repeating: "0", count: power) : nil
            } : digits
        guard let meant = shifted?.drop(while: { $0 == "0" }), number(String(meant)) != nil else {
            return "; write digits only"
        }
        return "; write digits only: `\(meant)`"
    }
}
