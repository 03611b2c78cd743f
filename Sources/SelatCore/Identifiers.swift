// Who and what: countries, nodes, officers, transfers. Each is valid once it exists.

/// A member's country: ISO 3166-1 alpha-2, two upper-case letters.
package struct Country: Hashable, Sendable, Comparable, CustomStringConvertible {
    package let code: String

    /// - Throws: `CoreError.malformed` unless `code` is two upper-case ASCII letters.
    package init(_ code: String) throws(CoreError) {
        guard code.utf8.count == 2, code.utf8.allSatisfy({ (0x41...0x5A).contains($0) }) else {
            throw .malformed("country", code, expected: "two upper-case letters such as `SG`")
        }
        self.code = code
    }

    package var description: String { code }
    package static func < (a: Self, b: Self) -> Bool { a.code < b.code }
}

/// A node of a member, `SG/csa`: country, slash, a lower-case DNS label.
package struct NodeID: Hashable, Sendable, Comparable, CustomStringConvertible {
    package let country: Country
    package let name: String

    /// - Throws: `CoreError.malformed` unless `text` is `CC/label`.
    package init(_ text: String) throws(CoreError) {
        let bytes = text.utf8
        guard let slash = bytes.firstIndex(of: UInt8(ascii: "/")),
            isDNSLabel(text[bytes.index(after: slash)...]),
            let country = try? Country(String(text[..<slash]))
        else { throw .malformed("node", text, expected: "a country and a name such as `SG/csa`") }
        self.country = country
        self.name = String(text[bytes.index(after: slash)...])
    }

    /// - Parameter uri: the form in certificates, `selat://SG/csa`.
    /// - Throws: `CoreError.malformed` for anything else.
    package init(uri: String) throws(CoreError) {
        guard uri.hasPrefix(Self.scheme) else {
            throw .malformed("node URI", uri, expected: "`selat://SG/csa`")
        }
        try self.init(String(uri.dropFirst(Self.scheme.count)))
    }

    package var text: String { "\(country.code)/\(name)" }
    package var uri: String { Self.scheme + text }
    package var description: String { text }
    package static func < (a: Self, b: Self) -> Bool { a.text < b.text }

    fileprivate static let scheme = "selat://"
}

/// A person who answers for a release, `SG/csa/lee`.
package struct OfficerID: Hashable, Sendable, Comparable, CustomStringConvertible {
    package let node: NodeID
    package let name: String

    /// - Throws: `CoreError.malformed` unless `text` is `CC/label/label`.
    package init(_ text: String) throws(CoreError) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 3, isDNSLabel(parts[2]),
            let node = try? NodeID("\(parts[0])/\(parts[1])")
        else { throw .malformed("officer", text, expected: "a node and a name: `SG/csa/lee`") }
        self.node = node
        self.name = String(parts[2])
    }

    /// - Parameter uri: the form in certificates, `selat://SG/csa/lee`.
    /// - Throws: `CoreError.malformed` for anything else.
    package init(uri: String) throws(CoreError) {
        guard uri.hasPrefix(NodeID.scheme) else {
            throw .malformed("officer URI", uri, expected: "`selat://SG/csa/lee`")
        }
        try self.init(String(uri.dropFirst(NodeID.scheme.count)))
    }

    package var text: String { "\(node.text)/\(name)" }
    package var uri: String { NodeID.scheme + text }
    package var description: String { text }
    package static func < (a: Self, b: Self) -> Bool { a.text < b.text }
}

/// A transfer's name for its whole life: UUIDv7 (RFC 9562, 5.7), lower case, so ids sort by time.
package struct TransferID: Hashable, Sendable, Comparable, CustomStringConvertible {
    package let text: String

    /// - Throws: `CoreError.malformed` unless `text` is a lower-case UUID of version 7.
    package init(_ text: String) throws(CoreError) {
        let bytes = Array(text.utf8)
        let wellFormed =
            bytes.count == 36 && bytes[14] == UInt8(ascii: "7")
            && ((0x38...0x39).contains(bytes[19]) || (0x61...0x62).contains(bytes[19]))
            && bytes.indices.allSatisfy { index in
                switch index {
                case 8, 13, 18, 23: bytes[index] == UInt8(ascii: "-")
                default: Hex.value(of: bytes[index]) != nil
                }
            }
        guard wellFormed else {
            throw .malformed("transfer id", text, expected: "a lower-case UUID of version 7")
        }
        self.text = text
    }

    /// A fresh id.
    /// - Parameters:
    ///   - milliseconds: Unix time in milliseconds, the first 48 bits.
    ///   - entropy: 10 random bytes.
    package init(milliseconds: UInt64, entropy: [UInt8]) {
        precondition(entropy.count == 10, "a transfer id takes 10 random bytes")
        var bytes = (0..<6).map { UInt8(truncatingIfNeeded: milliseconds >> (40 - 8 * $0)) }
        bytes += entropy
        bytes[6] = bytes[6] & 0x0F | 0x70
        bytes[8] = bytes[8] & 0x3F | 0x80
        let hex = Array(Hex.encode(bytes))
        let groups = [0..<8, 8..<12, 12..<16, 16..<20, 20..<32]
        text = groups.map { String(hex[$0]) }.joined(separator: "-")
    }

    /// A fresh id.
    package init(madeAt now: Timestamp, _ entropy: some Entropy) {
        self.init(
            milliseconds: UInt64(max(0, now.seconds)) * 1_000, entropy: entropy.bytes(10))
    }

    /// When it was made, by its first 48 bits.
    package var made: Timestamp {
        let milliseconds = text.utf8.lazy.compactMap(Hex.value(of:)).prefix(12)
            .reduce(Int64(0)) { $0 << 4 | Int64($1) }
        return Timestamp(seconds: milliseconds / 1_000)
    }

    package var description: String { text }
    package static func < (a: Self, b: Self) -> Bool { a.text < b.text }
}

/// A transfer that was received, and whose it is: ids are their senders' to choose, so two may have used
/// the same. `SG/csa:ID`, or `ID` where nobody has said whose.
package struct TransferReference: Hashable, Sendable, CustomStringConvertible {
    package let id: TransferID
    /// Its sender; nil where only one can be meant.
    package let from: NodeID?

    package init(_ id: TransferID, from: NodeID? = nil) {
        self.id = id
        self.from = from
    }

    /// - Throws: `CoreError.malformed` unless `text` is an id, or a node, a colon and an id.
    package init(_ text: String) throws(CoreError) {
        let bytes = text.utf8
        if let colon = bytes.firstIndex(of: UInt8(ascii: ":")) {
            from = try NodeID(String(text[..<colon]))
            id = try TransferID(String(text[bytes.index(after: colon)...]))
        } else {
            from = nil
            id = try TransferID(text)
        }
    }

    package var text: String { from.map { "\($0.text):\(id.text)" } ?? id.text }
    package var description: String { text }
}

/// RFC 1035 label, lower case: letters, digits and inner hyphens, 1 to 63 bytes.
private func isDNSLabel(_ text: Substring) -> Bool {
    let bytes = Array(text.utf8)
    guard (1...63).contains(bytes.count), bytes.first != 0x2D, bytes.last != 0x2D else {
        return false
    }
    return bytes.allSatisfy {
        (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || $0 == 0x2D
    }
}
