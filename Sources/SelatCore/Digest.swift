/// A SHA-256 digest: 32 bytes. Text form `sha256:` and 64 lower-case hexadecimal digits.
package struct Digest: Hashable, Sendable, Comparable, CustomStringConvertible {
    package let bytes: [UInt8]

    /// - Throws: `CoreError.malformed` unless there are 32 bytes.
    package init(bytes: [UInt8]) throws(CoreError) {
        guard bytes.count == 32 else {
            throw .malformed("digest", Hex.encode(bytes), expected: "32 bytes")
        }
        self.bytes = bytes
    }

    /// - Throws: `CoreError.malformed` unless `text` is `sha256:` and 64 digits.
    package init(_ text: String) throws(CoreError) {
        guard text.hasPrefix("sha256:"), let bytes = Hex.decode(text.dropFirst(7)),
            bytes.count == 32
        else { throw .malformed("digest", text, expected: "`sha256:` and 64 hexadecimal digits") }
        self.bytes = bytes
    }

    package var hex: String { Hex.encode(bytes) }
    package var text: String { "sha256:\(hex)" }
    package var description: String { text }
    package static func < (a: Self, b: Self) -> Bool { a.bytes.lexicographicallyPrecedes(b.bytes) }
}
