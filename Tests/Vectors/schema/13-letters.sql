CREATE TABLE stated (
  sender TEXT NOT NULL, id TEXT NOT NULL, entry INTEGER NOT NULL, kind TEXT NOT NULL,
  statement BLOB NOT NULL, taken INTEGER,
  PRIMARY KEY (id, sender, entry)
) STRICT, WITHOUT ROWID;
CREATE TABLE letters (
  number INTEGER PRIMARY KEY AUTOINCREMENT, addressee TEXT NOT NULL,
  sender TEXT NOT NULL, id TEXT NOT NULL, kind TEXT NOT NULL, entry INTEGER,
  until INTEGER NOT NULL, document BLOB CHECK ((document IS NULL) = (entry IS NOT NULL))
) STRICT;
CREATE INDEX letters_by_addressee ON letters (addressee, number);
CREATE INDEX letters_by_transfer ON letters (id, sender);
CREATE TABLE derived (
  part TEXT NOT NULL, transfer TEXT NOT NULL, PRIMARY KEY (part, transfer)
) STRICT, WITHOUT ROWID;
