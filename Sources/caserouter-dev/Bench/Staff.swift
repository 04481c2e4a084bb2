import Foundation

/// The workers of a benchmark.
actor Staff {
    private static let stopLimit = Duration.seconds(40)

    private let run: RunDirectory
    private let product: Product
    private let routeCount: Int
    private var ingest: ChildProcess?
    private var routes: [ChildProcess] = []

    init(run: RunDirectory, product: Product, routes: Int) {
        self.run = run
        self.product = product
        routeCount = routes
    }

    func startIngest() async throws { ingest = try await product.start(.ingest, 1) }

    func startRoutes() async throws {
        for number in 1...routeCount { routes.append(try await product.start(.route, number)) }
    }

    func stopRoutes() async throws {
        for child in routes { try await stop(child) }
        routes = []
    }

    /// Stops all, and returns how often any of them has waited for the database in its life.
    func stop() async throws -> Int {
        try await stopRoutes()
        if let ingest { try await stop(ingest) }
        let labels = ["ingest-1"] + (1...routeCount).map { "route-\($0)" }
        return try labels.reduce(0) { $0 + (try roundTrips($1)) }
    }

    /// What is measured: the workers that run now, the servers, the simulators, and this program.
    func meter() throws -> Meter {
        var parts = routes.map { Meter.Part(name: "route", pid: $0.pid) }
        if let ingest { parts.append(Meter.Part(name: "ingest", pid: ingest.pid)) }
        let names = [
            "postgres": "database", "rabbitmq": "broker", "salesforce": "salesforce_simulator", "cic": "cic_simulator",
        ]
        for record in try run.recorded() {
            if let name = names[record.label] { parts.append(Meter.Part(name: name, pid: record.pid)) }
        }
        return Meter(parts: parts)
    }

    private func stop(_ child: ChildProcess) async throws {
        kill(child.pid, SIGTERM)
        let code = try await child.waitForExit(limit: Self.stopLimit)
        guard code == 0 else { throw RunFailure("a worker ended with \(code): see \(run.path)/*.log") }
    }

    /// What the worker's last words say, for each of its lives.
    private func roundTrips(_ label: String) throws -> Int {
        let log = try String(contentsOfFile: run.file(label + ".log"), encoding: .utf8)
        let counts = log.split(separator: "\n").compactMap { line -> Int? in
            guard let at = line.firstRange(of: " round_trips=") else { return nil }
            return Int(line[at.upperBound...].prefix { $0.isNumber })
        }
        guard !counts.isEmpty else { throw RunFailure("\(label) did not say how often it asked the database") }
        return counts.reduce(0, +)
    }
}
