import CaseRouting
import Postgres

/// The attempt to create, and the compare-and-set of the interaction that won.
enum CreateStatements {
    struct Begin: Sendable {
        let claim: Claim
        let attempt: AttemptID
        let opensEpisode: Bool
    }

    /// Commits an attempt before it is sent. `op` opens the next episode, `re` replaces the attempt of the one that is
    /// creating. The lease begins anew with the attempt's ten seconds.
    static func begin(worker: String) -> BatchOperation<Begin, Claim> {
        BatchOperation(
            name: "begin create", order: 30, writes: true, columns: Claim.guardTypes + [.uuid, .bool],
            shared: [.text(worker)],
            sql: """
                WITH m AS (
                    SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7) WITH ORDINALITY
                        AS m (org, case_id, epoch, revision, number, attempt_id, opens, o)
                ), s AS (
                    SELECT m.o, m.org, m.case_id, m.revision, m.epoch, m.attempt_id, m.opens, c.want_mapping,
                        c.want_mapping_version,
                        CASE WHEN m.opens THEN c.episode + 1 ELSE e.number END AS number,
                        CASE WHEN m.opens THEN c.want_cic ELSE e.cic END AS cic
                    FROM m
                    JOIN caserouter.cases c ON c.org = m.org AND c.case_id = m.case_id
                    LEFT JOIN caserouter.episodes e ON e.org = m.org AND e.case_id = m.case_id
                        AND e.number = c.episode AND e.state <> 'ended'
                    WHERE c.epoch = m.epoch AND c.lease_until IS NOT NULL AND c.revision = m.revision
                        AND CASE WHEN m.opens THEN e.number IS NULL AND c.want_cic IS NOT NULL
                            ELSE e.number = m.number AND e.state = 'creating' AND e.interaction_id IS NULL END
                ), t AS (
                    SELECT s.*, coalesce(cs.cic_epoch, 1) AS cic_epoch
                    FROM s LEFT JOIN caserouter.cic_servers cs ON cs.name = s.cic
                ), c AS (
                    UPDATE caserouter.cases c
                    SET episode = t.number, acts_on_cic = t.cic, lease_until = now() + interval '30 s',
                        next_at = now() + interval '30 s', days = \(CaseDays.adding(CaseDays.today, to: "c.days"))
                    FROM t WHERE c.org = t.org AND c.case_id = t.case_id
                    RETURNING t.o, t.number AS e_number, t.cic AS e_cic, t.attempt_id AS e_attempt_id, c.*
                ), op AS (
                    INSERT INTO caserouter.episodes (
                        org, case_id, number, cic, cic_epoch, state, attempt_id, attempt_day, attempt_deadline)
                    SELECT org, case_id, number, cic, cic_epoch, 'creating', attempt_id,
                        (now() AT TIME ZONE 'UTC')::date, now() + interval '10 s'
                    FROM t WHERE opens ORDER BY o
                ), re AS (
                    UPDATE caserouter.episodes e
                    SET attempt_id = t.attempt_id, attempt_day = (now() AT TIME ZONE 'UTC')::date,
                        attempt_deadline = now() + interval '10 s', cic_epoch = t.cic_epoch
                    FROM t WHERE NOT t.opens AND e.org = t.org AND e.case_id = t.case_id AND e.number = t.number
                ), at AS (
                    INSERT INTO caserouter.attempts (
                        day, attempt_id, org, case_id, episode, revision, epoch, stage, worker, deadline_at, mapping,
                        mapping_version)
                    SELECT (now() AT TIME ZONE 'UTC')::date, attempt_id, org, case_id, number, revision, epoch,
                        'create', $8, now() + interval '10 s', want_mapping, want_mapping_version
                    FROM t
                )
                SELECT c.o::int4, now(), c.org, c.case_id, c.epoch, \(CaseColumns.list)
                FROM c CROSS JOIN LATERAL (
                    SELECT c.e_number AS number, c.e_cic AS cic, 'creating' AS state, NULL::text AS interaction_id,
                        c.e_attempt_id AS attempt_id, now() + interval '10 s' AS attempt_deadline,
                        NULL::text AS workgroup, NULL::text AS skills, 0::int8 AS assign_number, false AS with_agent) e
                """,
            encode: { begin, row in
                begin.claim.appendGuard(to: &row)
                row.append(uuid: begin.attempt.bits)
                row.append(begin.opensEpisode)
            },
            decode: { row throws(PostgresError) in try Claim(row) })
    }

    struct Win: Sendable {
        let claim: Claim
        let interaction: InteractionID
        let attempt: AttemptID
    }

    /// The compare-and-set. The pair that has won already, through the watch, wins again. An answer that is late by
    /// more than its deadline comes from a look; before that it names an interaction of the CIC epoch of its attempt,
    /// which a switchover has ended.
    ///
    /// The output is nil where the interaction won and the lease was lost.
    static let win = BatchOperation<Win, Claim?>(
        name: "win", order: 31, writes: true, columns: [.text, .text, .int8, .int4, .text, .uuid],
        sql: """
            WITH m AS (
                SELECT * FROM unnest($1, $2, $3, $4, $5, $6) WITH ORDINALITY
                    AS m (org, case_id, epoch, number, interaction_id, attempt_id, o)
            ), e AS (
                UPDATE caserouter.episodes e
                SET interaction_id = m.interaction_id, attempt_id = m.attempt_id, state = 'held',
                    cic_epoch = coalesce((SELECT s.cic_epoch FROM caserouter.cic_servers s WHERE s.name = e.cic), e.cic_epoch),
                    assign_number = CASE WHEN c.epoch = m.epoch AND c.lease_until IS NOT NULL AND c.want_cic = e.cic
                        THEN c.revision ELSE e.assign_number END
                FROM m
                JOIN caserouter.cases c ON c.org = m.org AND c.case_id = m.case_id
                WHERE e.org = m.org AND e.case_id = m.case_id AND e.number = m.number
                    AND (e.state = 'creating' AND e.interaction_id IS NULL
                            AND (e.attempt_deadline < now() OR NOT EXISTS (
                                SELECT FROM caserouter.cic_servers s WHERE s.name = e.cic AND s.cic_epoch <> e.cic_epoch))
                        OR e.state = 'held' AND e.interaction_id = m.interaction_id AND e.attempt_id = m.attempt_id)
                RETURNING m.o, m.epoch AS claimed, e.*
            )
            SELECT e.o::int4, now(), c.org, c.case_id, c.epoch, \(CaseColumns.list),
                c.epoch = e.claimed AND c.lease_until IS NOT NULL
            FROM e JOIN caserouter.cases c ON c.org = e.org AND c.case_id = e.case_id
            """,
        encode: { win, row in
            row.append(win.claim.caseKey.org)
            row.append(win.claim.caseKey.caseID.description)
            row.append(win.claim.epoch)
            row.append(win.claim.episodeKey.number)
            row.append(win.interaction.description)
            row.append(uuid: win.attempt.bits)
        },
        decode: { row throws(PostgresError) in
            try row.bool(5 + CaseColumns.count) ? try Claim(row) : nil
        })
}
