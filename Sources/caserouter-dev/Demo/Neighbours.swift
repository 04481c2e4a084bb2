import Foundation

/// The two neighbours of the product, played by simulators in processes of their own.
struct Neighbours: Sendable {
    let run: RunDirectory
    let site: DemoSite
    /// How late CIC's handler works, in milliseconds.
    var cicLatency = 0

    var salesforceLedger: String { run.file("salesforce.ndjson") }
    var cicLedgers: [String] { site.servers.map { ledger(of: $0) } }

    private func ledger(of server: DemoSite.Server) -> String { run.file("\(server.name).ndjson") }

    /// Starts Salesforce with both orgs, and every CIC site, and waits until they answer.
    func start() async throws {
        let salesforce = try simulate("salesforce", "salesforce", site.salesforceSettings(ledger: salesforceLedger))
        for org in site.orgs { try await ready("salesforce", salesforce, port: org.port, path: "/services/data") }
        for server in site.servers {
            var settings = site.cicSettings(server, ledger: ledger(of: server))
            settings.handler.delay = cicLatency
            let child = try simulate(server.name, "cic", settings)
            try await ready(server.name, child, port: server.port, path: "/control/state")
        }
    }

    private func simulate(_ label: String, _ neighbour: String, _ settings: some Encodable) throws -> ChildProcess {
        let file = "\(label).json"
        try run.write(String(decoding: try JSONEncoder().encode(settings), as: UTF8.self) + "\n", to: file)
        return try run.start(
            label, [try Executables.own(), "simulate", neighbour, "--config", run.file(file)],
            environment: Executables.environment(home: run.path), rank: .simulator, grace: 3)
    }

    private func ready(_ label: String, _ child: ChildProcess, port: UInt16, path: String) async throws {
        let request = Array("GET \(path) HTTP/1.1\r\nHost: 127.0.0.1:\(port)\r\nConnection: close\r\n\r\n".utf8)
        try await Readiness.wait(for: label, child, log: run.file(label + ".log"), limit: .seconds(20)) {
            Loopback.answers(port: port, request: request, expected: Array("HTTP/1.1 200".utf8))
        }
    }

    /// Signs everybody in and finds the queues.
    func openOffices() async throws -> (offices: [Workload.Office], ids: SalesforceIDs) {
        var offices: [Workload.Office] = []
        var ids = SalesforceIDs()
        for org in site.orgs {
            let integration = try await SalesforceUser.signIn(org, of: site)
            let queues = try await integration.texts("Id", by: "Name", where: "Type = 'Queue'", of: "Group")
            let users = try await integration.texts("Id", by: "Username", where: "IsActive = true", of: "User")
            (ids.queues[org.name], ids.users[org.name]) = (queues, users)
            guard let unmonitored = queues[DemoSite.unmonitoredQueue] else {
                throw RunFailure("the simulated org \(org.name) lacks its queues")
            }
            var people: [(id: String, session: SalesforceUser)] = []
            for name in org.users {
                guard let id = users[name] else { throw RunFailure("the simulated org \(org.name) lacks user \(name)") }
                people.append((id, try await SalesforceUser.signIn(org, of: site, as: name)))
            }
            offices.append(
                Workload.Office(
                    org: org, integration: integration, people: people,
                    queues: site.queues(of: org).compactMap { queues[$0] }, unmonitored: unmonitored))
        }
        return (offices, ids)
    }

    /// Deletes one live interaction and copies another, of cases that still wait for an agent.
    func spoil(_ untouched: [String: [String]]) async throws {
        var candidates = untouched.sorted { $0.key < $1.key }.flatMap(\.value)
        for action in ["delete", "copy"] {
            guard let id = try await spoil(action, one: &candidates) else {
                throw RunFailure("no live interaction is left to \(action)")
            }
            Terminal.line("Sabotage: \(action) the interaction of case \(id)")
        }
    }

    private func spoil(_ action: String, one candidates: inout [String]) async throws -> String? {
        while let id = candidates.popLast() {
            for server in site.servers {
                let control = Control(port: server.port)
                guard let interaction = try await control.liveInteraction(of: id, outside: DemoSite.holding) else {
                    continue
                }
                try await control.steer(interaction, action)
                return id
            }
        }
        return nil
    }
}
