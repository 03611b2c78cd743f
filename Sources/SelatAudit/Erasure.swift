// What an entry that erases others' details says (Format.md, "Erasure").

package import SelatCore

/// The erasure of entries' details, itself an entry.
package struct Erasure: Hashable, Sendable {
    /// Whose salt and details are gone.
    package let entries: SequenceSet
    /// Why, in words for a person or as a retention rule names itself.
    package let reason: String
    /// When the last backup that still holds them has expired.
    package let complete: Timestamp
    /// Who else holds a copy, as far as this node knows.
    package let holders: [String]
    /// What an officer has signed to order it: DER of a CMS, in the bytes that were verified.
    package let statement: [UInt8]?

    /// - Throws: `AuditError.malformed` for a reason that is empty or over its limit, for no entries
    ///   or too many, and for too many holders.
    package init(
        entries: SequenceSet, reason: String, complete: Timestamp, holders: [String] = [],
        statement: [UInt8]? = nil
    ) throws(AuditError) {
        guard !entries.isEmpty, entries.ranges.count <= Limits.erasureRangesMax else {
            throw .malformed("erasure", "\(entries.ranges.count) ranges of entries")
        }
        guard !reason.isEmpty, reason.utf8.count <= Limits.erasureReasonBytesMax else {
            throw .malformed("erasure", "a reason of \(reason.utf8.count) bytes")
        }
        guard holders.count <= Limits.erasureHoldersMax else {
            throw .malformed("erasure", "\(holders.count) holders")
        }
        self.entries = entries
        self.reason = reason
        self.complete = complete
        self.holders = holders
        self.statement = statement
    }

    /// Reads the details of an entry of this kind.
    /// - Parameter sequence: that entry's; it can erase only what lies before it.
    /// - Throws: `AuditError.malformed`, also where the details are not canonical, or their ranges do not
    ///   ascend with an entry between each and the next.
    package init(details: [UInt8], sequence: UInt64) throws(AuditError) {
        do {
            var reader = try ObjectReader(JSON(canonical: details), "erasure")
            let ranges = try reader.array("entries").map { try Self.range($0) }
            let entries = SequenceSet(ranges)
            // One set has one form: sorting and joining must have changed nothing.
            guard entries.ranges == ranges else {
                throw AuditError.malformed("erasure", "ranges out of order, or that touch")
            }
            let isStated = reader.optional("statement") != nil
            let statement = try isStated ? reader.base64("statement") : nil
            try self.init(
                entries: entries, reason: reader.string("reason"),
                complete: reader.timestamp("complete"), holders: reader.strings("holders"),
                statement: statement)
            try reader.end()
        } catch let error as AuditError {
            throw error
        } catch {
            throw .malformed("erasure", "\(error)".quotable)
        }
        guard let last = entries.ranges.last, last.upperBound < sequence else {
            throw .malformed("erasure", "it erases what is not before it")
        }
    }

    /// The details of the entry.
    package var json: JSON {
        var members: JSON.Object = [
            "entries": .array(
                entries.ranges.map { [.integer($0.lowerBound), .integer($0.upperBound)] }),
            "reason": .string(reason), "complete": .string(complete.text),
            "holders": .strings(holders),
        ]
        members["statement"] = statement.map { .string(Base64.encode($0)) }
        return .object(members)
    }

    /// The kind of the entry.
    package static let kind: EntryKind = "details.erased"

    /// `[first, last]`.
    private static func range(_ json: JSON) throws(AuditError) -> ClosedRange<UInt64> {
        guard case .array(let ends) = json, ends.count == 2,
            case .integer(let first) = ends[0], case .integer(let last) = ends[1],
            let first = UInt64(exactly: first), let last = UInt64(exactly: last), first <= last
        else { throw .malformed("range of entries", "not `[first, last]`") }
        return first...last
    }
}
