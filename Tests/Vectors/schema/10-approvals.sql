CREATE TABLE approvals (
  transfer TEXT NOT NULL, digest BLOB NOT NULL CHECK (length(digest) = 32),
  taken INTEGER NOT NULL, message BLOB NOT NULL,
  PRIMARY KEY (transfer, digest)
) STRICT, WITHOUT ROWID;
CREATE TABLE break_glass (
  transfer TEXT PRIMARY KEY NOT NULL, officer TEXT NOT NULL, due INTEGER NOT NULL,
  report BLOB CHECK (report IS NULL OR length(report) = 32)
) STRICT, WITHOUT ROWID;
