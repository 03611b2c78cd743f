import SelatControl
import SelatCore

/// The entries that somebody asked for, oldest first, a page at a time: one answer never holds a whole log.
struct EntryPages {
    private let client: ControlClient
    private let entries: EntryOptions
    /// The sequence behind which the next page begins.
    private var after: UInt64?
    /// How many entries are still wanted; nil for all.
    private var left: Int?
    private var isOver = false
    /// Whether more match than were wanted; known behind the last page.
    private(set) var hasMore = false

    init(_ client: ControlClient, _ entries: EntryOptions, after: UInt64?, limit: Int?) {
        self.client = client
        self.entries = entries
        self.after = after
        left = limit
    }

    /// - Returns: nil behind the last page; a first one there always is.
    mutating func next() async throws -> [JSON]? {
        guard !isOver else { return nil }
        // One more than is wanted says whether there are more.
        let asked = min(left.map { $0 + 1 } ?? Self.size, Self.size)
        var query = ["limit": "\(asked)"]
        query["after"] = after.map { "\($0)" }
        var page = try await client.entries(entries.query(query))
        isOver = page.count < asked
        if let left {
            if page.count > left {
                page.removeLast(page.count - left)
                (isOver, hasMore) = (true, true)
            }
            self.left = left - page.count
        }
        after = page.last?.sequence ?? after
        return page
    }

    static let size = 1_000
}

extension ControlClient {
    /// Audit entries, as the daemon gives them.
    func entries(_ query: String) async throws -> [JSON] {
        try await getJSON("/v1/audit/entries?\(query)")["entries"]?.arrayValue ?? []
    }
}

extension JSON {
    /// Of an entry.
    var sequence: UInt64? { self["sequence"]?.integerValue.flatMap { UInt64(exactly: $0) } }
}
