// The log's end, in the writer's hands: rows, tree nodes and the tree's right edge advance together.

import GRDB
import SelatAudit
import SelatCore

/// Appends entries in the writer's transaction. Used on the writer's thread only.
final class LogAppender {
    /// The tree with everything appended, committed or not; whoever rolls back puts the older one
    /// back.
    var tree: LogTree
    private let insertEntry: PreparedStatement
    private let insertDetails: PreparedStatement
    private let insertCheckpoint: PreparedStatement
    private var encoder = EntryEncoder()
    private var salts: Salts
    /// Of the entry that is being written.
    private var nodes: [UInt8] = []

    init(connection: OpaquePointer, tree: LogTree, entropy: any Entropy) throws {
        self.tree = tree
        salts = Salts(entropy)
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
    func append(
        _ draft: EntryDraft, at time: Timestamp, beforeDetails: (UInt64) throws -> Void = { _ in }
    ) throws -> UInt64 {
        guard draft.details.count <= Limits.entryDetailsBytesMax else {
            throw AuditError.detailsTooLarge(
                count: draft.details.count, limit: Limits.entryDetailsBytesMax)
        }
        let sequence = tree.size
        let salt = salts.next()
        let commitment = Entry.commitment(to: draft.details.span.bytes, salt: salt.span.bytes)
        encoder.encode(
            sequence: sequence, seconds: time.seconds, kind: draft.kind.text,
            transfer: draft.transfer?.text, actor: draft.actorText, commitment: commitment)
        nodes.removeAll(keepingCapacity: true)
        let leaf = encoder.leaf
        add(leaf)
        tree.append(leaf: leaf) { add($0) }
        insertEntry.bind(1, Int64(sequence))
        insertEntry.bind(2, time.seconds)
        insertEntry.bind(3, draft.kind.text)
        insertEntry.bind(4, draft.transfer?.text)
        insertEntry.bind(5, draft.actorText)
        commitment.withBytes { insertEntry.bind(6, $0) }
        try nodes.withUnsafeBytes { nodes in
            insertEntry.bindBorrowed(7, nodes)
            try insertEntry.run()
        }
        try beforeDetails(sequence)
        try insertDetails(sequence, salt: salt, draft.details)
        return sequence
    }

    /// The two blobs lie where they are until the row is written.
    private func insertDetails(_ sequence: UInt64, salt: [UInt8], _ details: [UInt8]) throws {
        insertDetails.bind(1, Int64(sequence))
        try salt.withUnsafeBytes { salt in
            try details.withUnsafeBytes { details in
                insertDetails.bindBorrowed(2, salt)
                insertDetails.bindBorrowed(3, details)
                try insertDetails.run()
            }
        }
    }

    private func add(_ node: Digest) { node.withBytes { nodes.append(contentsOf: $0) } }

    /// Stores a checkpoint in the transaction that is open.
    func insert(_ signed: SignedCheckpoint) throws {
        insertCheckpoint.bind(1, Int64(signed.checkpoint.size))
        insertCheckpoint.bind(2, signed.note)
        try insertCheckpoint.run()
    }
}

/// Salts, taken from the generator for many entries at once: one call to it costs more than a hash.
private struct Salts {
    let entropy: any Entropy
    private var bytes: [UInt8] = []
    private var used = 0

    init(_ entropy: any Entropy) { self.entropy = entropy }

    mutating func next() -> [UInt8] {
        if used == bytes.count {
            bytes = entropy.bytes(Entry.saltBytes * 64)
            used = 0
        }
        defer { used += Entry.saltBytes }
        return Array(bytes[used..<used + Entry.saltBytes])
    }
}

/// Reading the tree back.
enum StoredTree {
    /// A reader of the roots of full subtrees, each of which lies beside the leaf that completes it.
    /// Valid as long as `database`. It throws `StoreError.damaged` for what is not there.
    static func reader(of database: Database) throws -> TreeProof.NodeReader {
        let statement = try BorrowedStatement(
            "SELECT nodes FROM entries WHERE sequence = ?", in: database)
        return { place in
            let start = place.level * Digest.byteCount
            let node = try statement.withBlob(of: Int64(place.lastLeaf)) { nodes in
                try? Digest(bytes: nodes.dropFirst(start).prefix(Digest.byteCount))
            }
            guard let node else {
                throw StoreError.damaged(
                    path: database.description,
                    reason: "tree node of entry \(place.lastLeaf) is missing")
            }
            return node
        }
    }

    /// The tree's right edge, read in as many steps as the size has bits.
    static func load(from database: Database) throws -> LogTree {
        let last = try Int64.fetchOne(database, sql: "SELECT max(sequence) FROM entries")
        let size = last.map { UInt64($0) + 1 } ?? 0
        return try LogTree(size: size, node: reader(of: database))
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
