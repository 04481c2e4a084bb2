import Foundation
import TestSupport
import Testing

/// What an operator does about failed cases, from the first look to the routed case, through the real program.
@Suite(.serialized) struct FailureJourneyTests {
    @Test func `a misspelt skill is seen, understood and mended, and its cases are routed by themselves`() async throws
    {
        try await FailingSite.with { site in
            let worker = try await site.installation.start("route")
            for number in 1...2 { try await site.publish(number, skills: "Germn") }
            try await site.publish(3, skills: "German")
            try await site.untilFailed(2)
            try await site.untilRouted(3)

            let groups = try await site.must(["failed", "list", "--by", "cause"])
            #expect(groups.contains("skill-unknown") && groups.contains("has no skill “Germn”"))
            let list = try await site.must(["failed", "list", "--cause", "skill-unknown", "--tz", "Europe/Berlin"])
            #expect(list.contains("1001") && list.contains("east/Support") && list.contains("(Europe/Berlin)"))
            let story = try await site.must(["failed", "show", "1001"])
            #expect(story.contains("docs/failures/skill-unknown.md"))
            #expect(story.contains("1 v1"), "the mapping and its version: \(story)")
            #expect(story.contains("Did you mean “German”?"))

            let added = try await site.must(["aliases", "add", "east", "Germn", "German"])
            #expect(added.contains("aliases remove east Germn"))
            for number in 1...2 { try await site.untilRouted(number) }
            #expect(try await site.must(["failed", "list"]) == "nothing is failed\n")
            #expect(try await site.must(["aliases", "list"]).contains("Germn"))
            try await eventually("the retry is done") {
                try await site.must(["retries", "list"]).contains("done")
            }
            let retries = try await site.must(["retries", "list"])
            // Either name was: the reading of CIC's skills that made German known may be no older than the cases.
            #expect(
                retries.contains("skill Germn of CIC server east was repaired")
                    || retries.contains("skill German of CIC server east was repaired"))
            #expect(try site.creations() == 3, "every case has one interaction, from first to last")
            #expect(worker.process.exitStatus == nil)
        }
    }

    @Test func `three doors lead to the same retry, and each case goes through once`() async throws {
        try await FailingSite.with { site in
            let installation = site.installation
            let worker = try await installation.start("route")
            // Nothing but a retry mends this: what is missing is no name that could appear, and what was set up a moment
            // ago is no repair.
            try await eventually("the names are read") {
                try await installation.query("SELECT cic FROM caserouter.directory_reads") == ["east"]
            }
            _ = try await installation.query("DELETE FROM caserouter.repairs RETURNING what")
            try await site.control(
                "PATCH", "configuration", #"{"handler": {"failNext": 3, "failCode": "no-licence"}}"#)
            for number in 1...3 { try await site.publish(number, skills: "German") }
            try await site.untilFailed(3)

            // By command.
            let answer = try await site.must(["failed", "retry", "1001", "--org", "acme"])
            #expect(answer.contains("sent again"))
            try await site.untilRouted(1)
            // CIC has it a moment before its worker has written that down.
            try await eventually("the retry is over") {
                let again = try await installation.run(["failed", "retry", "1001"])
                #expect(again.status == 1)
                return again.output.contains("not retried, routed since")
            }

            // In SQL, as a role that may do nothing else.
            let role = "retrier_\(installation.database.name)"
            _ = try await installation.query("SELECT 1::text FROM pg_roles WHERE rolname = '\(role)'")
            try await Self.psql(
                installation,
                """
                CREATE ROLE \(role); GRANT USAGE ON SCHEMA caserouter TO \(role);
                GRANT SELECT, UPDATE (attempts) ON caserouter.failed_requests TO \(role);
                """)
            let update = """
                SET ROLE \(role);
                UPDATE caserouter.failed_requests SET attempts = 0 WHERE case_number = '1002';
                """
            #expect(try await Self.psql(installation, update).contains("UPDATE 1"))
            for forbidden in [
                "UPDATE caserouter.cases SET attempts = 0", "UPDATE caserouter.failed_requests SET cause = 'x'",
                "SELECT * FROM caserouter.cases", "DELETE FROM caserouter.failed_requests",
            ] {
                await #expect(throws: Installation.Failure.self) {
                    try await Self.psql(installation, "SET ROLE \(role); \(forbidden)")
                }
            }
            try await site.untilRouted(2)

            // By the handle that lies in the queue.
            try await eventually("the handle is out") {
                try await installation.bodies(in: "caserouter.failed").contains { $0.contains(FailingSite.id(3)) }
            }
            #expect(
                try await site.must(["queues", "move", "--from", "failed"]).contains(" moved from caserouter.failed"))
            try await site.untilRouted(3)

            #expect(try await site.must(["failed", "list"]) == "nothing is failed\n")
            #expect(try await installation.retries() == 3)
            #expect(try site.creations() == 3)
            try await Self.psql(installation, "DROP OWNED BY \(role); DROP ROLE \(role);")
            #expect(worker.process.exitStatus == nil)
        }
    }

    @Test func `a retry by every door while the original is alive does not double the case`() async throws {
        try await FailingSite.with { site in
            let installation = site.installation
            let worker = try await installation.start("route")
            // The handler takes its time: the interaction is made long after everybody has given up waiting.
            try await site.control("PATCH", "configuration", #"{"handler": {"delay": 12000}}"#)
            try await site.publish(1, skills: "German")
            try await eventually("the attempt is on its way") {
                try site.ledger().contains("handler-notification")
            }
            try await site.control("PATCH", "configuration", #"{"handler": {"delay": 0}}"#)
            #expect(try await installation.query("SELECT state FROM caserouter.episodes") == ["creating"])
            // As if its eighth attempt had failed this moment.
            _ = try await installation.query(
                """
                UPDATE caserouter.cases SET attempts = 8, failure_number = 1, failure_kind = 'transient',
                    failure_stage = 'create', failure_cause = 'cic-no-answer', failure_summary = 'x', failed_at = now()
                """)
            let handle = """
                {"specversion":"1.0","id":"x","source":"/orgs/acme","type":"caserouter.retry.v1",\
                "subject":"\(FailingSite.id(1))","time":"2026-11-21T00:00:00Z","data":{"failure":1}}
                """
            async let command = installation.run(["failed", "retry", "1001"])
            async let sql = Self.psql(
                installation, "UPDATE caserouter.failed_requests SET attempts = 0 WHERE case_number = '1001'")
            for _ in 1...3 { try await installation.publish(Array(handle.utf8)) }
            for _ in 1...3 { try await site.publish(1, skills: "German") }
            _ = try await (command, sql)
            try await site.untilRouted(1)
            try await eventually("the case is at rest") {
                try await installation.query(
                    "SELECT case_id FROM caserouter.cases WHERE applied_revision = revision AND attempts = 0"
                ).count == 1
            }
            #expect(try await installation.retries() == 1)
            #expect(try site.creations() == 1)
            #expect(try await site.interactions(of: 1).count == 1)
            #expect(worker.process.exitStatus == nil)
        }
    }

    @Test func `a discarded case leaves CIC, and a restored one comes back`() async throws {
        try await FailingSite.with { site in
            let worker = try await site.installation.start("route")
            // The credential that was set a moment ago would send the case again by itself.
            _ = try await site.installation.query("DELETE FROM caserouter.repairs RETURNING what")
            try await site.control(
                "PATCH", "configuration",
                #"{"handler": {"failNext": 1, "failCode": "no-licence", "only": "assign"}}"#)
            try await site.publish(1, skills: "German")
            try await site.untilFailed(1)
            #expect(try await site.interactions(of: 1).map(\.workgroup) == ["Hold"])
            let refused = try await site.installation.run(["failed", "discard", "1001", "--reason", " "])
            #expect(refused.status == 64)
            let output = try await site.must(["failed", "discard", "1001", "--reason", "spam", "--actor", "ann"])
            #expect(output.contains("undo: caserouter failed restore"))
            try await eventually("its interaction is gone") {
                try await site.interactions(of: 1).isEmpty
            }
            #expect(try await site.must(["failed", "show", "1001"]).contains("by ann: spam"))
            try await site.must(["failed", "restore", "1001"])
            try await site.untilRouted(1)
            #expect(worker.process.exitStatus == nil)
        }
    }

    @discardableResult
    static func psql(_ installation: Installation, _ script: String) async throws -> String {
        try await installation.shell("psql -X -v ON_ERROR_STOP=1 \"$CASEROUTER_DATABASE_URL\"", input: script)
    }
}
