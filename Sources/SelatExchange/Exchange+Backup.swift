import SelatAudit
package import SelatCore
package import SelatStore

// What the exchange knows of backups: which transfers have files, and what is entered (Backup.docc).

extension Exchange {
    /// Copies database and spool as they are now, while everything goes on.
    /// - Parameter folder: where the copied database lies until `removeCopies`.
    package func copyStore(into folder: String) async throws -> StoreCopy {
        let (path, spool) = (store.path, spool)
        return try await spool.onDisk { () throws(FileFault) -> Result<StoreCopy, any Error> in
            Result { try Store.copy(path: path, spool: spool, states: .spooled, into: folder) }
        }.get()
    }

    /// Enters that a backup is about to leave, before its first byte does.
    package func enterBackup(
        to recipient: Digest, size: UInt64, copied: StoreCopy, by user: UInt32
    ) async throws {
        let entry = EntryDraft(
            kind: "backup.begun", actor: .user(user),
            details: [
                "recipient": .string(recipient.text), "size": .integer(size),
                "log": .integer(copied.logSize), "spooled": .integer(Int64(copied.spooled.count)),
                "gone": .integer(Int64(copied.gone)),
            ])
        _ = try await store.commit { try $0.append(entry) }
    }

    /// Enters a backup that lies whole where it was written, once. One of before the last stays that.
    package func enter(_ made: MadeBackup, by user: UInt32) async throws {
        let entry = EntryDraft(
            kind: "backup.made", actor: .user(user),
            details: [
                "digest": .string(made.digest.text), "size": .integer(made.size),
                "taken": .string(made.taken.text), "recipient": .string(made.recipient.text),
            ])
        _ = try await store.commit { transaction in
            let last = try transaction.value(MadeBackup.key).flatMap { try? MadeBackup($0) }
            guard last?.digest != made.digest else { return }
            try transaction.append(entry)
            guard last.map({ $0.taken < made.taken }) ?? true else { return }
            try transaction.setValue(MadeBackup.key, made.json.canonical)
        }
    }

    /// The newest backup that was written whole; nil where none was.
    package func lastBackup() async throws -> MadeBackup? {
        try await store.read { try $0.value(MadeBackup.key) }.flatMap { try? MadeBackup($0) }
    }
}

/// One backup, as the node remembers it.
package struct MadeBackup: Hashable, Sendable {
    /// Of the file.
    package let digest: Digest
    package let size: UInt64
    /// The moment whose state it holds.
    package let taken: Timestamp
    /// Digest of the certificate to which it is sealed.
    package let recipient: Digest

    package init(digest: Digest, size: UInt64, taken: Timestamp, recipient: Digest) {
        (self.digest, self.size, self.taken, self.recipient) = (digest, size, taken, recipient)
    }

    package var json: JSON {
        [
            "digest": .string(digest.text), "size_bytes": .integer(size),
            "taken": .string(taken.text), "recipient": .string(recipient.text),
        ]
    }

    init(_ bytes: [UInt8]) throws {
        var reader = try ObjectReader(try JSON(parsing: bytes), "last backup")
        digest = try reader.digest("digest")
        size = try reader.unsigned("size_bytes")
        taken = try reader.timestamp("taken")
        recipient = try reader.digest("recipient")
    }

    /// Where it lies among the store's values.
    static let key = "backup.last"
}
