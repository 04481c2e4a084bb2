import CaseRouting
import Postgres

/// Ledger, cursors, gaps, sweeps and write-back of the orgs that this process has leased.
public struct PostgresIngestStore: IngestStore {
    let database: PostgresDatabase
    /// As in the leases.
    let owner: String
    let look: ErrandLook

    public init(_ database: PostgresDatabase, owner: String) {
        self.database = database
        self.owner = owner
        look = ErrandLook(database)
    }

    func rows<Value>(
        _ sql: String, _ parameters: [PostgresValue], name: String,
        _ decode: (PostgresRow) throws(PostgresError) -> Value
    ) async throws(RoutingFailure) -> [Value] {
        let rows = try await database.ask(sql, parameters, name: name)
        do throws(PostgresError) {
            var values: [Value] = []
            values.reserveCapacity(rows.count)
            for row in rows { values.append(try decode(row)) }
            return values
        } catch {
            throw RoutingFailure(error)
        }
    }

    public func now() async throws(RoutingFailure) -> CaseRouting.Timestamp {
        try await rows("SELECT now()", [], name: "now") { row throws(PostgresError) in try row.timestamp(0) }[0]
    }

    // MARK: Requests and cursor

    public func cursor(org: String, channel: String) async throws(RoutingFailure) -> ReplayCursor? {
        try await rows(
            "SELECT stream_epoch, replay_id, last_event_at FROM caserouter.cursors WHERE org = $1 AND channel = $2",
            [.text(org), .text(channel)], name: "cursor"
        ) { row throws(PostgresError) in
            ReplayCursor(
                streamEpoch: try row.int32(0), replayID: try row.int64(1), lastEventAt: try row.optionalTimestamp(2))
        }.first
    }

    public func record(
        _ requests: [RecordedRequest], cursor: ReplayCursor?, channel: String, lease: Lease
    ) async throws(RoutingFailure) -> Bool {
        // The same key twice in one statement is an error; the first row that names an outbox row counts.
        var byKey: [RequestKey: RecordedRequest] = [:]
        for request in requests {
            let key = RequestKey(request.change)
            if let known = byKey[key], known.change.row != nil || request.change.row == nil { continue }
            byKey[key] = request
        }
        let unique = byKey.values
        let parameters: [PostgresValue] =
            [.text(lease.name), .text(owner), .int8(lease.term)] + Self.columns(Array(unique)) + [
                cursor == nil ? .null : .text(channel), cursor.map { .int4($0.streamEpoch) } ?? .null,
                cursor.map { .int8($0.replayID) } ?? .null,
                cursor?.lastEventAt.map { .timestamptz($0.microseconds) } ?? .null,
            ]
        return try await rows(Self.recordSQL, parameters, name: "record") { row throws(PostgresError) in
            try row.bool(0)
        }[0]
    }

    private static func columns(_ requests: [RecordedRequest]) -> [PostgresValue] {
        let changes = requests.map(\.change)
        return [
            .int4Array(changes.map { $0.occurredAt.day }), .textArray(changes.map(\.org)),
            .textArray(changes.map(\.key)),
            .textArray(changes.map(\.caseID.description)), .int8Array(changes.map(\.version)),
            .int4Array(changes.map(\.versionEpoch)), .textArray(changes.map(\.kind.rawValue)),
            .byteaArray(requests.map(\.body)), .textArray(changes.map { $0.row?.description }),
            .textArray(requests.map(\.found.rawValue)), .timestamptzArray(changes.map(\.occurredAt.microseconds)),
        ]
    }

