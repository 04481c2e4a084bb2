import CaseRouting
import Postgres

/// Assigning, and recording that CIC was brought to what is wanted. All are guarded by epoch and revision.
enum AssignStatements {
    static let begin = BatchOperation<Claim, Void>(
        name: "begin assign", order: 32, writes: true, columns: Claim.guardTypes + [.text, .uuid],
        sql: """
            WITH m AS (
                SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7) WITH ORDINALITY
                    AS m (org, case_id, epoch, revision, number, interaction_id, attempt_id, o)
            )
            UPDATE caserouter.episodes e
            SET assign_number = c.revision, workgroup = NULL, skills = NULL
            FROM m JOIN caserouter.cases c ON c.org = m.org AND c.case_id = m.case_id
            WHERE c.epoch = m.epoch AND c.revision = m.revision AND c.lease_until IS NOT NULL
                AND e.org = m.org AND e.case_id = m.case_id AND e.number = m.number
                AND e.state IN ('held', 'placed') AND e.cic = c.want_cic
                AND e.interaction_id = m.interaction_id AND e.attempt_id = m.attempt_id
            RETURNING m.o::int4
            """,
        encode: { claim, row in
            claim.appendGuard(to: &row)
            row.append(claim.state.episode?.interaction?.description)
            row.append(uuid: claim.state.episode?.attempt.bits)
        },
        decode: { _ in })

    struct Placed: Sendable {
        let claim: Claim
        let workgroup: String
        let skills: String
    }

    /// The attempt of this claim becomes *ok*; a claim that moved an interaction without creating one gets its own row.
    static func recordPlaced(worker: String) -> BatchOperation<Placed, Void> {
        BatchOperation(
            name: "record", order: 33, writes: true, columns: Claim.guardTypes + [.text, .uuid, .text, .text],
            shared: [.text(worker)],
            sql: """
                WITH m AS (
                    SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9) WITH ORDINALITY
                        AS m (org, case_id, epoch, revision, number, interaction_id, attempt_id, workgroup, skills, o)
                ), b AS (
                    SELECT m.*, c.first_open_day, c.lease_until, e.attempt_day
                    FROM m
                    JOIN caserouter.cases c ON c.org = m.org AND c.case_id = m.case_id
                    JOIN caserouter.episodes e ON e.org = m.org AND e.case_id = m.case_id AND e.number = m.number
                    WHERE c.epoch = m.epoch AND c.revision = m.revision AND c.lease_until IS NOT NULL
                        AND e.state IN ('held', 'placed')
                        AND e.interaction_id = m.interaction_id AND e.attempt_id = m.attempt_id
                ), e AS (
                    UPDATE caserouter.episodes e
                    SET state = 'placed', workgroup = b.workgroup, skills = b.skills,
                        assign_number = greatest(e.assign_number, b.revision), placed_at = coalesce(e.placed_at, now())
                    FROM b WHERE e.org = b.org AND e.case_id = b.case_id AND e.number = b.number
                ), done AS (
                    UPDATE caserouter.cases c
                    SET applied_revision = b.revision, days = \(CaseDays.adding(CaseDays.today, to: "c.days")),
                        \(LedgerText.applied)
                    FROM b WHERE c.org = b.org AND c.case_id = b.case_id
                    RETURNING b.o, b.org, b.case_id, b.first_open_day, b.epoch, b.attempt_day, b.attempt_id, b.number,
                        b.revision, b.lease_until - interval '30 s' AS claimed_at, c.want_mapping,
                        c.want_mapping_version
                ), q AS (
                    \(LedgerText.requestsRouted)
                ), a AS (
                    UPDATE caserouter.attempts a SET stage = 'record', outcome = 'ok', ended_at = now()
                    FROM done d
                    WHERE a.day = d.attempt_day AND a.attempt_id = d.attempt_id AND a.epoch = d.epoch
                        AND a.outcome IS NULL
                    RETURNING d.o
                ), i AS (
                    INSERT INTO caserouter.attempts (
                        attempt_id, org, case_id, episode, revision, epoch, stage, worker, started_at, deadline_at, ended_at,
                        outcome, mapping, mapping_version)
                    SELECT gen_random_uuid(), org, case_id, number, revision, epoch, 'record', $10, claimed_at, now(),
                        now(), 'ok', want_mapping, want_mapping_version
                    FROM done WHERE o NOT IN (SELECT a.o FROM a)
                )
                SELECT o::int4 FROM done
                """,
            encode: { placed, row in
                placed.claim.appendGuard(to: &row)
                row.append(placed.claim.state.episode?.interaction?.description)
                row.append(uuid: placed.claim.state.episode?.attempt.bits)
                row.append(placed.workgroup)
                row.append(placed.skills)
            },
            decode: { _ in })
    }

    /// An open episode that is wanted was read from CIC under this claim, so it serves the wish: its number becomes the
    /// revision.
    static let finish = BatchOperation<Claim, Void>(
        name: "finish", order: 34, writes: true, columns: Claim.guardTypes,
        sql: """
            WITH m AS (
                SELECT * FROM unnest($1, $2, $3, $4, $5) WITH ORDINALITY AS m (org, case_id, epoch, revision, number, o)
            ), b AS (
                SELECT m.o, c.org, c.case_id, c.first_open_day, c.revision, c.want_cic, c.episode
                FROM m JOIN caserouter.cases c ON c.org = m.org AND c.case_id = m.case_id
                WHERE c.epoch = m.epoch AND c.revision = m.revision AND c.lease_until IS NOT NULL
            ), e AS (
                UPDATE caserouter.episodes e SET assign_number = greatest(e.assign_number, b.revision)
                FROM b
                WHERE e.org = b.org AND e.case_id = b.case_id AND e.number = b.episode AND e.cic = b.want_cic
                    AND e.state IN ('held', 'placed') AND e.assign_number < b.revision
            ), done AS (
                UPDATE caserouter.cases c
                SET applied_revision = c.revision, \(LedgerText.applied)
                FROM b WHERE c.org = b.org AND c.case_id = b.case_id
                RETURNING b.o, b.org, b.case_id, b.first_open_day
            ), q AS (
                \(LedgerText.requestsRouted)
            )
            SELECT o::int4 FROM done
            """,
        encode: { claim, row in claim.appendGuard(to: &row) },
        decode: { _ in })
}
