DROP INDEX counted_by_counter;
CREATE INDEX counted_by_series ON counted (counter, series, time, destination, amount);
DROP INDEX inbound_by_destruction;
CREATE INDEX inbound_by_destruction ON inbound (destroy_by)
WHERE destroy_by NOTNULL AND +state IN ('delivered', 'opened', 'recalled');
CREATE INDEX erasures_by_first ON erasures (first);
CREATE TABLE numbered_headers (
    envelope BLOB PRIMARY KEY NOT NULL CHECK (length(envelope) = 32),
    cms BLOB NOT NULL
) STRICT;
INSERT INTO numbered_headers SELECT envelope, cms FROM headers;
DROP TABLE headers;
ALTER TABLE numbered_headers RENAME TO headers;
