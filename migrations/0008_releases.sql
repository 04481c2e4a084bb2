-- When holds ended: claims begin gently after that.

SET search_path = caserouter;

CREATE TABLE releases (
    kind  text COLLATE "C" NOT NULL,
    name  text COLLATE "C" NOT NULL,
    at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (kind, name)
);

-- By whatever means a hold ends, a person's included.
CREATE FUNCTION begin_release() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = caserouter, pg_temp
AS $$
BEGIN
    INSERT INTO releases (kind, name) VALUES (OLD.kind, OLD.name)
    ON CONFLICT (kind, name) DO UPDATE SET at = now();
    RETURN NULL;
END;
$$;
REVOKE ALL ON FUNCTION begin_release FROM PUBLIC;

CREATE TRIGGER release AFTER DELETE ON holds FOR EACH ROW EXECUTE FUNCTION begin_release();

GRANT SELECT ON releases TO caserouter_ingest, caserouter_route, caserouter_admin;
