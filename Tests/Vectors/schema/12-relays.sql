ALTER TABLE outbound ADD COLUMN route TEXT NOT NULL DEFAULT '';
ALTER TABLE inbound ADD COLUMN peer TEXT;
CREATE TABLE relayed (
  sender TEXT NOT NULL, id TEXT NOT NULL, recipient TEXT NOT NULL,
  previous TEXT NOT NULL, next TEXT NOT NULL,
  received INTEGER NOT NULL, expires INTEGER NOT NULL, precedence TEXT NOT NULL,
  state TEXT NOT NULL, handed_on INTEGER NOT NULL, attempt INTEGER NOT NULL, cause TEXT,
  payload_size INTEGER NOT NULL, durable INTEGER NOT NULL, fixed_parts BLOB NOT NULL,
  header BLOB NOT NULL, statement BLOB, statement_entry INTEGER, receipt BLOB,
  PRIMARY KEY (id, sender)
) STRICT, WITHOUT ROWID;
CREATE INDEX relayed_by_state ON relayed (state);
CREATE TABLE receipts (
  sender TEXT NOT NULL, id TEXT NOT NULL, kind TEXT NOT NULL, signer TEXT NOT NULL,
  attempt INTEGER NOT NULL, taken INTEGER NOT NULL, document BLOB NOT NULL,
  PRIMARY KEY (id, sender, kind, signer, attempt)
) STRICT, WITHOUT ROWID;
