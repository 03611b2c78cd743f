package import SelatCore

/// A refusal as a problem document (RFC 9457): what is wrong, and what to do.
///
/// Services throw a `Problem` to refuse a request; clients get it back as a thrown `Problem`.
package struct Problem: Error, Hashable, Sendable, CustomStringConvertible {
    /// A stable URN, such as `urn:selat:problem:id-conflict`; programs branch on this alone.
    package var type: String
    /// The kind in a few words, the same for every occurrence.
    package var title: String
    /// The HTTP status.
    package var status: Int
    /// This occurrence, one line, lower case.
    package var detail: String?
    /// What the reader can do about it, one line.
    package var remedy: String?
    /// Further members; the five above are never among them.
    package var extensions: JSON.Object

    package init(
        type: String, title: String, status: Int, detail: String? = nil, remedy: String? = nil,
        extensions: JSON.Object = [:]
    ) {
        self.type = type
        self.title = title
        self.status = status
        self.detail = detail
        self.remedy = remedy
        self.extensions = extensions
    }

    /// The media type, `application/problem+json`.
    package static let mediaType = "application/problem+json"
    /// The largest document that a client reads.
    package static let bytesMax = 64 << 10

    /// In how many seconds it may be tried again, where that is said; also the field `Retry-After`.
    package var retryAfterSeconds: Int64? {
        get { extensions[Self.retryAfterKey]?.integerValue }
        set { extensions[Self.retryAfterKey] = newValue.map { .integer($0) } }
    }

    private static let retryAfterKey = "retry-after"

    package var description: String {
        ([title] + [detail].compactMap { $0 }).joined(separator: ": ")
    }

    /// The document.
    package var json: JSON {
        var members = extensions
        members["type"] = .string(type)
        members["title"] = .string(title)
        members["status"] = .integer(Int64(status))
        members["detail"] = detail.map { .string($0) }
        members["remedy"] = remedy.map { .string($0) }
        return .object(members)
    }

    /// Reads a document. Unknown members become extensions; a member of the wrong type counts as
    /// absent (RFC 9457, 3.1).
    /// - Parameter status: of the response; the document's own is only advisory.
    /// - Throws: `CoreError` unless `bytes` is a JSON object.
    package init(parsing bytes: [UInt8], status: Int) throws(CoreError) {
        guard case .object(var members) = try JSON(parsing: bytes) else {
            throw .wrongType("(top)", in: "problem document", expected: "an object")
        }
        self.status = status
        members["status"] = nil
        type = members.removeValue(forKey: "type")?.stringValue ?? "about:blank"
        title = members.removeValue(forKey: "title")?.stringValue ?? "status \(status)"
        detail = members.removeValue(forKey: "detail")?.stringValue
        remedy = members.removeValue(forKey: "remedy")?.stringValue
        extensions = members
    }
}
