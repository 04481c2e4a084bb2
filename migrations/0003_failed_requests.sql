-- Failed cases, and the one gesture that sends them again: attempts = 0.

SET search_path = caserouter;

-- What every way to retry does. A case that is not failed, or failed anew since the caller looked, is left alone.
-- Requests that were taken too often are looked at again.
CREATE FUNCTION retry_case(the_org text, the_case text, the_failure integer, the_actor text, the_host text)
RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = caserouter, pg_temp
AS $$
DECLARE
    found_failure integer;
    since date;
BEGIN
    UPDATE cases SET attempts = 0, claims_without_outcome = 0, next_at = now(), handle_at = NULL, changed_at = now()
    WHERE org = the_org AND case_id = the_case AND attempts >= 8
        AND (the_failure IS NULL OR failure_number = the_failure)
    RETURNING failure_number INTO found_failure;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    UPDATE requests SET taken = 0, taken_at = NULL
    WHERE org = the_org AND case_id = the_case AND outcome IS NULL AND seen_at IS NULL AND taken > 0;
    INSERT INTO audit (actor, database_role, host, action, target, before, after)
    VALUES (
        the_actor, session_user, the_host, 'failed retry', the_org || '/' || the_case,
        jsonb_build_object('attempts', 8, 'failure_number', found_failure), jsonb_build_object('attempts', 0));
    RETURN true;
END;
$$;
REVOKE ALL ON FUNCTION retry_case FROM PUBLIC;

-- A row for every failed case. `UPDATE caserouter.failed_requests SET attempts = 0 WHERE …` sends it again.
CREATE VIEW failed_requests AS
SELECT
    c.org, c.case_id, c.case_number, c.attempts, c.failure_number, c.failure_kind AS kind, c.failure_stage AS stage,
    c.failure_cause AS cause, c.failure_summary AS summary, c.failed_at, c.owner, c.want_cic AS cic,
    c.want_workgroup AS workgroup, c.want_skills AS skills, c.first_open_day
FROM cases c
WHERE c.attempts >= 8;

CREATE FUNCTION retry_failed_request() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = caserouter, pg_temp
AS $$
DECLARE
    asked failed_requests := NEW;
BEGIN
    asked.attempts := OLD.attempts;
    IF NEW.attempts IS DISTINCT FROM 0 OR asked IS DISTINCT FROM OLD THEN
        RAISE EXCEPTION 'only attempts can be changed here, and only to 0';
    END IF;
    IF retry_case(
        OLD.org, OLD.case_id, OLD.failure_number, session_user,
        coalesce(host(inet_client_addr()), 'local')) THEN
        RETURN NEW;
    END IF;
    RETURN NULL;
END;
$$;
REVOKE ALL ON FUNCTION retry_failed_request FROM PUBLIC;

CREATE TRIGGER retry INSTEAD OF UPDATE ON failed_requests FOR EACH ROW EXECUTE FUNCTION retry_failed_request();
