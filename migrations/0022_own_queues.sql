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

-- A user who appears in CIC repairs the cases that were to go to his queue.
CREATE OR REPLACE FUNCTION note_repair() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = caserouter, pg_temp
AS $$
BEGIN
    CASE TG_TABLE_NAME
    WHEN 'aliases' THEN
        INSERT INTO repairs (what, cic, name) VALUES (NEW.kind, NEW.cic, NEW.name);
    WHEN 'directory' THEN
        -- The whole directory is new when a server is: only what a failed case may have named is of interest.
        INSERT INTO repairs (what, cic, name)
        SELECT
            CASE NEW.kind WHEN 'user' THEN 'workgroup' ELSE NEW.kind END, NEW.cic,
            CASE NEW.kind WHEN 'user' THEN 'user:' || NEW.name ELSE NEW.name END
        WHERE EXISTS (
            SELECT FROM cases
            WHERE attempts >= 8 AND failure_cause IN (
                'skill-unknown', 'workgroup-unknown', 'workgroup-unusable', 'holding-unusable')
                AND want_cic = NEW.cic AND (NEW.kind <> 'user' OR want_workgroup = 'user:' || NEW.name));
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

DROP TRIGGER appeared ON directory;
CREATE TRIGGER appeared AFTER INSERT ON directory FOR EACH ROW
    WHEN (NEW.kind IN ('skill', 'workgroup', 'user')) EXECUTE FUNCTION note_repair();
