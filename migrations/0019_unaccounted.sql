-- Requests that the accounting cannot place: they are open, and nobody is left who would close them.

SET search_path = caserouter;

-- Merged and without an outcome, but its case is as wanted, or is not there. What is failed waits for a person, and what
-- nobody has merged yet for a worker: both are accounted for.
CREATE VIEW unaccounted_requests AS
SELECT r.day, r.org, r.event_key, r.case_id, coalesce(c.case_number, '') AS case_number
FROM requests r
LEFT JOIN cases c ON c.org = r.org AND c.case_id = r.case_id
WHERE r.outcome IS NULL AND r.seen_at IS NOT NULL
    AND (c.case_id IS NULL OR c.attempts < 8 AND c.applied_revision >= c.revision);

GRANT SELECT ON unaccounted_requests TO caserouter_route, caserouter_admin;

CREATE OR REPLACE VIEW request_states AS
SELECT
    r.day, r.org, r.case_id, r.change, r.found, r.rule, r.mapping, r.mapping_version, r.inputs, r.occurred_at,
    CASE WHEN r.outcome = 'ignored' AND r.rule = 'observing' THEN 'observed' ELSE r.outcome END AS state
FROM requests r
WHERE r.outcome IS NOT NULL
UNION ALL
SELECT
    r.day, r.org, r.case_id, r.change, r.found, r.rule, r.mapping, r.mapping_version, r.inputs, r.occurred_at,
    CASE WHEN c.attempts >= 8 THEN 'failed'
        WHEN r.seen_at IS NOT NULL AND (c.case_id IS NULL OR c.applied_revision >= c.revision) THEN 'unaccounted'
        ELSE 'pending' END
FROM requests r
LEFT JOIN cases c ON c.org = r.org AND c.case_id = r.case_id
WHERE r.outcome IS NULL;

CREATE OR REPLACE VIEW report.accounting AS
SELECT
    s.org,
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
FROM request_states s
GROUP BY s.org;
