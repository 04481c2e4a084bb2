-- The reports: views of schema report, and the little that had to be recorded for them.
--
-- Views over many days group by `day`, the partition key, so that a reader's condition on it reaches the tables and only
-- the partitions it names are read. `hour` is the beginning of an hour in UTC.

SET search_path = caserouter;

-- Calls to Salesforce's API by hour and kind, as ingest counted them.
CREATE TABLE api_calls (
    org         text COLLATE "C" NOT NULL,
    hour        timestamptz NOT NULL,
    kind        text COLLATE "C" NOT NULL,
    calls       bigint NOT NULL,
    -- Of the org's daily limit, by all its clients together, as Salesforce said last in that hour.
    used        integer NOT NULL,
    call_limit  integer NOT NULL,
    PRIMARY KEY (org, hour, kind)
);
-- The process whose counts since its start are in `calls`.
ALTER TABLE api_usage ADD COLUMN counted_by text;

-- When episodes ended, for the report of ends alone.
CREATE INDEX episodes_by_end ON episodes (((ended_at AT TIME ZONE 'UTC')::date), org) WHERE ended_at IS NOT NULL;
CREATE INDEX sweeps_whole ON sweeps (org, started_at) WHERE whole;
CREATE INDEX audit_retries ON audit (((at AT TIME ZONE 'UTC')::date)) WHERE action = 'failed retry';

