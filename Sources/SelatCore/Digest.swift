/// A SHA-256 digest: 32 bytes. Text form `sha256:` and 64 lower-case hexadecimal digits.
///
/// The bytes lie in the value itself: a log hashes millions of them, and none may cost an allocation.
package struct Digest: Hashable, Sendable, Comparable, CustomStringConvertible {
    // Big-endian words, so that digests sort as their bytes do.
    private var words: (UInt64, UInt64, UInt64, UInt64)

    /// - Throws: `CoreError.malformed` unless there are 32 bytes.
    package init(bytes: some Collection<UInt8>) throws(CoreError) {
        guard bytes.count == Self.byteCount else {
            throw .malformed("digest", Hex.encode(bytes), expected: "32 bytes")
        }
        self.init(filledBy: { $0.copyBytes(from: bytes) })
    }

    /// - Throws: `CoreError.malformed` unless `text` is `sha256:` and 64 digits.
    package init(_ text: String) throws(CoreError) {
        guard text.hasPrefix("sha256:"), let bytes = Hex.decode(text.dropFirst(7)),
            bytes.count == Self.byteCount
        else { throw .malformed("digest", text, expected: "`sha256:` and 64 hexadecimal digits") }
        self.init(filledBy: { $0.copyBytes(from: bytes) })
    }

    /// A digest that `fill` writes where it lies: 32 bytes, all of which it must write.
    package init(filledBy fill: (UnsafeMutableRawBufferPointer) -> Void) {
        var stored: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
        withUnsafeMutableBytes(of: &stored, fill)
        words = (
            stored.0.bigEndian, stored.1.bigEndian, stored.2.bigEndian, stored.3.bigEndian
        )
    }

    /// The 32 bytes, for the time of the call.
    package func withBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        let stored = (
            words.0.bigEndian, words.1.bigEndian, words.2.bigEndian, words.3.bigEndian
        )
        return withUnsafeBytes(of: stored, body)
    }

    package var bytes: [UInt8] { withBytes { Array($0) } }
    package var hex: String { withBytes { Hex.encode($0) } }
    // Not by interpolation: a verdict or a record has dozens of them.
    package var text: String { "sha256:" + hex }
    package var description: String { text }

    package static func == (a: Self, b: Self) -> Bool { a.words == b.words }
    package static func < (a: Self, b: Self) -> Bool { a.words < b.words }
    package func hash(into hasher: inout Hasher) { withBytes { hasher.combine(bytes: $0) } }

    package static let byteCount = 32
}
