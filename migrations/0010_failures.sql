-- What people do about failed cases: bulk retries, discards, and changes after which cases are tried again by themselves.

SET search_path = caserouter;

-- The mapping and its version that an attempt carried out.
ALTER TABLE cases ADD COLUMN want_mapping_version integer;
ALTER TABLE attempts ADD COLUMN mapping integer, ADD COLUMN mapping_version integer;
CREATE INDEX attempts_failed ON attempts (started_at) WHERE outcome = 'failed';

-- Bulk retries

CREATE TABLE bulk_retries (
    id          integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- In words: the filters, or what was repaired.
    asked       text NOT NULL,
    state       text NOT NULL DEFAULT 'planned' CHECK (state IN ('planned', 'running', 'stopped', 'cancelled', 'done')),
    planned_at  timestamptz NOT NULL DEFAULT now(),
    planned_by  text NOT NULL,
    host        text NOT NULL,
    -- Cases a second; in no ten seconds more than ten times that.
    rate        float8 CHECK (rate BETWEEN 0.1 AND 200),
    started_at  timestamptz,
    started_by  text,
    ended_at    timestamptz,
    end_reason  text
);
CREATE INDEX bulk_retries_running ON bulk_retries (id) WHERE state = 'running';

CREATE TABLE bulk_retry_items (
    retry              integer NOT NULL REFERENCES bulk_retries ON DELETE CASCADE,
    org                text COLLATE "C" NOT NULL,
    case_id            text COLLATE "C" NOT NULL,
    case_number        text NOT NULL,
    -- Of the failure that is to be retried; 0 where the case had none any more.
    failure_number     integer NOT NULL,
    failed_at          timestamptz NOT NULL,
    -- Why it was not eligible when the retry was planned.
    objection          text,
    released_at        timestamptz,
    released_revision  bigint,
    -- Null: waits for its turn, or is being tried.
    result             text CHECK (result IN ('done', 'failed', 'skipped')),
    note               text,
    settled_at         timestamptz,
    PRIMARY KEY (retry, org, case_id)
);
CREATE INDEX bulk_retry_items_waiting ON bulk_retry_items (retry, failed_at, org, case_id)
    WHERE objection IS NULL AND released_at IS NULL AND result IS NULL;
CREATE INDEX bulk_retry_items_tried ON bulk_retry_items (retry, released_at)
    WHERE released_at IS NOT NULL;
CREATE INDEX bulk_retry_items_settled ON bulk_retry_items (retry, settled_at) WHERE result IN ('done', 'failed');
CREATE INDEX bulk_retry_items_open ON bulk_retry_items (org, case_id) WHERE released_at IS NOT NULL AND result IS NULL;

-- Discards

CREATE TABLE discards (
    id                    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    org                   text COLLATE "C" NOT NULL,
    case_id               text COLLATE "C" NOT NULL,
    reason                text NOT NULL,
    discarded_at          timestamptz NOT NULL DEFAULT now(),
    discarded_by          text NOT NULL,
    restored_at           timestamptz,
    restored_by           text,
    -- The failure, and the wish that was given up: what a restore brings back.
    failure_number        integer NOT NULL,
    failure_cause         text COLLATE "C",
    failure_summary       text,
    failed_at             timestamptz,
    owner                 text COLLATE "C",
    closed                boolean NOT NULL,
    want_cic              text COLLATE "C",
    want_workgroup        text COLLATE "C",
    want_skills           text NOT NULL,
    want_mapping          integer,
    want_mapping_version  integer,
    spares_agent          boolean NOT NULL
);
CREATE INDEX discards_by_case ON discards (org, case_id, id);

-- Gives the wish of a failed case up: its open requests are discarded, and an interaction that is open for it ends, as
-- soon as no agent has it. A request that nobody has merged yet is news and stays, unless it is what killed workers.
CREATE FUNCTION discard_case(
    the_org text, the_case text, the_failure integer, the_reason text, the_actor text, the_host text) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = caserouter, pg_temp
AS $$
DECLARE
    was cases;
    open_on text;
