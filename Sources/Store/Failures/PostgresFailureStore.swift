import CaseRouting
import Operations
import Postgres

/// Failed cases in PostgreSQL, as people see and change them: role `caserouter_admin`.
public struct PostgresFailureStore: FailureStore {
    let database: PostgresDatabase

    public init(_ database: PostgresDatabase) { self.database = database }

    func asked<Value: Sendable>(
        _ body: (PostgresDatabase) async throws(PostgresError) -> Value
    ) async throws(RoutingFailure) -> Value {
        do throws(PostgresError) {
            return try await body(database)
        } catch {
            throw RoutingFailure(error, needing: .admin)
        }
    }

    // MARK: Looking

    public func failed(_ filter: FailureFilter) async throws(RoutingFailure) -> [FailedCase] {
        try await asked { database throws(PostgresError) in
            try await database.query(
                """
                SELECT f.org, f.case_id, f.case_number, f.failure_number, f.kind, f.stage, f.cause, f.summary, f.failed_at,
                    f.cic, f.workgroup, f.skills
                FROM caserouter.failed_requests f WHERE \(FilterText.condition)
                ORDER BY f.failed_at, f.org, f.case_id LIMIT $7
                """, FilterText.parameters(filter)
            ).map { row throws(PostgresError) in
                FailedCase(
                    key: try row.caseKey(), caseNumber: try row.text(2), failure: try row.failure(at: 3),
                    cic: try row.optionalText(9), workgroup: try row.optionalText(10), skills: try row.text(11))
            }
        }
    }

    public func groups(
        by grouping: FailureGrouping, _ filter: FailureFilter
    ) async throws(RoutingFailure) -> [FailureGroup] {
        let name =
            switch grouping {
            case .cause: "f.cause"
            case .org: "f.org"
            case .workgroup: "coalesce(f.cic || '/' || f.workgroup, 'nowhere')"
            }
        return try await asked { database throws(PostgresError) in
            try await database.query(
                """
                SELECT name, count(*)::int8, min(failed_at), max(failed_at),
                    (array_agg(case_number ORDER BY failed_at DESC))[1], (array_agg(summary ORDER BY failed_at DESC))[1]
                FROM (
                    SELECT coalesce(\(name), '') AS name, f.failed_at, f.case_number, coalesce(f.summary, '') AS summary
                    FROM caserouter.failed_requests f WHERE \(FilterText.condition)
                    ORDER BY f.failed_at LIMIT $7) f
                GROUP BY name ORDER BY count(*) DESC, name
                """, FilterText.parameters(filter)
            ).map { row throws(PostgresError) in
                FailureGroup(
                    name: try row.text(0), cases: Int(try row.int64(1)), first: try row.timestamp(2),
                    last: try row.timestamp(3), example: try row.text(4), summary: try row.text(5))
            }
        }
    }

    public func find(_ reference: CaseReference, org: String?) async throws(RoutingFailure) -> [CaseKey] {
        let (column, value) =
            switch reference {
            case .number(let number): ("case_number", number)
            case .id(let id): ("case_id", id.description)
            }
        return try await asked { database throws(PostgresError) in
            try await database.query(
                """
                SELECT org, case_id FROM caserouter.cases
                WHERE \(column) = $1 AND ($2::text IS NULL OR org = $2) ORDER BY org, case_id LIMIT 10
                """, [.text(value), org.map { .text($0) } ?? .null]
            ).map { row throws(PostgresError) in try row.caseKey() }
        }
    }

    public func known() async throws(RoutingFailure) -> KnownNames {
        try await asked { database throws(PostgresError) in
            let row = try await database.query(
                """
                SELECT ARRAY(SELECT name FROM caserouter.orgs WHERE removed_at IS NULL ORDER BY name),
                    ARRAY(SELECT name FROM caserouter.cic_servers WHERE removed_at IS NULL ORDER BY name),
                    ARRAY(
                        SELECT workgroup FROM caserouter.mappings WHERE newest AND enabled
                        UNION SELECT workgroup FROM caserouter.failed_requests WHERE workgroup IS NOT NULL ORDER BY 1),
                    now()
                """)[0]
            return KnownNames(
                orgs: try row.textArray(0), servers: try row.textArray(1), workgroups: try row.textArray(2),
                now: try row.timestamp(3))
        }
    }

