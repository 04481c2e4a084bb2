import Foundation
import TestSupport
import Testing

/// Retrying and looking with the tools that people have at a broker.
@Suite(.serialized) struct QueueToolTests {
    private static let failed = "caserouter.failed"
    private static let requests = "caserouter.requests"
    private static let dead = "caserouter.dead"

    private static func handle(_ number: Int, failure: Int = 1) -> String {
        """
        {"specversion":"1.0","id":"h","source":"/orgs/acme","type":"caserouter.retry.v1",\
        "subject":"\(FailingSite.id(number))","time":"2026-11-21T00:00:00Z","data":{"failure":\(failure)}}
        """
    }

    /// One routing worker, and failed cases whose handles are out.
    private static func withHandles(_ count: Int, _ body: (Installation, RunningWorker) async throws -> Void)
        async throws
    {
        try await Installation.with { installation in
            try await installation.failCases(1...count)
            let worker = try await installation.start("route")
            try await eventually("the handles are out") {
                try await installation.bodies(in: failed).count == count
            }
            try await body(installation, worker)
        }
    }

    @Test func `every tool that moves a handle retries its case, once`() async throws {
        try await Self.withHandles(6) { installation, worker in
            func moves(_ what: String, _ count: Int, _ act: () async throws -> Void) async throws {
                try await act()
                try await eventually("\(what) has retried \(count)") {
                    try await installation.retries() == count
                }
            }
            try await moves("the management API", 1) {
                try await installation.moveByHand(from: Self.failed, to: Self.requests)
            }
            try await moves("amqp-get and amqp-publish", 2) {
                try await installation.shell(
                    "amqp-get -u \"$BROKER\" -q \(Self.failed) | amqp-publish -u \"$BROKER\" -r \(Self.requests)")
            }
            try await moves("amqp-consume", 3) {
                try await installation.shell(
                    "amqp-consume -u \"$BROKER\" -q \(Self.failed) -c 1 -- amqp-publish -u \"$BROKER\" -r \(Self.requests)"
                )
            }
            try await moves("rabbitmqadmin", 4) {
                let file = installation.directory.appending(path: "payload").path
                try await installation.rabbitmqadmin(
                    "get queue=\(Self.failed) count=1 ackmode=ack_requeue_false payload_file='\(file)'")
                try await installation.rabbitmqadmin(
                    "publish exchange=amq.default routing_key=\(Self.requests) < '\(file)'")
            }
            try await moves("queues move", 5) {
                let output = try await installation.shell("caserouter queues move --from failed --limit 1")
                #expect(output.contains("1 handle moved"))
            }
            try await moves("the page's shovel", 6) {
                try await installation.shovel(from: Self.failed, to: Self.requests)
            }
            let attempts = try await installation.query("SELECT attempts::text FROM caserouter.cases")
            #expect(attempts == ["0", "0", "0", "0", "0", "0"])
            #expect(try await installation.bodies(in: Self.failed) == [])
            #expect(try await installation.bodies(in: Self.dead) == [])
            #expect(worker.process.exitStatus == nil)
        }
    }

    @Test func `five thousand handles moved by a shovel while a bulk retry runs retry every case once`() async throws {
        try await Installation.with { installation in
            try await installation.failCases(1...5_000)
            _ = try await installation.query(
                """
                INSERT INTO caserouter.mappings (id, version, org, queue_id, queue_name, cic, workgroup, changed_by)
                VALUES (1, 1, 'acme', '\(FailingSite.queue)', 'q', 'east', 'Support', 'ann')
                """)
            let worker = try await installation.start("route")
            try await eventually("the handles are out") {
                try await installation.query("SELECT case_id FROM caserouter.cases WHERE handle_at IS NULL").isEmpty
            }
            let begun = try await installation.run(["failed", "retry", "--all", "--start", "--rate", "200"])
            #expect(begun.status == 0, "\(begun.errors)")
            try await eventually("the bulk retry has begun") {
                try await installation.retries() > 0
            }
            try await installation.shovel(from: Self.failed, to: Self.requests)
            try await eventually("every case is retried") {
                try await installation.query("SELECT case_id FROM caserouter.failed_requests").isEmpty
            }
            try await eventually("every handle is taken") {
                try await installation.bodies(in: Self.requests).isEmpty
            }
            let twice = try await installation.query(
                """
                SELECT target FROM caserouter.audit WHERE action = 'failed retry' GROUP BY target HAVING count(*) > 1
                """)
            #expect(twice == [])
            #expect(try await installation.retries() == 5_000)
            #expect(try await installation.bodies(in: Self.dead) == [])
            #expect(worker.process.exitStatus == nil)
        }
    }

