CREATE INDEX inbound_by_destruction ON inbound (destroy_by) WHERE destroy_by NOTNULL;
