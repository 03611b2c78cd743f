CREATE TABLE recalls (
  sender TEXT NOT NULL, id TEXT NOT NULL,
  digest BLOB NOT NULL CHECK (length(digest) = 32), message BLOB NOT NULL,
  officer TEXT NOT NULL, reason TEXT NOT NULL, taken INTEGER NOT NULL,
  hold_until INTEGER, is_ordered INTEGER NOT NULL, before TEXT,
  answer BLOB, decision TEXT CHECK ((answer IS NULL) = (decision IS NULL)),
  PRIMARY KEY (id, sender)
) STRICT, WITHOUT ROWID;
CREATE INDEX recalls_by_hold ON recalls (hold_until) WHERE hold_until NOTNULL;
