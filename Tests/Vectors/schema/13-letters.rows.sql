INSERT INTO stated (sender, id, entry, kind, statement, taken) VALUES ('MY/hub', '01a221e1-38d0-7726-a052-affc770824a9', 1, 'delivered', X'0505050505050505050505050505050505050505050505050505050505050505', 1796000000);
INSERT INTO letters (number, addressee, sender, id, kind, entry, until, document) VALUES (1, 'x', 'MY/hub', '01a221e1-38d0-7726-a052-affc770824a9', 'delivered', NULL, 1, X'7b7d');
INSERT INTO derived (part, transfer) VALUES ('x', 'x');
