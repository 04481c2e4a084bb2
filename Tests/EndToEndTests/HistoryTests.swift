import Foundation
import Postgres
import TestSupport
import Testing

/// Reports on a database that looks as if it had been worked with for weeks.
@Suite(.serialized) struct HistoryTests {
    private static let cases = 50_000
    private static let days = 40

    /// Views, and the tables whose days they read.
    private static let views = [
        "accounting_by_hour": "requests", "volume": "requests", "volume_by_skill": "requests", "latency": "requests",
        "offers": "requests", "decisions": "requests", "failures": "attempts",
    ]

    @Test(.timeLimit(.minutes(5)))
    func `fifty thousand generated cases are accounted for, and a day's report reads that day's partition only`()
        async throws
    {
        try await Installation.with { installation in
            let made = try await Self.generate(installation)
            try #require(made.status == 0, "\(made.errors)")
            #expect(made.output.hasPrefix("generate-history: \(Self.cases) cases over \(Self.days) days"))
            let again = try await Self.generate(installation)
            #expect(again.status != 0)
            #expect(again.errors.contains("use another database"), "\(again.errors)")

            #expect(try await installation.ask("SELECT count(*)::text FROM caserouter.cases") == ["\(Self.cases)"])
            // Each request in one column of every report that counts requests.
            #expect(
                try await installation.ask(
                    """
                    SELECT (SELECT sum(received) FROM report.accounting) || ' ' || sum(received) || ' '
                        || sum(routed + ignored + superseded + failed + discarded + pending + observed) || ' '
                        || (SELECT sum(requests) FROM report.decisions)
                    FROM report.volume
                    """
                ).map { Set($0.split(separator: " ")).count } == [1])
            try await Self.checkPlans(installation)
            try await Self.checkMonth(installation)
        }
    }

    private static func generate(_ installation: Installation) async throws -> Installation.Outcome {
        let program = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
            .appending(path: "caserouter-dev").path
        let log = installation.directory.appending(path: "history.log").path
        let process = try ChildProcess(
            program, ["generate-history", "--cases", "\(cases)", "--days", "\(days)"],
            environment: [
                "PATH": "/usr/bin:/bin", "HOME": "/tmp", "CASEROUTER_DATABASE_URL": installation.databaseURL,
            ], directory: installation.directory.path, output: log)
        let status = try await process.wait(atMost: .seconds(240))
        let text = try Installation.text(log)
        return Installation.Outcome(status: status, output: text, errors: text)
    }

    /// Neither a day nor a week may touch a partition of another day.
    private static func checkPlans(_ installation: Installation) async throws {
        for (view, table) in views {
            let day = try await plan(of: view, "day = current_date - 10", installation)
            #expect(try await day == names(table, "current_date - 10", "current_date - 10", installation), "\(view)")
            let week = try await plan(
                of: view, "day BETWEEN current_date - 16 AND current_date - 10 AND org = 'history-1'", installation)
            #expect(try await week == names(table, "current_date - 16", "current_date - 10", installation), "\(view)")
        }
        // What became of a retry may be seen a month later.
        let retries = try await plan(of: "retries", "day = current_date - 10", installation)
        let later = try await names("attempts", "current_date - 10", "current_date + 20", installation)
        // Those days include some that are still to come, which have no partition of their own.
        #expect(retries.subtracting(later.union(["attempts_rest"])) == [])
        let ends = try await installation.ask("EXPLAIN SELECT * FROM report.ends WHERE day = current_date - 10")
        #expect(ends.contains { $0.contains("episodes_by_end") }, "\(ends)")
    }

    /// The partitions that were looked into. Days are those of the server, which is asked in UTC.
    private static func plan(
        of view: String, _ condition: String, _ installation: Installation
    ) async throws -> Set<String> {
        let lines = try await installation.ask(
            "EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) SELECT * FROM report.\(view) WHERE \(condition)")
        var found: Set<String> = []
        for line in lines where !line.contains("never executed") {
            for name in line.matches(of: #/ on ((?:requests|attempts)_[0-9a-z]+)/#) { found.insert(String(name.1)) }
        }
        return found
    }

    private static func names(
        _ table: String, _ from: String, _ to: String, _ installation: Installation
    ) async throws -> Set<String> {
        Set(
            try await installation.ask(
                """
                SELECT '\(table)_' || to_char(d, 'YYYYMMDD') FROM generate_series(\(from), \(to), interval '1 day') d
                """))
    }

    /// The bounds for five million cases in a year, times five, for a fraction of them on a machine under load.
    private static func checkMonth(_ installation: Installation) async throws {
        for report in ["volume", "skills", "latency", "failures", "retries", "ends", "decisions", "api-calls"] {
            let began = ContinuousClock.now
            let month = try await installation.run(["report", report, "--from", "30d", "--limit", "100000"])
            #expect(ContinuousClock.now - began < .seconds(25), "\(report)")
            #expect(month.status == 0, "\(month.errors)")
            #expect(month.output.split(separator: "\n").count > 3, "\(report): \(month.output)")
        }
    }
}

extension Installation {
    /// The first column of every row, however long that takes: other tests run beside this one.
    fileprivate func ask(_ sql: String) async throws -> [String] {
        let connection = try await PostgresConnection.open(
            database.address, .migration(applicationName: "history-test"), on: loop)
        do {
            let rows = try await connection.query(sql).map { row throws(PostgresError) in try row.text(0) }
            await connection.close()
            return rows
        } catch {
            await connection.close()
            throw error
        }
    }
}
