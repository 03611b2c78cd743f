package import SelatCore

/// Why an operator takes a transfer back.
package struct CancelRequest: Hashable, Sendable {
    package let reason: String

    package init(reason: String) { self.reason = reason }

    package var json: JSON { ["reason": .string(reason)] }

    /// - Throws: `CoreError` for anything but the document of API.md.
    package init(json: JSON) throws(CoreError) {
        var reader = try ObjectReader(json, "cancellation")
        reason = try reader.string("reason")
        try reader.end()
        guard (1...Self.reasonBytesMax).contains(reason.utf8.count) else {
            throw .malformed(
                "reason", String(reason.prefix(40)),
                expected: "1 to \(Self.reasonBytesMax) bytes of words")
        }
    }

    package static let reasonBytesMax = 1_000
}
