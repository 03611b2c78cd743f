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
