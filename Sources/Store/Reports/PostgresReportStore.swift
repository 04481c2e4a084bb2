import CaseRouting
import Operations
import Postgres

/// Reads the views of schema `report`. A log-in with the role `caserouter_report` is enough.
public struct PostgresReportStore: ReportStore {
    private let database: PostgresDatabase

    /// - Parameter database: opened with `settings`, because a month of a large site takes seconds.
    public init(_ database: PostgresDatabase) { self.database = database }

    /// The longest that a report may take; the ordinary ones of a month take less than five seconds.
    public static func settings(applicationName: String) -> PostgresSettings {
        var settings = PostgresSettings(applicationName: applicationName)
        settings.statementTimeout = .seconds(300)
        settings.answerTimeout = .seconds(330)
        return settings
    }

    public func read(_ request: ReportRequest) async throws -> ReportTable {
        try request.check()
        do {
            guard try await database.query(Self.zoneIsKnown, [.text(request.zone)], name: "time zone")[0].bool(0) else {
                throw Refusal(
                    .usage,
                    "'\(request.zone.prefix(40))' is no time zone; for instance UTC or Europe/Berlin are some")
            }
            try await checkNames(request.filters)
            let period = try await period(of: request)
            return try await table(request, period)
        } catch let error as PostgresError {
            throw RoutingFailure(error, needing: .report)
        }
    }

    private static let zoneIsKnown = "SELECT EXISTS (SELECT FROM pg_timezone_names WHERE name = $1)"

    /// A name that nobody has set would report that nothing happened.
    private func checkNames(_ filters: [String: String]) async throws {
        for (kind, name) in filters.sorted(by: { $0.key < $1.key }) where kind != "cause" {
            let names = try await database.query(
                "SELECT name FROM report.names WHERE kind = $1 ORDER BY name", [.text(kind)], name: "names"
            ).map { row throws(PostgresError) in try row.text(0) }
            guard !names.contains(name) else { continue }
            throw Refusal.unknown(kind == "cic" ? "CIC server" : kind, name, among: names)
        }
        guard let cause = filters["cause"] else { return }
        let seen = try await database.query(
            "SELECT DISTINCT cause FROM report.failures WHERE cause IS NOT NULL ORDER BY cause", name: "causes"
        ).map { row throws(PostgresError) in try row.text(0) }
        guard !seen.contains(cause) else { return }
        throw Refusal(
            .usage,
            "nothing failed with cause \(cause.prefix(80)); "
                + (seen.isEmpty ? "nothing failed at all" : "causes seen are \(seen.joined(separator: ", "))"))
    }

    // MARK: The period

    /// Microseconds since 1970; views by the hour report on whole hours.
    private struct Period {
        let from: Int64?
        let to: Int64?
    }

    private static let resolve = """
        SELECT
            CASE WHEN $4 THEN date_trunc('hour', p.since, 'UTC') ELSE p.since END,
            CASE WHEN $4 AND date_trunc('hour', p.until, 'UTC') < p.until
                THEN date_trunc('hour', p.until, 'UTC') + interval '1 hour' ELSE p.until END,
            p.since >= p.until, p.since > now()
        FROM (
            SELECT
                CASE $2::text WHEN 'date' THEN $3::text::timestamp AT TIME ZONE $1
                    WHEN 'time' THEN ((now() AT TIME ZONE $1)::date + $3::text::time) AT TIME ZONE $1
                    WHEN 'ago' THEN now() - $3::text::int8 * interval '1 second'
                    WHEN 'day' THEN ((now() AT TIME ZONE $1)::date + $3::text::int)::timestamp AT TIME ZONE $1 END AS since,
                CASE $5::text WHEN 'date' THEN $6::text::timestamp AT TIME ZONE $1
                    WHEN 'time' THEN ((now() AT TIME ZONE $1)::date + $6::text::time) AT TIME ZONE $1
                    WHEN 'ago' THEN now() - $6::text::int8 * interval '1 second'
                    WHEN 'day' THEN ((now() AT TIME ZONE $1)::date + $6::text::int)::timestamp AT TIME ZONE $1 END AS until
        ) p
        """

    private func period(of request: ReportRequest) async throws -> Period {
        let report = request.report
        if report.time == .now { return Period(from: nil, to: nil) }
        let from = request.from ?? (report.coversEverything || request.to != nil ? nil : .day(-6))
        let (fromKind, fromText) = Self.parts(from), (toKind, toText) = Self.parts(request.to)
        let row = try await database.query(
            Self.resolve,
            [.text(request.zone), fromKind, fromText, .bool(report.time == .hours), toKind, toText], name: "period")[0]
        if try row.optionalBool(2) == true {
            throw Refusal(.usage, "--to has to be later than --from: the period ends before it begins")
        }
        if try row.optionalBool(3) == true { throw Refusal(.usage, "--from lies in the future") }
        let period = Period(from: try row.optionalMicroseconds(0), to: try row.optionalMicroseconds(1))
        if let ledger = report.ledger, let to = period.to { try await checkKept(ledger, to) }
        return period
    }

    private static func parts(_ moment: Moment?) -> (PostgresValue, PostgresValue) {
        switch moment {
        case nil: (.null, .null)
        case .date(let text): (.text("date"), .text(text))
        case .time(let text): (.text("time"), .text(text))
        case .ago(let seconds): (.text("ago"), .text("\(seconds)"))
        case .day(let offset): (.text("day"), .text("\(offset)"))
        }
    }

    /// A report on days that retention has dropped would say that nothing happened.
    private func checkKept(_ ledger: String, _ to: Int64) async throws {
        let rows = try await database.query(
            """
            SELECT first_day::text, last_day::text FROM report.kept
            WHERE ledger = $1 AND $2 <= first_day::timestamp AT TIME ZONE 'UTC'
            """, [.text(ledger), .timestamptz(to)], name: "kept days")
        guard let row = rows.first else { return }
        throw Refusal(
            .usage,
            "nothing is kept of that period: there are \(ledger) of \(try row.text(0)) to \(try row.text(1)) (days in UTC)"
        )
    }

    // MARK: The table

    /// Times are written in the reader's zone, which is the transaction's.
    private func table(_ request: ReportRequest, _ period: Period) async throws -> ReportTable {
        let sql = ReportSQL(request, from: period.from, to: period.to)
        return try await database.transaction(name: "report") { transaction throws(PostgresError) in
            _ = try await transaction.query(
                "SELECT set_config('TimeZone', $1, true), set_config('jit', 'off', true)", [.text(request.zone)])
            let times = try await transaction.query(
                "SELECT to_json($1::timestamptz) #>> '{}', to_json($2::timestamptz) #>> '{}', to_json(now()) #>> '{}'",
                [
                    period.from.map { .timestamptz($0) } ?? .null, period.to.map { .timestamptz($0) } ?? .null,
                ])[0]
            let rows = try await transaction.query(sql.text, sql.parameters, name: "report \(request.report.name)")
            return ReportTable(
                columns: sql.columns,
                rows: try rows.prefix(request.limit).map { row throws(PostgresError) in
                    ReportTable.Row(json: try row.text(0), cells: try row.optionalTexts(1))
                },
                from: try times.optionalText(0), to: try times.optionalText(1), asOf: try times.text(2),
                zone: request.zone, isCut: rows.count > request.limit)
        }
    }
}
