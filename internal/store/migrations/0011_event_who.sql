-- +goose Up

-- Whose series or rule an event is about, and who made it happen.
ALTER TABLE events ADD COLUMN team TEXT NOT NULL DEFAULT ''; -- '' where it is no team's
ALTER TABLE events ADD COLUMN who TEXT NOT NULL DEFAULT ''; -- '' where nobody did
CREATE INDEX events_team ON events (team, at_ms, id);
CREATE INDEX events_who ON events (who, at_ms, id);
