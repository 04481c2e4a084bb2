/// The SQL that fills a database with a past, for psql: its variables are `cases` and `days`.
///
/// Everything is made on the server, a day at a time, so that five million cases need no memory here and every day's
/// partition is written once. Orgs, servers and mappings of its own, removed and disabled, keep workers from acting on
/// any of it.
enum HistoryScript {
    static let text = #"""
        \set ON_ERROR_STOP on
        SET synchronous_commit = off;
        SET client_min_messages = warning;
        SET search_path = caserouter;

        DO $$
        BEGIN
            IF to_regclass('caserouter.api_calls') IS NULL THEN
                RAISE EXCEPTION 'the database has not the schema of this version: run caserouter migrate first';
            ELSIF EXISTS (SELECT FROM orgs WHERE name = 'history-1') THEN
                RAISE EXCEPTION 'a history was generated here before: use another database';
            END IF;
        END;
        $$;

        -- A number from 0 up to 1 that depends on the case and on what is asked of it, so that a run can be repeated.
        CREATE FUNCTION pg_temp.chance(i bigint, what int) RETURNS double precision LANGUAGE sql IMMUTABLE AS
        $$ SELECT (hashint8extended(i, what) & 1073741823) / 1073741824.0::double precision $$;

        CREATE FUNCTION pg_temp.case_id(i bigint) RETURNS text LANGUAGE sql IMMUTABLE AS
        $$ SELECT '500H' || lpad(i::text, 11, '0') || 'IAA' $$;

        INSERT INTO orgs (name, organization_id, login_url, flow, mode, removed_at)
        SELECT 'history-' || n, '00D00000000000' || n || 'EAA', 'https://history.example', 'client-credentials', 'live', now()
        FROM generate_series(1, 2) n;
        INSERT INTO cic_servers (name, hosts, holding, removed_at)
        SELECT 'history-' || name, ARRAY['192.0.2.1:8019'], 'Holding', now() FROM unnest(ARRAY['east', 'west']) name;
        -- Disabled, so that no worker ever decides by them.
        INSERT INTO mappings (id, version, org, queue_id, queue_name, cic, workgroup, skills, enabled, changed_by)
        SELECT nextval('mapping_ids'), 1, 'history-' || o, '00GH000000000' || o || q || 'MAA',
            (ARRAY['Support', 'Billing', 'Returns', 'Technical', 'Sales', 'Complaints'])[q],
            CASE o WHEN 1 THEN 'history-east' ELSE 'history-west' END,
            (ARRAY['Support', 'Billing', 'Support', 'Tier2', 'Sales', 'Complaints'])[q],
            CASE WHEN q = 4 THEN 'Technical' ELSE '' END, false, 'generate-history'
        FROM generate_series(1, 2) o, generate_series(1, 6) q;

        SELECT count(*) AS partitions
        FROM unnest(ARRAY['requests', 'attempts']) parent, generate_series(0, :days + 7, 8) back,
            maintain_partitions(parent, 36500, (now() AT TIME ZONE 'UTC')::date - back) \gset

