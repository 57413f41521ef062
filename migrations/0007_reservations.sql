-- Environments that programs have for themselves, or stand in line for. Times are milliseconds
-- since the Unix epoch.

CREATE TABLE reservations (
    -- The order in which they were asked for.
    position INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    environment TEXT NOT NULL,
    -- The name of the token that asked.
    token TEXT NOT NULL,
    reason TEXT,
    asked_at BIGINT NOT NULL,
    -- Without it, it stands in line.
    held_since BIGINT,
    -- When it is over, unless whoever has its connection says before that that it lives.
    lapses_at BIGINT NOT NULL,
    -- Counts the connections that it has had: only who has the last one may say so.
    fence BIGINT NOT NULL,
    ended_at BIGINT,
    ending TEXT CHECK (ending IN ('released', 'lapsed', 'ended')),
    -- The person, and why, where one ended it.
    ended_by TEXT,
    because TEXT,
    CHECK ((ended_at IS NULL) = (ending IS NULL)),
    CHECK (ending IS NULL OR (ending = 'ended') = (ended_by IS NOT NULL))
);

-- One program has an environment at a time.
CREATE UNIQUE INDEX reservations_held ON reservations (environment)
    WHERE held_since IS NOT NULL AND ended_at IS NULL;
CREATE INDEX reservations_line ON reservations (position) WHERE ended_at IS NULL;
CREATE INDEX reservations_environment ON reservations (environment, lapses_at)
    WHERE ended_at IS NULL;
CREATE INDEX reservations_lapsing ON reservations (lapses_at) WHERE ended_at IS NULL;
CREATE INDEX reservations_ended ON reservations (ended_at) WHERE ended_at IS NOT NULL;
