package import SelatCore

/// Looking at the audit log, and the one way to take something out of it.
package protocol AuditControl: Sendable {
    /// Audit entries with their details, oldest first.
    func entries(_ query: EntryQuery) async throws -> JSON
    /// One entry with its proof.
    func entry(_ sequence: UInt64) async throws -> JSON
    /// What the log holds, counted.
    func statistics(_ query: EntryQuery) async throws -> JSON
    /// Goes on under the next origin after a restored backup.
    func beginEpoch(reason: String, by caller: Caller) async throws -> JSON
    /// The newest signed checkpoint, as text.
    func checkpoint() async throws -> [UInt8]
    /// Verifies the whole log as it lies in the database.
    func verifyLog() async throws -> JSON
    /// The lines of an export before and behind its entries.
    func export(_ range: EntryRange, by caller: Caller) async throws -> JSON
    /// Erases entries' details, and enters that.
    func erase(_ request: ErasureRequest, by caller: Caller) async throws -> JSON
}

/// Which audit entries.
package struct EntryQuery: Hashable, Sendable {
    package var transfer: TransferID?
    /// This kind and those below it.
    package var kind: String?
    package var actor: String?
    package var country: Country?
    package var since: Timestamp?
    /// Before this time.
    package var until: Timestamp?
    /// Only entries behind this sequence.
    package var after: UInt64?
    /// Whether the newest are taken where more match than `limit`.
    package var newest = false
    package var limit: Int

    package init(limit: Int) { self.limit = limit }
}

/// A range of the log.
package struct EntryRange: Hashable, Sendable {
    package let first: UInt64
    /// The sequence behind the last; nil for the end of the log.
    package let before: UInt64?
    /// Whether details are left out.
    package let isRedacted: Bool

    /// - Throws: `CoreError` for anything but the document of `API.md`.
    package init(json: JSON) throws(CoreError) {
        var reader = try ObjectReader(json, "export")
        first = try reader.optionalUnsigned("first") ?? 0
        before = try reader.optionalUnsigned("before")
        let says = reader.optional("redacted") != nil
        isRedacted = says ? try reader.bool("redacted") : false
        try reader.end()
    }
}

/// Whose details are to be erased, and why.
package struct ErasureRequest: Hashable, Sendable {
    package let sequences: [UInt64]
    package let reason: String
    /// What an officer has signed to order it, as it is.
    package let statement: [UInt8]?

    /// - Throws: `CoreError` for anything but the document of `API.md`.
    package init(json: JSON) throws(CoreError) {
        var reader = try ObjectReader(json, "erasure")
        var sequences: [UInt64] = []
        for element in try reader.array("entries") {
            guard case .integer(let number) = element, let sequence = UInt64(exactly: number) else {
                throw .wrongType("entries", in: "erasure", expected: "sequences of entries")
            }
            sequences.append(sequence)
        }
        self.sequences = sequences
        reason = try reader.string("reason")
        let isStated = reader.optional("statement") != nil
        statement = isStated ? try reader.base64("statement") : nil
        try reader.end()
    }
}
