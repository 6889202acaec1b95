-- +goose Up
CREATE TABLE revisions (
    name TEXT   NOT NULL PRIMARY KEY,
    last BIGINT NOT NULL -- given to the latest change
);
INSERT INTO revisions (name, last) VALUES ('policy', 0);

CREATE TABLE limits (
    tenant     TEXT   NOT NULL PRIMARY KEY,
    document   TEXT   NOT NULL, -- JSON
    revision   BIGINT NOT NULL,
    updated_ms BIGINT NOT NULL,
    updated_by TEXT   NOT NULL
);