    // MARK: Single cases

    public func retry(_ key: CaseKey, by author: Author) async throws(RoutingFailure) -> String? {
        let done = try await wrote(
            "SELECT caserouter.retry_case($1, $2, NULL, $3, $4)", key, [.text(author.name), .text(author.host)])
        return done ? nil : try await objection(key)
    }

    public func discard(_ key: CaseKey, reason: String, by author: Author) async throws(RoutingFailure) -> String? {
        let done = try await wrote(
            "SELECT caserouter.discard_case($1, $2, NULL, $3, $4, $5)", key,
            [.text(reason.withoutNUL), .text(author.name), .text(author.host)])
        return done ? nil : try await objection(key)
    }

    public func restore(_ key: CaseKey, by author: Author) async throws(RoutingFailure) -> String? {
        try await asked { database throws(PostgresError) in
            try await database.query(
                "SELECT caserouter.restore_case($1, $2, $3, $4)",
                [.text(key.org), .text(key.caseID.description), .text(author.name), .text(author.host)]
            )[0].optionalText(0)
        }
    }

    private func wrote(
        _ sql: String, _ key: CaseKey, _ more: [PostgresValue]
    ) async throws(RoutingFailure) -> Bool {
        try await asked { database throws(PostgresError) in
            try await database.query(sql, [.text(key.org), .text(key.caseID.description)] + more)[0].bool(0)
        }
    }

    /// Why a case is not failed.
    private func objection(_ key: CaseKey) async throws(RoutingFailure) -> String {
        try await asked { database throws(PostgresError) in
            let rows = try await database.query(
                """
                SELECT coalesce(caserouter.retry_objection(c), 'has failed anew this moment') FROM caserouter.cases c
                WHERE c.org = $1 AND c.case_id = $2
                """, [.text(key.org), .text(key.caseID.description)])
            return try rows.first?.text(0) ?? "is not there any more"
        }
    }
}

/// The condition that a filter puts on `failed_requests f`: parameters 1 to 6, the limit is 7.
enum FilterText {
    static let condition = """
        ($1::text IS NULL OR f.org = $1) AND ($2::text IS NULL OR f.cic = $2) AND ($3::text IS NULL OR f.workgroup = $3)
            AND ($4::text IS NULL OR f.cause = $4) AND ($5::timestamptz IS NULL OR f.failed_at >= $5)
            AND ($6::timestamptz IS NULL OR f.failed_at < $6)
        """

    static func parameters(_ filter: FailureFilter) -> [PostgresValue] {
        [
            filter.org.map { .text($0) } ?? .null, filter.cic.map { .text($0) } ?? .null,
            filter.workgroup.map { .text($0) } ?? .null, filter.cause.map { .text($0.rawValue) } ?? .null,
            filter.from.map { .timestamptz($0.microseconds) } ?? .null,
            filter.to.map { .timestamptz($0.microseconds) } ?? .null, .int8(Int64(filter.limit)),
        ]
    }
}

extension PostgresRow {
    /// Org and case, in the first two columns.
    func caseKey() throws(PostgresError) -> CaseKey { CaseKey(org: try text(0), caseID: try recordID(1)) }

    /// Number, kind, stage, cause, summary, time.
    func failure(at column: Int) throws(PostgresError) -> CaseFailure {
        CaseFailure(
            number: try int32(column), kind: try optionalText(column + 1) ?? "",
            stage: try optionalText(column + 2) ?? "",
            cause: FailureCause(rawValue: try optionalText(column + 3) ?? ""),
            summary: try optionalText(column + 4) ?? "",
            at: try optionalTimestamp(column + 5) ?? CaseRouting.Timestamp(microseconds: 0))
    }
}
