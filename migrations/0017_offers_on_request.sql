-- A case that a person's sweep offers is offered like any other: it counts in volume and latency.

SET search_path = caserouter;

-- Rules by which a case is offered to agents, for the first time or again.
CREATE OR REPLACE FUNCTION is_offer(rule text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT rule IN ('arrived', 'taken-back', 'moved', 'asked', 'contacted', 'offered-on-request') $$;
