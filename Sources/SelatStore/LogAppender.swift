// The log's end, in the writer's hands: rows, tree nodes and the tree's right edge advance together.

import GRDB
import SelatAudit
import SelatCore

/// Appends entries in the writer's transaction. Used on the writer's thread only.
final class LogAppender {
    /// The tree with everything appended, committed or not; whoever rolls back puts the older one
    /// back.
    var tree: LogTree
    private let entropy: any Entropy
    private let insertEntry: PreparedStatement
    private let insertDetails: PreparedStatement
    private let insertCheckpoint: PreparedStatement
    private var encoder = EntryEncoder()
    private var salts: ArraySlice<UInt8> = []

    init(connection: OpaquePointer, tree: LogTree, entropy: any Entropy) throws {
        self.tree = tree
        self.entropy = entropy
        insertEntry = try PreparedStatement(
            """
            INSERT INTO entries (sequence, time, kind, transfer, actor, commitment, nodes)
            VALUES (?, ?, ?, ?, ?, ?, ?)
            """, on: connection)
        insertDetails = try PreparedStatement(
            "INSERT INTO details (sequence, salt, details) VALUES (?, ?, ?)", on: connection)
        insertCheckpoint = try PreparedStatement(
            "INSERT INTO checkpoints (size, note) VALUES (?, ?)", on: connection)
    }

    /// - Throws: `AuditError.detailsTooLarge`, `SQLiteFailure`.
    func append(_ draft: EntryDraft, at time: Timestamp) throws -> UInt64 {
        guard draft.details.count <= Limits.entryDetailsBytesMax else {
            throw AuditError.detailsTooLarge(
                count: draft.details.count, limit: Limits.entryDetailsBytesMax)
        }
        let salt = nextSalt()
        let entry = Entry(
            sequence: tree.size, time: time, kind: draft.kind, transfer: draft.transfer,
            actor: draft.actor, commitment: Entry.commitment(to: draft.details, salt: salt))
        let nodes = tree.append(leaf: encoder.leaf(of: entry))
        try insert(entry, nodes: nodes)
        insertDetails.bind(1, Int64(entry.sequence))
        insertDetails.bind(2, salt)
        insertDetails.bind(3, draft.details)
        try insertDetails.run()
        return entry.sequence
    }

    /// Stores a checkpoint in the transaction that is open.
    func insert(_ signed: SignedCheckpoint) throws {
        insertCheckpoint.bind(1, Int64(signed.checkpoint.size))
        insertCheckpoint.bind(2, signed.note)
        try insertCheckpoint.run()
    }

    private func insert(_ entry: Entry, nodes: [Digest]) throws {
        insertEntry.bind(1, Int64(entry.sequence))
        insertEntry.bind(2, entry.time.seconds)
        insertEntry.bind(3, entry.kind.text)
        insertEntry.bind(4, entry.transfer?.text)
        insertEntry.bind(5, entry.actor.text)
        insertEntry.bind(6, entry.commitment.bytes)
        insertEntry.bind(7, nodes.count == 1 ? nodes[0].bytes : nodes.flatMap(\.bytes))
        try insertEntry.run()
    }

    /// Random bytes are taken for many entries at once: one call to the generator costs more than a
    /// hash.
    private func nextSalt() -> [UInt8] {
        if salts.isEmpty { salts = entropy.bytes(Entry.saltBytes * 64)[...] }
        defer { salts = salts.dropFirst(Entry.saltBytes) }
        return Array(salts.prefix(Entry.saltBytes))
    }
}

/// Reading the tree back.
enum StoredTree {
    /// The root of a full subtree, which lies beside the leaf that completes it.
    /// - Throws: `StoreError.damaged` when it is not there.
    static func node(_ place: TreePlace, in database: Database) throws -> Digest {
        let nodes = try [UInt8].fetch(
            database, "SELECT nodes FROM entries WHERE sequence = ?", [Int64(place.lastLeaf)])
        let start = place.level * 32
        guard let nodes, nodes.count >= start + 32 else {
            throw StoreError.damaged(
                path: database.description,
                reason: "tree node of entry \(place.lastLeaf) is missing")
        }
        return try Digest(bytes: Array(nodes[start..<start + 32]))
    }

    /// The tree's right edge, read in as many steps as the size has bits.
    static func load(from database: Database) throws -> LogTree {
        let last = try Int64.fetchOne(database, sql: "SELECT max(sequence) FROM entries")
        let size = last.map { UInt64($0) + 1 } ?? 0
        return try LogTree(size: size) { (place) throws in try node(place, in: database) }
    }

    /// The checkpoint that was stored last.
    static func lastCheckpoint(in database: Database) throws -> [UInt8]? {
        try [UInt8].fetch(
            database, "SELECT note FROM checkpoints ORDER BY size DESC LIMIT 1", [])
    }
}

extension [UInt8] {
    /// The blob of the first row's first column.
    static func fetch(
        _ database: Database, _ sql: String, _ arguments: StatementArguments
    ) throws -> [UInt8]? {
        let statement = try database.cachedStatement(sql: sql)
        let row = try Row.fetchOne(statement, arguments: arguments)
        return try row?.withUnsafeData(atIndex: 0) { $0.map { [UInt8]($0) } }
    }
}
