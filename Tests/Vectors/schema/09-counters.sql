CREATE TABLE counted (
  transfer TEXT NOT NULL, counter TEXT NOT NULL, destination TEXT NOT NULL,
  series TEXT, time INTEGER NOT NULL, amount INTEGER NOT NULL CHECK (amount >= 0),
  PRIMARY KEY (transfer, counter)
) STRICT, WITHOUT ROWID;
CREATE INDEX counted_by_counter ON counted (counter, time);
