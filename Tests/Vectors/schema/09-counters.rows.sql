INSERT INTO counted (transfer, counter, destination, series, time, amount) VALUES ('x', 'x', 'x', 'x', 1, 1);
