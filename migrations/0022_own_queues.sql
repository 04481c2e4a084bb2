-- A comment or e-mail on a case that a user owns may be offered in the own CIC queue of that user. Where a workgroup's name
-- stands, `user:` and the user's name in CIC mean such a queue.

SET search_path = caserouter;

ALTER TABLE orgs DROP CONSTRAINT orgs_contact_on_user_owned_check;
ALTER TABLE orgs ADD CONSTRAINT orgs_contact_on_user_owned_check
    CHECK (contact_on_user_owned IN ('unchanged', 'last-workgroup', 'own-queue'));

CREATE OR REPLACE FUNCTION is_offer(rule text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
    SELECT rule IN ('arrived', 'taken-back', 'moved', 'asked', 'contacted', 'contacted-owner', 'offered-on-request')
$$;

-- A user who appears in CIC repairs the cases that were to go to his queue. Users are many and such cases are few: one look
-- for all who come together.
CREATE FUNCTION note_users() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = caserouter, pg_temp
AS $$
BEGIN
    INSERT INTO repairs (what, cic, name)
    SELECT DISTINCT 'workgroup', c.want_cic, c.want_workgroup
    FROM cases c JOIN appeared u ON u.cic = c.want_cic AND 'user:' || u.name = c.want_workgroup
    WHERE u.kind = 'user' AND c.attempts >= 8 AND c.failure_cause IN ('workgroup-unknown', 'workgroup-unusable')
        AND starts_with(c.want_workgroup, 'user:');
    RETURN NULL;
END;
$$;

CREATE TRIGGER users_appeared AFTER INSERT ON directory REFERENCING NEW TABLE AS appeared
    FOR EACH STATEMENT EXECUTE FUNCTION note_users();

-- The mapping of a user makes nothing monitored, but to a case that is wanted by it.
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
                AND (starts_with(m.queue_id, '00G') OR m.id = c.want_mapping)) AS is_monitored) m
$$;
