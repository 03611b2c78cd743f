CREATE TABLE headers (
    envelope BLOB PRIMARY KEY NOT NULL CHECK (length(envelope) = 32),
    cms BLOB NOT NULL
) STRICT, WITHOUT ROWID;
