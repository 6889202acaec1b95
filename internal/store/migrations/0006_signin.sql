-- +goose Up
INSERT INTO revisions (name, last) VALUES ('tokens', 0);

CREATE TABLE tokens (
    id         TEXT   NOT NULL PRIMARY KEY, -- UUIDv7, made by the program
    digest     TEXT   NOT NULL UNIQUE,      -- SHA-256 of the secret, in hexadecimal digits
    name       TEXT   NOT NULL,
    role       TEXT   NOT NULL,
    tenants    TEXT   NOT NULL, -- JSON
    teams      TEXT   NOT NULL, -- JSON
    created_ms BIGINT NOT NULL,
    created_by TEXT   NOT NULL,
    expires_ms BIGINT NOT NULL, -- 0: never
    used_ms    BIGINT NOT NULL  -- 0: not yet
);

CREATE TABLE sessions (
    id         TEXT   NOT NULL PRIMARY KEY, -- a hash of what the browser has
    data       BYTEA  NOT NULL,
    expires_ms BIGINT NOT NULL
);
CREATE INDEX sessions_expires ON sessions (expires_ms);
