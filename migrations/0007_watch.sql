-- What a watch needs to know of the watches before it.

SET search_path = caserouter;

-- Which server of a switchover pair answered last; null before the first. Another one is a switchover, also for a watch
-- that did not see it happen.
ALTER TABLE cic_servers ADD COLUMN identity text;
GRANT UPDATE (identity) ON cic_servers TO caserouter_route;
