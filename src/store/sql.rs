//! Every statement of the store, in the SQL that SQLite and PostgreSQL share. What the answers
//! mean is known to those who ask.

/// Declares the statements and the list of all of them, by which they are tested.
macro_rules! statements {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)+) => {
        $($(#[$doc])* pub const $name: &str = $text;)+

        #[cfg(test)]
        const ALL: &[(&str, &str)] = &[$((stringify!($name), $name)),+];
    };
}

statements! {
    HEAD = "SELECT sequence, hash FROM events
        WHERE deployment = $1 ORDER BY sequence DESC LIMIT 1";

    PROJECTED_HEAD = "SELECT version AS sequence, hash FROM deployments WHERE id = $1";

    EVENTS = "SELECT deployment, sequence, at, version, type, body, previous_hash, hash
        FROM events WHERE deployment = $1 ORDER BY sequence";

    EVENTS_AFTER = "SELECT deployment, sequence, at, version, type, body, previous_hash, hash
        FROM events WHERE deployment = $1 AND sequence > $2 ORDER BY sequence";

    NEXT_DEPLOYMENT = "SELECT coalesce(max(deployment), 0) + 1 FROM events";

    INSERT_EVENT = "INSERT INTO events
            (deployment, sequence, at, version, type, body, previous_hash, hash)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
        RETURNING position";

    INSERT_DEPLOYMENT = "INSERT INTO deployments
            (id, version, hash, environment, kind, reverts, terms_hash, names, requester, channel,
             asked_in, requested_at, stage, scheduled_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)";

    ADVANCE = "UPDATE deployments SET version = $2, hash = $3, stage = $4 WHERE id = $1";

    DUE = "UPDATE deployments SET scheduled_at = NULL WHERE id = $1";

    SCHEDULED = "SELECT id FROM deployments
        WHERE scheduled_at IS NOT NULL AND ended_at IS NULL ORDER BY scheduled_at, id";

    REPLAN = "UPDATE deployments
        SET environment = $2, kind = $3, reverts = $4, terms_hash = $5, names = $6
        WHERE id = $1";

    /// Takes the environment's turn: the unique index on what runs refuses a second one.
    START = "UPDATE deployments
        SET version = $2, hash = $3, stage = $4, turn = $5, started_at = $6
        WHERE id = $1";

    END = "UPDATE deployments SET ended_at = $2, untold = TRUE WHERE id = $1";

    TOLD = "UPDATE deployments SET untold = FALSE WHERE id = $1";

    UNTOLD = "SELECT id FROM deployments WHERE untold = TRUE ORDER BY id";

    UNDONE = "UPDATE deployments SET undone = TRUE WHERE id = $1";

    CLEAR_IMAGES = "DELETE FROM deployment_images WHERE deployment = $1";

    INSERT_IMAGE = "INSERT INTO deployment_images (deployment, repository, from_digest, to_digest)
        VALUES ($1, $2, $3, $4)";

    SET_VOTE = "INSERT INTO votes (deployment, person, choice, via, terms_hash, at)
        VALUES ($1, $2, $3, $4, $5, $6)
        ON CONFLICT (deployment, person) DO UPDATE
        SET choice = excluded.choice, via = excluded.via, terms_hash = excluded.terms_hash,
            at = excluded.at";

    CLEAR_VOTE = "DELETE FROM votes WHERE deployment = $1 AND person = $2";

    CLEAR_VOTES = "DELETE FROM votes WHERE deployment = $1";

    CLOSE_MESSAGES = "UPDATE messages SET present = FALSE WHERE deployment = $1";

    SET_MESSAGE = "INSERT INTO messages (deployment, message, present) VALUES ($1, $2, TRUE)
        ON CONFLICT (deployment, message) DO UPDATE SET present = TRUE";

    SET_HOLD = "INSERT INTO holds (environment, deployment, since) VALUES ($1, $2, $3)
        ON CONFLICT (environment) DO UPDATE
        SET deployment = excluded.deployment, since = excluded.since";

    END_HOLD = "DELETE FROM holds WHERE environment = $1";

    HOLD = "SELECT deployment, since FROM holds WHERE environment = $1";

    RELEASE_HOLD = "DELETE FROM holds WHERE environment = $1 AND deployment = $2";

    INSERT_DECISION = "INSERT INTO decisions
            (sequence, at, version, type, body, previous_hash, hash)
        VALUES ($1, $2, $3, $4, $5, $6, $7)";

    DECISIONS_HEAD = "SELECT sequence, hash FROM decisions_head WHERE id = 1";

    SET_DECISIONS_HEAD = "INSERT INTO decisions_head (id, sequence, hash) VALUES (1, $1, $2)
        ON CONFLICT (id) DO UPDATE SET sequence = excluded.sequence, hash = excluded.hash";

    DECISIONS = "SELECT sequence, at, version, type, body, previous_hash, hash
        FROM decisions ORDER BY sequence DESC LIMIT $1";

    INSERT_BAN = "INSERT INTO bans
            (digest, repository, children, name, person, because, at, decision)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
        ON CONFLICT (digest) DO NOTHING";

    DELETE_BAN = "DELETE FROM bans WHERE digest = $1";

    BANS = "SELECT digest, repository, children, name, person, because, at
        FROM bans ORDER BY decision DESC";

    /// Where none stands.
    INSERT_LOCK = "INSERT INTO locks
            (environment, decision, person, because, since, said_at, until, channel)
        VALUES ($1, $2, $3, $4, $5, $5, $6, $7)
        ON CONFLICT (environment) DO NOTHING";

    /// In the place of one that stands: $8 is the decision that it came from.
    REPLACE_LOCK = "UPDATE locks
        SET decision = $2, person = $3, because = $4,
            since = CASE WHEN person = $3 THEN since ELSE $5 END, said_at = $5,
            until = $6, channel = $7, asked_at = NULL
        WHERE environment = $1 AND decision = $8";

    DELETE_LOCK = "DELETE FROM locks WHERE environment = $1 AND decision = $2";

    LOCKS = "SELECT environment, decision, person, because, since, said_at, until, channel,
            asked_at
        FROM locks ORDER BY environment LIMIT 1000";

    LOCK = "SELECT environment, decision, person, because, since, said_at, until, channel, asked_at
        FROM locks WHERE environment = $1";

    /// Unless somebody else has asked since the time of $2 (NULL: ever).
    ASK_ABOUT_LOCK = "UPDATE locks SET asked_at = $3
        WHERE decision = $1 AND coalesce(asked_at, -1) = coalesce($2, -1)";
    /// In the place of the one that the person has set before.
    SET_FREEZE = "INSERT INTO freezes
            (environment, person, decision, because, since, until, channel)
        VALUES ($1, $2, $3, $4, $5, $6, $7)
        ON CONFLICT (environment, person) DO UPDATE
        SET decision = excluded.decision, because = excluded.because, since = excluded.since,
            until = excluded.until, channel = excluded.channel";

    DELETE_FREEZE = "DELETE FROM freezes WHERE decision = $1";

    FREEZES = "SELECT environment, person, decision, because, since, until, channel
        FROM freezes ORDER BY environment, person LIMIT 1000";

    INSERT_NEWS = "INSERT INTO decision_news (decision) VALUES ($1)";

    DELETE_NEWS = "DELETE FROM decision_news WHERE decision = $1";

    NEWS = "SELECT d.sequence, d.at, d.version, d.type, d.body, d.previous_hash, d.hash
        FROM decision_news AS n JOIN decisions AS d ON d.sequence = n.decision
        ORDER BY n.decision LIMIT 1000";

    ASKED_IN = "SELECT id FROM deployments WHERE asked_in = $1";

    BY_MESSAGE = "SELECT deployment FROM messages
        WHERE message = $1 AND present = TRUE ORDER BY deployment DESC LIMIT 1";

    OPEN = "SELECT id FROM deployments WHERE ended_at IS NULL ORDER BY id";

    HISTORY = "SELECT id, environment, stage, names, kind, requester, requested_at, ended_at
        FROM deployments ORDER BY id DESC LIMIT $1";

    HISTORY_OF = "SELECT id, environment, stage, names, kind, requester, requested_at, ended_at
        FROM deployments WHERE environment = $1 ORDER BY id DESC LIMIT $2";

    LAST_SUCCESS = "SELECT id FROM deployments
        WHERE environment = $1 AND kind = 'promotion' AND stage = 'succeeded' AND undone = FALSE
          AND EXISTS (
            SELECT 1 FROM deployment_images AS i WHERE i.deployment = deployments.id
              AND (i.from_digest IS NULL OR i.from_digest <> i.to_digest)
          )
        ORDER BY turn DESC LIMIT 1";

    VERIFIED = "SELECT EXISTS (
            SELECT 1 FROM deployment_images AS i JOIN deployments AS d ON d.id = i.deployment
            WHERE i.repository = $2 AND i.to_digest = $3
              AND d.environment = $1 AND d.stage = 'succeeded' AND d.undone = FALSE
        )";

    DURATIONS = "SELECT d.turn, d.started_at, d.ended_at FROM deployments AS d
        WHERE d.environment = $1 AND d.stage = 'succeeded' AND EXISTS (
            SELECT 1 FROM deployment_images AS i
            WHERE i.deployment = d.id AND i.repository = $2
        )
        ORDER BY d.turn DESC LIMIT $3";

    NARRATED = "SELECT narrated FROM deployments WHERE id = $1";

    SET_NARRATED = "UPDATE deployments SET narrated = $2 WHERE id = $1 AND narrated < $2";

    NUDGE = "UPDATE deployments SET nudged_at = $2 WHERE id = $1 AND nudged_at IS NULL";

    RECEIVE = "INSERT INTO inbox
            (message, channel, person, text, received_at, said_at, pressed_on)
        VALUES ($1, $2, $3, $4, $5, $6, $7)
        ON CONFLICT (message) DO NOTHING";

    HANDLED = "UPDATE inbox SET handled_at = $2 WHERE message = $1 AND handled_at IS NULL";

    UNHANDLED = "SELECT message, channel, person, text, received_at, said_at, pressed_on
        FROM inbox WHERE handled_at IS NULL ORDER BY position";

    /// The first one stays.
    SET_INSTALLATION = "INSERT INTO installation (id)
        SELECT $1 WHERE NOT EXISTS (SELECT 1 FROM installation)";

    INSTALLATION = "SELECT id FROM installation LIMIT 1";

    BEGIN_POSTING = "INSERT INTO postings (posting_key, begun_at) VALUES ($1, $2)
        ON CONFLICT (posting_key) DO NOTHING";

    POSTING = "SELECT begun_at, message FROM postings WHERE posting_key = $1";

    END_POSTING = "UPDATE postings SET message = $2 WHERE posting_key = $1";

    FORGET_POSTINGS = "DELETE FROM postings WHERE begun_at < $1";

    HEARD = "SELECT channel, message FROM heard LIMIT 1000";

    IS_RESERVED = "SELECT EXISTS (
            SELECT 1 FROM reservations
            WHERE environment = $1 AND ended_at IS NULL AND held_since IS NOT NULL
              AND lapses_at > $2
        )";

    /// Nothing is written where the line is as long as it may be.
    ASK_RESERVATION = "INSERT INTO reservations
            (id, environment, token, reason, asked_at, lapses_at, fence)
        SELECT $1, $2, $3, $4, $5, $6, 1 WHERE $7 > (
            SELECT count(*) FROM reservations
            WHERE environment = $2 AND ended_at IS NULL AND lapses_at > $5
        )";

    TAKE_RESERVATION_UP = "UPDATE reservations SET fence = fence + 1, lapses_at = $5
        WHERE id = $1 AND environment = $2 AND token = $3 AND ended_at IS NULL
          AND lapses_at > $4
        RETURNING fence";

    EXTEND_RESERVATION = "UPDATE reservations SET lapses_at = $4
        WHERE id = $1 AND fence = $2 AND ended_at IS NULL AND lapses_at > $3";

    /// The unique index on what is held refuses a second one.
    HOLD_RESERVATION = "UPDATE reservations SET held_since = $2
        WHERE id = $1 AND held_since IS NULL AND ended_at IS NULL AND lapses_at > $2
          AND NOT EXISTS (
            SELECT 1 FROM deployments
            WHERE deployments.environment = reservations.environment
              AND deployments.stage = 'running'
          )
          AND NOT EXISTS (
            SELECT 1 FROM locks
            WHERE locks.environment = reservations.environment
              AND (locks.until IS NULL OR locks.until > $2)
          )";

    RELEASE_RESERVATION = "UPDATE reservations SET ended_at = $3, ending = 'released'
        WHERE id = $1 AND fence = $2 AND ended_at IS NULL";

    LAPSE_RESERVATIONS = "UPDATE reservations SET ended_at = $1, ending = 'lapsed'
        WHERE ended_at IS NULL AND lapses_at <= $1 RETURNING environment";

    END_RESERVATION = "UPDATE reservations
        SET ended_at = $2, ending = 'ended', ended_by = $3, because = $4
        WHERE id = $1 AND ended_at IS NULL";

    RESERVATION = "SELECT id, environment, token, reason, asked_at, held_since, lapses_at, fence,
            ending, ended_by, because
        FROM reservations WHERE id = $1";

    RESERVATIONS = "SELECT id, environment, token, reason, asked_at, held_since, lapses_at, fence,
            ending, ended_by, because
        FROM reservations WHERE ended_at IS NULL ORDER BY position";

    FORGET_RESERVATIONS = "DELETE FROM reservations WHERE ended_at < $1";

    SET_HEARD = "INSERT INTO heard (channel, message) VALUES ($1, $2)
        ON CONFLICT (channel) DO UPDATE SET message = excluded.message";

    SCHEDULES = "SELECT id, text, once_at, rule, zone, channel, person, made_at, ended_at
        FROM schedules WHERE ended_at IS NULL ORDER BY id";

    /// Also one that has ended.
    SCHEDULE = "SELECT id, text, once_at, rule, zone, channel, person, made_at, ended_at
        FROM schedules WHERE id = $1";

    MAKE_SCHEDULE = "INSERT INTO schedules
            (text, once_at, rule, zone, channel, person, asked_in, made_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
        ON CONFLICT (asked_in) DO NOTHING";

    SCHEDULE_ASKED_IN = "SELECT id, text, once_at, rule, zone, channel, person, made_at, ended_at
        FROM schedules WHERE asked_in = $1";

    END_SCHEDULE = "UPDATE schedules SET ended_at = $2 WHERE id = $1 AND ended_at IS NULL";

    MARK = "SELECT schedule, rule, settled FROM schedule_marks WHERE schedule = $1";

    MARKS = "SELECT schedule, rule, settled FROM schedule_marks";

    /// Of a rule that was not known before, nothing is due yet.
    SET_MARK = "INSERT INTO schedule_marks (schedule, rule, settled) VALUES ($1, $2, $3)
        ON CONFLICT (schedule) DO UPDATE SET rule = excluded.rule, settled = excluded.settled
        WHERE schedule_marks.rule <> excluded.rule";

    FORGET_MARK = "DELETE FROM schedule_marks WHERE schedule = $1";

    SETTLE = "UPDATE schedule_marks SET settled = $2 WHERE schedule = $1 AND settled < $2";

    PAUSES = "SELECT schedule, person, since FROM schedule_pauses";

    PAUSE_SCHEDULE = "INSERT INTO schedule_pauses (schedule, person, since) VALUES ($1, $2, $3)
        ON CONFLICT (schedule) DO NOTHING";

    UNPAUSE_SCHEDULE = "DELETE FROM schedule_pauses WHERE schedule = $1";

    /// The primary key lets one of several have it; nobody has what is paused or over.
    CLAIM = "INSERT INTO firings (schedule, due, skipped, fate, claimed_at)
        SELECT $1, $2, $3, $4, $5
        WHERE NOT EXISTS (SELECT 1 FROM schedule_pauses WHERE schedule = $1)
          AND NOT EXISTS (SELECT 1 FROM schedules WHERE id = $6 AND ended_at IS NOT NULL)
        ON CONFLICT (schedule, due) DO NOTHING";

    /// What somebody claimed and left for so long.
    TAKE_OVER = "UPDATE firings SET claimed_at = $3
        WHERE schedule = $1 AND due = $2 AND fate = 'claimed' AND claimed_at <= $4";

    /// Unless somebody has taken it over since the claim of $4.
    RENEW = "UPDATE firings SET claimed_at = $3
        WHERE schedule = $1 AND due = $2 AND fate = 'claimed' AND claimed_at = $4";

    /// What stands in the chat does so, whatever was decided while it was on its way.
    ANNOUNCED = "UPDATE firings SET fate = $3, message = $4, asks = $5
        WHERE schedule = $1 AND due = $2
          AND (fate = 'claimed' OR ($3 = 'posted' AND fate IN ('missed', 'called-off', 'denied')))";

    /// `missed` or `denied`.
    NOT_ANNOUNCED = "UPDATE firings SET fate = $3
        WHERE schedule = $1 AND due = $2 AND fate = 'claimed'";

    ANNOUNCED_BEFORE = "SELECT due FROM firings
        WHERE schedule = $1 AND due < $2 AND fate IN ('posted', 'silent')
        ORDER BY due DESC LIMIT 1";

    /// All that somebody claimed of a schedule and has not posted.
    CALL_OFF_ALL = "UPDATE firings SET fate = 'called-off' WHERE schedule = $1 AND fate = 'claimed'";

    CLAIMED = "SELECT schedule, due, skipped, fate, claimed_at, message FROM firings
        WHERE fate = 'claimed' ORDER BY due";

    FIRINGS = "SELECT schedule, due, skipped, fate, claimed_at, message FROM firings
        WHERE schedule = $1 ORDER BY due DESC LIMIT $2";

    FIRING_THAT_ASKS = "SELECT schedule, due, skipped, fate, claimed_at, message FROM firings
        WHERE message = $1 AND asks = 1";

    FORGET_FIRINGS = "DELETE FROM firings WHERE due < $1";

    SCHEDULE_CHANGES = "SELECT changes FROM schedule_changes WHERE id = 1";

    SCHEDULES_CHANGED = "UPDATE schedule_changes SET changes = changes + 1 WHERE id = 1";

    /// With when any of the images that it moved was first asked for.
    ENDED_SINCE = "SELECT d.id, d.environment, d.stage, d.names, d.reverts, d.requester,
            d.started_at, d.ended_at, d.undone,
            coalesce((
                SELECT min(e.requested_at) FROM deployment_images AS mine
                JOIN deployment_images AS same
                    ON same.repository = mine.repository AND same.to_digest = mine.to_digest
                JOIN deployments AS e ON e.id = same.deployment
                WHERE mine.deployment = d.id
                  AND (mine.from_digest IS NULL OR mine.from_digest <> mine.to_digest)
            ), d.requested_at) AS first_asked_at
        FROM deployments AS d
        WHERE d.ended_at IS NOT NULL AND d.ended_at >= $1 ORDER BY d.ended_at";
}

