/// The one shape of POSIX tar (pax interchange format) that packages and backups have.
///
/// Nothing in a member's header is free but name and size: a reader rebuilds the 512 bytes from
/// those two and compares, so every file has exactly one encoding.
package enum Tar {
    package static let blockBytes = 512
    /// The largest size that 11 octal digits hold; only the payload can be larger.
    static let octalSizeMax: UInt64 = 0o777_7777_7777

    /// Two zero blocks.
    package static let end = [UInt8](repeating: 0, count: 2 * blockBytes)

    /// Header of a regular file, or of a pax extended header.
    package static func header(_ name: String, size: UInt64, type: Character = "0") -> [UInt8] {
        precondition(size <= octalSizeMax && name.utf8.count < 100)
        var block = [UInt8](repeating: 0, count: blockBytes)
        func put(_ text: String, _ at: Int) {
            block.replaceSubrange(at..<at + text.utf8.count, with: text.utf8)
        }
        put(name, 0)
        put("0000444", 100)
        put("0000000", 108)
        put("0000000", 116)
        put(octal(size, digits: 11), 124)
        put("00000000000", 136)
        put("        ", 148)
        put(String(type), 156)
        put("ustar", 257)
        put("00", 263)
        put("0000000", 329)
        put("0000000", 337)
        let sum = block.reduce(UInt64(0)) { $0 + UInt64($1) }
        put(octal(sum, digits: 6) + "\0 ", 148)
        return block
    }

    /// A member: header, content, zeros up to a whole block.
    package static func member(_ name: String, _ content: [UInt8]) -> [UInt8] {
        header(name, size: UInt64(content.count)) + content + padding(after: UInt64(content.count))
    }

    /// The headers before the payload's first byte: an extended header that holds its size alone,
    /// and its own with size 0, which the extended one overrides.
    package static func payloadHeader(size: UInt64) -> [UInt8] {
        let record = sizeRecord(size)
        return header("PaxHeaders/payload", size: UInt64(record.count), type: "x")
            + record + padding(after: UInt64(record.count)) + header("payload", size: 0)
    }

    package static func padding(after size: UInt64) -> [UInt8] {
        [UInt8](repeating: 0, count: Int((512 - size % 512) % 512))
    }

    /// `LENGTH size=SIZE\n`; the length counts itself.
    private static func sizeRecord(_ size: UInt64) -> [UInt8] {
        let rest = " size=\(size)\n"
        var length = rest.utf8.count + 1
        while String(length).utf8.count + rest.utf8.count != length { length += 1 }
        return Array("\(length)\(rest)".utf8)
    }

    private static func octal(_ value: UInt64, digits: Int) -> String {
        let text = String(value, radix: 8)
        return String(repeating: "0", count: digits - text.utf8.count) + text
    }
}

/// Reads the members of such a file's front in their order.
///
/// `pull` gives exactly the next bytes; so the same reader serves memory and files.
package struct TarReader<Fault: Error> {
    private let pull: (Int) throws(Fault) -> [UInt8]
    private let malformed: (String) -> Fault

    /// - Parameter malformed: makes the caller's error of what is wrong.
    package init(
        malformed: @escaping (String) -> Fault, pull: @escaping (Int) throws(Fault) -> [UInt8]
    ) {
        self.malformed = malformed
        self.pull = pull
    }

    /// - Throws: what `malformed` makes, unless the next member has this name and a size within the
    ///   limit.
    package func member(_ name: String, sizes: ClosedRange<Int>) throws(Fault) -> [UInt8] {
        let block = try pull(Tar.blockBytes)
        guard let size = Self.size(block), size <= UInt64(Int.max), sizes.contains(Int(size)),
            block == Tar.header(name, size: size)
        else { throw malformed("member `\(name)` is missing, too large or not as it must be") }
        let content = try pull(Int(size))
        try padding(after: size, of: name)
        return content
    }

    /// - Returns: the payload's size.
    package func payloadHeader() throws(Fault) -> UInt64 {
        let refusal = "the header of `payload` is not as it must be"
        let block = try pull(Tar.blockBytes)
        guard let size = Self.size(block), (1...32).contains(size) else {
            throw malformed(refusal)
        }
        let record = try pull(Int(size))
        let text = String(decoding: record, as: UTF8.self)
        guard let equals = text.firstIndex(of: "="),
            let payload = UInt64(text[text.index(after: equals)...].dropLast())
        else { throw malformed(refusal) }
        let expected = Tar.payloadHeader(size: payload)
        let rest = try pull(expected.count - block.count - record.count)
        guard block + record + rest == expected else { throw malformed(refusal) }
        return payload
    }

    package func padding(after size: UInt64, of name: String) throws(Fault) {
        let expected = Tar.padding(after: size)
        guard try pull(expected.count) == expected else {
            throw malformed("bytes behind `\(name)` that are not zero")
        }
    }

    /// The size field alone; whoever calls compares the whole block.
    private static func size(_ block: [UInt8]) -> UInt64? {
        UInt64(String(decoding: block[124..<135], as: UTF8.self), radix: 8)
    }
}
