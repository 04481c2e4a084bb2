import Foundation
import TestSupport
import Testing

/// What goes wrong between an ingest worker and Salesforce fails no case; the log names its cause, and the check of the
/// cause's page shows it.
@Suite(.serialized) struct SalesforceFailurePageTests {
    /// Those that are injected here.
    static let causes = [
        "salesforce-forbidden", "salesforce-error", "salesforce-unreachable", "salesforce-credentials",
        "salesforce-limit",
    ]

    private static let queues = ["Support", "Other"]

    @Test(.timeLimit(.minutes(8)))
    func `what goes wrong in Salesforce is in the log by its cause, and the check of its page shows it`() async throws {
        try await Installation.with { installation in
            var org = try await SimulatedOrg.start(installation, queues: Self.queues, secret: "first")
            defer { org.process.end() }
            let worker = try await Self.setUp(org, installation)

            try await Self.forbid(org, installation, worker)
            try await Self.disturb(org, installation, worker)

            org.process.end()
            try await Self.untilLogged("salesforce-unreachable", worker)
            try await Self.untilShown("salesforce-unreachable", ["failure  salesforce-reachable"], installation)

            // It is there again, and the app's secret is another one.
            org = try await SimulatedOrg.start(installation, queues: Self.queues, secret: "second", port: org.port)
            try await Self.untilLogged("salesforce-credentials", worker)
            try await Self.untilShown(
                "salesforce-credentials", ["failure  salesforce-login", "client_secret is wrong", "org:acme"],
                installation)
            let sweeps = try Self.sweeps(worker)
            try await Self.must(
                ["credentials", "set", "org:acme"], installation,
                input: #"{"client_id": "case-router", "client_secret": "second"}"#)
            try await eventually("it goes on by itself") { try Self.sweeps(worker) > sweeps }
            #expect(
                try await !FailurePage.check("salesforce-credentials", installation).contains("salesforce-login"))

            try await Self.useUp(org, installation, worker)
            #expect(try await installation.query("SELECT case_id FROM caserouter.failed_requests") == [])
            #expect(worker.process.exitStatus == nil)
        }
    }

    /// One process for everything; the CIC server is never asked, because nothing of the monitored queue happens.
    private static func setUp(_ org: SimulatedOrg, _ installation: Installation) async throws -> RunningWorker {
        try await installation.apply(
            """
            orgs:
              - {name: acme, mode: live, login_url: "http://127.0.0.1:\(org.port)", organization_id: \(SimulatedOrg.organization)}
            cic: [{name: east, hosts: ['127.0.0.1:9'], tls: false, holding: Hold}]
            mappings: [{org: acme, queue: Support, cic: east, workgroup: Support}]
            """)
        try await must(
            ["credentials", "set", "org:acme"], installation,
            input: #"{"client_id": "case-router", "client_secret": "first"}"#)
        let worker = try await installation.start("all")
        try await eventually("the org is followed") {
            try worker.log.contains("org subscribed") && sweeps(worker) > 0
        }
        return worker
    }

    /// The integration user may not mark rows.
    private static func forbid(
        _ org: SimulatedOrg, _ installation: Installation, _ worker: RunningWorker
    ) async throws {
        try await org.control("POST", "faults", ["readOnly": ["Routing_Request__c.Status__c"]])
        try await org.openCase(in: "Other")
        // As if it had waited for its minute.
        let due = "write_back = 'due' RETURNING event_key"
        let waited = "UPDATE caserouter.requests SET write_back_at = now() - interval '61 s' WHERE \(due)"
        try await eventually("its row is to be marked") {
            try await installation.query(waited).count == 1
        }
        try await untilLogged("salesforce-forbidden", worker)
        try await untilShown(
            "salesforce-forbidden", ["may not mark rows as processed", "failure  salesforce-write-back"], installation)
        try await org.control("DELETE", "faults")
        _ = try await installation.query(waited)
        try await eventually("the row is marked") {
            try await installation.query("SELECT event_key FROM caserouter.requests WHERE write_back = 'done'").count
                == 1
        }
        let healed = try await FailurePage.check("salesforce-forbidden", installation)
        #expect(!healed.contains("may not mark") && !healed.contains("salesforce-write-back"), "\(healed)")
    }

    /// Queries are answered with an error that says nothing.
    private static func disturb(
        _ org: SimulatedOrg, _ installation: Installation, _ worker: RunningWorker
    ) async throws {
        let before = sweepsFinished
        let finished = try await installation.query(before)
        try await org.control(
            "POST", "faults/rest",
            ["path": "/query", "status": 400, "errorCode": "UNKNOWN_EXCEPTION", "count": 1_000_000])
        try await must(["sweep", "acme"], installation)
        try await untilLogged("salesforce-error", worker)
        try await untilShown("salesforce-error", ["UNKNOWN_EXCEPTION"], installation)
        #expect(try await installation.query(before) == finished, "no sweep has finished meanwhile")
        try await org.control("DELETE", "faults")
        try await eventually("a sweep finishes") {
            try await installation.query(before) != finished
        }
        #expect(try await !FailurePage.check("salesforce-error", installation).contains("UNKNOWN_EXCEPTION"))
    }

    private static let sweepsFinished = "SELECT count(finished_at)::text FROM caserouter.sweeps"

    /// Somebody uses the last of the org's requests of the day.
    private static func useUp(
        _ org: SimulatedOrg, _ installation: Installation, _ worker: RunningWorker
    ) async throws {
        try await org.control("POST", "limits", ["used": 14_000, "maximum": 15_000])
        let before = try sweeps(worker)
        try await must(["sweep", "acme"], installation)
        try await eventually("a sweep finishes") { try sweeps(worker) > before }
        try await untilShown("salesforce-limit", [#"acme +\| 14\d\d\d +\| +15000"#], installation)
        try await org.control("POST", "limits", ["used": 15_000])
        try await must(["sweep", "acme"], installation)
        try await untilLogged("salesforce-limit", worker)
        try await untilShown(
            "salesforce-limit", ["failure  salesforce-api-calls", "REQUEST_LIMIT_EXCEEDED"], installation)
    }

    // MARK: Looking

    private static func sweeps(_ worker: RunningWorker) throws -> Int {
        try worker.log.ranges(of: "info sweep finished").count
    }

    private static func untilLogged(_ cause: String, _ worker: RunningWorker) async throws {
        try await eventually("the log says \(cause)") {
            try worker.log.contains("cause=\(cause)")
        }
    }

    /// - Parameter what: regular expressions.
    private static func untilShown(_ cause: String, _ what: [String], _ installation: Installation) async throws {
        var shown = ""
        let isShown = try await eventually("the check of \(cause) shows \(what)") {
            shown = try await FailurePage.check(cause, installation)
            return try what.allSatisfy { shown.contains(try Regex($0)) }
        }
        if !isShown { Issue.record("\(shown)") }
    }

    private static func must(_ words: [String], _ installation: Installation, input: String = "") async throws {
        let outcome = try await installation.run(words, input: input)
        try #require(outcome.status == 0, "\(words): \(outcome.output)\(outcome.errors)")
    }
}
