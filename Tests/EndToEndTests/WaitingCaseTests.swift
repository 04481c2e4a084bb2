import Foundation
import FoundationNetworking
import Simulators
import TestSupport
import Testing

/// A queue is mapped in which a case waits already: an administrator looks what a sweep would do, and lets it.
@Suite struct WaitingCaseTests {
    private struct Site: Sendable {
        static let organization = "00D000000000001EAA"
        let salesforce: Int
        let cic: Int

        /// Runs `body` with one Salesforce org and one CIC site in this process.
        static func run(in directory: URL, _ body: @escaping @Sendable (Site) async throws -> Void) async throws {
            var org = SalesforceSimulatorConfiguration.Org(name: "acme", organizationID: organization)
            org.queues = ["Support", "Returns"]
            org.users = ["agent@example.com"]
            var orgs = SalesforceSimulatorConfiguration(orgs: [org])
            orgs.connectHold = 2
            orgs.ledgerPath = directory.appending(path: "salesforce.ndjson").path
            var centre = CICSimulatorConfiguration()
            centre.ledgerPath = directory.appending(path: "cic.ndjson").path
            centre.workgroups = [
                CICWorkgroup(name: "Support"), CICWorkgroup(name: "Returns"),
                CICWorkgroup(name: "Holding", queueType: 1),
            ]
            centre.acd = false
            let salesforce = try SalesforceSimulator(orgs)
            let cic = try CICSimulator(centre)
            let (orgPorts, orgIsUp) = AsyncStream<Int>.makeStream()
            let (cicPorts, cicIsUp) = AsyncStream<Int>.makeStream()
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    defer { orgIsUp.finish() }
                    try await salesforce.run { ports in orgIsUp.yield(ports["acme"] ?? 0) }
                }
                group.addTask {
                    defer { cicIsUp.finish() }
                    try await cic.run { ports in cicIsUp.yield(ports.first ?? 0) }
                }
                let site = Site(
                    salesforce: try #require(await orgPorts.first { _ in true }),
                    cic: try #require(await cicPorts.first { _ in true }))
                try await body(site)
                group.cancelAll()
            }
        }

        func file(queues: [String], workgroup: String? = nil) throws -> String {
            let site: [String: [[String: Any]]] = [
                "orgs": [
                    [
                        "name": "acme", "login_url": "http://127.0.0.1:\(salesforce)",
                        "organization_id": Self.organization, "flow": "client-credentials", "mode": "live",
                    ]
                ],
                "cic": [
                    [
                        "name": "centre", "hosts": ["127.0.0.1:\(cic)"], "tls": false, "holding": "Holding",
                        "messaging": "poll",
                    ]
                ],
                "mappings": queues.map {
                    ["org": "acme", "queue": $0, "cic": "centre", "workgroup": workgroup ?? $0]
                },
            ]
            return String(decoding: try JSONSerialization.data(withJSONObject: site), as: UTF8.self)
        }

        func call(
            _ method: String, _ port: Int, _ path: String, _ body: Data? = nil, _ fields: [String: String] = [:]
        ) async throws -> [String: Any] {
            var request = URLRequest(url: try #require(URL(string: "http://127.0.0.1:\(port)/\(path)")))
            request.httpMethod = method
            request.httpBody = body
            request.setValue("application/json", forHTTPHeaderField: "Content-Type")
            for (name, value) in fields { request.setValue(value, forHTTPHeaderField: name) }
            let (data, response) = try await URLSession.shared.data(for: request)
            let status = (response as? HTTPURLResponse)?.statusCode ?? 0
            try #require((200..<300).contains(status), "\(path): \(status) \(String(decoding: data, as: UTF8.self))")
            return try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
        }

        /// A person opens a case in a queue.
        func openCase(in queue: String) async throws {
            let form =
                "grant_type=password&client_id=case-router&client_secret=secret&username=agent%40example.com"
                + "&password=passwordTOKEN"
            let session = try await call(
                "POST", salesforce, "services/oauth2/token", Data(form.utf8),
                ["Content-Type": "application/x-www-form-urlencoded"])
            let token = try #require(session["access_token"] as? String)
            let queues = try #require(
                try await call("GET", salesforce, "control/state")["queues"] as? [String: String])
            let fields = ["OwnerId": try #require(queues[queue]), "Subject": "help"]
            _ = try await call(
                "POST", salesforce, "services/data/v62.0/sobjects/Case", JSONSerialization.data(withJSONObject: fields),
                ["Authorization": "Bearer \(token)"])
        }

        /// Where interactions are.
        func workgroups() async throws -> [String] {
            let answer = try await call("GET", cic, "control/interactions")
            return (answer["interactions"] as? [[String: Any]] ?? []).compactMap { $0["workgroup"] as? String }
        }
    }

    private func apply(_ site: String, _ installation: Installation) async throws {
        let file = installation.directory.appending(path: "site.yaml")
        try Data(site.utf8).write(to: file)
        let applied = try await installation.run(["config", "apply", file.path])
        try #require(applied.status == 0, "\(applied.errors)")
    }

    @Test func `a case that waits in a newly mapped queue is shown by a dry run, and offered by the sweep`()
        async throws
    {
        try await Installation.with { installation in
            try await Site.run(in: installation.directory) { site in
                try await apply(try site.file(queues: ["Support"]), installation)
                for (target, secret) in [
                    ("org:acme", #"{"client_id":"case-router","client_secret":"secret"}"#),
                    ("cic:centre", #"{"user":"caserouter","password":"secret"}"#),
                ] {
                    let set = try await installation.run(["credentials", "set", target], input: secret)
                    try #require(set.status == 0, "\(set.errors)")
                }
                let ingest = try await installation.start("ingest")
                let route = try await installation.start("route")
                try await eventually("ingest follows the org") {
                    try ingest.log.contains("org subscribed") && ingest.log.contains("sweep finished")
                }
                try await site.openCase(in: "Returns")
                try await eventually("the case is put aside") {
                    try await installation.query("SELECT coalesce(rule, '-') FROM caserouter.requests") == [
                        "unmonitored-queue"
                    ]
                }
                let refused = try await installation.run(["sweep", "acme", "--queue", "Returns"])
                #expect(refused.status == 64)
                #expect(refused.errors.contains("there is no monitored queue of acme “Returns”; there are: Support"))

                try await apply(try site.file(queues: ["Support", "Returns"]), installation)
                let dry = try await installation.run(["sweep", "acme", "--dry-run"])
                #expect(dry.status == 0, "\(dry.errors)")
                #expect(dry.output.contains("1 would be published, 1 of them waiting"), "\(dry.output)")
                #expect(dry.output.contains("observed  Returns  waits"), "\(dry.output)")
                #expect(try await installation.query("SELECT coalesce(rule, '-') FROM caserouter.requests").count == 1)

                let asked = try await installation.run(["sweep", "acme", "--queue", "Returns"])
                #expect(asked.status == 0, "\(asked.errors)")
                #expect(asked.output.contains("acme: a sweep is asked for; it offers cases that wait in Returns"))
                try await eventually("the case is offered") {
                    try await site.workgroups() == ["Returns"]
                }
                #expect(
                    try await installation.query(
                        "SELECT coalesce(rule, '-') FROM caserouter.requests WHERE change = 'observed'")
                        == ["offered-on-request"])
                #expect(ingest.process.exitStatus == nil && route.process.exitStatus == nil)
            }
        }
    }
}
