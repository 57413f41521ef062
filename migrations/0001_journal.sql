-- The journal, and what is projected from it. Times are milliseconds since the Unix epoch.
-- An event is never changed; every other table but the inbox can be told again from the events.

CREATE TABLE events (
    -- The order of all events in this database. Clocks may step back; this does not.
    position INTEGER PRIMARY KEY,
    deployment BIGINT NOT NULL,
    -- Counts from 1 within the deployment.
    sequence BIGINT NOT NULL,
    at BIGINT NOT NULL,
    -- The version of the shape of `body`.
    version BIGINT NOT NULL,
    type TEXT NOT NULL,
    -- JSON.
    body TEXT NOT NULL,
    -- Of the event before it in the same deployment; empty for the first.
    previous_hash TEXT NOT NULL,
    hash TEXT NOT NULL,
    UNIQUE (deployment, sequence)
);

CREATE TABLE deployments (
    id INTEGER PRIMARY KEY,
    -- How many events there are, and the hash of the last: an event that is cut off the end of
    -- the journal is missed by these.
    version BIGINT NOT NULL,
    hash TEXT NOT NULL,
    environment TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('promotion', 'rollback')),
    reverts BIGINT,
    terms_hash TEXT NOT NULL,
    names TEXT NOT NULL,
    requester TEXT NOT NULL,
    channel TEXT NOT NULL,
    asked_in TEXT,
    requested_at BIGINT NOT NULL,
    -- 'waiting', 'queued', 'running' or the code of the end.
    stage TEXT NOT NULL,
    -- The position of its `Started`: turns are ordered by it.
    turn BIGINT,
    started_at BIGINT,
    ended_at BIGINT,
    -- A rollback that reverts it has succeeded.
    undone BOOLEAN NOT NULL DEFAULT FALSE,
    -- It has ended, and those who should know do not know it yet.
    untold BOOLEAN NOT NULL DEFAULT FALSE,
    CHECK ((kind = 'rollback') = (reverts IS NOT NULL)),
    CHECK ((turn IS NULL) = (started_at IS NULL))
);

-- One deployment runs in an environment at a time.
CREATE UNIQUE INDEX deployments_running ON deployments (environment) WHERE stage = 'running';
-- One message asks for one deployment, however often it is handled.
CREATE UNIQUE INDEX deployments_asked_in ON deployments (asked_in) WHERE asked_in IS NOT NULL;
CREATE INDEX deployments_environment ON deployments (environment, id);
CREATE INDEX deployments_open ON deployments (id) WHERE ended_at IS NULL;
CREATE INDEX deployments_untold ON deployments (id) WHERE untold = TRUE;
CREATE INDEX deployments_succeeded ON deployments (environment, turn) WHERE stage = 'succeeded';
CREATE INDEX deployments_last_success ON deployments (environment, turn)
    WHERE kind = 'promotion' AND stage = 'succeeded' AND undone = FALSE;

CREATE TABLE deployment_images (
    deployment BIGINT NOT NULL REFERENCES deployments (id),
    repository TEXT NOT NULL,
    from_digest TEXT,
    to_digest TEXT NOT NULL,
    PRIMARY KEY (deployment, repository)
);

CREATE INDEX deployment_images_to ON deployment_images (repository, to_digest);

-- The votes that stand.
CREATE TABLE votes (
    deployment BIGINT NOT NULL REFERENCES deployments (id),
    person TEXT NOT NULL,
    choice TEXT NOT NULL CHECK (choice IN ('yes', 'no')),
    via TEXT NOT NULL CHECK (via IN ('reaction', 'text')),
    terms_hash TEXT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (deployment, person)
);

-- Every message that has shown a deployment's card; `present`: it shows the present terms.
CREATE TABLE messages (
    deployment BIGINT NOT NULL REFERENCES deployments (id),
    message TEXT NOT NULL,
    present BOOLEAN NOT NULL,
    PRIMARY KEY (deployment, message)
);

CREATE INDEX messages_present ON messages (message, deployment) WHERE present = TRUE;

-- After a rollback: automation may not move the environment. No row: no hold.
CREATE TABLE holds (
    environment TEXT PRIMARY KEY,
    -- The deployment that left it.
    deployment BIGINT NOT NULL REFERENCES deployments (id),
    since BIGINT NOT NULL
);

-- What people wrote. Recorded once, handled until `handled_at` is set.
CREATE TABLE inbox (
    -- The order in which messages came.
    position INTEGER PRIMARY KEY,
    message TEXT NOT NULL UNIQUE,
    channel TEXT NOT NULL,
    person TEXT NOT NULL,
    text TEXT NOT NULL,
    received_at BIGINT NOT NULL,
    handled_at BIGINT
);

CREATE INDEX inbox_unhandled ON inbox (position) WHERE handled_at IS NULL;

CREATE TRIGGER events_are_not_changed BEFORE UPDATE ON events
BEGIN
    SELECT RAISE(ABORT, 'events are append-only');
END;

CREATE TRIGGER events_are_not_deleted BEFORE DELETE ON events
BEGIN
    SELECT RAISE(ABORT, 'events are append-only');
END;

-- `INSERT OR REPLACE` deletes without asking the trigger above, unless recursive triggers are on.
CREATE TRIGGER events_are_not_replaced BEFORE INSERT ON events
WHEN EXISTS (
    SELECT 1 FROM events
    WHERE position = NEW.position
       OR (deployment = NEW.deployment AND sequence = NEW.sequence)
)
BEGIN
    SELECT RAISE(ABORT, 'events are append-only');
END;
