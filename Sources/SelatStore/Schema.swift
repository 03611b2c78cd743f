// The database's shape. Migrations are only ever appended: one that has been released is never
// edited, because databases out there carry its name.

/// One step of the schema.
struct Migration: Sendable {
    let name: String
    let sql: String
}

enum Schema {
    /// Every step from the empty database on, oldest first.
    static let migrations: [Migration] = [
        Migration(name: "log", sql: log),
        Migration(name: "settings", sql: settings),
        Migration(name: "transfers", sql: TransferSchema.sql),
        Migration(name: "headers", sql: HeaderSchema.sql),
        Migration(name: "witness", sql: WitnessSchema.sql),
        Migration(name: "erasures", sql: ErasureSchema.sql),
        Migration(name: "editions", sql: EditionSchema.sql),
        Migration(name: "statements", sql: StatementSchema.sql),
        Migration(name: "counters", sql: CounterSchema.sql),
        Migration(name: "approvals", sql: ApprovalSchema.sql),
        Migration(name: "membership", sql: MembershipSchema.sql),
        Migration(name: "relays", sql: RelaySchema.sql),
        Migration(name: "letters", sql: LetterSchema.sql),
        Migration(name: "recalls", sql: RecallSchema.sql),
        Migration(name: "destruction", sql: TransferSchema.destruction),
        Migration(name: "load", sql: TransferSchema.load),
        Migration(name: "parts", sql: PartSchema.sql),
        Migration(name: "documents", sql: OutboundDocumentSchema.sql),
        Migration(name: "layout", sql: layout),
        Migration(name: "serials", sql: MembershipSchema.serialsAgain),
        Migration(name: "queue", sql: TransferSchema.queue),
        Migration(name: "renewal", sql: WitnessSchema.keptReceipts),
        Migration(name: "loads", sql: loads),
    ]

    /// `SLAT`, in the file's header: tells our databases from others.
    static let applicationID: Int32 = 0x534C_4154

    /// Entries, their details beside them, and signed checkpoints (Audit.docc/Format.md,
    /// "Database").
    ///
    /// The triggers refuse every change but the next row. An INSERT is checked too, for REPLACE
    /// deletes without firing a DELETE trigger.
    static let log = """
        CREATE TABLE entries (
            sequence INTEGER PRIMARY KEY,
            time INTEGER NOT NULL,
            kind TEXT NOT NULL,
            transfer TEXT,
            actor TEXT NOT NULL,
            commitment BLOB NOT NULL CHECK (length(commitment) = 32),
            nodes BLOB NOT NULL CHECK (length(nodes) >= 32 AND length(nodes) % 32 = 0)
        ) STRICT;
        CREATE INDEX entries_by_transfer ON entries (transfer) WHERE transfer IS NOT NULL;
        CREATE TABLE details (
            sequence INTEGER PRIMARY KEY,
            salt BLOB NOT NULL CHECK (length(salt) = 32),
            details BLOB NOT NULL
        ) STRICT;
        CREATE TABLE checkpoints (
            size INTEGER PRIMARY KEY,
            note BLOB NOT NULL
        ) STRICT;

        CREATE TRIGGER entries_take_the_next BEFORE INSERT ON entries
        WHEN NEW.sequence IS NOT (SELECT coalesce(max(sequence), -1) + 1 FROM entries)
        BEGIN SELECT raise(ABORT, 'the log takes only the next entry'); END;
        CREATE TRIGGER entries_never_change BEFORE UPDATE ON entries
        BEGIN SELECT raise(ABORT, 'entries of the log never change'); END;
        CREATE TRIGGER entries_are_kept BEFORE DELETE ON entries
        BEGIN SELECT raise(ABORT, 'entries of the log are never removed'); END;

        CREATE TRIGGER details_take_the_next BEFORE INSERT ON details
        WHEN NEW.sequence IS NOT (SELECT max(sequence) FROM entries)
            OR NEW.sequence <= (SELECT max(sequence) FROM details)
        BEGIN SELECT raise(ABORT, 'the log takes only details of its last entry'); END;
        CREATE TRIGGER details_never_change BEFORE UPDATE ON details
        BEGIN SELECT raise(ABORT, 'details of the log never change'); END;
        CREATE TRIGGER details_are_kept BEFORE DELETE ON details
        BEGIN SELECT raise(ABORT, 'details of the log are never removed'); END;

        CREATE TRIGGER checkpoints_only_grow BEFORE INSERT ON checkpoints
        WHEN NEW.size <= (SELECT max(size) FROM checkpoints)
        BEGIN SELECT raise(ABORT, 'checkpoints of the log only grow'); END;
        CREATE TRIGGER checkpoints_never_change BEFORE UPDATE ON checkpoints
        BEGIN SELECT raise(ABORT, 'checkpoints of the log never change'); END;
        CREATE TRIGGER checkpoints_are_kept BEFORE DELETE ON checkpoints
        BEGIN SELECT raise(ABORT, 'checkpoints of the log are never removed'); END;
        """

    /// What is looked up often, or added up, lies as it is asked for.
    private static let layout = [
        CounterSchema.bySeries, TransferSchema.heldDestruction, ErasureSchema.byFirst,
        HeaderSchema.numbered,
    ].joined(separator: "\n")

    /// What peers make this node ask again and again is found without going through all that is kept.
    private static let loads = [
        RelaySchema.load, LetterSchema.bySender, RecallSchema.byTime, WitnessSchema.byTurn,
    ].joined(separator: "\n")

    /// Active policies, lists and configuration, by name.
    private static let settings = """
        CREATE TABLE settings (
            key TEXT PRIMARY KEY,
            value BLOB NOT NULL
        ) STRICT, WITHOUT ROWID;
        """
}
