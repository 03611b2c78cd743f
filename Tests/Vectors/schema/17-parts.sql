CREATE TABLE parts (
    name TEXT NOT NULL,
    part TEXT NOT NULL CHECK (part IN ('head', 'leaves', 'payload')),
    bytes BLOB NOT NULL,
    PRIMARY KEY (name, part)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER outbound_parts_go AFTER UPDATE OF state ON outbound
WHEN NEW.state NOT IN ('sealing', 'waiting', 'queued', 'sending', 'relayed')
BEGIN DELETE FROM parts WHERE name = 'out.' || NEW.id; END;
CREATE TRIGGER inbound_parts_go AFTER UPDATE OF state ON inbound
WHEN NEW.state NOT IN ('receiving', 'delivered', 'opened', 'recalled')
BEGIN
    DELETE FROM parts WHERE name = 'in.' || replace(NEW.sender, '/', '-') || '.' || NEW.id;
END;
CREATE TRIGGER inbound_parts_come AFTER INSERT ON inbound
WHEN NEW.state NOT IN ('receiving', 'delivered', 'opened', 'recalled')
BEGIN
    DELETE FROM parts WHERE name = 'in.' || replace(NEW.sender, '/', '-') || '.' || NEW.id;
END;
CREATE TRIGGER relayed_parts_come AFTER INSERT ON relayed
WHEN NEW.state NOT IN ('receiving', 'holding', 'forwarded', 'returned')
BEGIN
    DELETE FROM parts WHERE name = 'via.' || replace(NEW.sender, '/', '-') || '.' || NEW.id;
END;
CREATE TRIGGER relayed_parts_go AFTER UPDATE OF state ON relayed
WHEN NEW.state NOT IN ('receiving', 'holding', 'forwarded', 'returned')
BEGIN
    DELETE FROM parts WHERE name = 'via.' || replace(NEW.sender, '/', '-') || '.' || NEW.id;
END;
