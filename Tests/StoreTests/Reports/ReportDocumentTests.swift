import CaseRouting
import Foundation
import Operations
import Postgres
import TestSupport
import Testing

@testable import Store

/// The views are an interface, and `docs/reports.md` is its description.
@Suite(.serialized) struct ReportDocumentTests {
    private static func document() throws -> [Substring] {
        let path = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../../docs/reports.md")
        return try String(contentsOf: path, encoding: .utf8).split(separator: "\n", omittingEmptySubsequences: false)
    }

    /// `view.column type` of every table below a heading that names a view.
    private static func documented() throws -> Set<String> {
        var columns: Set<String> = [], view: Substring?
        for line in try document() {
            if line.hasPrefix("#") { view = line.hasPrefix("### report.") ? line.dropFirst(11) : nil }
            guard let view, line.hasPrefix("| `") else { continue }
            let cells = line.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
            columns.insert("\(view).\(cells[0].replacing("`", with: "")) \(cells[1])")
        }
        return columns
    }

    @Test func `every column of every view is documented with its type, and nothing else is`() async throws {
        try await StoreFixture.with { fixture in
            let rows = try await fixture.sql.query(
                """
                SELECT c.relname || '.' || a.attname || ' ' || CASE a.atttypid WHEN 'timestamptz'::regtype THEN 'timestamptz'
                    WHEN 'float8'::regtype THEN 'float8' ELSE format_type(a.atttypid, NULL) END
                FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
                WHERE c.relnamespace = 'report'::regnamespace
                """)
            let there = Set(try rows.map { row throws(PostgresError) in try row.text(0) })
            let documented = try Self.documented()
            #expect(there.count > 100)
            #expect(there.subtracting(documented) == [], "not in docs/reports.md")
            #expect(documented.subtracting(there) == [], "not in the database")
        }
    }

    @Test func `every rule of decisions and every report is documented`() throws {
        let lines = Set(try Self.document().map(String.init))
        for rule in Decision.Rule.allCases {
            #expect(lines.contains("| `\(rule.rawValue)` | \(rule.reason) |"), "\(rule.rawValue)")
        }
        for report in Report.all {
            #expect(lines.contains { $0.hasPrefix("| `\(report.name)` | \(report.view) |") }, "\(report.name)")
        }
    }

    @Test func `the rules that offer a case are those that volume and latency count`() async throws {
        try await StoreFixture.with { fixture in
            let offers: Set<Decision.Rule> = [
                .arrived, .takenBack, .moved, .asked, .contacted, .contactedOwner, .offeredOnRequest,
            ]
            for rule in Decision.Rule.allCases {
                let counts = try await fixture.text("SELECT caserouter.is_offer('\(rule.rawValue)')") == "true"
                #expect(counts == offers.contains(rule), "\(rule.rawValue)")
            }
        }
    }

    @Test func `every report can be read by all its columns, by its own role and in any zone`() async throws {
        try await StoreFixture.with { fixture in
            let (store, connections) = try await ReportFixture.open(fixture, role: "caserouter_report")
            for report in Report.all {
                var request = ReportRequest(report)
                let usual = try await store.read(request)
                #expect(usual.rows.allSatisfy { $0.cells.count == usual.columns.count }, "\(report.name)")
                guard case .groups(let keys, _, _) = report.columns else { continue }
                request.by = keys.map(\.name)
                request.zone = "Asia/Kolkata"
                request.from = .ago(seconds: 100)
                request.to = .ago(seconds: 0)
                #expect(try await store.read(request).columns.map(\.name).starts(with: keys.map(\.name)))
            }
            await connections.close()
        }
    }

    @Test func `a reader of reports reads every view and no table`() async throws {
        try await StoreFixture.with { fixture in
            let views = try await fixture.sql.query(
                "SELECT relname FROM pg_class WHERE relnamespace = 'report'::regnamespace AND relkind = 'v'"
            ).map { row throws(PostgresError) in try row.text(0) }
            #expect(views.count >= 16)
            try await fixture.run("SET ROLE caserouter_report")
            for view in views { try await fixture.run("SELECT * FROM report.\(view)") }
            for table in ["cases", "requests", "settings", "audit", "credentials", "api_calls"] {
                await #expect(throws: PostgresError.self, "\(table)") {
                    try await fixture.run("SELECT * FROM caserouter.\(table)")
                }
            }
            try await fixture.run("RESET ROLE")
        }
    }

    @Test func `a log-in without the role is told which one is missing`() async throws {
        try await StoreFixture.with { fixture in
            let (store, connections) = try await ReportFixture.open(fixture, role: "caserouter_ingest")
            let error = await #expect(throws: RoutingFailure.self) {
                _ = try await store.read(ReportRequest(try Report.named("volume")))
            }
            #expect(error?.summary.contains("caserouter_report") == true)
            #expect(error?.kind == .configuration)
            await connections.close()
        }
    }
}

/// A store of reports beside the fixture's own connections.
enum ReportFixture {
    static func open(
        _ fixture: StoreFixture, role: String? = nil
    ) async throws -> (PostgresReportStore, PostgresDatabase) {
        var settings = PostgresReportStore.settings(applicationName: "report-test")
        settings.role = role
        let connections = PostgresDatabase(fixture.database.address, settings, on: fixture.executor, sessions: 1)
        // Ends when the test closes it.
        Task { await connections.run() }
        try await connections.waitUntilUp(atMost: .seconds(120))
        return (PostgresReportStore(connections), connections)
    }

    /// The mapping that the fixture's decisions name.
    static func addMappings(_ fixture: StoreFixture) async throws {
        try await fixture.run(
            """
            INSERT INTO caserouter.mappings (id, version, org, queue_id, queue_name, cic, workgroup, skills, changed_by) VALUES
                (1, 1, 'acme', '\(StoreFixture.queue)', 'Help', 'main', 'Support', 'Email', 'test'),
                (2, 1, 'acme', '\(StoreFixture.otherQueue)', 'Shop', 'main', 'Sales', '', 'test')
            """)
    }
}
