-- Erases a case of the org that was named, with what CIC has said of it, and leaves what another org has of the same id or number.

SET search_path = caserouter;

-- The case gets `the_token` in place of its id, everywhere, so that what belongs together still does. Only what is
-- counted stays: times, cause codes, rules, workgroups, skills.
--
-- Returns how many rows of each table were changed.
CREATE OR REPLACE FUNCTION erase_case(
    the_org text, the_case text, the_token text, the_actor text, the_host text, the_reason text)
RETURNS TABLE (name text, changed bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = caserouter, pg_temp
AS $$
DECLARE
    other record;
    the_number text;
    words text;
BEGIN
    PERFORM check_erasable(the_org, the_case);
    -- A number that is short, or none, would be found where it means something else.
    SELECT CASE WHEN case_number ~ '^[0-9A-Za-z-]{5,}$' THEN case_number ELSE '' END INTO the_number
    FROM cases WHERE org = the_org AND case_id = the_case;
    words := '\m(' || the_case || '|' || left(the_case, 15)
        || CASE WHEN the_number <> '' THEN '|' || the_number ELSE '' END || ')\M';

    UPDATE requests
    SET case_id = the_token, event_key = 'erased:' || gen_random_uuid(), body = '', outbox_row = NULL,
        write_back_error = NULL,
        inputs = CASE WHEN inputs ? 'skills' THEN jsonb_build_object('skills', inputs -> 'skills') END,
        write_back = CASE WHEN write_back = 'due' THEN 'done' ELSE write_back END
    WHERE org = the_org AND case_id = the_case;
    GET DIAGNOSTICS changed = ROW_COUNT;
    name := 'requests';
    RETURN NEXT;

    UPDATE attempts SET case_id = the_token, attempt_id = gen_random_uuid(), summary = NULL, response = NULL
    WHERE org = the_org AND case_id = the_case;
    GET DIAGNOSTICS changed = ROW_COUNT;
    name := 'attempts';
    RETURN NEXT;

    UPDATE episodes SET case_id = the_token, attempt_id = gen_random_uuid(), interaction_id = NULL
    WHERE org = the_org AND case_id = the_case;
    GET DIAGNOSTICS changed = ROW_COUNT;
    name := 'episodes';
    RETURN NEXT;

    UPDATE cases
    SET case_id = the_token, case_number = '', owner = NULL, closed = true, skills = '', priority = '', want_cic = NULL,
        want_workgroup = NULL, want_skills = '', want_mapping = NULL, acts_on_cic = NULL, lease_until = NULL,
        verify_at = NULL, attempts = 0, failure_kind = NULL, failure_stage = NULL, failure_cause = NULL,
        failure_summary = NULL, failed_at = NULL, handle_at = NULL, first_open_day = NULL, changed_at = now()
    WHERE org = the_org AND case_id = the_case;
    name := 'cases';
    changed := 1;
    RETURN NEXT;

    UPDATE undecodable SET beginning = ''
    WHERE position(convert_to(left(the_case, 15), 'UTF8') IN beginning) > 0
        OR the_number <> '' AND position(convert_to(the_number, 'UTF8') IN beginning) > 0;
    GET DIAGNOSTICS changed = ROW_COUNT;
    name := 'undecodable';
    RETURN NEXT;

    -- What CIC has said, as in attempts. The rows themselves get their token below.
    UPDATE discards SET owner = NULL, failure_summary = NULL WHERE org = the_org AND case_id = the_case;
    UPDATE bulk_retry_items SET note = NULL WHERE org = the_org AND case_id = the_case AND note IS NOT NULL;
    -- CIC uses the ids of interactions again: elsewhere the same id means another one.
    UPDATE audit
    SET before = before - '{interaction,attempt}'::text[], after = after - '{interaction,attempt}'::text[]
    WHERE target = the_org || '/' || the_case;

    -- Whatever else names the case, in tables of this version or a later one: by its id of either length or its number,
    -- wherever that is a word of its own. Not where it is said of another org: a sandbox has the ids and the numbers of its
    -- origin.
    FOR other IN
        SELECT c.oid::regclass AS place, c.relname,
            string_agg(format('%1$I = regexp_replace(%1$I::text, $1, $2, ''g'')::%2$s', a.attname, a.atttypid::regtype), ', ')
                AS changes,
            string_agg(format('%I::text ~ $1', a.attname), ' OR ') AS condition,
            CASE WHEN bool_or(a.attname = 'org') THEN 'org = $3'
                WHEN c.relname = 'audit' THEN
                    $q$(target !~ ('^(case:)?[a-z0-9][a-z0-9-]*/' || $1)
                        OR split_part(regexp_replace(target, '^case:', ''), '/', 1) = $3)$q$
                ELSE 'true' END AS is_of_org
        FROM pg_class c
        JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
            AND a.atttypid IN ('text'::regtype, 'jsonb'::regtype)
        WHERE c.relnamespace = 'caserouter'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
            AND c.relname NOT IN ('requests', 'attempts', 'episodes', 'cases')
        GROUP BY c.oid, c.relname
        ORDER BY c.relname
    LOOP
        EXECUTE format(
            'UPDATE %s SET %s WHERE (%s) AND %s', other.place, other.changes, other.condition, other.is_of_org)
            USING words, the_token, the_org;
        GET DIAGNOSTICS changed = ROW_COUNT;
        name := other.relname;
        RETURN NEXT;
    END LOOP;

    INSERT INTO audit (actor, database_role, host, action, target, after)
    VALUES (the_actor, session_user, the_host, 'case erase', the_org || '/' || the_token, jsonb_build_object('reason', the_reason));
END;
$$;
