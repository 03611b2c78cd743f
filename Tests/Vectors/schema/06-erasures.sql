CREATE TABLE erasures (
    erasure INTEGER NOT NULL,
    first INTEGER NOT NULL,
    last INTEGER NOT NULL CHECK (first <= last AND last < erasure),
    PRIMARY KEY (erasure, first)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER erasures_belong_to_the_last_entry BEFORE INSERT ON erasures
WHEN NEW.erasure IS NOT (SELECT max(sequence) FROM entries)
    OR NEW.erasure <= (SELECT max(sequence) FROM details)
    OR (SELECT kind FROM entries WHERE sequence = NEW.erasure) IS NOT 'details.erased'
    OR EXISTS (
        SELECT 1 FROM erasures WHERE erasure = NEW.erasure AND first = NEW.first)
BEGIN SELECT raise(ABORT, 'an erasure is entered before it is done'); END;
CREATE TRIGGER erasures_never_change BEFORE UPDATE ON erasures
BEGIN SELECT raise(ABORT, 'erasures never change'); END;
CREATE TRIGGER erasures_are_kept BEFORE DELETE ON erasures
BEGIN SELECT raise(ABORT, 'erasures are never removed'); END;

DROP TRIGGER details_are_kept;
CREATE TRIGGER details_are_kept BEFORE DELETE ON details
WHEN (SELECT kind FROM entries WHERE sequence = OLD.sequence) IS 'details.erased'
    OR (SELECT max(sequence) FROM entries) <= (SELECT max(sequence) FROM details)
    OR NOT EXISTS (
        SELECT 1 FROM erasures
        WHERE erasure = (SELECT max(sequence) FROM entries)
            AND OLD.sequence BETWEEN first AND last)
BEGIN SELECT raise(ABORT, 'details are removed only by the entry that erases them'); END;
