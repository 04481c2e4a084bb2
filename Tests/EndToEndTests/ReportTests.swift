import Foundation
import TestSupport
import Testing

/// Reports as people and programs get them from the command.
@Suite(.serialized) struct ReportTests {
    /// One case of a queue whose name needs quoting, at 22:30 UTC of the day before yesterday.
    private static let rows = """
        INSERT INTO caserouter.orgs (name, organization_id, login_url, flow, mode)
        VALUES ('acme', '00D000000000001AAA', 'https://acme', 'client-credentials', 'live');
        INSERT INTO caserouter.mappings (id, version, org, queue_name, cic, workgroup, changed_by)
        VALUES (1, 1, 'acme', 'Help, "VIP"', 'main', 'Support', 'test');
        INSERT INTO caserouter.requests (
            day, org, event_key, case_id, version, version_epoch, change, body, found, occurred_at, seen_at, outcome, rule,
            inputs, mapping, mapping_version, finished_at)
        SELECT at::date, 'acme', 'o:1', '500000000000001AAA', 1, 1, 'created', '', 'stream', at AT TIME ZONE 'UTC', now(),
            'routed', 'arrived', '{"skills": "French"}', 1, 1, at AT TIME ZONE 'UTC' + interval '250 ms'
        FROM (SELECT (now() AT TIME ZONE 'UTC')::date - 2 + time '22:30' AS at) t;
        """

    private static func run(
        _ words: String, _ installation: Installation
    ) async throws -> Installation.Outcome {
        try await installation.run(["report"] + words.split(separator: " ").map(String.init))
    }

    @Test func `a report is a table, CSV or JSON, in the zone that was asked for`() async throws {
        try await Installation.with { installation in
            try await installation.execute(Self.rows)
            let table = try await Self.run("volume", installation)
            #expect(table.status == 0, "\(table.errors)")
            let lines = table.output.split(separator: "\n")
            #expect(lines[0].hasPrefix("volume: since ") && lines[0].hasSuffix(" UTC"))
            #expect(lines[1].split(separator: " ").prefix(4) == ["org", "queue", "cic", "workgroup"])
            #expect(lines[2].contains(#"Help, "VIP"  main  Support"#))

            let csv = try await Self.run("volume --csv --by queue,hour", installation)
            let hour = try await installation.query(
                "SELECT to_char((now() AT TIME ZONE 'UTC')::date - 2, 'YYYY-MM-DD') || 'T22:00:00+00:00'")[0]
            #expect(
                csv.output
                    == "queue,hour,received,offered,routed,ignored,superseded,failed,discarded,pending,observed\r\n"
                    + "\"Help, \"\"VIP\"\"\",\(hour),1,1,1,0,0,0,0,0,0\r\n")

            // There it was the next day already.
            let json = try await Self.run("latency --json --by day --tz Europe/Berlin", installation)
            let berlin = try await installation.query(
                """
                SELECT to_char(
                    (((now() AT TIME ZONE 'UTC')::date - 2 + time '22:30') AT TIME ZONE 'UTC') AT TIME ZONE 'Europe/Berlin',
                    'YYYY-MM-DD')
                """)[0]
            struct Latency: Decodable {
                struct Row: Decodable { let day: String, offered: Int, p50, p99, attainment: Double }
                let report, zone: String, cut: Bool, rows: [Row]
            }
            let latency = try JSONDecoder().decode(Latency.self, from: Data(json.output.utf8))
            #expect(latency.zone == "Europe/Berlin" && !latency.cut)
            #expect(latency.rows.map(\.day) == [berlin])
            #expect(latency.rows.map(\.p99) == [0.25])
            #expect(latency.rows.map(\.attainment) == [100])

            let decisions = try await Self.run("decisions", installation)
            #expect(decisions.output.contains("it is offered on the queue's workgroup."), "\(decisions.output)")
            let yesterday = try await Self.run("volume --from yesterday", installation)
            #expect(yesterday.output.contains("none in that period"), "\(yesterday.output)")
        }
    }

    @Test func `without a name the reports are listed, and what is none is refused with those there are`() async throws
    {
        try await Installation.with { installation in
            try await installation.execute(Self.rows)
            let list = try await Self.run("", installation)
            #expect(list.status == 0 && list.output.contains("api-calls"))
            for (words, needed) in [
                ("daily", "accounting, volume"), ("volume --by colour", "workgroup"), ("gaps --cic main", "--org"),
                ("volume --org acne", "did you mean “acme”?"), ("volume --from tomorrow", "yesterday"),
                ("volume --to 2001-01-01", "nothing is kept"), ("volume --tz Moon", "Europe/Berlin"),
                ("volume --from today --to yesterday", "later"), ("workers --from 2h", "how it is now"),
                ("volume --limit 0", "--limit"),
            ] {
                let outcome = try await Self.run(words + " --json", installation)
                #expect(outcome.status == 64, "\(words): \(outcome.output)")
                let error = try JSONDecoder().decode([String: String].self, from: Data(outcome.errors.utf8))
                #expect(error["error"]?.contains(needed) == true, "\(words): \(outcome.errors)")
                #expect(outcome.output.isEmpty)
            }
        }
    }

    @Test func `an erased case leaves no message in any queue, and those of others stay`() async throws {
        try await Installation.with { installation in
            let id = "500000000000777AAA", other = "500000000000888AAA"
            try await installation.execute(
                """
                INSERT INTO caserouter.cases (
                    org, case_id, case_number, revision, applied_revision, version_epoch, closed)
                VALUES ('acme', '\(id)', '00000777', 1, 1, 1, true), ('acme', '\(other)', '00000888', 1, 1, 1, true);
                """)
            for queue in ["caserouter.requests", "caserouter.failed", "caserouter.dead"] {
                for subject in [other, id, String(id.prefix(15)), other] {
                    try await installation.publish(Array(#"{"subject":"\#(subject)"}"#.utf8), to: queue)
                }
            }
            let erased = try await installation.run([
                "case", "erase", "00000777", "--reason", "request 7", "--json", "--actor", "anna",
            ])
            #expect(erased.status == 0, "\(erased.errors)")
            #expect(erased.output.contains(#""messages" : 6"#), "\(erased.output)")
            for queue in ["caserouter.requests", "caserouter.failed", "caserouter.dead"] {
                // What was kept in hand is there again as soon as the broker has noticed the closed connection.
                try await eventually("\(queue) holds the others") {
                    let bodies = try await installation.bodies(in: queue)
                    return bodies.count == 2 && bodies.allSatisfy { $0.contains(other) }
                }
            }
            #expect(
                try await installation.query("SELECT actor || ' ' || (after ->> 'reason') FROM caserouter.audit") == [
                    "anna request 7"
                ])
            let again = try await installation.run(["case", "erase", id, "--reason", "x"])
            #expect(again.status == 64)
            #expect(again.errors.contains("there is no case"), "\(again.errors)")
            let silent = try await installation.run(["case", "erase", other])
            #expect(silent.status == 64)
        }
    }
}

extension Installation {
    /// Runs a script.
    func execute(_ script: String) async throws {
        let connection = try await database.connect(on: loop)
        do {
            try await connection.execute(script: script, name: "set up")
            await connection.close()
        } catch {
            await connection.close()
            throw error
        }
    }
}
