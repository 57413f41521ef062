-- What is announced at set times. Times are milliseconds since the Unix epoch.

-- Those that people made in chat; those of the settings stand there.
CREATE TABLE schedules (
    id INTEGER PRIMARY KEY,
    text TEXT NOT NULL,
    -- One of the two: a single time, or a rule as it was written.
    once_at BIGINT,
    rule TEXT,
    zone TEXT NOT NULL,
    channel TEXT NOT NULL,
    person TEXT NOT NULL,
    -- One message makes one schedule, however often it is handled.
    asked_in TEXT NOT NULL UNIQUE,
    made_at BIGINT NOT NULL,
    -- No longer announced: it was cancelled, or has no further time.
    ended_at BIGINT,
    CHECK ((once_at IS NULL) <> (rule IS NULL))
);

CREATE INDEX schedules_standing ON schedules (id) WHERE ended_at IS NULL;

-- Of each schedule, by its name or number: up to which time it is dealt with, and by which rule.
CREATE TABLE schedule_marks (
    schedule TEXT PRIMARY KEY,
    rule TEXT NOT NULL,
    settled BIGINT NOT NULL
);

-- Schedules that somebody paused. No row: it is announced.
CREATE TABLE schedule_pauses (
    schedule TEXT PRIMARY KEY,
    person TEXT NOT NULL,
    since BIGINT NOT NULL
);

-- Each time at which a schedule was due, and what became of it. Who writes the row announces it.
CREATE TABLE firings (
    schedule TEXT NOT NULL,
    due BIGINT NOT NULL,
    -- How many times before it went by, because nothing ran.
    skipped BIGINT NOT NULL,
    fate TEXT NOT NULL
        CHECK (fate IN ('claimed', 'posted', 'silent', 'missed', 'called-off', 'denied')),
    claimed_at BIGINT NOT NULL,
    message TEXT,
    -- 1: it asks for a promotion, or for votes.
    asks BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (schedule, due),
    CHECK ((fate = 'posted') = (message IS NOT NULL))
);

CREATE INDEX firings_due ON firings (due);
CREATE INDEX firings_asking ON firings (message) WHERE asks = 1;
CREATE INDEX firings_claimed ON firings (due) WHERE fate = 'claimed';

-- Raised by whatever changes a schedule, so that other processes notice. One row.
CREATE TABLE schedule_changes (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    changes BIGINT NOT NULL
);

INSERT INTO schedule_changes (id, changes) VALUES (1, 0);

-- The figures of a period are made of what ended in it.
CREATE INDEX deployments_ended ON deployments (ended_at) WHERE ended_at IS NOT NULL;