-- A setting that is a number, or what counts when nobody has set it. With the owner's rights: readers of reports have
-- none to the tables.
CREATE FUNCTION setting_number(the_name text, otherwise double precision) RETURNS double precision
LANGUAGE sql STABLE PARALLEL SAFE SECURITY DEFINER SET search_path = caserouter, pg_temp
AS $$ SELECT coalesce((SELECT (value #>> '{}')::double precision FROM settings WHERE name = the_name), otherwise) $$;

-- Rules by which a case is offered to agents, for the first time or again.
CREATE FUNCTION is_offer(rule text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT rule IN ('arrived', 'taken-back', 'moved', 'asked', 'contacted') $$;

-- What an agent must have: the mapping's skills and the case's, each once.
CREATE FUNCTION required_skills(mapping_skills text, takes_skills boolean, case_skills text) RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
    SELECT ARRAY(
        SELECT skill FROM (
            SELECT btrim(part, E' \t') AS skill, min(place) AS place
            FROM string_to_table(
                coalesce(mapping_skills, '') || ';' || CASE WHEN takes_skills IS NOT FALSE THEN coalesce(case_skills, '') ELSE '' END,
                ';') WITH ORDINALITY AS p (part, place)
            GROUP BY 1) s
        WHERE skill <> '' ORDER BY place)
$$;

-- Every request with the column of the accounting that it is in. In two parts, because only open ones need their case.
CREATE VIEW request_states AS
SELECT
    r.day, r.org, r.case_id, r.change, r.found, r.rule, r.mapping, r.mapping_version, r.inputs, r.occurred_at,
    CASE WHEN r.outcome = 'ignored' AND r.rule = 'observing' THEN 'observed' ELSE r.outcome END AS state
FROM requests r
WHERE r.outcome IS NOT NULL
UNION ALL
SELECT
    r.day, r.org, r.case_id, r.change, r.found, r.rule, r.mapping, r.mapping_version, r.inputs, r.occurred_at,
    CASE WHEN c.attempts >= 8 THEN 'failed' ELSE 'pending' END
FROM requests r
LEFT JOIN cases c ON c.org = r.org AND c.case_id = r.case_id
WHERE r.outcome IS NULL;

SET search_path = report;

CREATE VIEW accounting_by_hour AS
SELECT
    s.day, date_trunc('hour', s.occurred_at, 'UTC') AS hour, s.org,
    count(*) AS received,
    count(*) FILTER (WHERE s.state = 'routed') AS routed,
    count(*) FILTER (WHERE s.state = 'ignored') AS ignored,
    count(*) FILTER (WHERE s.state = 'superseded') AS superseded,
    count(*) FILTER (WHERE s.state = 'failed') AS failed,
    count(*) FILTER (WHERE s.state = 'discarded') AS discarded,
    count(*) FILTER (WHERE s.state = 'pending') AS pending,
    count(*) FILTER (WHERE s.state = 'observed') AS observed,
    count(*) FILTER (
        WHERE s.state NOT IN ('routed', 'ignored', 'superseded', 'failed', 'discarded', 'pending', 'observed'))
        AS difference
FROM caserouter.request_states s
GROUP BY 1, 2, 3;

CREATE VIEW volume AS
SELECT
    v.day, v.hour, v.org, m.queue_name AS queue, m.cic, m.workgroup,
    array_to_string(caserouter.required_skills(m.skills, m.takes_skills, v.case_skills), ';') AS skills,
    sum(v.received)::bigint AS received, sum(v.offered)::bigint AS offered, sum(v.routed)::bigint AS routed,
    sum(v.ignored)::bigint AS ignored, sum(v.superseded)::bigint AS superseded, sum(v.failed)::bigint AS failed,
    sum(v.discarded)::bigint AS discarded, sum(v.pending)::bigint AS pending, sum(v.observed)::bigint AS observed
FROM (
    SELECT
        s.day, date_trunc('hour', s.occurred_at, 'UTC') AS hour, s.org, s.mapping, s.mapping_version,
        s.inputs ->> 'skills' AS case_skills,
        count(*) AS received,
        count(*) FILTER (WHERE s.state = 'routed' AND caserouter.is_offer(s.rule)) AS offered,
        count(*) FILTER (WHERE s.state = 'routed') AS routed,
        count(*) FILTER (WHERE s.state = 'ignored') AS ignored,
        count(*) FILTER (WHERE s.state = 'superseded') AS superseded,
        count(*) FILTER (WHERE s.state = 'failed') AS failed,
        count(*) FILTER (WHERE s.state = 'discarded') AS discarded,
        count(*) FILTER (WHERE s.state = 'pending') AS pending,
        count(*) FILTER (WHERE s.state = 'observed') AS observed
    FROM caserouter.request_states s
    GROUP BY 1, 2, 3, 4, 5, 6
) v
LEFT JOIN caserouter.mappings m ON m.id = v.mapping AND m.version = v.mapping_version
GROUP BY 1, 2, 3, 4, 5, 6, 7;

-- A request that needs two skills is in two rows.
CREATE VIEW volume_by_skill AS
SELECT v.day, v.hour, v.org, v.queue, v.cic, v.workgroup, s.skill, sum(v.received)::bigint AS received,
    sum(v.offered)::bigint AS offered
FROM report.volume v
CROSS JOIN LATERAL string_to_table(v.skills, ';') AS s (skill)
GROUP BY 1, 2, 3, 4, 5, 6, 7;

-- One row per offer: from the commit in Salesforce until CIC was known to have the interaction on its workgroup.
CREATE VIEW offers AS
SELECT
    r.day, date_trunc('hour', r.occurred_at, 'UTC') AS hour, r.org, m.queue_name AS queue, m.cic, m.workgroup,
    greatest(0, extract(epoch FROM r.finished_at - r.occurred_at)::double precision) AS seconds,
    (SELECT caserouter.setting_number('latency_target_seconds', 5)) AS target
FROM caserouter.requests r
LEFT JOIN caserouter.mappings m ON m.id = r.mapping AND m.version = r.mapping_version
WHERE r.outcome = 'routed' AND caserouter.is_offer(r.rule);

CREATE VIEW latency AS
SELECT
    l.day, l.org, l.cic, l.workgroup, l.offered, round(l.p[1]::numeric, 3) AS p50, round(l.p[2]::numeric, 3) AS p90,
    round(l.p[3]::numeric, 3) AS p99, round(l.slowest::numeric, 3) AS slowest, round(l.target::numeric, 3) AS target,
    l.in_target, round(100.0 * l.in_target / l.offered, 2) AS attainment
FROM (
    SELECT day, org, cic, workgroup, count(*) AS offered,
        percentile_cont(ARRAY[0.5, 0.9, 0.99]) WITHIN GROUP (ORDER BY seconds) AS p, max(seconds) AS slowest,
        max(target) AS target, count(*) FILTER (WHERE seconds <= target) AS in_target
    FROM report.offers
    GROUP BY 1, 2, 3, 4
) l;

-- Attempts that did not work. One without an outcome long after its deadline: its worker died.
CREATE VIEW failures AS
SELECT
    a.day, date_trunc('hour', a.started_at, 'UTC') AS hour, a.org,
    CASE WHEN a.outcome IS NULL THEN 'worker-died' ELSE coalesce(a.cause, 'unknown') END AS cause,
    coalesce(a.kind, 'unknown') AS kind, a.stage, count(*) AS attempts,
    count(*) FILTER (WHERE a.outcome = 'failed') AS gave_up
FROM caserouter.attempts a
WHERE a.outcome IN ('retry', 'unknown', 'failed') OR a.outcome IS NULL AND a.deadline_at < now() - interval '1 minute'
GROUP BY 1, 2, 3, 4, 5, 6;

-- Automatic ones are counted once per day and wish that had to be tried again, those by people each time.
CREATE VIEW retries AS
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

-- One row per case that waits for something now.
CREATE VIEW waiting AS
SELECT
    w.org, w.case_number, w.case_id, w.state, h.holds AS hold, m.queue_name AS queue, w.cic, w.workgroup, w.skills, w.since,
    round(greatest(0, extract(epoch FROM now() - w.since)), 1) AS seconds, w.attempts, w.cause, w.next_at
FROM (
    -- Something is still to be done in CIC, or it failed.
    SELECT c.org, c.case_number, c.case_id,
        CASE WHEN c.attempts >= 8 THEN 'failed' WHEN c.attempts > 0 THEN 'to retry' ELSE 'to route' END AS state,
        c.want_mapping AS mapping, coalesce(c.want_cic, c.acts_on_cic) AS cic, c.want_workgroup AS workgroup,
        c.want_skills AS skills,
        coalesce((
            SELECT min(q.occurred_at) FROM caserouter.requests q
            WHERE q.org = c.org AND q.case_id = c.case_id AND q.outcome IS NULL AND q.day >= c.first_open_day),
            c.changed_at) AS since,
        c.attempts, c.failure_cause AS cause, CASE WHEN c.attempts < 8 THEN c.next_at END AS next_at
    FROM caserouter.cases c
    WHERE c.attempts >= 8 OR c.applied_revision < c.revision AND c.attempts < 8
    UNION ALL
    -- On its workgroup, for an agent.
    SELECT c.org, c.case_number, c.case_id, 'for an agent', c.want_mapping, e.cic, e.workgroup, coalesce(e.skills, ''),
        coalesce(e.placed_at, e.opened_at), c.attempts, NULL, NULL
    FROM caserouter.episodes e
    JOIN caserouter.cases c ON c.org = e.org AND c.case_id = e.case_id
    WHERE e.ended_at IS NULL AND e.state = 'placed' AND NOT e.with_agent AND c.attempts < 8
        AND c.applied_revision = c.revision
    UNION ALL
    -- In Salesforce's stream or on the broker: no routing worker has seen it.
    SELECT q.org, coalesce(c.case_number, ''), q.case_id, 'to be seen', c.want_mapping, NULL, NULL, '',
        min(q.occurred_at), coalesce(c.attempts, 0), NULL, NULL
    FROM caserouter.requests q
    LEFT JOIN caserouter.cases c ON c.org = q.org AND c.case_id = q.case_id
    WHERE q.seen_at IS NULL AND q.outcome IS NULL AND (
        c.case_id IS NULL OR c.attempts < 8 AND c.applied_revision = c.revision AND NOT EXISTS (
            SELECT FROM caserouter.episodes e
            WHERE e.org = c.org AND e.case_id = c.case_id AND e.ended_at IS NULL AND e.state = 'placed'
                AND NOT e.with_agent))
    GROUP BY q.org, c.case_number, q.case_id, c.want_mapping, c.attempts
) w
LEFT JOIN caserouter.mappings m ON m.id = w.mapping AND m.newest
LEFT JOIN LATERAL (
    SELECT string_agg(h.kind || ':' || h.name || ' ' || h.reason, ', ' ORDER BY h.kind, h.name, h.reason) AS holds
    FROM caserouter.holds h
    WHERE w.state <> 'for an agent' AND (
        h.kind = 'cic' AND h.name = w.cic OR h.kind = 'org' AND h.name = w.org
        OR h.kind = 'workgroup' AND h.name = w.cic || '/' || w.workgroup)
) h ON true;

CREATE VIEW ends AS
SELECT
    (e.ended_at AT TIME ZONE 'UTC')::date AS day, date_trunc('hour', e.ended_at, 'UTC') AS hour, e.org, e.cic, e.workgroup,
    e.end_reason AS reason, count(*) AS ended, count(e.with_agent_at) AS reached_agent,
    round(coalesce(sum(extract(epoch FROM e.with_agent_at - coalesce(e.placed_at, e.opened_at))), 0), 1) AS waited_seconds,
    round(coalesce(sum(extract(epoch FROM e.ended_at - e.with_agent_at)), 0), 1) AS handled_seconds
FROM caserouter.episodes e
WHERE e.ended_at IS NOT NULL
GROUP BY 1, 2, 3, 4, 5, 6;

CREATE VIEW decisions AS
SELECT
    d.day, d.hour, d.org, m.queue_name AS queue, m.cic, m.workgroup, d.change, d.rule, d.state,
    sum(d.requests)::bigint AS requests
FROM (
    SELECT s.day, date_trunc('hour', s.occurred_at, 'UTC') AS hour, s.org, s.mapping, s.mapping_version, s.change, s.rule,
        s.state, count(*) AS requests
    FROM caserouter.request_states s
    GROUP BY 1, 2, 3, 4, 5, 6, 7, 8
) d
LEFT JOIN caserouter.mappings m ON m.id = d.mapping AND m.version = d.mapping_version
GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9;

-- A gap is closed by the first whole sweep that began after it was opened.
CREATE VIEW gaps AS
SELECT
    g.id, g.org, g.channel, g.opened_at, g.reason, g.from_time AS missing_from, g.closed_at,
    round(extract(epoch FROM coalesce(g.closed_at, now()) - g.opened_at), 1) AS seconds, s.id AS sweep,
    s.started_at AS sweep_started_at, s.finished_at AS sweep_finished_at, s.row_count AS rows_found,
    s.compared AS cases_compared, s.observed AS cases_corrected, s.occurrences AS occurrences_found
FROM caserouter.gaps g
LEFT JOIN LATERAL (
    SELECT * FROM caserouter.sweeps s
    WHERE g.closed_at IS NOT NULL AND s.org = g.org AND s.whole AND s.finished_at IS NOT NULL
        AND s.started_at >= g.opened_at
    ORDER BY s.started_at LIMIT 1) s ON true;

CREATE VIEW api_calls AS
SELECT (hour AT TIME ZONE 'UTC')::date AS day, hour, org, kind, calls, used, call_limit FROM caserouter.api_calls;

CREATE VIEW workers AS
SELECT
    w.name, w.role, w.host, w.pid, w.version, w.started_at, w.seen_at, w.seen_at > now() - interval '30 seconds' AS alive,
    l.leases, coalesce(a.attempts, 0) AS attempts_today, coalesce(a.worked, 0) AS worked_today
FROM caserouter.workers w
LEFT JOIN LATERAL (
    SELECT string_agg(l.kind || ':' || l.name, ', ' ORDER BY l.kind, l.name) AS leases FROM caserouter.leases l
    WHERE l.until > now() AND starts_with(l.owner, w.name || '/')) l ON true
LEFT JOIN (
    SELECT a.worker, count(*) AS attempts, count(*) FILTER (WHERE a.outcome = 'ok') AS worked
    FROM caserouter.attempts a WHERE a.day = (now() AT TIME ZONE 'UTC')::date
    GROUP BY a.worker) a ON a.worker = w.name;

-- What there is to report on: retention drops the days before.
CREATE VIEW kept AS
SELECT 'requests' AS ledger, (SELECT min(day) FROM caserouter.requests) AS first_day,
    (SELECT max(day) FROM caserouter.requests) AS last_day,
    (SELECT coalesce(sum(greatest(c.reltuples, 0)), 0)::bigint FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent = 'caserouter.requests'::regclass) AS about_rows,
    (SELECT coalesce(sum(pg_total_relation_size(i.inhrelid)), 0)::bigint FROM pg_inherits i
        WHERE i.inhparent = 'caserouter.requests'::regclass) AS bytes
UNION ALL
SELECT 'attempts', (SELECT min(day) FROM caserouter.attempts), (SELECT max(day) FROM caserouter.attempts),
    (SELECT coalesce(sum(greatest(c.reltuples, 0)), 0)::bigint FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent = 'caserouter.attempts'::regclass),
    (SELECT coalesce(sum(pg_total_relation_size(i.inhrelid)), 0)::bigint FROM pg_inherits i
        WHERE i.inhparent = 'caserouter.attempts'::regclass);

-- What reports can be limited to, and the names there are.
CREATE VIEW names AS
SELECT 'org' AS kind, name FROM caserouter.orgs
UNION SELECT 'cic', name FROM caserouter.cic_servers
UNION SELECT 'workgroup', workgroup FROM caserouter.mappings;

GRANT SELECT ON ALL TABLES IN SCHEMA report TO caserouter_report, caserouter_admin;
GRANT SELECT, INSERT, UPDATE ON caserouter.api_calls TO caserouter_ingest;
GRANT SELECT ON caserouter.api_calls, caserouter.request_states TO caserouter_admin;

-- A report over many partitions has thousands of small expressions: compiling them takes seconds, running them does not.
DO $$
BEGIN
    EXECUTE format('ALTER DATABASE %I SET jit = off', current_database());
EXCEPTION WHEN insufficient_privilege THEN
    RAISE NOTICE 'the owner of the database should run: ALTER DATABASE % SET jit = off', current_database();
END;
$$;
