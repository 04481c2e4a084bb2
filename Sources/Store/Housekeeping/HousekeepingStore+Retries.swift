import CaseRouting
import Operations
import Postgres

/// How bulk retries go on: role `caserouter_route`. Every step is one transaction, and its whole state is stored.
extension PostgresHousekeepingStore {
    public func advanceRetries() async throws(RoutingFailure) -> [String] {
        var done = try await takeRepairs()
        _ = try await database.ask(Self.settle, name: "settle released")
        let running = try await database.ask(
            "SELECT id FROM caserouter.bulk_retries WHERE state = 'running' ORDER BY id", name: "running retries")
        for row in running {
            do throws(PostgresError) {
                let id = try row.int32(0)
                if let change = try await release(id) { done.append("\(id): \(change)") }
            } catch {
                throw RoutingFailure(error)
            }
        }
        return done
    }

    /// A case whose failure number has risen has failed again, whatever was done about it since; one that was brought to
    /// the wish of its release, or a newer one, is done.
    private static let settle = """
        UPDATE caserouter.bulk_retry_items i
        SET result = x.result, note = x.note, settled_at = now()
        FROM (
            SELECT i.retry, i.org, i.case_id,
                CASE WHEN c.case_id IS NULL THEN 'skipped' WHEN c.failure_number > i.failure_number THEN 'failed'
                    ELSE 'done' END AS result,
                CASE WHEN c.case_id IS NULL THEN 'is not there any more' WHEN c.failure_number > i.failure_number
                    THEN coalesce(c.failure_summary, 'failed again') END AS note
            FROM caserouter.bulk_retry_items i
            LEFT JOIN caserouter.cases c ON c.org = i.org AND c.case_id = i.case_id
            WHERE i.released_at IS NOT NULL AND i.result IS NULL
                AND (c.case_id IS NULL OR c.failure_number > i.failure_number
                    OR c.applied_revision >= i.released_revision)) x
        WHERE i.retry = x.retry AND i.org = x.org AND i.case_id = x.case_id
        """

    /// Releases what the rate allows now. Returns what became of the retry, if it ended.
    private func release(_ id: Int32) async throws(PostgresError) -> String? {
        try await database.transaction(name: "release bulk retry") { transaction throws(PostgresError) in
            // Two housekeepers, which can be for a moment, must not count the same window.
            let rows = try await transaction.query(
                """
                SELECT rate FROM caserouter.bulk_retries WHERE id = $1 AND state = 'running' FOR UPDATE SKIP LOCKED
                """, [.int4(id)])
            guard let row = rows.first else { return nil }
            let rate = try row.double(0)
            if let reason = try await Self.stop(id, transaction) { return "stopped, \(reason)" }
            let sent = try await transaction.query(
                """
                SELECT count(*)::int8 FROM caserouter.bulk_retry_items
                WHERE retry = $1 AND released_at >= now() - interval '10 seconds'
                """, [.int4(id)])[0].int64(0)
            // Whole cases: in no ten seconds more than ten times the rate, and no burst of them at once.
            let room = min(Int64((rate * 10).rounded(.down)) - sent, Int64(rate.rounded(.up)))
            if room > 0 { try await Self.send(id, room, transaction) }
            let ended = try await transaction.query(
                """
                UPDATE caserouter.bulk_retries b SET state = 'done', ended_at = now()
                WHERE id = $1 AND NOT EXISTS (
                    SELECT FROM caserouter.bulk_retry_items i
                    WHERE i.retry = b.id AND i.objection IS NULL AND i.result IS NULL)
                RETURNING id
                """, [.int4(id)])
            return ended.isEmpty ? nil : "done"
        }
    }

    private static func stop(_ id: Int32, _ transaction: PostgresTransaction) async throws(PostgresError) -> String? {
        try await transaction.query(
            """
            UPDATE caserouter.bulk_retries b SET state = 'stopped', ended_at = now(),
                end_reason = x.failed || ' of the last ' || x.settled || ' failed again'
            FROM (
                SELECT count(*) FILTER (WHERE result = 'failed') AS failed, count(*) AS settled FROM (
                    SELECT result FROM caserouter.bulk_retry_items
                    WHERE retry = $1 AND result IN ('done', 'failed')
                    ORDER BY settled_at DESC LIMIT \(BulkRetry.judged)) last) x
            WHERE b.id = $1 AND x.failed > \(BulkRetry.mostFailures)
            RETURNING end_reason
            """, [.int4(id)]
        ).first?.optionalText(0)
    }

    /// Cases are locked in the order of their keys, as everywhere.
    private static func send(
        _ id: Int32, _ room: Int64, _ transaction: PostgresTransaction
    ) async throws(PostgresError) {
        let parameters: [PostgresValue] = [.int4(id), .int8(room)]
        _ = try await transaction.query(
            """
            SELECT 1 FROM (\(next)) n JOIN caserouter.cases c ON c.org = n.org AND c.case_id = n.case_id
            ORDER BY c.org, c.case_id FOR NO KEY UPDATE OF c
            """, parameters)
        _ = try await transaction.query(
            """
            UPDATE caserouter.bulk_retry_items i
            SET released_at = CASE WHEN x.is_sent THEN now() END, released_revision = x.revision,
                result = CASE WHEN NOT x.is_sent THEN 'skipped' END, note = CASE WHEN NOT x.is_sent THEN x.objection END,
                settled_at = CASE WHEN NOT x.is_sent THEN now() END
            FROM (
                SELECT n.org, n.case_id, b.revision,
                    -- AND alone does not say what is looked at first.
                    CASE WHEN b.objection_now IS NULL
                        THEN caserouter.retry_case(n.org, n.case_id, n.failure_number, b.started_by, b.host)
                        ELSE false END AS is_sent,
                    coalesce(b.objection_now, 'failed anew since') AS objection
                FROM (\(next)) n CROSS JOIN LATERAL (
                    SELECT b.started_by, b.host, c.revision, CASE WHEN c.case_id IS NULL THEN 'is not there any more'
                        ELSE caserouter.retry_objection(c) END AS objection_now
                    FROM caserouter.bulk_retries b
                    LEFT JOIN caserouter.cases c ON c.org = n.org AND c.case_id = n.case_id
                    WHERE b.id = $1) b) x
            WHERE i.retry = $1 AND i.org = x.org AND i.case_id = x.case_id
            """, parameters)
    }

    private static let next = """
        SELECT org, case_id, failure_number FROM caserouter.bulk_retry_items
        WHERE retry = $1 AND objection IS NULL AND released_at IS NULL AND result IS NULL
        ORDER BY failed_at, org, case_id LIMIT $2
        """
}
