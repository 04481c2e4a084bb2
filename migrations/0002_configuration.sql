-- What people set: orgs, CIC servers, mappings, aliases, credentials, settings; and who changed what.
-- The workers read all of it again within 5 s of a change; `configuration_version` tells them that there is one.

SET search_path = caserouter;

CREATE TABLE configuration_version (
    only_row  boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    version   bigint NOT NULL DEFAULT 1
);
INSERT INTO configuration_version DEFAULT VALUES;

CREATE TABLE orgs (
    name                   text COLLATE "C" PRIMARY KEY CHECK (name ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
    organization_id        text COLLATE "C" NOT NULL,
    login_url              text NOT NULL,
    flow                   text NOT NULL CHECK (flow IN ('client-credentials', 'jwt-bearer', 'password')),
    api_version            text NOT NULL DEFAULT '62.0',
    mode                   text NOT NULL DEFAULT 'observe' CHECK (mode IN ('observe', 'live')),
    routes_changes_since   timestamptz NOT NULL DEFAULT now(),
    contact_on_user_owned  text NOT NULL DEFAULT 'unchanged' CHECK (contact_on_user_owned IN ('unchanged', 'last-workgroup')),
    version_epoch          integer NOT NULL DEFAULT 1,
    sweep_every            interval NOT NULL DEFAULT '10 minutes',
    -- Names of a legacy package: object, channel, fields. Empty: our own package.
    source                 jsonb NOT NULL DEFAULT '{}',
    added_at               timestamptz NOT NULL DEFAULT now(),
    removed_at             timestamptz
);

CREATE TABLE cic_servers (
    name           text COLLATE "C" PRIMARY KEY CHECK (name ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
    -- host:port, tried in this order.
    hosts          text[] NOT NULL CHECK (cardinality(hosts) > 0),
    tls            boolean NOT NULL DEFAULT true,
    creation       text NOT NULL DEFAULT 'handler' CHECK (creation IN ('handler', 'generic')),
    holding        text NOT NULL,
    messaging      text NOT NULL DEFAULT 'sse' CHECK (messaging IN ('sse', 'poll')),
    recovery_wait  interval NOT NULL DEFAULT '60 seconds',
    -- name -> template with {case.id}, {case.number}, {case.url}, … as in docs/cic-handler.md
    attributes     jsonb NOT NULL DEFAULT '{}',
    visible_name   text NOT NULL DEFAULT 'Case {case.number}',
    cic_epoch      integer NOT NULL DEFAULT 1,
    added_at       timestamptz NOT NULL DEFAULT now(),
    removed_at     timestamptz
);

-- Every version of every mapping; the newest of an id counts.
CREATE TABLE mappings (
    id                  integer NOT NULL,
    version             integer NOT NULL,
    org                 text COLLATE "C" NOT NULL,
    -- Null until a queue of that name was seen in Salesforce; a mapping without decides nothing.
    queue_id            text COLLATE "C",
    queue_name          text NOT NULL,
    cic                 text COLLATE "C" NOT NULL,
    workgroup           text COLLATE "C" NOT NULL,
    skills              text NOT NULL DEFAULT '',
    takes_skills        boolean NOT NULL DEFAULT true,
    on_reply            text NOT NULL DEFAULT 'end' CHECK (on_reply IN ('end', 'keep')),
    on_unmonitored      text NOT NULL DEFAULT 'end' CHECK (on_unmonitored IN ('end', 'keep')),
    on_user_owner       text NOT NULL DEFAULT 'keep' CHECK (on_user_owner IN ('keep', 'end')),
    enabled             boolean NOT NULL DEFAULT true,
    newest              boolean NOT NULL DEFAULT true,
    changed_by          text NOT NULL,
    changed_at          timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (id, version)
);
CREATE UNIQUE INDEX mappings_one_per_queue ON mappings (org, queue_id) WHERE newest AND enabled;
CREATE SEQUENCE mapping_ids AS integer;

-- What Salesforce calls a skill or a workgroup -> what CIC calls it.
CREATE TABLE aliases (
    cic    text COLLATE "C" NOT NULL,
    kind   text NOT NULL CHECK (kind IN ('skill', 'workgroup')),
    name   text COLLATE "C" NOT NULL,
    means  text COLLATE "C" NOT NULL,
    PRIMARY KEY (cic, kind, name)
);

-- Envelope encryption: the secret under a data key, the data key under a master key that is not in the database.
CREATE TABLE credentials (
    target         text COLLATE "C" NOT NULL,           -- org:NAME or cic:NAME
    version        integer NOT NULL,
    key_id         text NOT NULL,
    wrapped_key    bytea NOT NULL,
    sealed         bytea NOT NULL,
    newest         boolean NOT NULL DEFAULT true,
    changed_by     text NOT NULL,
    changed_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (target, version)
);
CREATE UNIQUE INDEX credentials_newest ON credentials (target) WHERE newest;

CREATE TABLE settings (
    name   text COLLATE "C" PRIMARY KEY,
    value  jsonb NOT NULL
);

-- Insert-only.
CREATE TABLE audit (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at             timestamptz NOT NULL DEFAULT now(),
    actor          text NOT NULL,
    database_role  text NOT NULL DEFAULT current_user,
    host           text NOT NULL,
    action         text NOT NULL,
    target         text NOT NULL,
    before         jsonb,
    after          jsonb
);
CREATE INDEX audit_by_target ON audit (target, at);
