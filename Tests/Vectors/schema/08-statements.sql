CREATE TABLE statements (
  digest BLOB PRIMARY KEY NOT NULL CHECK (length(digest) = 32),
  kind TEXT NOT NULL, source TEXT NOT NULL, taken INTEGER NOT NULL, message BLOB NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX statements_by_time ON statements (taken);
