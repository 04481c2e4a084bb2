-- The tables of the routing protocol.
--
-- Names of orgs and CIC servers are the ones people gave them; they never change. All ids that Salesforce made have 18
-- characters. Text that is compared or sorted for locking uses collation "C", so that it sorts as it does in the
-- workers. There are no foreign keys between the tables of the protocol: every statement that writes is guarded by the
-- row it depends on, and partitions can be dropped.

CREATE SCHEMA IF NOT EXISTS caserouter;
SET search_path = caserouter;

CREATE SEQUENCE request_numbers;

CREATE TABLE installation (
    only_row      boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    id            uuid NOT NULL DEFAULT gen_random_uuid(),
    -- Of the write-ahead log, from pg_walfile_name: a change means that committed rows may be missing.
    timeline      text,
    created_at    timestamptz NOT NULL DEFAULT now()
);
INSERT INTO installation DEFAULT VALUES;

CREATE TABLE leases (
    kind     text COLLATE "C" NOT NULL CHECK (kind IN ('org', 'watch', 'housekeeping')),
    name     text COLLATE "C" NOT NULL,
    owner    text NOT NULL,
    term     bigint NOT NULL,
    until    timestamptz NOT NULL,
    PRIMARY KEY (kind, name)
);

CREATE TABLE cursors (
    org            text COLLATE "C" NOT NULL,
    channel        text COLLATE "C" NOT NULL,
    stream_epoch   integer NOT NULL,
    replay_id      bigint NOT NULL,
    last_event_at  timestamptz,
    updated_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (org, channel)
);

CREATE TABLE gaps (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    org        text COLLATE "C" NOT NULL,
    channel    text NOT NULL,
    from_time  timestamptz,
    reason     text NOT NULL,
    opened_at  timestamptz NOT NULL DEFAULT now(),
    closed_at  timestamptz
);
CREATE INDEX gaps_open ON gaps (org) WHERE closed_at IS NULL;

CREATE TABLE sweeps (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    org          text COLLATE "C" NOT NULL,
    asked_by     text,
    asked_at     timestamptz,
    queue        text,
    started_at   timestamptz,
    finished_at  timestamptz,
    whole        boolean,
    row_count    integer,
    compared     integer,
    observed     integer,
    occurrences  integer
);
CREATE INDEX sweeps_asked ON sweeps (org) WHERE started_at IS NULL;

-- Ledger and mirror of the queue in one: a row per change that Salesforce told of.
-- Partitioned by the Salesforce day of the change, so that the key can be unique.
CREATE TABLE requests (
    day                  date NOT NULL,
    org                  text COLLATE "C" NOT NULL,
    event_key            text COLLATE "C" NOT NULL,
    number               bigint NOT NULL DEFAULT nextval('caserouter.request_numbers'),
    case_id              text COLLATE "C" NOT NULL,
    version              bigint NOT NULL,
    version_epoch        integer NOT NULL,
    change               text NOT NULL,
    -- The message as it was published: what an unseen request is routed from.
    body                 bytea NOT NULL,
    -- The outbox row to mark in Salesforce.
    outbox_row           text COLLATE "C",
    found                text NOT NULL CHECK (found IN ('stream', 'sweep')),
    occurred_at          timestamptz NOT NULL,
    received_at          timestamptz NOT NULL DEFAULT now(),
    -- Merged into its case at this time.
    seen_at              timestamptz,
    taken                smallint NOT NULL DEFAULT 0,
    taken_at             timestamptz,
    -- Null with seen_at: it changed what is wanted, and CIC has not been brought there yet.
    outcome              text CHECK (outcome IN ('routed', 'ignored', 'superseded', 'discarded')),
    rule                 text,
    inputs               jsonb,
    mapping              integer,
    mapping_version      integer,
    finished_at          timestamptz,
    write_back           text NOT NULL DEFAULT 'none' CHECK (write_back IN ('none', 'observed', 'due', 'done')),
    write_back_at        timestamptz,
    write_back_failures  smallint NOT NULL DEFAULT 0,
    write_back_error     text,
    PRIMARY KEY (day, org, event_key)
) PARTITION BY RANGE (day);

