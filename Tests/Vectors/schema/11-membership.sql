CREATE TABLE membership_documents (
    number INTEGER PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('list', 'record', 'crl', 'fork')),
    country TEXT, serial INTEGER NOT NULL,
    digest BLOB NOT NULL CHECK (length(digest) = 32),
    taken INTEGER NOT NULL, source TEXT NOT NULL, bytes BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX membership_lists ON membership_documents (serial)
WHERE kind = 'list';
CREATE UNIQUE INDEX membership_records ON membership_documents (country, serial)
WHERE kind = 'record';
CREATE INDEX membership_by_time ON membership_documents (kind, country, taken);
CREATE TRIGGER membership_never_changes BEFORE UPDATE ON membership_documents
BEGIN SELECT raise(ABORT, 'membership documents never change'); END;
CREATE TRIGGER membership_is_kept BEFORE DELETE ON membership_documents
BEGIN SELECT raise(ABORT, 'membership documents are kept for good'); END;
