-- Sweeps that people ask for, and what a dry run of one found; how old the mirror of a CIC server's names is.

SET search_path = caserouter;

-- A sweep that was asked for and is not finished is begun, again if need be, by whoever holds the org's lease: by a worker
-- whose settings are at least of this version.
ALTER TABLE sweeps
    ADD COLUMN configuration bigint NOT NULL DEFAULT 0,
    ADD COLUMN dry_run boolean NOT NULL DEFAULT false,
    -- Of those observed, the cases that waited.
    ADD COLUMN offered integer;
DROP INDEX sweeps_asked;
CREATE INDEX sweeps_unfinished ON sweeps (org, id) WHERE finished_at IS NULL;
CREATE INDEX sweeps_dry_run ON sweeps (finished_at) WHERE dry_run;

-- What a dry run would have published; of very many the first.
CREATE TABLE sweep_findings (
    sweep        bigint NOT NULL,
    number       integer NOT NULL,
    change       text NOT NULL,
    why          text NOT NULL CHECK (why IN ('row', 'differs', 'waits', 'occurrence')),
    org          text COLLATE "C" NOT NULL,
    case_id      text COLLATE "C" NOT NULL,
    case_number  text NOT NULL,
    owner        text COLLATE "C" NOT NULL,
    PRIMARY KEY (sweep, number)
);
CREATE INDEX sweep_findings_by_case ON sweep_findings (case_id, org);

-- When the names of a CIC server were read, and when they last were others than before. `directory.seen_at` is when the
-- name was first seen as it is.
CREATE TABLE directory_reads (
    cic         text COLLATE "C" PRIMARY KEY,
    read_at     timestamptz NOT NULL,
    changed_at  timestamptz NOT NULL
);
INSERT INTO directory_reads (cic, read_at, changed_at)
SELECT cic, max(seen_at), max(seen_at) FROM directory GROUP BY cic;

GRANT SELECT, INSERT, DELETE ON sweep_findings TO caserouter_ingest;
GRANT SELECT, INSERT, UPDATE ON directory_reads TO caserouter_route;
GRANT SELECT ON directory_reads TO caserouter_ingest;
GRANT SELECT ON sweep_findings, directory_reads TO caserouter_admin;
