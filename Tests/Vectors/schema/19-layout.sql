DROP INDEX counted_by_counter;
CREATE INDEX counted_by_series ON counted (counter, series, time, destination, amount);
DROP INDEX inbound_by_destruction;
CREATE INDEX inbound_by_destruction ON inbound (destroy_by)
WHERE destroy_by NOTNULL AND +state IN ('delivered', 'opened', 'recalled');
CREATE INDEX erasures_by_first ON erasures (first);
