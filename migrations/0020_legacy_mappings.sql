-- The rows of the table in which an older connector keeps which queue goes where, as ingest reads them in Salesforce: what
-- `mappings import --from-salesforce` makes mappings of. Nothing is routed by them.

SET search_path = caserouter;

CREATE TABLE legacy_mappings (
    org         text COLLATE "C" NOT NULL,
    row_id      text COLLATE "C" NOT NULL,
    queue       text NOT NULL,
    workgroup   text NOT NULL,
    skills      text NOT NULL,
    seen_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (org, row_id)
);

GRANT SELECT, INSERT, UPDATE, DELETE ON legacy_mappings TO caserouter_ingest;
GRANT SELECT ON legacy_mappings TO caserouter_admin;
