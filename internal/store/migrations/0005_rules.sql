-- +goose Up
INSERT INTO revisions (name, last) VALUES ('audit', 0); -- the sequence given to the latest entry

CREATE TABLE rules (
    name       TEXT   NOT NULL PRIMARY KEY,
    position   BIGINT NOT NULL, -- rules are in its order, which may have gaps
    document   TEXT   NOT NULL, -- JSON
    revision   BIGINT NOT NULL,
    expired    BIGINT NOT NULL, -- 1 where its history says that it has expired, else 0
    updated_ms BIGINT NOT NULL,
    updated_by TEXT   NOT NULL
);

-- What became of rules, kept for ever.
CREATE TABLE rule_revisions (
    name       TEXT   NOT NULL,
    revision   BIGINT NOT NULL,
    at_ms      BIGINT NOT NULL,
    changed_by TEXT   NOT NULL,
    reason     TEXT   NOT NULL,
    action     TEXT   NOT NULL,
    was        TEXT   NOT NULL, -- JSON, '' where there was none
    became     TEXT   NOT NULL, -- JSON, '' where there is none since
    PRIMARY KEY (name, revision)
);

-- Who changed what: each entry holds the hash of the one before.
CREATE TABLE audit (
    sequence BIGINT NOT NULL PRIMARY KEY, -- from 1, without a gap
    at_ms    BIGINT NOT NULL,
    who      TEXT   NOT NULL,
    source   TEXT   NOT NULL, -- the address it was asked from
    verb     TEXT   NOT NULL,
    object   TEXT   NOT NULL,
    tenant   TEXT   NOT NULL, -- '' where it concerns the whole installation
    was      TEXT   NOT NULL, -- JSON, '' where there was none
    became   TEXT   NOT NULL, -- JSON, '' where there is none since
    reason   TEXT   NOT NULL,
    previous TEXT   NOT NULL, -- hex, '' in the first
    hash     TEXT   NOT NULL  -- hex
);
CREATE INDEX audit_at ON audit (at_ms, sequence);
CREATE INDEX audit_who ON audit (who, sequence);
CREATE INDEX audit_object ON audit (object, sequence);