CREATE INDEX requests_unseen ON requests (received_at) WHERE seen_at IS NULL;
CREATE INDEX requests_open_by_case ON requests (org, case_id) WHERE outcome IS NULL;
-- By case first: with the org first it would serve a look-up by org and day, which would read a whole day.
CREATE INDEX requests_by_case ON requests (case_id, org, day);
CREATE INDEX requests_write_back ON requests (org, write_back_at) WHERE write_back = 'due';

-- One row per case that was ever heard of. Only its lease holder acts on CIC.
CREATE TABLE cases (
    org                     text COLLATE "C" NOT NULL,
    case_id                 text COLLATE "C" NOT NULL,
    case_number             text NOT NULL,
    revision                bigint NOT NULL,
    applied_revision        bigint NOT NULL,
    version_epoch           integer NOT NULL,
    state_fence             bigint NOT NULL DEFAULT 0,
    arrival_fence           bigint NOT NULL DEFAULT 0,
    contact_fence           bigint NOT NULL DEFAULT 0,
    reply_fence             bigint NOT NULL DEFAULT 0,
    -- What Salesforce said last; null owner: never heard of a state.
    owner                   text COLLATE "C",
    closed                  boolean NOT NULL DEFAULT false,
    skills                  text NOT NULL DEFAULT '',
    priority                text NOT NULL DEFAULT '',
    observed_at             timestamptz,
    -- Null: wanted nowhere.
    want_cic                text COLLATE "C",
    want_workgroup          text COLLATE "C",
    want_skills             text NOT NULL DEFAULT '',
    want_mapping            integer,
    want_assign             bigint NOT NULL DEFAULT 0,
    spares_agent            boolean NOT NULL DEFAULT false,
    last_cic                text COLLATE "C",
    last_workgroup          text COLLATE "C",
    last_mapping            integer,
    -- The server to be acted on next: of the open episode, else the wanted one.
    acts_on_cic             text COLLATE "C",
    -- Number of the newest episode. An open one is always the newest.
    episode                 integer NOT NULL DEFAULT 0,
    worker                  text,
    epoch                   bigint NOT NULL DEFAULT 0,
    lease_until             timestamptz,
    attempts                smallint NOT NULL DEFAULT 0,
    claims_without_outcome  smallint NOT NULL DEFAULT 0,
    next_at                 timestamptz NOT NULL DEFAULT now(),
    verify_at               timestamptz,
    failure_kind            text,
    failure_stage           text,
    failure_cause           text COLLATE "C",
    failure_summary         text,
    failed_at               timestamptz,
    failure_number          integer NOT NULL DEFAULT 0,
    handle_at               timestamptz,
    -- The earliest day of an open request: statements that close requests look no further back.
    first_open_day          date,
    changed_at              timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (org, case_id)
) WITH (fillfactor = 80);

CREATE INDEX cases_due ON cases (acts_on_cic, next_at) WHERE applied_revision < revision AND attempts < 8;
CREATE INDEX cases_failed ON cases (failure_cause, failed_at) WHERE attempts >= 8;
CREATE INDEX cases_to_verify ON cases (org, verify_at) WHERE verify_at IS NOT NULL;
CREATE INDEX cases_active ON cases (org, case_id) WHERE NOT closed;
CREATE INDEX cases_by_number ON cases (case_number);

-- One interaction's life for a case.
CREATE TABLE episodes (
    org                text COLLATE "C" NOT NULL,
    case_id            text COLLATE "C" NOT NULL,
    number             integer NOT NULL,
    cic                text COLLATE "C" NOT NULL,
    cic_epoch          integer NOT NULL DEFAULT 1,
    state              text NOT NULL CHECK (state IN ('creating', 'held', 'placed', 'ending', 'ended')),
    interaction_id     text COLLATE "C",
    attempt_id         uuid NOT NULL,
    -- The partition of that attempt.
    attempt_day        date NOT NULL,
    attempt_deadline   timestamptz NOT NULL,
    -- Null: unknown.
    workgroup          text COLLATE "C",
    skills             text,
    assign_number      bigint NOT NULL DEFAULT 0,
    with_agent         boolean NOT NULL DEFAULT false,
    opened_at          timestamptz NOT NULL DEFAULT now(),
    placed_at          timestamptz,
    with_agent_at      timestamptz,
    ended_at           timestamptz,
    end_reason         text,
    CHECK ((state = 'ended') = (ended_at IS NOT NULL)),
    PRIMARY KEY (org, case_id, number)
) WITH (fillfactor = 80);

