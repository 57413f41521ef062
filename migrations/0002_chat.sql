-- What chats with buttons, threads and outages need beside the journal.

-- A vote can come by a button, too. SQLite cannot change a check: the table is made anew.
CREATE TABLE votes_by_any_way (
    deployment BIGINT NOT NULL REFERENCES deployments (id),
    person TEXT NOT NULL,
    choice TEXT NOT NULL CHECK (choice IN ('yes', 'no')),
    via TEXT NOT NULL CHECK (via IN ('reaction', 'button', 'text')),
    terms_hash TEXT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (deployment, person)
);

INSERT INTO votes_by_any_way (deployment, person, choice, via, terms_hash, at)
    SELECT deployment, person, choice, via, terms_hash, at FROM votes;
DROP TABLE votes;
ALTER TABLE votes_by_any_way RENAME TO votes;

-- When it was said, where the chat tells, and the message whose button said it.
ALTER TABLE inbox ADD COLUMN said_at BIGINT;
ALTER TABLE inbox ADD COLUMN pressed_on TEXT;

-- Up to which event a deployment's story stands beside its card.
ALTER TABLE deployments ADD COLUMN narrated BIGINT NOT NULL DEFAULT 0;
-- When those who can unblock it were told that it waits.
ALTER TABLE deployments ADD COLUMN nudged_at BIGINT;

-- What tells this installation from others. One row.
CREATE TABLE installation (
    id TEXT PRIMARY KEY
);

-- What was about to be posted, and where it stands since. Without `message` nobody knows.
CREATE TABLE postings (
    posting_key TEXT PRIMARY KEY,
    begun_at BIGINT NOT NULL,
    message TEXT
);

CREATE INDEX postings_begun ON postings (begun_at);

-- Up to which message each place was listened to.
CREATE TABLE heard (
    channel TEXT PRIMARY KEY,
    message TEXT NOT NULL
);
