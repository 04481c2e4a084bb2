import Foundation
import FoundationNetworking
import TestSupport
import Testing

/// What Prometheus gets from the real processes.
@Suite struct MetricsTests {
    static func get(_ worker: RunningWorker, _ path: String) async throws -> (status: Int, body: String) {
        let log = try worker.log
        let address = try #require(log.firstMatch(of: /http served address=(\S+)/).map { String($0.1) }, "\(log)")
        let url = try #require(URL(string: "http://\(address)/\(path)"))
        let (data, response) = try await URLSession.shared.data(from: url)
        return ((response as? HTTPURLResponse)?.statusCode ?? 0, String(decoding: data, as: UTF8.self))
    }

    /// The value of a line; nil when there is none.
    static func value(_ line: String, in text: String) -> Double? {
        text.split(separator: "\n").first { $0.hasPrefix(line + " ") }
            .flatMap { Double($0.dropFirst(line.count + 1)) }
    }

    private static func readable(_ text: String, in installation: Installation) async throws -> Bool {
        let file = installation.directory.appending(path: "\(UUID().uuidString).prom").path
        try Data(text.utf8).write(to: URL(fileURLWithPath: file))
        let python = try Installation.variable("CASEROUTER_TEST_PYTHON")
        let script = """
            import sys
            from prometheus_client.parser import text_string_to_metric_families as parse
            families = list(parse(open(sys.argv[1]).read()))
            assert len(families) > 5 and all(f.type != "untyped" and f.documentation for f in families), families
            assert len({f.name for f in families}) == len(families)
            """
        let process = try ChildProcess(
            python, ["-c", script, file], environment: ["PATH": "/usr/bin:/bin"],
            directory: installation.directory.path, output: file + ".out")
        let status = try await process.wait(atMost: .seconds(240))
        if status != 0 { Issue.record("\(try Installation.text(file + ".out"))\n\(text)") }
        return status == 0
    }

    @Test(.timeLimit(.minutes(5)))
    func `each process tells what it does, serve tells of the site, and a difference is seen at once`() async throws {
        try await Installation.with { installation in
            let neighbours = try await SimulatedNeighbours.start(
                in: installation, queues: ["Support"], workgroups: ["Support"], skills: [])
            try await installation.apply(
                """
                orgs:
                  - {name: acme, mode: live, login_url: "http://127.0.0.1:\(neighbours.salesforcePort)", organization_id: 00D000000000001EAA}
                cic:
                  - {name: main, hosts: ["127.0.0.1:\(neighbours.cicPort)"], tls: false, holding: Holding}
                mappings:
                  - {org: acme, queue: Support, cic: main, workgroup: Support}
                """)
            for (target, secret) in [
                ("cic:main", #"{"user": "caserouter", "password": "\#(SimulatedNeighbours.password)"}"#),
                ("org:acme", #"{"client_id": "case-router", "client_secret": "\#(SimulatedNeighbours.secret)"}"#),
            ] {
                let stored = try await installation.run(["credentials", "set", target], input: secret)
                #expect(stored.status == 0, "\(stored.errors)")
            }
            let ingest = try await installation.start("ingest")
            let route = try await installation.start("route")
            let serve = try await installation.start("serve")
            for worker in [ingest, route, serve] {
                try await eventually("it listens") { try worker.log.contains("http served") }
            }
            try await eventually("the org is subscribed to") {
                try ingest.log.contains("org subscribed")
            }
            _ = try await neighbours.createCase(in: "Support")

            var text = ""
            try await eventually("the attempt is counted") {
                text = try await Self.get(route, "metrics").body
                return Self.value(#"caserouter_attempt_duration_seconds_count{result="done"}"#, in: text) == 1
            }
            #expect(try await Self.readable(text, in: installation))
            #expect(Self.value(#"caserouter_attempt_duration_seconds_bucket{result="done",le="+Inf"}"#, in: text) == 1)
            #expect(Self.value(#"caserouter_cic_session_up{cic="main"}"#, in: text) == 1)
            #expect(Self.value(#"caserouter_broker_connection_up{connection="consume"}"#, in: text) == 1)
            #expect(Self.value(#"caserouter_leases_held{kind="watch"}"#, in: text) == 1)
            #expect((Self.value("process_resident_memory_bytes", in: text) ?? 0) > 1_000_000)
            #expect((Self.value("process_cpu_seconds_total", in: text) ?? 0) > 0)
            #expect((Self.value("caserouter_database_batch_rows_total", in: text) ?? 0) > 0)
            #expect(try await Self.get(route, "health/ready").status == 200)

            text = try await Self.get(ingest, "metrics").body
            #expect(try await Self.readable(text, in: installation))
            #expect((Self.value("caserouter_requests_published_total", in: text) ?? 0) >= 1)
            #expect(Self.value("caserouter_publishes_unconfirmed", in: text) == 0)
            #expect(Self.value(#"caserouter_leases_held{kind="org"}"#, in: text) == 1)

            try await eventually("the site shows the waiting case") {
                text = try await Self.get(serve, "metrics").body
                return Self.value(#"caserouter_waiting_cases{cic="main"}"#, in: text) == 1
            }
            #expect(try await Self.readable(text, in: installation))
            #expect((Self.value(#"caserouter_oldest_waiting_case_age_seconds{cic="main"}"#, in: text) ?? 0) > 0)
            #expect(Self.value(#"caserouter_accounting_difference{org="acme"}"#, in: text) == 0)
            #expect(Self.value(#"caserouter_requests_today{org="acme",outcome="routed"}"#, in: text) == 1)
            #expect(Self.value(#"caserouter_open_gaps{org="acme"}"#, in: text) == 0)
            #expect(Self.value(#"caserouter_queue_messages{queue="caserouter.requests"}"#, in: text) == 0)
            #expect(Self.value(#"caserouter_workers_alive{role="route"}"#, in: text) == 1)
            #expect(
                (Self.value(#"caserouter_last_event_timestamp_seconds{org="acme"}"#, in: text) ?? 0) > 1_600_000_000)
            #expect(!text.contains(SimulatedNeighbours.secret) && !text.contains(SimulatedNeighbours.password))

            // What the worker cannot do without is named.
            _ = try await Installation.management("DELETE", "queues/\(installation.virtualHost)/caserouter.requests")
            try await eventually("the worker says what is missing") {
                let ready = try await Self.get(route, "health/ready")
                return ready.status == 503 && ready.body.contains("the broker's queue is not consumed")
            }
            #expect(try await Self.get(route, "health/live").status == 200)
            // They end with their values.
            withExtendedLifetime((neighbours, ingest, route, serve)) {}
        }
    }
}
