-- Partitions by day. Rows of a day that has none are in the partition `…_rest` (a sweep finds rows of any age, and
-- clocks differ), so that correctness never depends on housekeeping; they move when their day gets its own.

SET search_path = caserouter;

CREATE TABLE requests_rest PARTITION OF requests DEFAULT;
CREATE TABLE attempts_rest PARTITION OF attempts DEFAULT;

-- Makes the partitions of the days around today and drops those older than `keep` days; says what it did. Requests
-- without an outcome outlive their partition.
CREATE FUNCTION maintain_partitions(parent text, keep integer, today date DEFAULT (now() AT TIME ZONE 'UTC')::date)
RETURNS SETOF text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = caserouter, pg_temp
AS $$
DECLARE
    rest text := parent || '_rest';
    is_open text := CASE parent WHEN 'requests' THEN 'outcome IS NULL' ELSE 'false' END;
    child text;
    first_day date;
    moved bigint;
BEGIN
    IF parent NOT IN ('requests', 'attempts') OR keep < 8 THEN
        RAISE EXCEPTION 'no partitions of % are kept for % days', parent, keep;
    END IF;

    FOR child IN
        SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent = to_regclass('caserouter.' || parent) AND c.relname ~ ('^' || parent || '_\d{8}$')
            AND to_date(right(c.relname, 8), 'YYYYMMDD') < today - keep
        ORDER BY 1
    LOOP
        EXECUTE format('ALTER TABLE %I DETACH PARTITION %I', parent, child);
        EXECUTE format('INSERT INTO %I SELECT * FROM %I WHERE %s', parent, child, is_open);
        GET DIAGNOSTICS moved = ROW_COUNT;
        EXECUTE format('DROP TABLE %I', child);
        RETURN NEXT format('dropped %s, kept %s open rows of it', child, moved);
    END LOOP;

    EXECUTE format('DELETE FROM %I WHERE day < $1 AND NOT (%s)', rest, is_open) USING today - keep;
    GET DIAGNOSTICS moved = ROW_COUNT;
    IF moved > 0 THEN
        RETURN NEXT format('removed %s rows from %s', moved, rest);
    END IF;

    FOR first_day IN SELECT generate_series(today - 7, today + 2, interval '1 day')::date LOOP
        child := parent || '_' || to_char(first_day, 'YYYYMMDD');
        CONTINUE WHEN to_regclass('caserouter.' || child) IS NOT NULL;
        -- Nothing of this day may be added to the rest between the move and the attachment.
        EXECUTE format('LOCK TABLE %I IN ACCESS EXCLUSIVE MODE', rest);
        EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING DEFAULTS INCLUDING CONSTRAINTS)', child, parent);
        EXECUTE format(
            'WITH moved AS (DELETE FROM %I WHERE day = $1 RETURNING *) INSERT INTO %I SELECT * FROM moved', rest, child)
            USING first_day;
        GET DIAGNOSTICS moved = ROW_COUNT;
        EXECUTE format(
            'ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', parent, child, first_day, first_day + 1);
        RETURN NEXT format('made %s, moved %s rows into it', child, moved);
    END LOOP;
END;
$$;
REVOKE ALL ON FUNCTION maintain_partitions FROM PUBLIC;

SELECT maintain_partitions('requests', 90);
SELECT maintain_partitions('attempts', 90);
