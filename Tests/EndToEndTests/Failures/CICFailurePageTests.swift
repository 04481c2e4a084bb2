import Foundation
import TestSupport
import Testing

/// What goes wrong between a routing worker and CIC is failed with its cause, and the check of the cause's page shows it.
@Suite(.serialized) struct CICFailurePageTests {
    /// Something that goes wrong between a routing worker and CIC, and the case that it happens to.
    private struct Injection {
        let cause: String
        var skills = "German"
        var queue = FailingSite.queue
        /// Of the CIC site `east`: switches of the handler, or a fault of the next notification.
        var handler: String?
        var fault: String?
        /// Of the CIC site `west`: a fault of the next creation.
        var westFault: String?
    }

    private static let injections = [
        Injection(cause: "skill-unknown", skills: "Germn"), Injection(cause: "skills-malformed", skills: "a|b"),
        Injection(cause: "skills-too-long", skills: String(repeating: "x", count: 300)),
        Injection(cause: "workgroup-unknown", queue: "00G000000000002EAA"),
        Injection(cause: "workgroup-unusable", queue: "00G000000000003EAA"),
        Injection(cause: "skills-not-supported", queue: "00G000000000004EAA"),
        Injection(cause: "attributes-missing", skills: "", queue: "00G000000000004EAA"),
        Injection(
            cause: "holding-unusable", handler: #"{"failNext": 1, "failCode": "unknown-workgroup", "only": "create"}"#),
        Injection(cause: "cic-forbidden", handler: #"{"failNext": 1, "failCode": "no-licence", "only": "create"}"#),
        Injection(cause: "handler-failed", handler: #"{"failNext": 1, "failCode": "no-disk", "only": "create"}"#),
        Injection(cause: "handler-silent", handler: #"{"ignoreNext": 1, "only": "create"}"#),
        Injection(cause: "cic-refused", fault: #""do": "answer", "status": 404"#),
        Injection(cause: "cic-error", fault: #""do": "answer", "status": 500"#),
        // A proxy that sends elsewhere in CIC's place.
        Injection(cause: "cic-unexpected-answer", fault: #""do": "answer", "status": 302"#),
        Injection(
            cause: "cic-no-answer", skills: "", queue: "00G000000000004EAA", westFault: #""do": "cut""#),
    ]

    /// Those that are injected here.
    static let causes = injections.map(\.cause) + ["cic-unreachable", "cic-credentials"]

    @Test func `what goes wrong in CIC is failed with its cause, and the check of its page shows it`() async throws {
        try await FailingSite.with { site in
            let installation = site.installation
            let west = try await SimulatedCIC.start("west", installation)
            defer { west.process.end() }
            try await Self.setUp(west, site)
            let worker = try await installation.start("route")

            // Nothing is tried yet; every case has one try left.
            for (number, one) in Self.injections.enumerated() {
                try await site.publish(number + 1, skills: one.skills, queue: one.queue)
            }
            try await eventually("all are merged") {
                try await installation.query("SELECT case_id FROM caserouter.cases").count == Self.injections.count
            }
            _ = try await installation.query(
                "UPDATE caserouter.cases SET attempts = 7, next_at = now() + interval '1 hour' RETURNING case_id")
            for server in ["east", "west"] { try await site.must(["resume", "cic:\(server)"]) }
            _ = try await installation.query("DELETE FROM caserouter.repairs RETURNING what")

            for (number, one) in Self.injections.enumerated() {
                try await Self.inject(one, site, west)
                try await Self.check(one.cause, shows: "\(1001 + number)", installation, ofCase: number + 1)
                try await site.control("PATCH", "configuration", #"{"handler": {"failNext": 0, "ignoreNext": 0}}"#)
                try await site.control("DELETE", "faults")
            }
            // What keeps a whole server from being worked on fails nobody, and its pages show it all the same.
            west.process.end()
            try await site.publish(91, skills: "", queue: "00G000000000004EAA")
            try await Self.untilShown("cic-unreachable", "west", installation)
            try await site.control(
                "PATCH", "configuration", #"{"users": [{"name": "caserouter", "password": "another"}]}"#)
            try await site.control("POST", "sessions/expire")
            try await site.publish(92, skills: "German")
            try await Self.untilShown("cic-credentials", "east", installation)
            #expect(
                try await installation.query(
                    "SELECT case_id FROM caserouter.failed_requests WHERE case_number IN ('1091', '1092')") == [])
            #expect(worker.process.exitStatus == nil)
        }
    }

    /// A second server, which creates generic interactions that lose their attributes, and mappings that cannot work.
    private static func setUp(_ west: SimulatedCIC, _ site: FailingSite) async throws {
        try await west.control("PATCH", "configuration", #"{"createAttributes": "ignored"}"#)
        try await west.control(
            "POST", "faults", #"{"operation": "write", "when": "before", "do": "answer", "status": 404}"#)
        try await site.must([
            "cic", "add", "west", "hosts=127.0.0.1:\(west.port),127.0.0.2:\(west.port)", "tls=false",
            "creation=generic",
            "holding=Hold", "--unchecked",
        ])
        try await site.must(
            ["credentials", "set", "cic:west"], input: #"{"user": "caserouter", "password": "secret"}"#)
        for server in ["east", "west"] { try await site.must(["pause", "cic:\(server)", "--why", "test"]) }
        try await site.installation.execute(
            """
            INSERT INTO caserouter.mappings (id, version, org, queue_id, queue_name, cic, workgroup, changed_by)
            SELECT nextval('caserouter.mapping_ids'), 1, '\(FailingSite.org)', '00G00000000000' || n || 'EAA', 'q' || n,
                cic, workgroup, 'ann'
            FROM (VALUES (2, 'east', 'Suport'), (3, 'east', 'Idle'), (4, 'west', 'Support')) m (n, cic, workgroup);
            UPDATE caserouter.configuration_version SET version = version + 1;
            """)
    }

    private static func inject(_ one: Injection, _ site: FailingSite, _ west: SimulatedCIC) async throws {
        if let handler = one.handler {
            try await site.control("PATCH", "configuration", #"{"handler": \#(handler)}"#)
        }
        if let fault = one.fault {
            try await site.control(
                "POST", "faults", #"{"operation": "notification", "when": "before", "count": 1, \#(fault)}"#)
        }
        if let fault = one.westFault {
            try await west.control(
                "POST", "faults", #"{"operation": "create", "when": "before", "count": 1, \#(fault)}"#)
        }
        let number = injections.firstIndex { $0.cause == one.cause } ?? 0
        _ = try await site.installation.query(
            "UPDATE caserouter.cases SET next_at = now() WHERE case_number = '\(1001 + number)' RETURNING case_id")
    }

    private static func check(
        _ cause: String, shows what: String, _ installation: Installation, ofCase number: Int
    ) async throws {
        try await eventually("\(cause) has failed its case") {
            try await installation.query(
                "SELECT cause FROM caserouter.failed_requests WHERE case_id = '\(FailingSite.id(number))'"
            ).count == 1
        }
        let causes = try await installation.query(
            "SELECT cause FROM caserouter.failed_requests WHERE case_id = '\(FailingSite.id(number))'")
        #expect(causes == [cause])
        let shown = try await FailurePage.check(cause, installation)
        #expect(shown.contains(what), "\(cause): \(shown)")
    }

    private static func untilShown(_ cause: String, _ what: String, _ installation: Installation) async throws {
        try await eventually("the check of \(cause) shows \(what)") {
            // The server, and that somebody waits for it.
            try await FailurePage.check(cause, installation).contains(try Regex("\(what) +\\| +1\\b"))
        }
    }
}
