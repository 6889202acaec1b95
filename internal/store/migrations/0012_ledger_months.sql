-- +goose Up

-- The months whose sums by key are in the next two tables, in step with the cells,
-- and the hour up to which.
CREATE TABLE ledger_summed_months (
    month BIGINT NOT NULL PRIMARY KEY, -- its first hour
    until BIGINT NOT NULL              -- cells before it are in the sums
);

CREATE TABLE ledger_months (
    month       BIGINT NOT NULL,
    key_id      BIGINT NOT NULL,
    forwarded   BIGINT NOT NULL,
    dropped     BIGINT NOT NULL,
    downsampled BIGINT NOT NULL,
    shed        BIGINT NOT NULL,
    rejected    BIGINT NOT NULL,
    failed      BIGINT NOT NULL,
    series      BIGINT NOT NULL,
    PRIMARY KEY (month, key_id)
) /* clustered */;

CREATE TABLE ledger_month_rules (
    month       BIGINT NOT NULL,
    key_id      BIGINT NOT NULL,
    rule        TEXT   NOT NULL,
    dropped     BIGINT NOT NULL,
    downsampled BIGINT NOT NULL,
    series      BIGINT NOT NULL,
    PRIMARY KEY (month, key_id, rule)
) /* clustered */;