    @Test func `a second, stale or altered handle and an old request change nothing`() async throws {
        try await Self.withHandles(3) { installation, worker in
            let handle = try #require(
                try await installation.bodies(in: Self.failed).first { $0.contains(FailingSite.id(1)) })
            // Moved twice: the shovel that moves, and a copy made before.
            try await installation.publish(Array(handle.utf8), to: Self.requests)
            try await installation.publish(Array(handle.utf8), to: Self.requests)
            // Stale: the case has failed anew since.
            _ = try await installation.query(
                "UPDATE caserouter.cases SET failure_number = 2 WHERE case_number = '1002'")
            try await installation.publish(Array(Self.handle(2).utf8), to: Self.requests)
            // The original request of a failed case, once more.
            _ = try await installation.query(
                """
                INSERT INTO caserouter.orgs (name, organization_id, login_url, flow, mode)
                VALUES ('acme', '00D000000000001EAA', 'https://x', 'client-credentials', 'live')
                """)
            _ = try await installation.query("UPDATE caserouter.configuration_version SET version = version + 1")
            try await Self.remember([3], installation)
            for _ in 1...3 { try await installation.publish(FailingSite.request(3, skills: "Germn")) }
            // Altered by hand, in a way that cannot be read.
            let altered = handle.replacing("\"failure\":1", with: "\"failure\":one")
            try #require(altered != handle)
            try await installation.publish(Array(altered.utf8), to: Self.requests)

            try await eventually("everything was taken") {
                guard try await installation.bodies(in: Self.requests).isEmpty else { return false }
                return try await installation.bodies(in: Self.dead) == [altered]
            }
            let attempts = try await installation.query(
                "SELECT attempts::text FROM caserouter.cases ORDER BY case_number")
            #expect(attempts == ["0", "8", "8"])
            #expect(try await installation.retries() == 1)
            let reasons = try await installation.query("SELECT reason FROM caserouter.undecodable")
            #expect(reasons.count == 1)
            #expect(worker.process.exitStatus == nil)
        }
    }

    @Test func `looking thirty times at each queue loses nothing, resets no counter and leaves nothing dead`()
        async throws
    {
        try await FailingSite.with { site in
            let installation = site.installation
            // One is failed, one has still to be tried; the messages that brought them come again, as redelivered.
            try await installation.failCases(8...9)
            try await Self.remember([8, 9], installation)
            _ = try await installation.query(
                """
                UPDATE caserouter.cases SET attempts = 3, failed_at = NULL, next_at = now() + interval '1 hour'
                WHERE case_number = '1008' RETURNING case_id
                """)
            for number in 8...9 { try await site.publish(number, skills: "Germn") }
            // Nobody works: the page of RabbitMQ is all that looks.
            try await site.publish(1, skills: "German")
            try await installation.publish(Array(Self.handle(9).utf8), to: Self.failed)
            for queue in [Self.requests, Self.failed, Self.dead] {
                for _ in 1...30 { _ = try await installation.bodies(in: queue) }
            }
            #expect(try await installation.bodies(in: Self.dead).count == 3, "the broker put them there after 20 looks")
            let worker = try await installation.start("route")
            // Seen in the database: who looks at the queue all the time keeps the message from housekeeping.
            try await eventually("it was taken in") {
                try await installation.query(
                    "SELECT event_key FROM caserouter.requests WHERE seen_at IS NOT NULL AND event_key = 'o:row1'"
                ).count == 1
            }
            try await eventually("nothing is dead") {
                try await Task.sleep(for: .seconds(1))
                return try await installation.bodies(in: Self.dead).isEmpty
            }
            try await site.untilRouted(1)
            #expect(try await installation.bodies(in: Self.failed).contains { $0.contains(FailingSite.id(9)) })
            #expect(
                try await installation.query(
                    "SELECT attempts::text FROM caserouter.cases WHERE case_number IN ('1008', '1009') ORDER BY case_number"
                )
                    == ["3", "8"])
            #expect(try await installation.retries() == 0)
            #expect(worker.process.exitStatus == nil)
        }
    }

    /// The ledger has the requests that made these cases what they are.
    private static func remember(_ numbers: [Int], _ installation: Installation) async throws {
        for number in numbers {
            _ = try await installation.query(
                """
                INSERT INTO caserouter.requests (
                    day, org, event_key, case_id, version, version_epoch, change, body, found, occurred_at, seen_at)
                VALUES ('2026-11-21', 'acme', 'o:row\(number)', '\(FailingSite.id(number))', \(number), 1, 'created', '',
                    'stream', now(), now())
                RETURNING event_key
                """)
        }
    }

    @Test func `purging any queue loses nothing`() async throws {
        try await FailingSite.with { site in
            let installation = site.installation
            try await installation.failCases(9...9, cic: "nowhere")
            // Ingest has recorded and published it, some time ago; then somebody purges.
            let body = String(decoding: FailingSite.request(1, skills: "German"), as: UTF8.self)
            _ = try await installation.query(
                """
                INSERT INTO caserouter.requests (
                    day, org, event_key, case_id, version, version_epoch, change, body, found, occurred_at, received_at)
                VALUES ('2026-11-21', 'acme', 'o:row1', '\(FailingSite.id(1))', 1, 1, 'created',
                    convert_to('\(body)', 'UTF8'), 'stream', now(), now() - interval '11 minutes')
                """)
            try await site.publish(1, skills: "German")
            try await installation.purge(Self.requests)
            let worker = try await installation.start("route")
            try await site.untilRouted(1)

            try await eventually("the handle is out") {
                try await installation.bodies(in: Self.failed).count == 1
            }
            try await installation.purge(Self.failed)
            // It is renewed a minute before the broker would have dropped it.
            _ = try await installation.query("UPDATE caserouter.cases SET handle_at = handle_at - interval '5 minutes'")
            try await eventually("the handle is out again") {
                try await installation.bodies(in: Self.failed).count == 1
            }
            try await installation.purge(Self.dead)
            #expect(try site.creations() == 1)
            #expect(worker.process.exitStatus == nil)
        }
    }

    @Test func `the queues are listed, and what cannot be moved is refused`() async throws {
        try await Installation.with { installation in
            try await installation.publish(Array("x".utf8), to: Self.dead)
            let output = try await installation.shell("caserouter queues list")
            for queue in [Self.requests, Self.failed, Self.dead] { #expect(output.contains(queue)) }
            let json = try await installation.run(["queues", "list", "--json"])
            #expect(json.output.contains("\"messages\" : 1"))
            let refused = try await installation.run(["queues", "move", "--from", "dead", "--json"])
            #expect(refused.status == 64)
            let error = try JSONDecoder().decode([String: String].self, from: Data(refused.errors.utf8))
            #expect(error["error"]?.contains("there is: failed") == true)
        }
    }
}
