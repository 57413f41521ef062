-- Environments that people have frozen. Times are milliseconds since the Unix epoch.

-- The freezes that were set and not ended, told from the decisions.
CREATE TABLE freezes (
    environment TEXT NOT NULL,
    person TEXT NOT NULL,
    -- By which it was set.
    decision BIGINT NOT NULL REFERENCES decisions (sequence),
    because TEXT NOT NULL,
    since BIGINT NOT NULL,
    -- When it ends by itself. NULL: never.
    until BIGINT,
    -- Where its end is told.
    channel TEXT NOT NULL,
    PRIMARY KEY (environment, person)
);

CREATE INDEX freezes_decision ON freezes (decision);
