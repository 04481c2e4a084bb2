import Foundation
import Postgres
import TestSupport
import Testing

/// What goes wrong among our own: the database, the broker, a setting, workers that die. The check of each page shows it.
@Suite(.serialized) struct OwnFailurePageTests {
    /// Those that are injected here.
    static let causes = ["database", "broker", "configuration", "worker-died"]

    @Test(.timeLimit(.minutes(8)))
    func `a database or a broker that is away, and a setting that cannot be used, fail no case`() async throws {
        try await FailingSite.with { site in
            let database = try CuttingProxy(to: try Self.port(of: site.installation.databaseURL))
            let broker = try CuttingProxy(
                to: try Self.port(of: try Installation.variable("CASEROUTER_TEST_BROKER_URL")))
            defer {
                database.close()
                broker.close()
            }
            let through = site.installation.changing([
                "CASEROUTER_DATABASE_URL": try Self.moved(site.installation.databaseURL, to: database.port),
                "CASEROUTER_BROKER_URL": try Self.moved(
                    try Installation.variable("CASEROUTER_TEST_BROKER_URL"), to: broker.port)
                    + "/\(site.installation.virtualHost)",
            ])
            var worker = try await through.start("route", name: "one")
            try await site.publish(1, skills: "German")
            try await site.untilRouted(1)

            // The database: what is in hand is held.
            Self.cut(database)
            try await site.publish(2, skills: "German")
            try await eventually("the worker misses it") {
                try worker.log.contains("database lost")
            }
            let away = try await FailurePage.check("database", through, isCutOff: true)
            #expect(away.contains("failure  database-reachable"), "\(away)")
            #expect(away.contains("psql: error"), "\(away)")
            database.set(.none)
            try await site.untilRouted(2)
            #expect(try await !FailurePage.check("database", through).contains("database-reachable"))

            // The broker: away, and then there without its queue.
            Self.cut(broker)
            try await eventually("the worker misses it") {
                try worker.log.contains("broker lost")
            }
            let broken = try await FailurePage.check("broker", through, isCutOff: true)
            #expect(
                broken.contains("the broker cannot be reached") && broken.contains("failure  broker-reachable"),
                "\(broken)")
            broker.set(.none)
            _ = try await Installation.management(
                "DELETE", "queues/\(site.installation.virtualHost)/caserouter.requests")
            let missing = try await FailurePage.check("broker", through, isCutOff: true)
            #expect(missing.contains("Queue caserouter.requests is not there. Run: caserouter migrate"), "\(missing)")
            #expect(missing.contains("failure  broker-queue"), "\(missing)")
            try await site.must(["migrate"])
            #expect(try await !FailurePage.check("broker", through).contains("broker-queue"))
            try await site.publish(3, skills: "German")
            try await site.untilRouted(3)

            try await Self.misspell(site, &worker)
            #expect(try await site.installation.query("SELECT case_id FROM caserouter.failed_requests") == [])
            #expect(
                try await site.installation.query("SELECT DISTINCT attempts::text FROM caserouter.cases") == ["0"],
                "none of it counted as an attempt")
            #expect(worker.process.exitStatus == nil)
        }
    }

    /// Commands refuse such a template; SQL does not. The worker that has the setting before it goes on with that, and
    /// one that is started then keeps the cases waiting.
    private static func misspell(_ site: FailingSite, _ worker: inout RunningWorker) async throws {
        let installation = site.installation
        let refused = try await installation.run(["cic", "set", "east", "attributes.Site_Case={case.nr}"])
        #expect(refused.status == 78 && refused.errors.contains("{case.number}"), "\(refused.errors)")
        try await installation.execute(
            """
            UPDATE caserouter.cic_servers SET attributes = '{"Site_Case": "{case.nr}"}' WHERE name = 'east';
            UPDATE caserouter.configuration_version SET version = version + 1;
            """)
        try await eventually("the worker refuses it") {
            try worker.log.contains("configuration failed")
        }
        try await site.publish(4, skills: "German")
        try await site.untilRouted(4)

        worker.process.signal(SIGTERM)
        _ = try await worker.process.wait(atMost: .seconds(240))
        worker = try await installation.start("route", name: "two")
        try await site.publish(5, skills: "German")
        var shown = ""
        try await eventually("the check shows the setting, and who waits for it") {
            shown = try await FailurePage.check("configuration", installation)
            return shown.contains(try Regex("east +\\| +1\\b"))
                && shown.contains("A template has something else in braces")
        }
        try await site.must(["cic", "set", "east", "attributes.Site_Case={case.number}"])
        try await site.untilRouted(5)
        shown = try await FailurePage.check("configuration", installation)
        #expect(!shown.contains("in braces") && shown.contains("cic set"), "\(shown)")
    }

    @Test(.timeLimit(.minutes(6)))
    func `a request that three workers did not survive is failed, and the check of its page shows it`() async throws {
        try await FailingSite.with { site in
            let installation = site.installation
            let id = FailingSite.id(1)
            let body = String(decoding: FailingSite.request(1, skills: "German"), as: UTF8.self)
            try await installation.execute(
                """
                INSERT INTO caserouter.requests (
                    day, org, event_key, case_id, version, version_epoch, change, body, found, occurred_at)
                VALUES ('2026-11-21', 'acme', 'o:row1', '\(id)', 1, 1, 'created', convert_to('\(body)', 'UTF8'), 'stream',
                    now());
                """)
            // Somebody else is about to write the case: a worker that wants to merge the request stands still, and dies.
            var settings = PostgresSettings(applicationName: "somebody else")
            settings.idleInTransactionTimeout = .zero
            let connection = try await PostgresConnection.open(
                installation.database.address, settings, on: installation.loop)
            try await connection.execute(
                script: """
                    BEGIN;
                    INSERT INTO caserouter.cases (org, case_id, case_number, revision, applied_revision, version_epoch)
                    VALUES ('acme', '\(id)', '1001', 0, 0, 1);
                    """, name: "stand in the way")
            try await site.publish(1, skills: "German")
            for number in 1...3 {
                let worker = try await installation.start("route", name: "victim-\(number)")
                // Its session would go on without it.
                try await eventually("worker \(number) has it in hand") {
                    try await installation.query(
                        """
                        SELECT pid::text FROM pg_stat_activity
                        WHERE datname = current_database() AND wait_event_type = 'Lock'
                        """
                    ).count > 0
                }
                worker.process.signal(SIGKILL)
                _ = try await worker.process.wait(atMost: .seconds(240))
                _ = try await installation.query(
                    """
                    SELECT pg_terminate_backend(pid)::text FROM pg_stat_activity
                    WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name LIKE 'caserouter%'
                    """)
            }
            try await connection.execute(script: "ROLLBACK", name: "out of the way")
            await connection.close()
            let worker = try await installation.start("route", name: "survivor")
            try await site.untilFailed(1)
            let shown = try await FailurePage.check("worker-died", installation)
            #expect(shown.contains(id) && shown.contains("o:row1"), "\(shown)")
            #expect(try site.creations() == 0)

            // The machine was the reason: it is sent again, ten minutes later, and nobody dies.
            try await site.must(["failed", "retry", id])
            _ = try await installation.query(
                "UPDATE caserouter.requests SET received_at = now() - interval '11 minutes' RETURNING event_key")
            try await site.untilRouted(1)
            #expect(worker.process.exitStatus == nil)
        }
    }

    // MARK: Addresses

    private static func port(of url: String) throws -> Int {
        try #require(URLComponents(string: url)?.port, "\(url)")
    }

    private static func moved(_ url: String, to port: Int) throws -> String {
        var parts = try #require(URLComponents(string: url))
        parts.port = port
        return try #require(parts.string)
    }

    private static func cut(_ proxy: CuttingProxy) {
        proxy.set(.refuse)
        proxy.cutAll()
    }
}