    /// A route worker may have merged a request before: then only an outbox row that it did not know is added, and with
    /// an outcome its mark becomes due where the org is live. Sorted like every statement that writes requests, so that none deadlock.
    private static let recordSQL = """
        WITH held AS MATERIALIZED (
            SELECT 1 FROM caserouter.leases
            WHERE kind = 'org' AND name = $1 AND owner = $2 AND term = $3 AND until > now() FOR SHARE
        ), m AS (
            SELECT date '1970-01-01' + day AS day, org, event_key, case_id, version, version_epoch, change, body, outbox_row,
                found, occurred_at
            FROM unnest($4::int[], $5::text[], $6::text[], $7::text[], $8::bigint[], $9::int[], $10::text[], $11::bytea[],
                $12::text[], $13::text[], $14::timestamptz[])
                AS m (day, org, event_key, case_id, version, version_epoch, change, body, outbox_row, found, occurred_at)
            WHERE EXISTS (SELECT FROM held)
        ), inserted AS (
            INSERT INTO caserouter.requests (
                day, org, event_key, case_id, version, version_epoch, change, body, outbox_row, found, occurred_at)
            SELECT day, org, event_key, case_id, version, version_epoch, change, body, outbox_row, found, occurred_at
            FROM m ORDER BY org, case_id, event_key
            ON CONFLICT (day, org, event_key) DO UPDATE
            SET outbox_row = excluded.outbox_row,
                write_back = CASE WHEN requests.outcome IS NULL THEN requests.write_back
                    WHEN (SELECT o.mode = 'live' FROM caserouter.orgs o WHERE o.name = requests.org) THEN 'due'
                    ELSE 'observed' END,
                write_back_at = CASE WHEN requests.outcome IS NULL THEN requests.write_back_at ELSE now() END
            WHERE requests.outbox_row IS NULL AND excluded.outbox_row IS NOT NULL
        ), moved AS (
            INSERT INTO caserouter.cursors AS c (org, channel, stream_epoch, replay_id, last_event_at)
            SELECT $1, $15, $16, $17, $18 FROM held WHERE $15::text IS NOT NULL
            ON CONFLICT (org, channel) DO UPDATE
            SET stream_epoch = excluded.stream_epoch, replay_id = excluded.replay_id,
                last_event_at = coalesce(excluded.last_event_at, c.last_event_at), updated_at = now()
            WHERE excluded.stream_epoch > c.stream_epoch
                OR excluded.stream_epoch = c.stream_epoch AND excluded.replay_id > c.replay_id
        )
        SELECT EXISTS (SELECT FROM held)
        """

    public func known(_ requests: [RequestKey]) async throws(RoutingFailure) -> Set<RequestKey> {
        guard !requests.isEmpty else { return [] }
        return try await known(
            """
            SELECT r.day - date '1970-01-01', r.org, r.event_key FROM caserouter.requests r
            JOIN (\(Self.keys)) m ON r.day = m.day AND r.org = m.org AND r.event_key = m.event_key
            """, Self.parameters(requests))
    }

    /// A sweep of comments records them without their rows, and no event may ever name those.
    public func knownRows(_ rows: [CaseChange]) async throws(RoutingFailure) -> Set<RequestKey> {
        guard !rows.isEmpty else { return [] }
        return try await known(
            """
            WITH m AS (
                SELECT date '1970-01-01' + day AS day, org, event_key, outbox_row
                FROM unnest($1::int[], $2::text[], $3::text[], $4::text[]) AS k (day, org, event_key, outbox_row)
            ), armed AS (
                UPDATE caserouter.requests r
                SET outbox_row = coalesce(r.outbox_row, m.outbox_row),
                    write_back = CASE WHEN r.outcome IS NULL THEN r.write_back WHEN o.mode = 'live' THEN 'due'
                        ELSE 'observed' END,
                    write_back_at = CASE WHEN r.outcome IS NULL THEN r.write_back_at ELSE now() END
                FROM m JOIN caserouter.orgs o ON o.name = m.org
                WHERE r.day = m.day AND r.org = m.org AND r.event_key = m.event_key AND (
                    r.outbox_row IS NULL
                    OR o.mode = 'live' AND r.outcome IS NOT NULL AND r.write_back IN ('none', 'done')))
            SELECT r.day - date '1970-01-01', r.org, r.event_key FROM caserouter.requests r
            JOIN m ON r.day = m.day AND r.org = m.org AND r.event_key = m.event_key
            """, Self.parameters(rows.map { RequestKey($0) }) + [.textArray(rows.map { $0.row?.description })])
    }

    private func known(_ sql: String, _ parameters: [PostgresValue]) async throws(RoutingFailure) -> Set<RequestKey> {
        Set(
            try await rows(sql, parameters, name: "known") { row throws(PostgresError) in
                RequestKey(day: try row.int32(0), org: try row.text(1), eventKey: try row.text(2))
            })
    }

    static let keys = """
        SELECT date '1970-01-01' + day AS day, org, event_key
        FROM unnest($1::int[], $2::text[], $3::text[]) AS k (day, org, event_key)
        """

    static func parameters(_ requests: [RequestKey]) -> [PostgresValue] {
        [
            .int4Array(requests.map(\.day)), .textArray(requests.map(\.org)), .textArray(requests.map(\.eventKey)),
        ]
    }
}
