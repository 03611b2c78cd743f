ALTER TABLE receipts ADD COLUMN unwitnessed INTEGER;
UPDATE receipts SET unwitnessed = taken WHERE id IN (SELECT id FROM outbound);
CREATE INDEX receipts_unwitnessed ON receipts (signer, unwitnessed)
WHERE unwitnessed NOTNULL;
