DROP INDEX counted_by_counter;
CREATE INDEX counted_by_series ON counted (counter, series, time, destination, amount);
