import SelatCore
import SelatExchange
import SelatPolicy

// How much uploads may send to other nodes, by hours of the day.

extension Configuration {
    /// The entries of `bandwidth`, in their order: the first one that fits holds.
    static func bandwidth(
        _ top: Section, _ reader: inout DocumentReader
    ) -> [BandwidthLimit]? {
        guard top["bandwidth"] != nil else { return [] }
        guard let nodes = reader.list(top["bandwidth"], "`bandwidth`") else { return nil }
        let limits = nodes.compactMap { limit($0, &reader) }
        return limits.count == nodes.count ? limits : nil
    }

    private static func limit(
        _ node: DocumentNode, _ reader: inout DocumentReader
    ) -> BandwidthLimit? {
        let keys = ["to", "hours", "bytes"]
        guard let section = reader.section(node, "an entry of `bandwidth`", keys: keys) else {
            return nil
        }
        let to = section["to"].flatMap { _ in value(section, "to", &reader) { try NodeID($0) } }
        let hours = section["hours"].flatMap { _ in
            value(section, "hours", &reader) { try BandwidthLimit.Hours($0) }
        }
        let bytes = value(section, "bytes", &reader) { try BandwidthLimit.bytes($0) }
        guard let bytes, (section["to"] == nil) == (to == nil),
            (section["hours"] == nil) == (hours == nil)
        else { return nil }
        return BandwidthLimit(node: to, hours: hours, bytesPerSecond: bytes)
    }
}

extension BandwidthLimit {
    /// `unlimited`, or bytes a second.
    fileprivate static func bytes(_ text: String) throws(CoreError) -> UInt64? {
        if text == "unlimited" { return nil }
        guard let bytes = UInt64(text), bytes >= bytesPerSecondMin else {
            throw .malformed(
                "bytes", text, expected: "\(bytesPerSecondMin) a second or more, or `unlimited`")
        }
        return bytes
    }
}

extension BandwidthLimit.Hours {
    /// `08-18`: from eight o'clock to before six in the evening, UTC.
    fileprivate init(_ text: String) throws(CoreError) {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        let hours = parts.compactMap { part in
            part.count == 2 && part.allSatisfy(\.isASCII) ? Int(part) : nil
        }
        guard parts.count == 2, hours.count == 2, (0...23).contains(hours[0]),
            (0...24).contains(hours[1]), hours[0] != hours[1]
        else {
            throw .malformed("hours", text, expected: "two hours of the day in UTC, such as 08-18")
        }
        self.init(from: hours[0], to: hours[1])
    }
}
