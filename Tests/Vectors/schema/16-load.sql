CREATE TABLE inbound_load (
    member TEXT PRIMARY KEY,
    transfers INTEGER NOT NULL CHECK (transfers >= 0),
    bytes INTEGER NOT NULL CHECK (bytes >= 0)
) STRICT, WITHOUT ROWID;
INSERT INTO inbound_load SELECT substr(sender, 1, 2), count(*), sum(payload_size) FROM inbound
WHERE state IN ('receiving', 'delivered', 'opened', 'recalled') GROUP BY 1;
CREATE TRIGGER inbound_comes AFTER INSERT ON inbound
WHEN NEW.state IN ('receiving', 'delivered', 'opened', 'recalled')
BEGIN
    INSERT INTO inbound_load VALUES (substr(NEW.sender, 1, 2), 1, NEW.payload_size)
    ON CONFLICT (member) DO UPDATE
    SET transfers = transfers + 1, bytes = bytes + excluded.bytes;
END;
CREATE TRIGGER inbound_comes_again AFTER UPDATE OF state ON inbound
WHEN OLD.state NOT IN ('receiving', 'delivered', 'opened', 'recalled')
    AND NEW.state IN ('receiving', 'delivered', 'opened', 'recalled')
BEGIN
    INSERT INTO inbound_load VALUES (substr(NEW.sender, 1, 2), 1, NEW.payload_size)
    ON CONFLICT (member) DO UPDATE
    SET transfers = transfers + 1, bytes = bytes + excluded.bytes;
END;
CREATE TRIGGER inbound_goes AFTER UPDATE OF state ON inbound
WHEN OLD.state IN ('receiving', 'delivered', 'opened', 'recalled')
    AND NEW.state NOT IN ('receiving', 'delivered', 'opened', 'recalled')
BEGIN
    UPDATE inbound_load SET transfers = transfers - 1, bytes = bytes - OLD.payload_size
    WHERE member = substr(OLD.sender, 1, 2);
END;
