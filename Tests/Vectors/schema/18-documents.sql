CREATE TABLE outbound_documents (
    id TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('request', 'sealed', 'receipt')),
    document BLOB NOT NULL,
    PRIMARY KEY (id, kind)
) STRICT;
INSERT INTO outbound_documents SELECT id, 'request', request FROM outbound ORDER BY id;
INSERT INTO outbound_documents SELECT id, 'sealed', sealed FROM outbound
WHERE sealed NOTNULL ORDER BY id;
INSERT INTO outbound_documents SELECT id, 'receipt', receipt FROM outbound
WHERE receipt NOTNULL ORDER BY id;
ALTER TABLE outbound DROP COLUMN receipt;
ALTER TABLE outbound DROP COLUMN request;
ALTER TABLE outbound DROP COLUMN sealed;
