-- Environments that people have closed to others. Times are milliseconds since the Unix epoch.

-- The locks that were set and not lifted, told from the decisions.
CREATE TABLE locks (
    environment TEXT PRIMARY KEY,
    -- By which it was set or last changed.
    decision BIGINT NOT NULL REFERENCES decisions (sequence),
    person TEXT NOT NULL,
    because TEXT NOT NULL,
    since BIGINT NOT NULL,
    -- When the person last said so.
    said_at BIGINT NOT NULL,
    -- When it ends by itself. NULL: never.
    until BIGINT,
    -- Where its end is told.
    channel TEXT NOT NULL,
    -- When its holder was last asked whether it is still needed.
    asked_at BIGINT
);

CREATE INDEX locks_decision ON locks (decision);

-- Decisions of which somebody has to be told who does not know of them yet.
CREATE TABLE decision_news (
    decision INTEGER PRIMARY KEY REFERENCES decisions (sequence)
);
