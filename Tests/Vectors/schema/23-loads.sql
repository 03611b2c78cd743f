CREATE TABLE relayed_load (
    member TEXT PRIMARY KEY,
    transfers INTEGER NOT NULL CHECK (transfers >= 0),
    bytes INTEGER NOT NULL CHECK (bytes >= 0)
) STRICT, WITHOUT ROWID;
INSERT INTO relayed_load SELECT substr(sender, 1, 2), count(*), sum(payload_size) FROM relayed
WHERE state IN ('receiving', 'holding', 'forwarded', 'returned') GROUP BY 1;
CREATE TRIGGER relayed_comes AFTER INSERT ON relayed
WHEN NEW.state IN ('receiving', 'holding', 'forwarded', 'returned')
BEGIN
    INSERT INTO relayed_load VALUES (substr(NEW.sender, 1, 2), 1, NEW.payload_size)
    ON CONFLICT (member) DO UPDATE
    SET transfers = transfers + 1, bytes = bytes + excluded.bytes;
END;
CREATE TRIGGER relayed_comes_again AFTER UPDATE OF state ON relayed
WHEN OLD.state NOT IN ('receiving', 'holding', 'forwarded', 'returned')
    AND NEW.state IN ('receiving', 'holding', 'forwarded', 'returned')
BEGIN
    INSERT INTO relayed_load VALUES (substr(NEW.sender, 1, 2), 1, NEW.payload_size)
    ON CONFLICT (member) DO UPDATE
    SET transfers = transfers + 1, bytes = bytes + excluded.bytes;
END;
CREATE TRIGGER relayed_goes AFTER UPDATE OF state ON relayed
WHEN OLD.state IN ('receiving', 'holding', 'forwarded', 'returned')
    AND NEW.state NOT IN ('receiving', 'holding', 'forwarded', 'returned')
BEGIN
    UPDATE relayed_load SET transfers = transfers - 1, bytes = bytes - OLD.payload_size
    WHERE member = substr(OLD.sender, 1, 2);
END;
CREATE INDEX letters_by_sender ON letters (sender, kind);
CREATE INDEX letters_by_end ON letters (until);
DROP INDEX recalls_by_hold;
CREATE INDEX recalls_by_time ON recalls (taken, id);
ALTER TABLE unwitnessed_receipts ADD COLUMN again INTEGER NOT NULL DEFAULT 0;
CREATE INDEX unwitnessed_receipts_by_turn ON unwitnessed_receipts (peer, again, since);
ALTER TABLE receipts ADD COLUMN again INTEGER NOT NULL DEFAULT 0;
DROP INDEX receipts_unwitnessed;
CREATE INDEX receipts_unwitnessed ON receipts (signer, again, unwitnessed)
WHERE unwitnessed NOTNULL;
