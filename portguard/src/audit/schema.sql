-- The audit store. Times are seconds since 1970, `first` and `last` milliseconds; an hour is seconds / 3600, a day hours / 24, all
-- in UTC. A fate is 0 passed, 1 dropped, 2 would have been dropped, 3 the part of 1 and 2 that is told by source.

-- Every text once; 0 stands for none.
CREATE TABLE label (
    id   INTEGER PRIMARY KEY,
    text TEXT NOT NULL UNIQUE
) STRICT;

-- Numbers that the writer remembers.
CREATE TABLE memory (
    name  TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What each filter had counted when it was last asked, which is what has been booked of it.
CREATE TABLE instance (
    id   INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    seen INTEGER NOT NULL
) STRICT;
CREATE TABLE port_counter (
    instance INTEGER NOT NULL,
    zone     INTEGER NOT NULL,
    port     INTEGER NOT NULL,
    rule     INTEGER NOT NULL,
    fate     INTEGER NOT NULL,
    packets  INTEGER NOT NULL,
    bytes    INTEGER NOT NULL,
    PRIMARY KEY (instance, zone, port, rule, fate)
) STRICT, WITHOUT ROWID;
CREATE TABLE reason_counter (
    instance INTEGER NOT NULL,
    reason   INTEGER NOT NULL,
    fate     INTEGER NOT NULL,
    packets  INTEGER NOT NULL,
    bytes    INTEGER NOT NULL,
    PRIMARY KEY (instance, reason, fate)
) STRICT, WITHOUT ROWID;
-- The last filling of each generation's table of drops that is recorded.
CREATE TABLE epoch (
    instance   INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    epoch      INTEGER NOT NULL,
    PRIMARY KEY (instance, generation)
) STRICT, WITHOUT ROWID;

-- Days that hold records; `seal` once they are over.
CREATE TABLE day (
    day  INTEGER PRIMARY KEY,
    seal INTEGER UNIQUE
) STRICT;

CREATE TABLE port_hour (
    hour    INTEGER NOT NULL,
    zone    INTEGER NOT NULL,
    port    INTEGER NOT NULL,
    rule    INTEGER NOT NULL,
    fate    INTEGER NOT NULL,
    packets INTEGER NOT NULL,
    bytes   INTEGER NOT NULL,
    PRIMARY KEY (hour, zone, port, rule, fate)
) STRICT, WITHOUT ROWID;
CREATE TABLE reason_hour (
    hour    INTEGER NOT NULL,
    reason  INTEGER NOT NULL,
    fate    INTEGER NOT NULL,
    packets INTEGER NOT NULL,
    bytes   INTEGER NOT NULL,
    PRIMARY KEY (hour, reason, fate)
) STRICT, WITHOUT ROWID;
-- Drops that are told by no source: for want of a place in the kernel's table (0), or in the hour (1).
CREATE TABLE lost_hour (
    hour    INTEGER NOT NULL,
    cause   INTEGER NOT NULL,
    packets INTEGER NOT NULL,
    bytes   INTEGER NOT NULL,
    PRIMARY KEY (hour, cause)
) STRICT, WITHOUT ROWID;
-- The same by day, written when the day is sealed.
CREATE TABLE port_day (
    day     INTEGER NOT NULL,
    zone    INTEGER NOT NULL,
    port    INTEGER NOT NULL,
    rule    INTEGER NOT NULL,
    fate    INTEGER NOT NULL,
    packets INTEGER NOT NULL,
    bytes   INTEGER NOT NULL,
    PRIMARY KEY (day, zone, port, rule, fate)
) STRICT, WITHOUT ROWID;
CREATE TABLE reason_day (
    day     INTEGER NOT NULL,
    reason  INTEGER NOT NULL,
    fate    INTEGER NOT NULL,
    packets INTEGER NOT NULL,
    bytes   INTEGER NOT NULL,
    PRIMARY KEY (day, reason, fate)
) STRICT, WITHOUT ROWID;
CREATE TABLE lost_day (
    day     INTEGER NOT NULL,
    cause   INTEGER NOT NULL,
    packets INTEGER NOT NULL,
    bytes   INTEGER NOT NULL,
    PRIMARY KEY (day, cause)
) STRICT, WITHOUT ROWID;
CREATE TABLE change (
    id         INTEGER PRIMARY KEY,
    day        INTEGER NOT NULL,
    at         INTEGER NOT NULL,
    kind       TEXT    NOT NULL,
    generation INTEGER,
    digest     TEXT,
    asked_by   TEXT    NOT NULL,
    says       TEXT    NOT NULL,
    diff       TEXT
) STRICT;
CREATE INDEX change_by_day ON change (day);
CREATE INDEX change_by_time ON change (at);

-- Each sealed day's hash, over the hash before and those of its tables, over the hashes of their hours or rows.
CREATE TABLE seal (
    sequence INTEGER PRIMARY KEY,
    day      INTEGER NOT NULL UNIQUE,
    at       INTEGER NOT NULL,
    previous TEXT    NOT NULL,
    hash     TEXT    NOT NULL
) STRICT;
CREATE TABLE seal_section (
    day     INTEGER NOT NULL,
    section TEXT    NOT NULL,
    rows    INTEGER NOT NULL,
    hash    TEXT    NOT NULL,
    PRIMARY KEY (day, section)
) STRICT, WITHOUT ROWID;
CREATE TABLE seal_part (
    day     INTEGER NOT NULL,
    section TEXT    NOT NULL,
    part    INTEGER NOT NULL,
    rows    INTEGER NOT NULL,
    hash    TEXT    NOT NULL,
    PRIMARY KEY (day, section, part)
) STRICT, WITHOUT ROWID;
-- What retention took of a sealed day: 1 its hours, 2 its sources, 3 everything; and the change that says so, of which day.
CREATE TABLE expiry (
    day    INTEGER NOT NULL,
    level  INTEGER NOT NULL,
    change INTEGER NOT NULL,
    on_day INTEGER NOT NULL,
    PRIMARY KEY (day, level)
) STRICT, WITHOUT ROWID;
CREATE INDEX expiry_by_change ON expiry (change);
-- What the last verification found, as JSON.
CREATE TABLE verification (
    id    INTEGER PRIMARY KEY CHECK (id = 1),
    at    INTEGER NOT NULL,
    found TEXT    NOT NULL
) STRICT;

-- For `sqlite3`: the same in words.
CREATE VIEW ports_by_hour AS
SELECT datetime(p.hour * 3600, 'unixepoch') AS hour,
       (SELECT text FROM label WHERE id = p.zone) AS zone,
       (SELECT text FROM label WHERE id = p.port) AS port,
       (SELECT text FROM label WHERE id = p.rule) AS rule,
       CASE p.fate WHEN 0 THEN 'passed' WHEN 1 THEN 'dropped' ELSE 'would drop' END AS fate,
       p.packets, p.bytes
FROM port_hour AS p;
CREATE VIEW reasons_by_hour AS
SELECT datetime(r.hour * 3600, 'unixepoch') AS hour,
       (SELECT text FROM label WHERE id = r.reason) AS reason,
       CASE r.fate WHEN 0 THEN 'passed' WHEN 1 THEN 'dropped' ELSE 'would drop' END AS fate,
       r.packets, r.bytes
FROM reason_hour AS r;
CREATE VIEW changes AS
SELECT datetime(at, 'unixepoch') AS at, kind, generation, digest, asked_by, says, diff FROM change;