CREATE UNIQUE INDEX episodes_one_open_per_case ON episodes (org, case_id) WHERE ended_at IS NULL;
CREATE UNIQUE INDEX episodes_one_open_per_interaction ON episodes (cic, interaction_id)
    WHERE ended_at IS NULL AND interaction_id IS NOT NULL;

-- Every try, from claim to outcome.
CREATE TABLE attempts (
    day           date NOT NULL DEFAULT (now() AT TIME ZONE 'UTC')::date,
    attempt_id    uuid NOT NULL,
    org           text COLLATE "C" NOT NULL,
    case_id       text COLLATE "C" NOT NULL,
    episode       integer NOT NULL,
    revision      bigint NOT NULL,
    -- Number of the claim it belongs to.
    epoch         bigint NOT NULL,
    stage         text NOT NULL,
    worker        text NOT NULL,
    started_at    timestamptz NOT NULL DEFAULT now(),
    deadline_at   timestamptz NOT NULL,
    ended_at      timestamptz,
    -- ok, retry, failed, unknown, held, surplus
    outcome       text,
    kind          text,
    cause         text COLLATE "C",
    summary       text,
    status        integer,
    response      text,
    PRIMARY KEY (day, attempt_id)
) PARTITION BY RANGE (day);

CREATE INDEX attempts_by_case ON attempts (org, case_id, started_at);

CREATE TABLE undecodable (
    digest      text PRIMARY KEY,
    reason      text NOT NULL,
    length      integer NOT NULL,
    beginning   bytea NOT NULL,
    seen        integer NOT NULL DEFAULT 1,
    first_at    timestamptz NOT NULL DEFAULT now(),
    last_at     timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE holds (
    kind      text COLLATE "C" NOT NULL CHECK (kind IN ('cic', 'org', 'workgroup')),
    -- NAME, or CIC/WORKGROUP.
    name      text COLLATE "C" NOT NULL,
    reason    text COLLATE "C" NOT NULL CHECK (reason IN ('breaker', 'paused', 'switchover', 'lost-rows')),
    detail    text NOT NULL,
    since     timestamptz NOT NULL DEFAULT now(),
    until     timestamptz,
    placed_by text NOT NULL,
    PRIMARY KEY (kind, name, reason)
);

CREATE TABLE directory (
    cic         text COLLATE "C" NOT NULL,
    kind        text NOT NULL CHECK (kind IN ('workgroup', 'skill', 'user')),
    name        text COLLATE "C" NOT NULL,
    attributes  jsonb NOT NULL DEFAULT '{}',
    seen_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (cic, kind, name)
);

CREATE TABLE salesforce_queues (
    org             text COLLATE "C" NOT NULL,
    queue_id        text COLLATE "C" NOT NULL,
    name            text NOT NULL,
    developer_name  text NOT NULL,
    seen_at         timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (org, queue_id)
);

-- For reports only.
CREATE TABLE workers (
    name        text PRIMARY KEY,
    role        text NOT NULL,
    host        text NOT NULL,
    pid         integer NOT NULL,
    version     text NOT NULL,
    started_at  timestamptz NOT NULL DEFAULT now(),
    seen_at     timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE api_usage (
    org         text COLLATE "C" PRIMARY KEY,
    used        integer NOT NULL,
    call_limit  integer NOT NULL,
    calls       jsonb NOT NULL DEFAULT '{}',
    seen_at     timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE queue_figures (
    cic         text COLLATE "C" PRIMARY KEY,
    waiting     integer NOT NULL,
    with_agents integer NOT NULL,
    in_holding  integer NOT NULL,
    seen_at     timestamptz NOT NULL DEFAULT now()
);
