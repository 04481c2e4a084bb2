-- After rows may have been lost: claims never use a number again, every org is swept before its cases go on, and the
-- audit tells when what was held and why.

SET search_path = caserouter;

-- No claim has a number below this. Raised with every change of timeline, far beyond what can have been given out.
ALTER TABLE installation ADD COLUMN least_epoch bigint NOT NULL DEFAULT 0;
GRANT UPDATE (least_epoch) ON installation TO caserouter_ingest, caserouter_route;

-- Whichever process finds the new timeline opens the gaps; housekeeping lifts the holds of orgs that were swept.
GRANT SELECT, INSERT ON gaps TO caserouter_route;

-- By whatever means such a hold is placed, renewed or lifted, a person's included. What people pause and resume is
-- written down by their command.
CREATE FUNCTION audit_lost_rows() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = caserouter, pg_temp
AS $$
BEGIN
    INSERT INTO audit (actor, database_role, host, action, target, before, after)
    VALUES (
        CASE WHEN TG_OP = 'DELETE' THEN coalesce(nullif(current_setting('application_name'), ''), session_user)
            ELSE NEW.placed_by END,
        session_user, coalesce(host(inet_client_addr()), 'local'),
        CASE TG_OP WHEN 'DELETE' THEN 'hold lifted' ELSE 'hold placed' END,
        coalesce(NEW.kind, OLD.kind) || ':' || coalesce(NEW.name, OLD.name),
        CASE WHEN TG_OP <> 'INSERT' THEN
            jsonb_build_object('reason', OLD.reason, 'since', OLD.since, 'until', OLD.until, 'detail', OLD.detail) END,
        CASE WHEN TG_OP <> 'DELETE' THEN
            jsonb_build_object('reason', NEW.reason, 'since', NEW.since, 'until', NEW.until, 'detail', NEW.detail) END);
    RETURN NULL;
END;
$$;
REVOKE ALL ON FUNCTION audit_lost_rows FROM PUBLIC;

CREATE TRIGGER audit_placed AFTER INSERT OR UPDATE ON holds FOR EACH ROW
WHEN (NEW.reason = 'lost-rows') EXECUTE FUNCTION audit_lost_rows();
CREATE TRIGGER audit_lifted AFTER DELETE ON holds FOR EACH ROW
WHEN (OLD.reason = 'lost-rows') EXECUTE FUNCTION audit_lost_rows();
