import CaseRouting
import Postgres

extension PostgresIngestStore {
    public func dueWriteBacks(org: String, limit: Int) async throws(RoutingFailure) -> [DueWriteBack] {
        try await rows(
            """
            SELECT day - date '1970-01-01', event_key, outbox_row,
                greatest(0, extract(epoch FROM now() - write_back_at))::float8
            FROM caserouter.requests
            WHERE org = $1 AND write_back = 'due' AND write_back_at <= now() AND outbox_row IS NOT NULL
            ORDER BY write_back_at LIMIT $2
            """, [.text(org), .int8(Int64(limit))], name: "due write-backs"
        ) { row throws(PostgresError) in
            DueWriteBack(
                request: RequestKey(day: try row.int32(0), org: org, eventKey: try row.text(1)),
                row: try row.recordID(2), waiting: .seconds(try row.double(3)))
        }
    }

    public func markWrittenBack(_ requests: [RequestKey]) async throws(RoutingFailure) {
        _ = try await database.ask(
            """
            UPDATE caserouter.requests r SET write_back = 'done', write_back_at = now(), write_back_error = NULL
            FROM (\(Self.keys)) m WHERE r.day = m.day AND r.org = m.org AND r.event_key = m.event_key
            """, Self.parameters(requests), name: "mark written back")
    }

    public func postponeWriteBack(
        _ failures: [(request: RequestKey, failure: RoutingFailure)]
    ) async throws(RoutingFailure) {
        _ = try await database.ask(
            """
            UPDATE caserouter.requests r
            SET write_back_failures = least(r.write_back_failures + 1, 100), write_back_error = m.error,
                write_back_at = now() + least(interval '1 hour', interval '1 minute' * 2 ^ least(r.write_back_failures, 10))
            FROM (SELECT date '1970-01-01' + day AS day, org, event_key, error
                FROM unnest($1::int[], $2::text[], $3::text[], $4::text[]) AS k (day, org, event_key, error)) m
            WHERE r.day = m.day AND r.org = m.org AND r.event_key = m.event_key
            """, Self.parameters(failures.map(\.request)) + [.textArray(failures.map(\.failure.summary))],
            name: "postpone write-back")
    }
}