BEGIN
    SELECT * INTO was FROM cases
    WHERE org = the_org AND case_id = the_case AND attempts >= 8
        AND (the_failure IS NULL OR failure_number = the_failure)
    FOR UPDATE;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    SELECT cic INTO open_on FROM episodes
    WHERE org = the_org AND case_id = the_case AND number = was.episode AND state <> 'ended';
    INSERT INTO discards (
        org, case_id, reason, discarded_by, failure_number, failure_cause, failure_summary, failed_at, owner, closed,
        want_cic, want_workgroup, want_skills, want_mapping, want_mapping_version, spares_agent)
    VALUES (
        the_org, the_case, the_reason, the_actor, was.failure_number, was.failure_cause, was.failure_summary,
        was.failed_at, was.owner, was.closed, was.want_cic, was.want_workgroup, was.want_skills, was.want_mapping,
        was.want_mapping_version, was.spares_agent);
    UPDATE requests q
    SET outcome = 'discarded', finished_at = now(), seen_at = coalesce(q.seen_at, now()), taken = 0, taken_at = NULL,
        write_back = CASE WHEN q.outbox_row IS NULL THEN 'none'
            WHEN (SELECT o.mode = 'live' FROM orgs o WHERE o.name = q.org) THEN 'due' ELSE 'observed' END,
        write_back_at = CASE WHEN q.outbox_row IS NOT NULL THEN now() END
    WHERE q.org = the_org AND q.case_id = the_case AND q.outcome IS NULL AND (q.seen_at IS NOT NULL OR q.taken >= 3);
    UPDATE cases
    SET revision = was.revision + 1,
        applied_revision = CASE WHEN open_on IS NULL THEN was.revision + 1 ELSE applied_revision END,
        want_cic = NULL, want_workgroup = NULL, want_skills = '', want_mapping = NULL, want_mapping_version = NULL,
        spares_agent = open_on IS NOT NULL, acts_on_cic = open_on, attempts = 0, claims_without_outcome = 0,
        next_at = now(), failure_kind = NULL, failure_stage = NULL, failure_cause = NULL, failure_summary = NULL,
        failed_at = NULL, handle_at = NULL, first_open_day = NULL, changed_at = now()
    WHERE org = the_org AND case_id = the_case;
    INSERT INTO audit (actor, database_role, host, action, target, before, after)
    VALUES (
        the_actor, session_user, the_host, 'discard', the_org || '/' || the_case,
        jsonb_build_object('failure_number', was.failure_number, 'cause', was.failure_cause),
        jsonb_build_object('reason', the_reason));
    RETURN true;
END;
$$;
REVOKE ALL ON FUNCTION discard_case FROM PUBLIC;

-- Brings back what the newest discard of a case gave up, and sends it again. Returns why not, or null.
CREATE FUNCTION restore_case(the_org text, the_case text, the_actor text, the_host text) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = caserouter, pg_temp
AS $$
DECLARE
    is_now cases;
    was discards;
BEGIN
    SELECT * INTO is_now FROM cases WHERE org = the_org AND case_id = the_case FOR UPDATE;
    SELECT * INTO was FROM discards
    WHERE org = the_org AND case_id = the_case AND restored_at IS NULL ORDER BY id DESC LIMIT 1;
    IF was.id IS NULL OR is_now.case_id IS NULL THEN
        RETURN 'it is not discarded';
    ELSIF was.discarded_at < now() - interval '30 days' THEN
        RETURN 'it was discarded more than 30 days ago';
    ELSIF is_now.attempts >= 8 THEN
        RETURN 'it has failed anew since: retry that failure';
    ELSIF is_now.closed AND NOT was.closed THEN
        RETURN 'it was closed since';
    ELSIF is_now.want_cic IS NOT NULL THEN
        RETURN 'it is wanted on workgroup ' || is_now.want_workgroup || ' again already';
    ELSIF is_now.owner IS DISTINCT FROM was.owner THEN
        RETURN 'it was moved since';
    END IF;
    UPDATE discards SET restored_at = now(), restored_by = the_actor WHERE id = was.id;
    -- A request without a rule was never merged: it is looked at again.
    UPDATE requests
    SET outcome = NULL, finished_at = NULL, write_back = 'none', write_back_at = NULL,
        seen_at = CASE WHEN rule IS NOT NULL THEN seen_at END
    WHERE org = the_org AND case_id = the_case AND outcome = 'discarded' AND finished_at = was.discarded_at;
    UPDATE cases
    SET revision = is_now.revision + 1, want_assign = is_now.revision + 1,
        want_cic = was.want_cic, want_workgroup = was.want_workgroup, want_skills = was.want_skills,
        want_mapping = was.want_mapping, want_mapping_version = was.want_mapping_version,
        spares_agent = was.spares_agent, attempts = 0, claims_without_outcome = 0, next_at = now(),
        acts_on_cic = coalesce(
            (SELECT e.cic FROM episodes e
            WHERE e.org = the_org AND e.case_id = the_case AND e.number = is_now.episode AND e.state <> 'ended'),
            was.want_cic),
        first_open_day = (
            SELECT min(day) FROM requests WHERE org = the_org AND case_id = the_case AND outcome IS NULL),
        changed_at = now()
    WHERE org = the_org AND case_id = the_case;
    INSERT INTO audit (actor, database_role, host, action, target, before, after)
    VALUES (
        the_actor, session_user, the_host, 'restore', the_org || '/' || the_case,
        jsonb_build_object('reason', was.reason, 'discarded_at', was.discarded_at),
        jsonb_build_object('workgroup', was.want_workgroup));
    RETURN NULL;
