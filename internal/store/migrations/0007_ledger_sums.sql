-- +goose Up
INSERT INTO revisions (name, last) VALUES
    ('ledger_settled', 0); -- the hour before which cells may be settled

-- Hours and keys come before what is counted, in one tree where a database can
-- have it so; whose a cell is says its key alone.
CREATE TABLE ledger_hours (
    hour        BIGINT NOT NULL, -- Unix hours
    key_id      BIGINT NOT NULL,
    forwarded   BIGINT NOT NULL, -- samples, as are the next five
    dropped     BIGINT NOT NULL,
    downsampled BIGINT NOT NULL,
    shed        BIGINT NOT NULL,
    rejected    BIGINT NOT NULL,
    failed      BIGINT NOT NULL,
    series      BIGINT NOT NULL, -- series-hours: while there is a sketch, what it counts by now
    PRIMARY KEY (hour, key_id)
) /* clustered */;
INSERT INTO ledger_hours (hour, key_id, forwarded, dropped, downsampled, shed, rejected, failed, series)
SELECT hour, key_id, forwarded, dropped, downsampled, shed, rejected, failed, series FROM ledger_cells;
DROP TABLE ledger_cells;
ALTER TABLE ledger_hours RENAME TO ledger_cells;

CREATE TABLE ledger_hour_rules (
    hour        BIGINT NOT NULL,
    key_id      BIGINT NOT NULL,
    rule        TEXT   NOT NULL,
    dropped     BIGINT NOT NULL, -- samples
    downsampled BIGINT NOT NULL, -- samples
    series      BIGINT NOT NULL, -- as in ledger_cells
    PRIMARY KEY (hour, key_id, rule)
) /* clustered */;
INSERT INTO ledger_hour_rules (hour, key_id, rule, dropped, downsampled, series)
SELECT hour, key_id, rule, dropped, downsampled, series FROM ledger_rules;
DROP TABLE ledger_rules;
ALTER TABLE ledger_hour_rules RENAME TO ledger_rules;

DROP TABLE ledger_sketches;
CREATE TABLE ledger_sketches (
    hour   BIGINT NOT NULL,
    key_id BIGINT NOT NULL,
    rule   TEXT   NOT NULL, -- '' for those of the cell itself
    series BIGINT NOT NULL, -- what it counts; 0 where it is damaged
    sketch BYTEA  NOT NULL,
    PRIMARY KEY (hour, key_id, rule)
);

-- The sums of every day by team, in step with the cells at any time.
CREATE TABLE ledger_team_days (
    day         BIGINT NOT NULL, -- its first hour
    tenant      TEXT   NOT NULL,
    team        TEXT   NOT NULL,
    service     TEXT   NOT NULL,
    forwarded   BIGINT NOT NULL,
    dropped     BIGINT NOT NULL,
    downsampled BIGINT NOT NULL,
    shed        BIGINT NOT NULL,
    rejected    BIGINT NOT NULL,
    failed      BIGINT NOT NULL,
    series      BIGINT NOT NULL,
    PRIMARY KEY (day, tenant, team, service)
) /* clustered */;
INSERT INTO ledger_team_days (day, tenant, team, service, forwarded, dropped, downsampled, shed, rejected, failed, series)
SELECT c.hour - c.hour % 24, k.tenant, k.team, k.service,
    SUM(c.forwarded), SUM(c.dropped), SUM(c.downsampled), SUM(c.shed), SUM(c.rejected), SUM(c.failed), SUM(c.series)
FROM ledger_cells c JOIN ledger_keys k ON k.id = c.key_id
GROUP BY c.hour - c.hour % 24, k.tenant, k.team, k.service;

CREATE TABLE ledger_team_rules (
    day         BIGINT NOT NULL,
    tenant      TEXT   NOT NULL,
    team        TEXT   NOT NULL,
    service     TEXT   NOT NULL,
    rule        TEXT   NOT NULL,
    dropped     BIGINT NOT NULL,
    downsampled BIGINT NOT NULL,
    series      BIGINT NOT NULL,
    PRIMARY KEY (day, tenant, team, service, rule)
) /* clustered */;
INSERT INTO ledger_team_rules (day, tenant, team, service, rule, dropped, downsampled, series)
SELECT r.hour - r.hour % 24, k.tenant, k.team, k.service, r.rule, SUM(r.dropped), SUM(r.downsampled), SUM(r.series)
FROM ledger_rules r JOIN ledger_keys k ON k.id = r.key_id
GROUP BY r.hour - r.hour % 24, k.tenant, k.team, k.service, r.rule;

-- The days whose sums by key are in the next two tables, in step with the cells:
-- those of open months that are over. A day that is rolled up needs none.
CREATE TABLE ledger_summed (
    day BIGINT NOT NULL PRIMARY KEY
);

CREATE TABLE ledger_days (
    day         BIGINT NOT NULL,
    key_id      BIGINT NOT NULL,
    forwarded   BIGINT NOT NULL,
    dropped     BIGINT NOT NULL,
    downsampled BIGINT NOT NULL,
    shed        BIGINT NOT NULL,
    rejected    BIGINT NOT NULL,
    failed      BIGINT NOT NULL,
    series      BIGINT NOT NULL,
    PRIMARY KEY (day, key_id)
) /* clustered */;

CREATE TABLE ledger_day_rules (
    day         BIGINT NOT NULL,
    key_id      BIGINT NOT NULL,
    rule        TEXT   NOT NULL,
    dropped     BIGINT NOT NULL,
    downsampled BIGINT NOT NULL,
    series      BIGINT NOT NULL,
    PRIMARY KEY (day, key_id, rule)
) /* clustered */;
