package import SelatCore

/// Why an operator destroys a dataset that was received.
package struct DestroyRequest: Hashable, Sendable {
    package let reason: String?

    package init(reason: String?) { self.reason = reason }

    package var json: JSON { reason.map { ["reason": .string($0)] } ?? [:] }

    /// - Throws: `CoreError` for anything but the document of API.md.
    package init(json: JSON) throws(CoreError) {
        var reader = try ObjectReader(json, "destruction")
        reason = try reader.optionalString("reason")
        try reader.end()
        if let reason, !(1...CancelRequest.reasonBytesMax).contains(reason.utf8.count) {
            throw .malformed(
                "reason", String(reason.prefix(40)),
                expected: "1 to \(CancelRequest.reasonBytesMax) bytes of words")
        }
    }
}
