/// The name that transfers of the same persons have in common, `relief-2026.quang-nam`.
package struct Series: Hashable, Sendable, CustomStringConvertible {
    package let text: String

    package static let expected = "1 to 80 of `a` to `z`, `0` to `9`, `-` and `.`"

    /// - Returns: nil for anything else than `expected`.
    package init?(_ text: String) {
        let isName = text.utf8.allSatisfy {
            (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || $0 == 0x2D || $0 == 0x2E
        }
        guard isName, (1...80).contains(text.utf8.count) else { return nil }
        self.text = text
    }

    package var description: String { text }
}
