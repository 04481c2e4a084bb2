-- Group roles: a log-in is granted one of them and gets the rights of one job. Roles belong to the whole server, so
-- another database may have made them.

DO $$
DECLARE
    role text;
BEGIN
    FOREACH role IN ARRAY ARRAY['caserouter_ingest', 'caserouter_route', 'caserouter_admin', 'caserouter_report'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role) THEN
            BEGIN
                EXECUTE format('CREATE ROLE %I NOLOGIN', role);
            EXCEPTION WHEN duplicate_object OR unique_violation THEN
                -- Another database was quicker.
                NULL;
            END;
        END IF;
    END LOOP;
END;
$$;

SET search_path = caserouter;

GRANT USAGE ON SCHEMA caserouter TO caserouter_ingest, caserouter_route, caserouter_admin;

-- Both kinds of worker.
GRANT SELECT ON
    installation, leases, configuration_version, orgs, cic_servers, mappings, aliases, credentials, settings, holds,
    cases, episodes, requests, directory, schema_migrations
    TO caserouter_ingest, caserouter_route;
GRANT INSERT, UPDATE ON leases, holds, workers, requests TO caserouter_ingest, caserouter_route;
GRANT DELETE ON holds TO caserouter_ingest, caserouter_route;
GRANT SELECT ON workers TO caserouter_ingest, caserouter_route;
GRANT UPDATE (timeline) ON installation TO caserouter_ingest, caserouter_route;
GRANT USAGE ON SEQUENCE request_numbers TO caserouter_ingest, caserouter_route;

-- Ingest: its own tables, and the mark for cases that are to be read again.
GRANT SELECT, INSERT, UPDATE ON cursors, gaps, sweeps, salesforce_queues, api_usage TO caserouter_ingest;
GRANT DELETE ON salesforce_queues TO caserouter_ingest;
GRANT UPDATE (verify_at) ON cases TO caserouter_ingest;

-- Route: the protocol's tables.
GRANT INSERT, UPDATE ON cases, episodes, attempts, undecodable, directory, queue_figures TO caserouter_route;
GRANT SELECT ON attempts, undecodable, queue_figures TO caserouter_route;
GRANT DELETE ON directory TO caserouter_route;
GRANT UPDATE (cic_epoch) ON cic_servers TO caserouter_route;
GRANT INSERT ON audit TO caserouter_route;
GRANT EXECUTE ON FUNCTION retry_case, maintain_partitions TO caserouter_route;

-- People who set things, and who retry what failed. They read everything; they change no row of the protocol.
GRANT SELECT ON ALL TABLES IN SCHEMA caserouter TO caserouter_admin;
GRANT INSERT, UPDATE ON orgs, cic_servers, mappings, aliases, credentials, settings, holds, sweeps, configuration_version
    TO caserouter_admin;
GRANT DELETE ON aliases, settings, holds TO caserouter_admin;
GRANT USAGE ON SEQUENCE mapping_ids TO caserouter_admin;
GRANT INSERT ON audit TO caserouter_admin;
GRANT UPDATE (attempts) ON failed_requests TO caserouter_admin;
GRANT EXECUTE ON FUNCTION retry_case TO caserouter_admin;

GRANT USAGE ON SCHEMA report TO caserouter_report, caserouter_admin;
GRANT SELECT ON ALL TABLES IN SCHEMA report TO caserouter_report, caserouter_admin;
