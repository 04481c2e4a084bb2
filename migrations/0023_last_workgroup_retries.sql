-- What came in about the case of a user is offered where the case was wanted last, in an org that says so. When that has failed
-- it is sent again like any other: the case has not moved since, its owner was a user then.

SET search_path = caserouter;

CREATE OR REPLACE FUNCTION retry_objection(c cases) RETURNS text
LANGUAGE sql STABLE SET search_path = caserouter, pg_temp
AS $$
    SELECT CASE
        WHEN c.attempts >= 8 AND (c.want_cic IS NULL OR c.owner IS NULL OR m.is_monitored) THEN NULL
        WHEN c.closed THEN 'closed since'
        WHEN EXISTS (
            SELECT FROM discards d
            WHERE d.org = c.org AND d.case_id = c.case_id AND d.restored_at IS NULL
                AND d.failure_number = c.failure_number AND c.want_cic IS NULL) THEN 'discarded'
        WHEN NOT m.is_monitored THEN 'moved since: its owner is no monitored queue'
        WHEN c.applied_revision < c.revision THEN 'is being tried again already'
        ELSE 'routed since' END
    FROM (
        SELECT EXISTS (
            SELECT FROM mappings m
            WHERE m.newest AND m.enabled AND m.org = c.org AND m.queue_id = c.owner
                AND (starts_with(m.queue_id, '00G') OR m.id = c.want_mapping))
            OR starts_with(c.owner, '005') AND EXISTS (
                SELECT FROM orgs o JOIN mappings m ON m.org = o.name
                WHERE o.name = c.org AND o.contact_on_user_owned = 'last-workgroup'
                    AND m.newest AND m.enabled AND m.id = c.want_mapping) AS is_monitored) m
$$;
