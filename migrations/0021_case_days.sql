-- The days on which a case has requests and attempts, newest known first: its story is read from the partitions of these
-- days. To look for it on every day that is kept costs the opening of every partition, however fast each is read.

SET search_path = caserouter;

ALTER TABLE cases ADD COLUMN days date[] NOT NULL DEFAULT '{}';

UPDATE cases c SET days = known.days
FROM (
    SELECT org, case_id, (array_agg(day ORDER BY day DESC))[1:200] AS days
    FROM (SELECT org, case_id, day FROM requests UNION SELECT org, case_id, day FROM attempts) found
    GROUP BY org, case_id) known
WHERE c.org = known.org AND c.case_id = known.case_id;
