import CaseRouting
import Postgres

/// Giving a case back without having brought CIC to what is wanted.
enum ParkStatements {
    struct Park: Sendable {
        let claim: Claim
        let failure: RoutingFailure
        let delay: Duration
        let create: FailedCreate?
    }

    /// Counts the failure if the wish is still the one that was tried; else only gives the lease back. The output says
    /// which.
    ///
    /// What is certain of a create that failed is written by the deadline of its attempt: the beginning of time where it
    /// was never sent (`Episode.neverSent`), and long enough ago to be looked for where it was refused. Only under the lease
    /// under which it would have been sent, and while nobody has found an interaction of the episode.
    ///
    /// Where the watch has found what a create without an answer has made, nothing is waited for.
    static func park(worker: String) -> BatchOperation<Park, Bool> {
        BatchOperation(
            name: "park", order: 38, writes: true,
            columns: Claim.guardTypes + [.text, .text, .text, .text, .int4, .text, .int8, .text, .uuid],
            shared: [.text(worker)],
            sql: """
                WITH m AS (
                    SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) WITH ORDINALITY AS m
                        (org, case_id, epoch, revision, number, kind, stage, cause, summary, status, response, delay,
                            failed_create, claimed_attempt, o)
                ), b AS (
                    SELECT m.*, c.revision = m.revision AS counts,
                        CASE WHEN m.kind IN ('permanent', 'configuration') THEN 8
                            WHEN m.kind IN ('transient', 'unknown') THEN least(8, c.attempts + 1)
                            ELSE c.attempts END AS new_attempts,
                        m.kind = 'unknown' AND m.stage = 'create' AND e.interaction_id IS NOT NULL AS is_found,
                        e.attempt_day, e.attempt_id, c.lease_until - interval '30 s' AS claimed_at, c.want_mapping,
                        c.want_mapping_version
                    FROM m
                    JOIN caserouter.cases c ON c.org = m.org AND c.case_id = m.case_id
                    LEFT JOIN caserouter.episodes e ON e.org = m.org AND e.case_id = m.case_id
                        AND e.number = c.episode AND e.state <> 'ended'
                    WHERE c.epoch = m.epoch AND c.lease_until IS NOT NULL
                ), f AS (
                    UPDATE caserouter.episodes e
                    SET attempt_deadline = CASE WHEN b.failed_create = 'never-sent' THEN 'epoch'
                        ELSE now() - interval '15 s' END
                    FROM b WHERE b.failed_create IS NOT NULL AND e.org = b.org AND e.case_id = b.case_id
                        AND e.number = b.number AND e.state = 'creating' AND e.interaction_id IS NULL
                        AND e.attempt_id = b.claimed_attempt
                ), t AS (
                    SELECT b.*, b.counts AND b.kind NOT IN ('held', 'own') AS is_failure,
                        b.counts AND b.new_attempts >= 8 AS fails
                    FROM b
                ), c AS (
                    UPDATE caserouter.cases c
                    SET lease_until = NULL, claims_without_outcome = 0,
                        attempts = CASE WHEN t.counts THEN t.new_attempts ELSE c.attempts END,
                        next_at = CASE WHEN t.counts AND NOT t.fails AND t.is_found IS NOT TRUE
                            THEN now() + t.delay * interval '1 microsecond' ELSE now() END,
                        failure_kind = CASE WHEN t.is_failure THEN t.kind ELSE c.failure_kind END,
                        failure_stage = CASE WHEN t.is_failure THEN t.stage ELSE c.failure_stage END,
                        failure_cause = CASE WHEN t.is_failure THEN t.cause ELSE c.failure_cause END,
                        failure_summary = CASE WHEN t.is_failure THEN t.summary ELSE c.failure_summary END,
                        failed_at = CASE WHEN t.fails THEN now() ELSE c.failed_at END,
                        failure_number = c.failure_number + t.fails::int,
                        handle_at = CASE WHEN t.fails THEN NULL ELSE c.handle_at END,
                        days = \(CaseDays.adding(CaseDays.today, to: "c.days")), changed_at = now()
                    FROM t WHERE c.org = t.org AND c.case_id = t.case_id
                ), o AS (
                    SELECT t.*, CASE WHEN kind IN ('held', 'own') THEN 'held' WHEN fails THEN 'failed'
                        WHEN kind = 'unknown' THEN 'unknown' ELSE 'retry' END AS outcome
                    FROM t
                ), a AS (
                    UPDATE caserouter.attempts a
                    SET stage = o.stage, outcome = o.outcome, kind = o.kind, cause = o.cause, summary = o.summary,
                        status = o.status, response = o.response, ended_at = now()
                    FROM o
                    WHERE a.day = o.attempt_day AND a.attempt_id = o.attempt_id AND a.epoch = o.epoch
                        AND a.outcome IS NULL
                    RETURNING o.o
                ), i AS (
                    INSERT INTO caserouter.attempts (
                        attempt_id, org, case_id, episode, revision, epoch, stage, worker, started_at, deadline_at, ended_at,
                        outcome, kind, cause, summary, status, response, mapping, mapping_version)
                    SELECT gen_random_uuid(), org, case_id, number, revision, epoch, stage, $15, claimed_at, now(),
                        now(), outcome, kind, cause, summary, status, response, want_mapping, want_mapping_version
                    FROM o WHERE is_failure AND o.o NOT IN (SELECT a.o FROM a)
                )
                SELECT o::int4, counts FROM t
                """,
            encode: { park, row in
                park.claim.appendGuard(to: &row)
                row.append(park.failure.kind.rawValue)
                row.append(park.failure.stage.rawValue)
                row.append(park.failure.cause.rawValue)
                row.append(park.failure.summary.withoutNUL)
                row.append(park.failure.response.map { Int32(clamping: $0.status) })
                row.append(park.failure.response?.body.withoutNUL)
                row.append(park.delay.microseconds)
                row.append(park.create?.rawValue)
                row.append(uuid: park.create == nil ? nil : park.claim.state.episode?.attempt.bits)
            },
            decode: { row throws(PostgresError) in try row.bool(1) })
    }

    struct Release: Sendable {
        let claim: Claim
        let delay: Duration
    }

    /// A newer wish does not wait.
    static let release = BatchOperation<Release, Void>(
        name: "release", order: 39, writes: true, columns: Claim.guardTypes + [.int8],
        sql: """
            WITH m AS (
                SELECT * FROM unnest($1, $2, $3, $4, $5, $6) WITH ORDINALITY
                    AS m (org, case_id, epoch, revision, number, delay, o)
            )
            UPDATE caserouter.cases c
            SET lease_until = NULL, claims_without_outcome = 0,
                next_at = CASE WHEN c.revision = m.revision
                    THEN now() + m.delay * interval '1 microsecond' ELSE now() END
            FROM m
            WHERE c.org = m.org AND c.case_id = m.case_id AND c.epoch = m.epoch AND c.lease_until IS NOT NULL
            RETURNING m.o::int4
            """,
        encode: { release, row in
            release.claim.appendGuard(to: &row)
            row.append(release.delay.microseconds)
        },
        decode: { _ in })
}

extension Duration {
    /// Whole microseconds.
    var microseconds: Int64 {
        let (seconds, attoseconds) = components
        return seconds * 1_000_000 + attoseconds / 1_000_000_000_000
    }
}

extension String {
    /// PostgreSQL's text holds every character but one, and what a server answered must never keep a failure from being
    /// written down.
    var withoutNUL: String {
        utf8.contains(0) ? String(unicodeScalars.filter { $0 != "\0" }.map(Character.init)) : self
    }
}
