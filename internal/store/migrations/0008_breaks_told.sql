-- +goose Up

-- What was told to break by an enforced rule, so that it is told once.
CREATE TABLE breaks_told (
    key   TEXT   NOT NULL PRIMARY KEY, -- of rule, file, alert and expression
    at_ms BIGINT NOT NULL              -- when it was told
);
