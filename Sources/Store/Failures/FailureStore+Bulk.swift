import CaseRouting
import Operations
import Postgres

/// Bulk retries as people plan, start and cancel them.
extension PostgresFailureStore {
    /// What is failed now is eligible. What failed in the same way since `since` and is not failed any more is listed
    /// with the reason, so that nobody wonders where a case went.
    public func plan(
        _ filter: FailureFilter, since: CaseRouting.Timestamp?, by author: Author
    ) async throws(RoutingFailure) -> Int32 {
        try await asked { database throws(PostgresError) in
            try await database.transaction(name: "plan bulk retry") { transaction throws(PostgresError) in
                let id = try await transaction.query(
                    "INSERT INTO caserouter.bulk_retries (asked, planned_by, host) VALUES ($1, $2, $3) RETURNING id",
                    [.text(filter.words), .text(author.name), .text(author.host)])[0].int32(0)
                _ = try await transaction.query(
                    """
                    INSERT INTO caserouter.bulk_retry_items (
                        retry, org, case_id, case_number, failure_number, failed_at, objection)
                    SELECT $8, f.org, f.case_id, f.case_number, f.failure_number, coalesce(f.failed_at, now()),
                        caserouter.retry_objection(c)
                    FROM caserouter.failed_requests f
                    JOIN caserouter.cases c ON c.org = f.org AND c.case_id = f.case_id
                    WHERE \(FilterText.condition)
                    ORDER BY f.failed_at, f.org, f.case_id LIMIT $7
                    """, FilterText.parameters(filter) + [.int4(id)])
                _ = try await transaction.query(
                    """
                    INSERT INTO caserouter.bulk_retry_items (
                        retry, org, case_id, case_number, failure_number, failed_at, objection)
                    SELECT $8, f.org, f.case_id, f.case_number, f.failure_number, f.failed_at,
                        caserouter.retry_objection(f.c)
                    FROM (
                        SELECT DISTINCT ON (c.org, c.case_id) c.org, c.case_id, c.case_number, c.failure_number, a.cause,
                            coalesce(c.want_cic, c.last_cic) AS cic,
                            coalesce(c.want_workgroup, c.last_workgroup) AS workgroup,
                            coalesce(a.ended_at, a.started_at) AS failed_at, c
                        FROM caserouter.attempts a
                        JOIN caserouter.cases c ON c.org = a.org AND c.case_id = a.case_id
                        WHERE a.outcome = 'failed' AND a.started_at >= $9 AND a.day >= $10::timestamptz::date - 1
                            AND c.attempts < 8
                        ORDER BY c.org, c.case_id, a.started_at DESC) f
                    WHERE \(FilterText.condition) LIMIT $7
                    ON CONFLICT DO NOTHING
                    """,
                    FilterText.parameters(filter)
                        + [
                            .int4(id), .timestamptz(since?.microseconds ?? .min),
                            .timestamptz(since?.microseconds ?? 0),
                        ])
                try await Self.audit("bulk retry plan", id, filter.words, author, transaction)
                return id
            }
        }
    }

    public func start(_ id: Int32, rate: Double, by author: Author) async throws(RoutingFailure) -> Bool {
        try await change("bulk retry start", id, "\(rate)/s", author) { transaction throws(PostgresError) in
            try await transaction.query(
                """
                UPDATE caserouter.bulk_retries SET state = 'running', rate = $2, started_at = now(), started_by = $3
                WHERE id = $1 AND state = 'planned' RETURNING id
                """, [.int4(id), .float8(rate), .text(author.name)])
        }
    }

    public func cancel(_ id: Int32, by author: Author) async throws(RoutingFailure) -> Bool {
        try await change("bulk retry cancel", id, "", author) { transaction throws(PostgresError) in
            try await transaction.query(
                """
                UPDATE caserouter.bulk_retries
                SET state = 'cancelled', ended_at = now(), end_reason = 'cancelled by ' || $2
                WHERE id = $1 AND state IN ('planned', 'running') RETURNING id
                """, [.int4(id), .text(author.name)])
        }
    }

