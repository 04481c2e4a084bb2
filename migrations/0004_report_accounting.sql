-- What people and BI tools read. Names and columns of this schema are an interface.

CREATE SCHEMA report;
SET search_path = report;

-- Every request is in exactly one column, so that received is always the sum of the others.
CREATE VIEW accounting AS
SELECT
    r.org,
    count(*) AS received,
    count(*) FILTER (WHERE r.outcome = 'routed') AS routed,
    count(*) FILTER (WHERE r.outcome = 'ignored' AND r.rule IS DISTINCT FROM 'observing') AS ignored,
    count(*) FILTER (WHERE r.outcome = 'superseded') AS superseded,
    count(*) FILTER (WHERE r.outcome IS NULL AND c.attempts >= 8) AS failed,
    count(*) FILTER (WHERE r.outcome = 'discarded') AS discarded,
    count(*) FILTER (WHERE r.outcome IS NULL AND (c.attempts < 8 OR c.attempts IS NULL)) AS pending,
    count(*) FILTER (WHERE r.outcome = 'ignored' AND r.rule IS NOT DISTINCT FROM 'observing') AS observed
FROM caserouter.requests r
LEFT JOIN caserouter.cases c ON r.outcome IS NULL AND c.org = r.org AND c.case_id = r.case_id
GROUP BY r.org;
