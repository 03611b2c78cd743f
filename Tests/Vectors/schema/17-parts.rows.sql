INSERT INTO parts (name, part, bytes) VALUES ('in.MY-hub.01a221e1-38d0-7726-a052-affc770824a9', 'payload', X'0102');
