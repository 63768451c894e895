-- Drops by source, port, reason, rules and process.

-- The source has 4 or 16 bytes, or none where it could not be read. A process is JSON: `uid` and `cgroup`.
CREATE TABLE drop_hour (
    hour    INTEGER NOT NULL,
    source  BLOB    NOT NULL,
    zone    INTEGER NOT NULL,
    port    INTEGER NOT NULL,
    reason  INTEGER NOT NULL,
    rules   INTEGER NOT NULL,
    process INTEGER NOT NULL,
    would   INTEGER NOT NULL,
    packets INTEGER NOT NULL,
    bytes   INTEGER NOT NULL,
    first   INTEGER NOT NULL,
    last    INTEGER NOT NULL,
    PRIMARY KEY (hour, source, zone, port, reason, rules, process, would)
) STRICT, WITHOUT ROWID;

-- The loudest of a day, written when the day is sealed.
CREATE TABLE drop_day (
    day     INTEGER NOT NULL,
    source  BLOB    NOT NULL,
    zone    INTEGER NOT NULL,
    port    INTEGER NOT NULL,
    reason  INTEGER NOT NULL,
    rules   INTEGER NOT NULL,
    process INTEGER NOT NULL,
    would   INTEGER NOT NULL,
    packets INTEGER NOT NULL,
    bytes   INTEGER NOT NULL,
    first   INTEGER NOT NULL,
    last    INTEGER NOT NULL,
    PRIMARY KEY (day, source, zone, port, reason, rules, process, would)
) STRICT, WITHOUT ROWID;

-- For `sqlite3`: the same in words.
CREATE VIEW drops_by_hour AS
SELECT datetime(d.hour * 3600, 'unixepoch') AS hour,
       CASE length(d.source)
           WHEN 4 THEN (instr('123456789ABCDEF', substr(hex(d.source), 1, 1)) * 16
                    + instr('123456789ABCDEF', substr(hex(d.source), 2, 1))) || '.'
                || (instr('123456789ABCDEF', substr(hex(d.source), 3, 1)) * 16
                    + instr('123456789ABCDEF', substr(hex(d.source), 4, 1))) || '.'
                || (instr('123456789ABCDEF', substr(hex(d.source), 5, 1)) * 16
                    + instr('123456789ABCDEF', substr(hex(d.source), 6, 1))) || '.'
                || (instr('123456789ABCDEF', substr(hex(d.source), 7, 1)) * 16
                    + instr('123456789ABCDEF', substr(hex(d.source), 8, 1)))
           WHEN 16 THEN lower(substr(hex(d.source), 1, 4) || ':'
                || substr(hex(d.source), 5, 4) || ':'
                || substr(hex(d.source), 9, 4) || ':'
                || substr(hex(d.source), 13, 4) || ':'
                || substr(hex(d.source), 17, 4) || ':'
                || substr(hex(d.source), 21, 4) || ':'
                || substr(hex(d.source), 25, 4) || ':'
                || substr(hex(d.source), 29, 4))
       END AS source,
       (SELECT text FROM label WHERE id = d.zone) AS zone,
       (SELECT text FROM label WHERE id = d.port) AS port,
       (SELECT text FROM label WHERE id = d.reason) AS reason,
       (SELECT text FROM label WHERE id = d.rules) AS rules,
       (SELECT text FROM label WHERE id = d.process) AS process,
       d.would, d.packets, d.bytes,
       datetime(d.first / 1000, 'unixepoch') AS first,
       datetime(d.last / 1000, 'unixepoch') AS last
FROM drop_hour AS d;
