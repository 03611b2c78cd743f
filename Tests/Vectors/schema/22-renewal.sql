ALTER TABLE receipts ADD COLUMN unwitnessed INTEGER;
UPDATE receipts SET unwitnessed = CAST(strftime('%s', 'now') AS INTEGER)
WHERE id IN (SELECT id FROM outbound) AND NOT EXISTS (
  SELECT 1 FROM relayed WHERE relayed.id = receipts.id AND relayed.sender = receipts.sender
);
CREATE INDEX receipts_unwitnessed ON receipts (signer, unwitnessed)
WHERE unwitnessed NOTNULL;
