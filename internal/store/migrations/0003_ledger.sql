-- +goose Up
INSERT INTO revisions (name, last) VALUES
    ('ledger', 0),     -- held by whatever must be alone with the ledger
    ('ledger_keys', 0); -- the id given to the latest key

CREATE TABLE ledger_writers (
    writer   TEXT   NOT NULL PRIMARY KEY,
    sequence BIGINT NOT NULL, -- of its newest batch: those before are stored, too
    at_ms    BIGINT NOT NULL  -- when that was
);

-- What cells are named by: a cell itself has a number alone, and is a fifth as large.
CREATE TABLE ledger_keys (
    id        BIGINT NOT NULL PRIMARY KEY,
    tenant    TEXT   NOT NULL,
    team      TEXT   NOT NULL,
    service   TEXT   NOT NULL,
    metric    TEXT   NOT NULL,
    used_hour BIGINT NOT NULL, -- of a commit, to within a day: no cell was added to later
    UNIQUE (tenant, team, service, metric)
);

CREATE TABLE ledger_cells (
    hour        BIGINT NOT NULL, -- Unix hours
    key_id      BIGINT NOT NULL,
    tenant      TEXT   NOT NULL, -- that of the key
    forwarded   BIGINT NOT NULL, -- samples, as are the next five
    dropped     BIGINT NOT NULL,
    downsampled BIGINT NOT NULL,
    shed        BIGINT NOT NULL,
    rejected    BIGINT NOT NULL,
    failed      BIGINT NOT NULL,
    series      BIGINT NOT NULL, -- series-hours once they are settled; until then 0
    PRIMARY KEY (hour, key_id)
);
CREATE INDEX ledger_cells_tenant ON ledger_cells (tenant, hour);

-- What rules removed: a part of the cell of the same hour and key.
CREATE TABLE ledger_rules (
    hour        BIGINT NOT NULL,
    key_id      BIGINT NOT NULL,
    rule        TEXT   NOT NULL,
    tenant      TEXT   NOT NULL,
    dropped     BIGINT NOT NULL, -- samples
    downsampled BIGINT NOT NULL, -- samples
    series      BIGINT NOT NULL, -- as in ledger_cells
    PRIMARY KEY (hour, key_id, rule)
);
CREATE INDEX ledger_rules_tenant ON ledger_rules (tenant, hour);

-- The series of what is not settled.
CREATE TABLE ledger_sketches (
    hour   BIGINT NOT NULL,
    key_id BIGINT NOT NULL,
    rule   TEXT   NOT NULL, -- '' for those of the cell itself
    tenant TEXT   NOT NULL,
    sketch BYTEA  NOT NULL,
    PRIMARY KEY (hour, key_id, rule)
);

CREATE TABLE ledger_closings (
    month  BIGINT NOT NULL PRIMARY KEY, -- its first hour
    at_ms  BIGINT NOT NULL,
    prices TEXT   NOT NULL, -- JSON
    rolled BIGINT NOT NULL  -- the hour before which its cells are rolled up to days
);

-- Samples that came for a month after it was closed.
CREATE TABLE ledger_late (
    at_hour   BIGINT NOT NULL, -- when they were stored
    hour      BIGINT NOT NULL, -- when they were received
    key_id    BIGINT NOT NULL,
    forwarded BIGINT NOT NULL,
    dropped     BIGINT NOT NULL,
    downsampled BIGINT NOT NULL,
    shed        BIGINT NOT NULL,
    rejected    BIGINT NOT NULL,
    failed      BIGINT NOT NULL,
    PRIMARY KEY (at_hour, hour, key_id)
);

CREATE TABLE ledger_adjustments (
    id      TEXT   NOT NULL PRIMARY KEY, -- given by who made it
    at_hour BIGINT NOT NULL,
    month   BIGINT NOT NULL, -- that it corrects: its first hour
    tenant  TEXT   NOT NULL,
    team    TEXT   NOT NULL,
    micro   BIGINT NOT NULL, -- millionths of the currency
    reason  TEXT   NOT NULL
);
CREATE INDEX ledger_adjustments_at ON ledger_adjustments (at_hour);
