CREATE TABLE outbound_load (
    recipient TEXT PRIMARY KEY,
    transfers INTEGER NOT NULL CHECK (transfers >= 0),
    bytes INTEGER NOT NULL CHECK (bytes >= 0)
) STRICT, WITHOUT ROWID;
INSERT INTO outbound_load SELECT recipient, count(*), sum(payload_size) FROM outbound
WHERE state IN ('sealing', 'waiting', 'queued', 'sending', 'relayed') GROUP BY 1;
CREATE TRIGGER outbound_comes AFTER INSERT ON outbound
WHEN NEW.state IN ('sealing', 'waiting', 'queued', 'sending', 'relayed')
BEGIN
    INSERT INTO outbound_load VALUES (NEW.recipient, 1, NEW.payload_size)
    ON CONFLICT (recipient) DO UPDATE
    SET transfers = transfers + 1, bytes = bytes + excluded.bytes;
END;
CREATE TRIGGER outbound_comes_again AFTER UPDATE OF state ON outbound
WHEN OLD.state NOT IN ('sealing', 'waiting', 'queued', 'sending', 'relayed')
    AND NEW.state IN ('sealing', 'waiting', 'queued', 'sending', 'relayed')
BEGIN
    INSERT INTO outbound_load VALUES (NEW.recipient, 1, NEW.payload_size)
    ON CONFLICT (recipient) DO UPDATE
    SET transfers = transfers + 1, bytes = bytes + excluded.bytes;
END;
CREATE TRIGGER outbound_goes AFTER UPDATE OF state ON outbound
WHEN OLD.state IN ('sealing', 'waiting', 'queued', 'sending', 'relayed')
    AND NEW.state NOT IN ('sealing', 'waiting', 'queued', 'sending', 'relayed')
BEGIN
    UPDATE outbound_load SET transfers = transfers - 1, bytes = bytes - OLD.payload_size
    WHERE recipient = OLD.recipient;
END;
