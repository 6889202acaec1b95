-- +goose Up
CREATE TABLE events (
    id     TEXT   NOT NULL PRIMARY KEY, -- UUIDv7, made by the program
    at_ms  BIGINT NOT NULL,
    kind   TEXT   NOT NULL,
    tenant TEXT   NOT NULL, -- '' where it concerns the whole installation
    text   TEXT   NOT NULL,
    detail TEXT   NOT NULL  -- JSON, '' where there is none
);
CREATE INDEX events_at ON events (at_ms, id);
CREATE INDEX events_kind ON events (kind, at_ms, id);
CREATE INDEX events_tenant ON events (tenant, at_ms, id);
