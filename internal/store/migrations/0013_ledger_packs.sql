-- +goose Up

-- What is over of each day, by key, in one row that is read and written as a whole: a
-- fiftieth of the time that as many rows take.
CREATE TABLE ledger_packs (
    day   BIGINT NOT NULL PRIMARY KEY, -- its first hour
    until BIGINT NOT NULL,             -- all cells before it are in the sums, in step with them
    last  BIGINT NOT NULL,             -- the latest hour of which there are any
    sums  BYTEA  NOT NULL
);

-- Sums of days and months in a row for each key are made no more.
DROP TABLE ledger_summed_months;
DROP TABLE ledger_months;
DROP TABLE ledger_month_rules;
