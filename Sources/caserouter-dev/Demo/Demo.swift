import Checker
import Foundation

/// One performance of the demo, from an empty run directory to the last line.
struct Demo: Sendable {
    struct Plan: Sendable {
        let cases: Int
        let rate: Double
        let victim: DemoCommand.Victim?
        let sabotage: Bool
        let keep: Bool
    }

    /// How long the product may take to come to rest after the last change.
    static let restLimit = Duration.seconds(180)

    let run: RunDirectory
    let plan: Plan

    /// Plays the demo and says whether it ended well.
    func play() async throws -> Bool {
        say("Starting PostgreSQL and RabbitMQ in \(run.path) …")
        let stack = try await PrivateStack.start(in: run, durable: true)
        let ports = try Loopback.freePorts(5, addresses: DemoSite.hosts.count)
        // When interactions shall be found and spoilt at the end, agents must leave some.
        let site = DemoSite(ports: Array(ports[..<4]), handlingTime: plan.sabotage ? 600_000 : 4_000)
        let product = Product(run: run, stack: stack, servePort: ports[4])

        let neighbours = Neighbours(run: run, site: site)
        try await neighbours.start()
        say("Setting up \(site.orgs.count) orgs and \(site.servers.count) CIC servers …")
        try await product.setUp(site)
        let crew = Crew(product: product)
        try await crew.start()
        for (label, pid) in await crew.processes { say("  \(label)  pid \(pid)") }
        say("Health: http://127.0.0.1:\(product.servePort)/health/ready   logs: \(run.path)/*.log")

        let offices = try await neighbours.openOffices()
        let checkerSite = site.checkerSite(offices.ids)
        try run.write(
            String(decoding: try JSONEncoder().encode(checkerSite), as: UTF8.self) + "\n", to: Evidence.File.site)
        try run.write(
            String(decoding: try JSONEncoder().encode(site.secrets), as: UTF8.self) + "\n", to: Evidence.File.secrets)
        let workload = Workload(offices: offices.offices, cases: plan.cases, rate: plan.rate)
        let conductor = try Conductor(
            workload: workload, product: product, crew: crew, plan: plan,
            follower: RunFollower(
                site: checkerSite, salesforce: [neighbours.salesforceLedger], cic: neighbours.cicLedgers))
        let atRest = try await conductor.conduct()
        try await FinalState(run: run, stack: stack).write()
        if plan.sabotage { try await neighbours.spoil(workload.progress.untouched) }

        let verdict = try Judge.verdict(try Evidence(run: run.path))
        let ending = Ending(
            orgs: try await product.accounting(), verdict: verdict, created: workload.progress.created,
            wanted: plan.cases, atRest: atRest)
        if let example = workload.progress.untouched.first(where: { !$0.value.isEmpty }) {
            say("A case to look at: \(example.value[example.value.count / 2]) of org \(example.key)")
        }
        if plan.keep {
            say("Left running until Ctrl-C. To look around from another shell:")
            say("  . \(run.file("product.env")) && \(try Executables.product()) report accounting")
            say("  RabbitMQ's page: \(stack.broker.managementURL)")
        }
        for line in ending.lines { say(line) }
        if plan.keep {
            while true { try await Task.sleep(for: .seconds(3600)) }
        }
        return ending.isGood
    }

    private func say(_ text: String) { Terminal.line(text) }
}
