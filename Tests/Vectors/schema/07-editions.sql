CREATE TABLE editions (
    digest BLOB PRIMARY KEY NOT NULL CHECK (length(digest) = 32),
    name TEXT NOT NULL, number INTEGER NOT NULL, in_force INTEGER NOT NULL,
    received INTEGER NOT NULL, source TEXT NOT NULL,
    bytes BLOB NOT NULL, signatures BLOB NOT NULL,
    UNIQUE (name, number)
) STRICT;
CREATE TABLE active_editions (
    name TEXT PRIMARY KEY NOT NULL,
    digest BLOB NOT NULL REFERENCES editions (digest)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER editions_never_change
BEFORE UPDATE OF digest, name, number, in_force, received, source, bytes ON editions
BEGIN SELECT raise(ABORT, 'editions never change'); END;
CREATE TRIGGER editions_are_kept BEFORE DELETE ON editions
BEGIN SELECT raise(ABORT, 'editions are kept for good'); END;
