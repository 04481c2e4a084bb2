-- What the commands for setting up a site and for looking at it need.

SET search_path = caserouter;

-- When a version of a mapping stopped counting; null for the newest.
ALTER TABLE mappings ADD COLUMN replaced_at timestamptz;

-- Cases that wait in a queue which nothing was mapped for: how many they are is said when a mapping is added. The
-- preview of mappings reads the ledger by case, the timeline of a case the audit of it.
CREATE INDEX audit_by_time ON audit (at, id);

GRANT DELETE ON credentials TO caserouter_admin;

-- Ingest gives a mapping the id of its queue as soon as it has seen one of that name.
GRANT UPDATE (queue_id) ON mappings TO caserouter_ingest;
GRANT UPDATE ON configuration_version TO caserouter_ingest;
