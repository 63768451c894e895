-- From format 1, in which drops know no process: what `drop_hour_1` and `drop_day_1` hold goes to `drop_hour` and `drop_day`.
INSERT INTO drop_hour (hour, source, zone, port, reason, rules, process, would, packets, bytes, first, last)
SELECT hour, source, zone, port, reason, rules, 0, would, packets, bytes, first, last FROM drop_hour_1;
INSERT INTO drop_day (day, source, zone, port, reason, rules, process, would, packets, bytes, first, last)
SELECT day, source, zone, port, reason, rules, 0, would, packets, bytes, first, last FROM drop_day_1;
DROP TABLE drop_hour_1;
DROP TABLE drop_day_1;
