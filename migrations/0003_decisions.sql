-- What people decide beside deployments. Times are milliseconds since the Unix epoch.

CREATE TABLE decisions (
    -- The order of all decisions.
    sequence INTEGER PRIMARY KEY,
    at BIGINT NOT NULL,
    -- The version of the shape of `body`.
    version BIGINT NOT NULL,
    type TEXT NOT NULL,
    -- JSON.
    body TEXT NOT NULL,
    -- Of the decision before it; empty for the first.
    previous_hash TEXT NOT NULL,
    hash TEXT NOT NULL
);

-- How many there are, and the hash of the last: one that is cut off the end is missed by these.
CREATE TABLE decisions_head (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    sequence BIGINT NOT NULL,
    hash TEXT NOT NULL
);

-- The bans that stand, told from the decisions.
CREATE TABLE bans (
    digest TEXT PRIMARY KEY,
    repository TEXT NOT NULL,
    -- The digests inside, as JSON.
    children TEXT NOT NULL,
    name TEXT NOT NULL,
    person TEXT NOT NULL,
    because TEXT NOT NULL,
    at BIGINT NOT NULL,
    decision BIGINT NOT NULL REFERENCES decisions (sequence)
);

CREATE INDEX bans_decision ON bans (decision);

CREATE TRIGGER decisions_are_not_changed BEFORE UPDATE ON decisions
BEGIN
    SELECT RAISE(ABORT, 'decisions are append-only');
END;

CREATE TRIGGER decisions_are_not_deleted BEFORE DELETE ON decisions
BEGIN
    SELECT RAISE(ABORT, 'decisions are append-only');
END;

-- `INSERT OR REPLACE` deletes without asking the trigger above, unless recursive triggers are on.
CREATE TRIGGER decisions_are_not_replaced BEFORE INSERT ON decisions
WHEN EXISTS (SELECT 1 FROM decisions WHERE sequence = NEW.sequence)
BEGIN
    SELECT RAISE(ABORT, 'decisions are append-only');
END;
