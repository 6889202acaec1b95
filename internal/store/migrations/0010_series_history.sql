-- +goose Up

-- How many series a tenant had within the window that ended with an hour: first in
-- all, then those of the metrics with the most.
CREATE TABLE series_readings (
    hour      BIGINT NOT NULL, -- Unix hours
    tenant    TEXT   NOT NULL,
    metrics   BIGINT NOT NULL, -- that had some
    series    BIGINT NOT NULL,
    forwarded BIGINT NOT NULL, -- of the series
    PRIMARY KEY (hour, tenant)
) /* clustered */;

CREATE TABLE series_history (
    hour      BIGINT NOT NULL,
    tenant    TEXT   NOT NULL,
    metric    TEXT   NOT NULL,
    series    BIGINT NOT NULL,
    forwarded BIGINT NOT NULL,
    PRIMARY KEY (hour, tenant, metric)
) /* clustered */;