#[cfg(test)]
mod tests {
    use sqlx::{AssertSqlSafe, Row};

    use crate::store::SqliteStore;

    use super::ALL;

    /// The plan of a statement, one line for each of its steps. To get one, it must prepare.
    async fn plan(store: &SqliteStore, statement: &str) -> Vec<String> {
        let explain = AssertSqlSafe(format!("EXPLAIN QUERY PLAN {statement}"));
        let rows = sqlx::query(explain).fetch_all(&store.writer).await.expect("it prepares");
        rows.iter().map(|row| row.get::<String, _>("detail")).collect()
    }

    #[tokio::test]
    async fn every_statement_prepares_and_none_reads_or_sorts_a_whole_table() {
        let directory = tempfile::tempdir().expect("a directory");
        let url = format!("sqlite://{}", directory.path().join("journal.db").display());
        let store = SqliteStore::open(&url).await.expect("a store");
        for (name, statement) in ALL {
            for step in plan(&store, statement).await {
                // The newest of a table are read along its key, backwards, up to the limit.
                let along_a_key = (*name == "HISTORY" && step == "SCAN deployments")
                    || (*name == "DECISIONS" && step == "SCAN decisions");
                // One row, one for each channel, environment or schedule, or what is told in a
                // moment: there is nothing to look up by.
                let few = [
                    "HEARD",
                    "INSTALLATION",
                    "SET_INSTALLATION",
                    "LOCKS",
                    "FREEZES",
                    "NEWS",
                    "MARKS",
                    "PAUSES",
                ]
                .contains(name);
                let whole = step.starts_with("SCAN") && !step.contains("INDEX") && !along_a_key;
                let sorted = step.contains("TEMP B-TREE");
                let constant = step == "SCAN CONSTANT ROW";
                assert!(few || constant || !(whole || sorted), "{name}: {step}");
            }
        }
    }
}
