CREATE TABLE outbound (
  id TEXT PRIMARY KEY NOT NULL, recipient TEXT NOT NULL,
  created INTEGER NOT NULL, expires INTEGER NOT NULL,
  precedence TEXT NOT NULL, state TEXT NOT NULL, handed_on INTEGER NOT NULL,
  attempt INTEGER NOT NULL, cause TEXT, payload_size INTEGER NOT NULL,
  request BLOB NOT NULL, sealed BLOB, content_key BLOB, receipt BLOB
) STRICT, WITHOUT ROWID;
CREATE INDEX outbound_by_state ON outbound (state);
CREATE TABLE inbound (
  sender TEXT NOT NULL, id TEXT NOT NULL,
  received INTEGER NOT NULL, expires INTEGER NOT NULL,
  state TEXT NOT NULL, cause TEXT, payload_size INTEGER NOT NULL,
  durable INTEGER NOT NULL, fixed_parts BLOB NOT NULL, header BLOB NOT NULL,
  content_key BLOB, statement BLOB, statement_entry INTEGER, destroy_by INTEGER,
  PRIMARY KEY (id, sender)
) STRICT, WITHOUT ROWID;
CREATE INDEX inbound_by_state ON inbound (state);
