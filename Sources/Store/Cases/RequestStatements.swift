import CaseRouting
import Postgres

/// Requests that are looked at again, handles, and what could not be read.
enum RequestStatements {
    /// Zero: it has been merged, so it will only be acknowledged. No row: ingest has not recorded it yet.
    static let raiseTaken = BatchOperation<RequestKey, Int>(
        name: "raise taken", order: 5, writes: true, columns: [.int4, .text, .text],
        sql: """
            WITH m AS (
                SELECT m.*, date '1970-01-01' + m.day AS request_day
                FROM unnest($1, $2, $3) WITH ORDINALITY AS m (day, org, event_key, o)
            )
            UPDATE caserouter.requests q
            SET taken = CASE WHEN q.seen_at IS NULL THEN least(q.taken + 1, 1000) ELSE 0 END, taken_at = now()
            FROM m WHERE q.day = m.request_day AND q.org = m.org AND q.event_key = m.event_key
            RETURNING m.o::int4, q.taken::int4
            """,
        encode: { key, row in
            row.append(key.day)
            row.append(key.org)
            row.append(key.eventKey)
        },
        decode: { row throws(PostgresError) in Int(try row.int32(1)) })

    /// Not those whose case has been failed for it: they are looked at again after a retry. Nor those of an org that was
    /// removed, which nobody can decide.
    static let takeUnseen = """
        UPDATE caserouter.requests q SET taken = least(q.taken + 1, 1000), taken_at = now()
        FROM (
            SELECT u.day, u.org, u.event_key FROM caserouter.requests u
            WHERE u.seen_at IS NULL AND u.received_at < now() - interval '10 minutes'
                AND coalesce(u.taken_at, '-infinity') < now() - interval '10 minutes'
                AND NOT (u.taken >= \(ClaimLimits.withoutOutcome) AND EXISTS (
                    SELECT FROM caserouter.cases c
                    WHERE c.org = u.org AND c.case_id = u.case_id AND c.attempts >= 8))
                AND EXISTS (SELECT FROM caserouter.orgs o WHERE o.name = u.org AND o.removed_at IS NULL)
            ORDER BY u.received_at LIMIT $1 FOR NO KEY UPDATE SKIP LOCKED) t
        WHERE q.day = t.day AND q.org = t.org AND q.event_key = t.event_key
        RETURNING q.day - date '1970-01-01', q.org, q.event_key, q.taken::int4, q.body
        """

    /// A case that nobody has heard of gets a row without facts, so that the failure shows.
    static let failPoisonous = """
        INSERT INTO caserouter.cases AS c (
            org, case_id, case_number, revision, applied_revision, version_epoch, attempts, failure_kind, failure_stage,
            failure_cause, failure_summary, failed_at, failure_number, days)
        SELECT q.org, q.case_id, '', 1, 1, 1, 8, $4, $5, $6, $7, now(), 1, ARRAY[q.day]
        FROM caserouter.requests q
        WHERE q.day = date '1970-01-01' + $1::int4 AND q.org = $2 AND q.event_key = $3 AND q.seen_at IS NULL
        ON CONFLICT (org, case_id) DO UPDATE
        SET attempts = 8, failure_kind = excluded.failure_kind, failure_stage = excluded.failure_stage,
            failure_cause = excluded.failure_cause, failure_summary = excluded.failure_summary, failed_at = now(),
            failure_number = c.failure_number + 1, handle_at = NULL,
            days = \(CaseDays.adding("excluded.days[1]", to: "c.days")), changed_at = now()
        WHERE c.attempts < 8
        """

    static func retry(worker: String, host: String) -> BatchOperation<RetryHandle, Void> {
        BatchOperation(
            name: "retry", order: 40, writes: true, columns: [.text, .text, .int4],
            shared: [.text("queue tooling by way of \(worker)"), .text(host)],
            sql: """
                SELECT m.o::int4 FROM unnest($1, $2, $3) WITH ORDINALITY AS m (org, case_id, failure_number, o)
                WHERE caserouter.retry_case(m.org, m.case_id, m.failure_number, $4, $5)
                """,
            encode: { handle, row in
                row.append(handle.caseKey.org)
                row.append(handle.caseKey.caseID.description)
                row.append(handle.failureNumber)
            },
            decode: { _ in })
    }

    static let recordUndecodable = BatchOperation<UndecodableMessage, Void>(
        name: "record undecodable", order: 41, writes: true, columns: [.text, .text, .int4, .bytea],
        sql: """
            INSERT INTO caserouter.undecodable AS u (digest, reason, length, beginning)
            SELECT m.digest, m.reason, m.length, m.beginning
            FROM unnest($1, $2, $3, $4) WITH ORDINALITY AS m (digest, reason, length, beginning, o)
            ORDER BY m.o
            ON CONFLICT (digest) DO UPDATE SET seen = u.seen + 1, last_at = now()
            """,
        encode: { message, row in
            row.append(message.digest)
            row.append(message.reason.withoutNUL)
            row.append(Int32(clamping: message.length))
            row.append(bytes: Array(message.beginning.prefix(4_096)))
        },
        decode: { _ in })

    /// A hold stays until it is lifted; a second one for the same reason says nothing new.
    static func placeHold(worker: String) -> BatchOperation<Hold, Void> {
        BatchOperation(
            name: "place hold", order: 42, writes: true, columns: [.text, .text, .text, .text],
            shared: [.text(worker)],
            sql: """
                INSERT INTO caserouter.holds (kind, name, reason, detail, placed_by)
                SELECT m.kind, m.name, m.reason, m.detail, $5
                FROM unnest($1, $2, $3, $4) WITH ORDINALITY AS m (kind, name, reason, detail, o)
                ORDER BY m.o
                ON CONFLICT (kind, name, reason) DO NOTHING
                """,
            encode: { hold, row in
                row.append(hold.kind.rawValue)
                row.append(hold.name)
                row.append(hold.reason.rawValue)
                row.append(hold.detail.withoutNUL)
            },
            decode: { _ in })
    }
}
