-- Rights of those who switch an org between observe and live: rows decided while observing are marked, cases that are to
-- be read again are named.

SET search_path = caserouter;

GRANT UPDATE (write_back, write_back_at) ON requests TO caserouter_admin;
GRANT UPDATE (verify_at) ON cases TO caserouter_admin;