END;
$$;
REVOKE ALL ON FUNCTION restore_case FROM PUBLIC;

-- Why a case is not retried in bulk, in words for people; null: nothing speaks against it. A failed case that a person
-- has taken meanwhile is retried only where somebody names it.
CREATE FUNCTION retry_objection(c cases) RETURNS text
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
            SELECT FROM mappings m WHERE m.newest AND m.enabled AND m.org = c.org AND m.queue_id = c.owner)
            AS is_monitored) m
$$;

-- Repairs: the thing that a configuration failure named was changed, by whatever means. Housekeeping sends those cases
-- again when the workers know of the change.

CREATE TABLE repairs (
    id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    what    text NOT NULL CHECK (what IN ('skill', 'workgroup', 'credential', 'server', 'mapping')),
    cic     text COLLATE "C",
    -- Of the skill or workgroup; the mapping's id.
    name    text COLLATE "C",
    at      timestamptz NOT NULL DEFAULT now(),
    looks   smallint NOT NULL DEFAULT 0
);

CREATE FUNCTION note_repair() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = caserouter, pg_temp
AS $$
BEGIN
    CASE TG_TABLE_NAME
    WHEN 'aliases' THEN
        INSERT INTO repairs (what, cic, name) VALUES (NEW.kind, NEW.cic, NEW.name);
    WHEN 'directory' THEN
        -- The whole directory is new when a server is: only what a failed case may have named is of interest.
        INSERT INTO repairs (what, cic, name)
        SELECT NEW.kind, NEW.cic, NEW.name
        WHERE EXISTS (
            SELECT FROM cases
            WHERE attempts >= 8 AND failure_cause IN (
                'skill-unknown', 'workgroup-unknown', 'workgroup-unusable', 'holding-unusable')
                AND want_cic = NEW.cic);
    WHEN 'credentials' THEN
        IF starts_with(NEW.target, 'cic:') THEN
            INSERT INTO repairs (what, cic) VALUES ('credential', substr(NEW.target, 5));
        END IF;
    WHEN 'cic_servers' THEN
        INSERT INTO repairs (what, cic) VALUES ('server', NEW.name);
    WHEN 'mappings' THEN
        INSERT INTO repairs (what, cic, name) VALUES ('mapping', NEW.cic, NEW.id::text);
    END CASE;
    RETURN NULL;
END;
$$;
REVOKE ALL ON FUNCTION note_repair FROM PUBLIC;

CREATE TRIGGER repaired AFTER INSERT OR UPDATE ON aliases FOR EACH ROW EXECUTE FUNCTION note_repair();
CREATE TRIGGER appeared AFTER INSERT ON directory FOR EACH ROW
    WHEN (NEW.kind IN ('skill', 'workgroup')) EXECUTE FUNCTION note_repair();
CREATE TRIGGER repaired AFTER UPDATE ON directory FOR EACH ROW
    WHEN (NEW.kind = 'workgroup' AND NEW.attributes IS DISTINCT FROM OLD.attributes) EXECUTE FUNCTION note_repair();
CREATE TRIGGER repaired AFTER INSERT ON credentials FOR EACH ROW EXECUTE FUNCTION note_repair();
CREATE TRIGGER repaired AFTER UPDATE OF hosts, tls, creation, holding, attributes, visible_name ON cic_servers
    FOR EACH ROW EXECUTE FUNCTION note_repair();
CREATE TRIGGER repaired AFTER INSERT ON mappings FOR EACH ROW
    WHEN (NEW.version > 1) EXECUTE FUNCTION note_repair();

GRANT SELECT ON bulk_retries, bulk_retry_items, discards, repairs TO caserouter_route, caserouter_admin;
GRANT INSERT, UPDATE ON bulk_retries, bulk_retry_items TO caserouter_route, caserouter_admin;
GRANT DELETE ON bulk_retries TO caserouter_route;
GRANT UPDATE, DELETE ON repairs TO caserouter_route;
GRANT EXECUTE ON FUNCTION discard_case, restore_case TO caserouter_admin;