    private func change(
        _ action: String, _ id: Int32, _ what: String, _ author: Author,
        _ body: @Sendable (PostgresTransaction) async throws(PostgresError) -> PostgresRows
    ) async throws(RoutingFailure) -> Bool {
        try await asked { database throws(PostgresError) in
            try await database.transaction(name: action) { transaction throws(PostgresError) in
                guard try await !body(transaction).isEmpty else { return false }
                try await Self.audit(action, id, what, author, transaction)
                return true
            }
        }
    }

    private static func audit(
        _ action: String, _ id: Int32, _ what: String, _ author: Author, _ transaction: PostgresTransaction
    ) async throws(PostgresError) {
        _ = try await transaction.query(
            """
            INSERT INTO caserouter.audit (actor, host, action, target, after)
            VALUES ($1, $2, $3, 'bulk retry ' || $4::int, jsonb_build_object('what', $5::text))
            """, [.text(author.name), .text(author.host), .text(action), .int4(id), .text(what)])
    }

    // MARK: Looking

    public func bulkRetries(limit: Int) async throws(RoutingFailure) -> [BulkRetry] {
        try await bulk("ORDER BY b.id DESC LIMIT $1", [.int8(Int64(limit))])
    }

    public func bulkRetry(_ id: Int32) async throws(RoutingFailure) -> BulkRetry? {
        try await bulk("WHERE b.id = $1", [.int4(id)]).first
    }

    private func bulk(_ which: String, _ parameters: [PostgresValue]) async throws(RoutingFailure) -> [BulkRetry] {
        try await asked { database throws(PostgresError) in
            try await database.query(
                """
                SELECT b.id, b.asked, b.state, b.planned_at, b.planned_by, b.rate, b.started_at, b.ended_at, b.end_reason,
                    i.*
                FROM caserouter.bulk_retries b CROSS JOIN LATERAL (
                    SELECT count(*) FILTER (WHERE objection IS NOT NULL),
                        count(*) FILTER (WHERE objection IS NULL AND released_at IS NULL AND result IS NULL),
                        count(*) FILTER (WHERE released_at IS NOT NULL AND result IS NULL),
                        count(*) FILTER (WHERE result = 'done'), count(*) FILTER (WHERE result = 'failed'),
                        count(*) FILTER (WHERE result = 'skipped')
                    FROM caserouter.bulk_retry_items i WHERE i.retry = b.id) i
                \(which)
                """, parameters
            ).map { row throws(PostgresError) in
                let state = try row.text(2)
                guard let known = BulkRetry.State(rawValue: state) else { throw row.unreadable("state \(state)") }
                return BulkRetry(
                    id: try row.int32(0), asked: try row.text(1), state: known, plannedAt: try row.timestamp(3),
                    plannedBy: try row.text(4), rate: row.isNull(5) ? nil : try row.double(5),
                    startedAt: try row.optionalTimestamp(6), endedAt: try row.optionalTimestamp(7),
                    endReason: try row.optionalText(8),
                    counts: BulkRetry.Counts(
                        notEligible: Int(try row.int64(9)), waiting: Int(try row.int64(10)),
                        underWay: Int(try row.int64(11)), done: Int(try row.int64(12)),
                        failedAgain: Int(try row.int64(13)), skipped: Int(try row.int64(14))))
            }
        }
    }

    /// Those with something to say first: not eligible, failed again, skipped.
    public func items(of id: Int32, limit: Int) async throws(RoutingFailure) -> [BulkRetryItem] {
        try await asked { database throws(PostgresError) in
            try await database.query(
                """
                SELECT org, case_id, case_number, failure_number, objection, released_at, result, note
                FROM caserouter.bulk_retry_items WHERE retry = $1
                ORDER BY objection IS NULL, result IS NOT DISTINCT FROM 'done', result IS NULL, failed_at, org, case_id
                LIMIT $2
                """, [.int4(id), .int8(Int64(limit))]
            ).map { row throws(PostgresError) in
                BulkRetryItem(
                    key: try row.caseKey(), caseNumber: try row.text(2), failureNumber: try row.int32(3),
                    objection: try row.optionalText(4), releasedAt: try row.optionalTimestamp(5),
                    result: try row.optionalText(6), note: try row.optionalText(7))
            }
        }
    }
}
