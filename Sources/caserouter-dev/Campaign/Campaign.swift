import Checker
import Foundation
import Polling

/// One campaign, from an empty run directory to the last line.
struct Campaign: Sendable {
    struct Plan: Sendable {
        let cases: Int
        let faults: Int
        let seed: UInt64
        let kinds: [FaultKind]
        let json: Bool

        /// Over how many seconds the cases are made.
        var seconds: Double { max(Double(cases) / 12, Double(faults) * 4, 20) }
    }

    /// How long the product may take to come to rest after the last change and the last fault.
    static let restLimit = Duration.seconds(180)

    let run: RunDirectory
    let plan: Plan

    /// - Returns: whether nothing was found.
    func play() async throws -> Bool {
        let began = Date()
        Terminal.line("Starting PostgreSQL and RabbitMQ in \(run.path) …")
        let stack = try await PrivateStack.start(in: run, durable: true)
        let ports = try Loopback.freePorts(11, addresses: DemoSite.hosts.count)
        let site = CampaignSite.make(ports: Array(ports[..<4]), between: Array(ports[4..<8]))
        let proxy = FaultProxy(seed: plan.seed)
        var surroundings = try await CampaignSite.connect(proxy, site, stack, database: ports[8], broker: ports[9])
        let failpoints = try Failpoints(run)
        surroundings[Failpoints.variable] = failpoints.directory
        let neighbours = Neighbours(run: run, site: site)
        try await neighbours.start()
        let product = Product(run: run, stack: stack, servePort: ports[10], workerSurroundings: surroundings)
        try await product.setUp(site)
        let crew = Crew(product: product, counts: CampaignSite.crew)
        try await crew.start()
        let loop = PollExecutor(name: "campaign")
        defer { loop.stop() }
        let scene = Scene(
            run: run, stack: stack, product: product, crew: crew, site: site, proxy: proxy, failpoints: failpoints,
            loop: loop)

        let offices = try await neighbours.openOffices()
        let checkerSite = site.checkerSite(queueIDs: offices.queueIDs)
        try run.write(
            String(decoding: try JSONEncoder().encode(checkerSite), as: UTF8.self) + "\n", to: Evidence.File.site)
        let workload = CampaignWorkload(offices: offices.offices, broker: scene.broker, seed: plan.seed)
        let watch = RecoveryWatch(
            follower: try ServiceFollower(
                site: checkerSite, salesforce: [neighbours.salesforceLedger], cic: neighbours.cicLedgers),
            workload: workload)
        let faults = FaultPlan(
            seed: plan.seed, count: plan.faults, kinds: plan.kinds, seconds: plan.seconds,
            places: FaultPlaces(
                workers: crew.places.map(\.label), cic: site.servers.map(\.name), orgs: site.orgs.map(\.name),
                workgroups: site.servers.flatMap { server in server.workgroups.map { "\(server.name)/\($0)" } }))
        let driver = FaultDriver(scene: scene, plan: faults, watch: watch)
        let supervisor = Supervisor(scene: scene)
        let operators = Operators(scene: scene, seed: plan.seed)
        Terminal.line(String(format: "Set up after %.0f s.", Date().timeIntervalSince(began)))

        try await withThrowingTaskGroup(of: Bool.self) { group in
            group.addTask {
                try await withThrowingTaskGroup(of: Void.self) { work in
                    work.addTask { try await workload.run(cases: plan.cases, within: plan.seconds) }
                    work.addTask { try await driver.run() }
                    work.addTask { try await operators.work(seconds: plan.seconds * 0.6) }
                    try await work.waitForAll()
                }
                return true
            }
            group.addTask {
                try await supervisor.run()
                return false
            }
            // The work ends by itself, the supervisor with it; whoever fails ends the other.
            while let isWork = try await group.next() { if isWork { break } }
            group.cancelAll()
        }
        Terminal.line(
            String(format: "All faults are over after %.0f s. Waiting for rest …", Date().timeIntervalSince(began)))
        try await operators.tidyUp()
        var rest = Rest(
            scene: scene, watch: watch,
            follower: try RunFollower(
                site: checkerSite, salesforce: [neighbours.salesforceLedger], cic: neighbours.cicLedgers))
        let obstacle = try await rest.wait(atMost: Self.restLimit)
        let verdict = try await CampaignVerdict(scene, kinds: Set(driver.records.map(\.kind)))
        let report = CampaignReport(
            plan: plan, cases: workload.created, changes: workload.changes, records: driver.records, verdict: verdict,
            points: PointsPassed(try failpoints.passed(), kinds: Set(driver.records.map(\.kind))),
            accidents: await supervisor.accidents, deeds: operators.deeds, poison: workload.poison,
            overdue: rest.overdue, obstacle: obstacle,
            seconds: Date().timeIntervalSince(began))
        await proxy.close()
        try run.write(try report.json(), to: "campaign.json")
        if plan.json { print(try report.json()) }
        for line in report.lines { Terminal.line(line) }
        return report.isGood
    }
}
