import ArgumentParser

struct IngestCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ingest", abstract: "Holds Salesforce orgs: changes, sweeps, write-back. Run at least two.")

    func run() async throws {
        try await perform(json: false) {
            let worker = try Worker(role: "ingest", try Surroundings())
            let ingest = IngestDuty(worker)
            try await worker.run([ingest] + ServeDuty.forWorker(worker, beside: [ingest]))
        }
    }
}

struct RouteCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "route", abstract: "Decides, acts on CIC and records. Run at least two.")

    func run() async throws {
        try await perform(json: false) {
            let worker = try Worker(role: "route", try Surroundings())
            let routing = try RouteDuty(worker)
            let duties: [any Duty] = [routing, HousekeepingDuty(worker, router: routing.router)]
            try await worker.run(duties + ServeDuty.forWorker(worker, beside: duties))
        }
    }
}

struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve", abstract: "Serves health and metrics over HTTP. Run at least one.")

    func run() async throws {
        try await perform(json: false) {
            let worker = try Worker(role: "serve", try Surroundings())
            try await worker.run([try ServeDuty(worker)])
        }
    }
}

struct AllCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "all", abstract: "Ingest, route and serve in one process, for a small site.")

    func run() async throws {
        try await perform(json: false) {
            let worker = try Worker(role: "all", try Surroundings())
            let routing = try RouteDuty(worker)
            let duties: [any Duty] = [
                IngestDuty(worker), routing, HousekeepingDuty(worker, router: routing.router),
            ]
            try await worker.run(duties + [try ServeDuty(worker, beside: duties)])
        }
    }
}
