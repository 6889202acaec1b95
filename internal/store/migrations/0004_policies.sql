-- +goose Up
CREATE TABLE policies (
    kind       TEXT   NOT NULL PRIMARY KEY, -- owners, prices or budgets
    document   TEXT   NOT NULL,             -- JSON
    revision   BIGINT NOT NULL,             -- from revisions, as that of a limit
    updated_ms BIGINT NOT NULL,
    updated_by TEXT   NOT NULL
);

-- What was told of a budget, so that it is told once, by one process. A budget
-- whose amount is changed is another one, of which nothing was told.
CREATE TABLE budgets_told (
    tenant       TEXT   NOT NULL, -- '' of a team's budget
    team         TEXT   NOT NULL, -- '' of a tenant's budget
    amount_micro BIGINT NOT NULL,
    month        TEXT   NOT NULL, -- such as 2026-11
    threshold    BIGINT NOT NULL, -- the highest, in percent; 0 for none
    over         BIGINT NOT NULL, -- 1: that the month is expected to end over the budget
    PRIMARY KEY (month, tenant, team, amount_micro)
);
