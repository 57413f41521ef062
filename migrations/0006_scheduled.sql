-- What waits for a moment of its own. Times are milliseconds since the Unix epoch.

-- NULL from when that moment has come, and for what never waited for any.
ALTER TABLE deployments ADD COLUMN scheduled_at BIGINT;

CREATE INDEX deployments_scheduled ON deployments (scheduled_at, id)
    WHERE scheduled_at IS NOT NULL AND ended_at IS NULL;