        -- One day's arrivals and all that came of them.
        CREATE FUNCTION pg_temp.make_day(the_day date, first_case bigint, case_count int, is_last boolean) RETURNS void
        LANGUAGE plpgsql AS $$
        BEGIN
            CREATE TEMP TABLE arrived ON COMMIT DROP AS
            SELECT i, pg_temp.case_id(i) AS case_id, lpad(i::text, 8, '0') AS case_number, m.id AS mapping, m.org, m.cic,
                m.workgroup, m.queue_id, m.skills AS mapping_skills, x.skills AS case_skills,
                concat_ws(';', nullif(m.skills, ''), nullif(x.skills, '')) AS skills,
                '005H' || lpad((i % 200)::text, 11, '0') || 'IAA' AS agent, x.arrived_at,
                -- Mostly tens of milliseconds, sometimes a sweep or an outage.
                x.arrived_at + interval '1 second' * x.latency AS placed_at,
                x.arrived_at + interval '1 second' * (x.latency + 20 + 900 * pg_temp.chance(i, 4)) AS agent_at,
                x.arrived_at + interval '1 second' * (x.latency + 930 + 3000 * pg_temp.chance(i, 5)) AS replied_at,
                x.arrived_at + interval '1 second' * (x.latency + 4000 + 14000 * pg_temp.chance(i, 6)) AS closed_at,
                -- What is not finished: of the last day the last ones.
                CASE WHEN is_last AND i >= first_case + case_count - least(case_count / 4, 2500)
                    THEN CASE WHEN i % 25 = 0 THEN 'failed' WHEN i % 5 = 0 THEN 'due' ELSE 'waiting' END ELSE 'done' END AS fate,
                pg_temp.chance(i, 7) < 0.03 AS stumbled, pg_temp.chance(i, 8) < 0.2 AS commented
            FROM (
                SELECT i, least(floor(pg_temp.chance(i, 1) ^ 1.5 * 12)::int, 11) AS mapping_number,
                    -- Office hours, in two humps.
                    the_day + interval '1 second' * CASE WHEN is_last THEN 0.9 * extract(epoch FROM now() - the_day) ELSE 1 END
                        * CASE WHEN is_last THEN (i - first_case)::double precision / case_count
                            ELSE 28800 + 36000 * (pg_temp.chance(i, 2) + pg_temp.chance(i, 3)) / 2 + 900 * pg_temp.chance(i, 9) END
                        AS arrived_at,
                    CASE WHEN pg_temp.chance(i, 10) < 0.004 THEN 60 + 600 * pg_temp.chance(i, 11)
                        WHEN pg_temp.chance(i, 10) < 0.03 THEN 1 + 9 * pg_temp.chance(i, 11)
                        ELSE 0.02 + 0.2 * pg_temp.chance(i, 11) ^ 3 END AS latency,
                    (ARRAY['', '', '', 'French', 'German', 'Gold', 'French;Gold'])[1 + floor(7 * pg_temp.chance(i, 12))::int]
                        AS skills
                FROM generate_series(first_case, first_case + case_count - 1) i
            ) x
            JOIN (SELECT *, row_number() OVER (ORDER BY id) - 1 AS place FROM mappings WHERE changed_by = 'generate-history') m
                ON m.place = x.mapping_number;

