-- Reports on what was not there yet when they were made: bulk retries, and sweeps that only look.

SET search_path = caserouter;

-- A release and its audit row are of one transaction.
CREATE INDEX bulk_retry_items_by_case ON bulk_retry_items (org, case_id, released_at);

CREATE OR REPLACE VIEW report.retries AS
SELECT t.day, date_trunc('hour', t.at, 'UTC') AS hour, t.org, t.door, count(*) AS retried,
    count(*) FILTER (WHERE t.became = 'succeeded') AS succeeded, count(*) FILTER (WHERE t.became = 'failed') AS failed,
    count(*) FILTER (WHERE t.became = 'waiting') AS waiting
FROM (
    SELECT a.day, min(a.started_at) AS at, a.org, 'automatic' AS door,
        CASE WHEN bool_or(a.outcome = 'ok') THEN 'succeeded' WHEN bool_or(a.outcome = 'failed') THEN 'failed'
            ELSE 'waiting' END AS became
    FROM caserouter.attempts a
    WHERE a.outcome IN ('ok', 'retry', 'unknown', 'failed')
    GROUP BY a.day, a.org, a.case_id, a.revision
    HAVING count(*) FILTER (WHERE a.outcome IN ('retry', 'unknown')) > 0
    UNION ALL
    SELECT (u.at AT TIME ZONE 'UTC')::date, u.at, split_part(u.target, '/', 1),
        -- A log-in that updates the list itself is written down with its address.
        CASE WHEN u.actor LIKE 'queue tooling %' THEN 'queue tooling'
            WHEN EXISTS (
                SELECT FROM caserouter.bulk_retry_items i
                WHERE i.org = split_part(u.target, '/', 1) AND i.case_id = split_part(u.target, '/', 2)
                    AND i.released_at = u.at) THEN 'bulk'
            WHEN u.actor = u.database_role AND (u.host = 'local' OR u.host ~ '^[0-9a-f.:]+$') THEN 'sql'
            ELSE 'command' END,
        CASE next.outcome WHEN 'ok' THEN 'succeeded' WHEN 'failed' THEN 'failed'
            ELSE CASE WHEN c.attempts >= 8 THEN 'failed' WHEN c.applied_revision < c.revision THEN 'waiting'
                ELSE 'succeeded' END END
    FROM caserouter.audit u
    LEFT JOIN caserouter.cases c
        ON c.org = split_part(u.target, '/', 1) AND c.case_id = split_part(u.target, '/', 2)
    LEFT JOIN LATERAL (
        SELECT a.outcome FROM caserouter.attempts a
        WHERE a.org = split_part(u.target, '/', 1) AND a.case_id = split_part(u.target, '/', 2)
            AND a.day BETWEEN (u.at AT TIME ZONE 'UTC')::date AND (u.at AT TIME ZONE 'UTC')::date + 30
            AND a.started_at >= u.at AND a.outcome IN ('ok', 'failed')
        ORDER BY a.started_at LIMIT 1) next ON true
    WHERE u.action = 'failed retry'
) t
GROUP BY 1, 2, 3, 4;

-- What only looked has healed nothing.
CREATE OR REPLACE VIEW report.gaps AS
SELECT
    g.id, g.org, g.channel, g.opened_at, g.reason, g.from_time AS missing_from, g.closed_at,
    round(extract(epoch FROM coalesce(g.closed_at, now()) - g.opened_at), 1) AS seconds, s.id AS sweep,
    s.started_at AS sweep_started_at, s.finished_at AS sweep_finished_at, s.row_count AS rows_found,
    s.compared AS cases_compared, s.observed AS cases_corrected, s.occurrences AS occurrences_found
FROM caserouter.gaps g
LEFT JOIN LATERAL (
    SELECT * FROM caserouter.sweeps s
    WHERE g.closed_at IS NOT NULL AND s.org = g.org AND s.whole AND NOT s.dry_run AND s.finished_at IS NOT NULL
        AND s.started_at >= g.opened_at
    ORDER BY s.started_at LIMIT 1) s ON true;
