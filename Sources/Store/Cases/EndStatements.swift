import CaseRouting
import Postgres

/// How episodes end.
enum EndStatements {
    /// Before a disconnect is sent. *Ending* is final; to find it so already is as good.
    static let beginEnding = BatchOperation<Claim, Void>(
        name: "begin ending", order: 35, writes: true, columns: Claim.guardTypes + [.text, .uuid],
        sql: """
            WITH m AS (
                SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7) WITH ORDINALITY
                    AS m (org, case_id, epoch, revision, number, interaction_id, attempt_id, o)
            )
            UPDATE caserouter.episodes e SET state = 'ending'
            FROM m JOIN caserouter.cases c ON c.org = m.org AND c.case_id = m.case_id
            WHERE c.epoch = m.epoch AND c.revision = m.revision AND c.lease_until IS NOT NULL
                AND e.org = m.org AND e.case_id = m.case_id AND e.number = m.number
                AND e.state IN ('held', 'placed', 'ending')
                AND e.interaction_id = m.interaction_id AND e.attempt_id = m.attempt_id
            RETURNING m.o::int4
            """,
        encode: { claim, row in
            claim.appendGuard(to: &row)
            row.append(claim.state.episode?.interaction?.description)
            row.append(uuid: claim.state.episode?.attempt.bits)
        },
        decode: { _ in })

    /// Not guarded by a claim: whoever saw the end writes it. The revision rises, so that a decision made on "alive"
    /// fails its guard.
    ///
    /// *Served*: the number on the row is the case's revision, and the interaction is known to have been where it is
    /// wanted, by the row or by the assign number that it was last seen with. Then wanted becomes none. Where nothing
    /// is wanted the end is all there was to do. In every other case, doubt included, the case is due: a second offer is
    /// better than none.
    static let end = BatchOperation<EpisodeEnd, Void>(
        name: "end", order: 36, writes: true, columns: [.text, .text, .int4, .text, .uuid, .text, .int8],
        sql: """
            WITH m AS (
                SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7) WITH ORDINALITY
                    AS m (org, case_id, number, interaction_id, attempt_id, reason, in_force, o)
            ), b AS (
                SELECT m.*, c.first_open_day,
                    c.want_cic IS NULL AS unwanted,
                    coalesce(m.reason IN ('ended', 'lost-with-agent') AND e.state IN ('held', 'placed')
                        AND e.assign_number = c.revision AND e.cic = c.want_cic
                        AND (e.workgroup = c.want_workgroup OR m.in_force = c.revision), false) AS served
                FROM m
                JOIN caserouter.cases c ON c.org = m.org AND c.case_id = m.case_id
                JOIN caserouter.episodes e ON e.org = m.org AND e.case_id = m.case_id AND e.number = m.number
                WHERE e.state <> 'ended' AND e.interaction_id = m.interaction_id AND e.attempt_id = m.attempt_id
            ), e AS (
                UPDATE caserouter.episodes e
                SET state = 'ended', ended_at = now(),
                    end_reason = CASE WHEN e.state = 'ending' AND b.reason = 'ended' THEN 'disconnected' ELSE b.reason END
                FROM b WHERE e.org = b.org AND e.case_id = b.case_id AND e.number = b.number
            ), done AS (
                UPDATE caserouter.cases c
                SET revision = c.revision + 1, applied_revision = c.revision + 1,
                    want_cic = NULL, want_workgroup = NULL, want_skills = '', want_mapping = NULL, spares_agent = false,
                    acts_on_cic = NULL, attempts = 0, claims_without_outcome = 0, failure_kind = NULL,
                    failure_stage = NULL, failure_cause = NULL, failure_summary = NULL, failed_at = NULL,
                    handle_at = NULL, first_open_day = NULL, changed_at = now()
                FROM b WHERE (b.served OR b.unwanted) AND c.org = b.org AND c.case_id = b.case_id
                RETURNING b.o, b.org, b.case_id, b.first_open_day
            ), due AS (
                UPDATE caserouter.cases c
                SET revision = c.revision + 1, acts_on_cic = c.want_cic, claims_without_outcome = 0,
                    next_at = least(c.next_at, now()), changed_at = now()
                FROM b WHERE NOT (b.served OR b.unwanted) AND c.org = b.org AND c.case_id = b.case_id
            ), q AS (
                \(LedgerText.requestsRouted)
            )
            SELECT o::int4 FROM b
            """,
        encode: { end, row in
            row.append(end.episode.caseKey.org)
            row.append(end.episode.caseKey.caseID.description)
            row.append(end.episode.number)
            row.append(end.interaction.description)
            row.append(uuid: end.attempt.bits)
            row.append(end.reason.rawValue)
            row.append(end.assignNumber)
        },
        decode: { _ in })

    /// Nothing can be there any more, so the revision stays: nobody decided on "alive". Where nothing at all is wanted
    /// this finishes the case; else the claim goes on with the next episode.
    static let endUnborn = BatchOperation<Claim, Void>(
        name: "end unborn", order: 37, writes: true, columns: Claim.guardTypes,
        sql: """
            WITH m AS (
                SELECT * FROM unnest($1, $2, $3, $4, $5) WITH ORDINALITY AS m (org, case_id, epoch, revision, number, o)
            ), b AS (
                SELECT m.*, c.first_open_day, c.want_cic FROM m
                JOIN caserouter.cases c ON c.org = m.org AND c.case_id = m.case_id
                JOIN caserouter.episodes e ON e.org = m.org AND e.case_id = m.case_id AND e.number = m.number
                WHERE c.epoch = m.epoch AND c.revision = m.revision AND c.lease_until IS NOT NULL
                    AND c.want_cic IS DISTINCT FROM e.cic AND e.state = 'creating'
                    AND e.interaction_id IS NULL
            ), e AS (
                UPDATE caserouter.episodes e SET state = 'ended', ended_at = now(), end_reason = 'unborn'
                FROM b WHERE e.org = b.org AND e.case_id = b.case_id AND e.number = b.number
            ), done AS (
                UPDATE caserouter.cases c
                SET acts_on_cic = NULL, applied_revision = c.revision, \(LedgerText.applied)
                FROM b WHERE b.want_cic IS NULL AND c.org = b.org AND c.case_id = b.case_id
                RETURNING b.org, b.case_id, b.first_open_day
            ), elsewhere AS (
                UPDATE caserouter.cases c SET acts_on_cic = b.want_cic
                FROM b WHERE b.want_cic IS NOT NULL AND c.org = b.org AND c.case_id = b.case_id
            ), q AS (
                \(LedgerText.requestsRouted)
            )
            SELECT o::int4 FROM b
            """,
        encode: { claim, row in claim.appendGuard(to: &row) },
        decode: { _ in })
}