            INSERT INTO requests (
                day, org, event_key, case_id, version, version_epoch, change, body, outbox_row, found, occurred_at, received_at,
                seen_at, outcome, rule, inputs, mapping, mapping_version, finished_at, write_back, write_back_at)
            SELECT (r.at AT TIME ZONE 'UTC')::date, org, 'o:' || row_id, case_id, i * 8 + r.step, 1, r.change,
                convert_to(
                    '{"specversion":"1.0","id":"o:' || row_id || '","source":"/orgs/' || org || '","type":"caserouter.case.' || r.change
                    || '.v1","subject":"' || case_id || '","time":"' || to_char(r.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
                    || '","datacontenttype":"application/json","data":{"version":' || i * 8 + r.step || ',"caseNumber":"' || case_number
                    || '","owner":"' || r.owner || '","closed":' || (r.change = 'closed') || ',"skills":"' || case_skills
                    || '","priority":"Medium","row":"' || row_id || '"}}', 'UTF8'),
                row_id, CASE WHEN pg_temp.chance(i, 20 + r.step) < 0.002 THEN 'sweep' ELSE 'stream' END, r.at,
                r.at + interval '15 milliseconds',
                r.at + interval '18 milliseconds', r.outcome, r.rule,
                jsonb_build_object('version', i * 8 + r.step, 'owner', r.owner, 'closed', r.change = 'closed', 'skills', case_skills)
                    || CASE WHEN r.step = 0 THEN '{}' ELSE jsonb_build_object('case', jsonb_build_object(
                        'revision', r.step, 'due', false, 'fences', jsonb_build_array(1, i * 8, i * 8, 0, 0), 'owner', queue_id,
                        'closed', false, 'skills', case_skills)) END,
                CASE WHEN r.rule IN ('closed', 'owned-by-user') THEN NULL ELSE mapping END,
                CASE WHEN r.rule IN ('closed', 'owned-by-user') THEN NULL ELSE 1 END,
                r.finished_at, CASE WHEN r.outcome IS NULL THEN 'none' ELSE 'done' END, r.finished_at
            FROM arrived a
            CROSS JOIN LATERAL (
                VALUES
                    (0, 'created', queue_id, arrived_at, CASE WHEN fate IN ('due', 'failed') THEN NULL ELSE placed_at END,
                        CASE WHEN fate IN ('due', 'failed') THEN NULL ELSE 'routed' END, 'arrived', true),
                    (1, 'owner-changed', agent, agent_at, agent_at + interval '20 milliseconds', 'ignored', 'owned-by-user',
                        fate = 'done' AND i % 5 <> 0),
                    (2, 'agent-replied', agent, replied_at, replied_at + interval '80 milliseconds', 'routed', 'replied',
                        fate = 'done' AND i % 10 < 7),
                    (3, 'comment', queue_id, replied_at + interval '1 second', replied_at + interval '1150 milliseconds',
                        'routed', 'contacted', fate = 'done' AND commented),
                    (4, 'comment', queue_id, replied_at + interval '2 seconds', replied_at + interval '2020 milliseconds',
                        'ignored', 'interaction-active', fate = 'done' AND commented AND i % 3 = 0),
                    (5, 'closed', agent, closed_at, closed_at + interval '25 milliseconds', 'ignored', 'closed',
                        fate = 'done' AND i % 10 < 8)
            ) AS r (step, change, owner, at, finished_at, outcome, rule, happened)
            CROSS JOIN LATERAL (SELECT 'a00H' || lpad((i * 8 + r.step)::text, 11, '0') || 'IAA') k (row_id)
            WHERE r.happened;

            INSERT INTO cases (
                org, case_id, case_number, revision, applied_revision, version_epoch, state_fence, owner, closed, skills, want_cic,
                want_workgroup, want_skills, want_mapping, last_cic, last_workgroup, last_mapping, acts_on_cic, episode, attempts,
                failure_kind, failure_stage, failure_cause, failure_summary, failed_at, failure_number, first_open_day, days,
                changed_at)
            SELECT org, case_id, case_number, 3, CASE WHEN fate IN ('due', 'failed') THEN 2 ELSE 3 END, 1, i * 8 + 5,
                CASE WHEN fate = 'done' THEN agent ELSE queue_id END, fate = 'done', case_skills,
                CASE WHEN fate <> 'done' THEN cic END, CASE WHEN fate <> 'done' THEN workgroup END,
                CASE WHEN fate <> 'done' THEN skills ELSE '' END, CASE WHEN fate <> 'done' THEN mapping END, cic, workgroup, mapping,
                CASE WHEN fate <> 'done' THEN cic END, CASE WHEN fate = 'done' AND commented THEN 2 ELSE (fate IN ('done', 'waiting'))::int END,
                CASE fate WHEN 'failed' THEN 8 WHEN 'due' THEN i % 3 ELSE 0 END,
                CASE fate WHEN 'failed' THEN 'configuration' END, CASE fate WHEN 'failed' THEN 'resolve' END,
                CASE fate WHEN 'failed' THEN 'skill-unknown' END, CASE fate WHEN 'failed' THEN 'CIC knows no such skill.' END,
                CASE fate WHEN 'failed' THEN arrived_at END, (fate = 'failed')::int,
                CASE WHEN fate IN ('due', 'failed') THEN (arrived_at AT TIME ZONE 'UTC')::date END,
                ARRAY(SELECT DISTINCT (at AT TIME ZONE 'UTC')::date
                    FROM unnest(ARRAY[arrived_at, agent_at, replied_at, replied_at + interval '2 seconds', closed_at]) at),
                placed_at
            FROM arrived;

            CREATE TEMP TABLE tried ON COMMIT DROP AS
            SELECT a.*, e.number, e.opened_at, e.placed, e.reached_at, e.ended_at, gen_random_uuid() AS attempt_id
            FROM arrived a
            CROSS JOIN LATERAL (
                VALUES (1, arrived_at, placed_at, agent_at, replied_at, fate IN ('done', 'waiting')),
                    (2, replied_at + interval '1 second', replied_at + interval '1150 milliseconds',
                        replied_at + interval '60 seconds', closed_at, fate = 'done' AND commented)
            ) AS e (number, opened_at, placed, reached_at, ended_at, happened)
            WHERE e.happened;

            INSERT INTO episodes (
                org, case_id, number, cic, state, interaction_id, attempt_id, attempt_day, attempt_deadline, workgroup, skills,
                assign_number, with_agent, opened_at, placed_at, with_agent_at, ended_at, end_reason)
            SELECT org, case_id, number, cic, CASE fate WHEN 'done' THEN 'ended' ELSE 'placed' END, '2' || lpad((i * 2 + number)::text, 10, '0'),
                attempt_id, (opened_at AT TIME ZONE 'UTC')::date, opened_at + interval '10 seconds', workgroup, skills, number + 1,
                fate = 'done', opened_at, placed, CASE fate WHEN 'done' THEN reached_at END, CASE fate WHEN 'done' THEN ended_at END,
                CASE WHEN fate = 'done' THEN CASE WHEN i % 500 = 0 THEN 'lost-with-agent' WHEN i % 10 < 7 THEN 'disconnected' ELSE 'ended' END END
            FROM tried;

            INSERT INTO attempts (
                day, attempt_id, org, case_id, episode, revision, epoch, stage, worker, started_at, deadline_at, ended_at, outcome,
                kind, cause, summary, status, response)
            SELECT (opened_at AT TIME ZONE 'UTC')::date, attempt_id, org, case_id, number, number, 1, 'record',
                'route-' || 1 + i % 4, opened_at, opened_at + interval '10 seconds', placed, 'ok', NULL, NULL, NULL, NULL::int, NULL
            FROM tried
            UNION ALL
            SELECT (arrived_at AT TIME ZONE 'UTC')::date, gen_random_uuid(), org, case_id, 1, 1, 1,
                CASE WHEN fate = 'failed' THEN 'resolve' ELSE 'create' END,
                'route-' || 1 + i % 4, arrived_at, arrived_at + interval '10 seconds', arrived_at + interval '300 milliseconds',
                CASE WHEN fate = 'failed' THEN 'failed' WHEN i % 7 = 0 THEN 'unknown' ELSE 'retry' END,
                CASE WHEN fate = 'failed' THEN 'configuration' WHEN i % 7 = 0 THEN 'unknown' ELSE 'transient' END,
                CASE WHEN fate = 'failed' THEN 'skill-unknown' WHEN i % 7 = 0 THEN 'no-answer' ELSE 'cic-unavailable' END,
                'It did not work.', CASE WHEN i % 7 = 0 THEN NULL ELSE 503 END, repeat('Service Unavailable ', 10)
            FROM arrived WHERE stumbled OR fate = 'failed' OR fate = 'due' AND i % 3 > 0;

            INSERT INTO audit (at, actor, host, action, target, before, after)
            SELECT arrived_at + interval '10 seconds', CASE WHEN i % 2 = 0 THEN 'anna' ELSE 'queue tooling by way of route-1' END,
                'history', 'failed retry', org || '/' || case_id, '{"attempts": 8}', '{"attempts": 0}'
            FROM arrived WHERE stumbled AND i % 10 = 0;
            DROP TABLE arrived, tried;
        END;
        $$;

        SELECT format(
            'SELECT pg_temp.make_day(%L, %s, %s, %L)', (now() AT TIME ZONE 'UTC')::date - :days + d,
            1 + (:cases::bigint * (d - 1)) / :days, (:cases::bigint * d) / :days - (:cases::bigint * (d - 1)) / :days, d = :days)
        FROM generate_series(1, :days) d
        WHERE (:cases::bigint * d) / :days > (:cases::bigint * (d - 1)) / :days
        \gexec

        INSERT INTO sweeps (org, started_at, finished_at, whole, row_count, compared, observed, occurrences)
        SELECT 'history-' || o, at, at + interval '4 seconds', extract(minute FROM at) < 10, 0, 400, 0, 0
        FROM generate_series(1, 2) o, generate_series(now() - :days * interval '1 day', now(), interval '10 minutes') at;
        INSERT INTO gaps (org, channel, from_time, reason, opened_at, closed_at)
        SELECT 'history-' || o, '/event/Routing_Request__e', at - interval '5 minutes', 'the position was refused', at,
            at + interval '61 minutes'
        FROM generate_series(1, 2) o, generate_series(now() - :days * interval '1 day', now() - interval '2 hours', interval '9 days') at;
        INSERT INTO api_calls (org, hour, kind, calls, used, call_limit)
        SELECT 'history-' || o, date_trunc('hour', at), kind, 20, 100 * extract(hour FROM at), 100000
        FROM generate_series(1, 2) o, generate_series(now() - :days * interval '1 day', now(), interval '1 hour') at,
            unnest(ARRAY['query', 'update', 'login', 'stream']) kind;
        INSERT INTO workers (name, role, host, pid, version, started_at)
        SELECT 'route-' || n, 'route', 'history', n, '0', now() - interval '1 day' FROM generate_series(1, 4) n
        ON CONFLICT (name) DO NOTHING;
        ANALYZE requests, attempts, cases, episodes, audit, sweeps, gaps, api_calls;
        """#
}
