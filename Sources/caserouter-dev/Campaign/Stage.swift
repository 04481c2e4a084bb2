import Checker
import Foundation
import Polling

/// Everything set up and at work, and nothing broken yet.
struct Stage: Sendable {
    let scene: Scene
    let neighbours: Neighbours
    let checkerSite: Site
    let workload: CampaignWorkload
    let watch: RecoveryWatch

    /// Starts servers, neighbours and workers, with a proxy between the product and everything else.
    ///
    /// - Parameters:
    ///   - nodes: of the broker.
    ///   - kinds: of the faults to come; some need something prepared.
    static func set(
        in run: RunDirectory, seed: UInt64, nodes: Int = 1, kinds: Set<FaultKind> = []
    ) async throws -> Stage {
        Terminal.line("Starting PostgreSQL and RabbitMQ in \(run.path) …")
        let stack = try await PrivateStack.start(
            in: run, durable: true, nodes: nodes, onSmallDisk: kinds.contains(.databaseDiskFull))
        let neighbourCount = CampaignSite.orgCount + CampaignSite.serverCount
        var ports = try Loopback.freePorts(2 * neighbourCount + 2 + nodes, addresses: DemoSite.hosts.count)
        func take(_ count: Int) -> [UInt16] {
            defer { ports.removeFirst(count) }
            return Array(ports[..<count])
        }
        let site = CampaignSite.make(ports: take(neighbourCount), between: take(neighbourCount))
        let (database, serve) = (take(1)[0], take(1)[0])
        let proxy = FaultProxy(seed: seed)
        var surroundings = try await CampaignSite.connect(
            proxy, site, stack, database: database, brokers: ports)
        let failpoints = try Failpoints(run, seed: seed)
        surroundings[Failpoints.variable] = failpoints.directory
        let neighbours = Neighbours(run: run, site: site)
        try await neighbours.start()
        let offices = try await neighbours.openOffices()
        try await CampaignSite.distinguish(site.orgs, seed: seed)
        let product = Product(
            run: run, stack: stack, servePort: serve, workerSurroundings: surroundings,
            falseClock: kinds.contains(.clockWrong) ? try FalseClock(run) : nil)
        try await product.setUp(site, offices.ids)
        let crew = Crew(product: product, counts: CampaignSite.crew)
        try await crew.start()
        let scene = Scene(
            run: run, stack: stack, product: product, crew: crew, site: site, proxy: proxy, failpoints: failpoints,
            loop: PollExecutor(name: "campaign"))
        try await scene.waitForQueues()
        for (server, habits) in CampaignSite.habits { try await scene.cic(server).post("configuration", habits) }

        let checkerSite = site.checkerSite(offices.ids)
        try run.write(
            String(decoding: try JSONEncoder().encode(checkerSite), as: UTF8.self) + "\n", to: Evidence.File.site)
        let workload = CampaignWorkload(offices: offices.offices, broker: scene.broker, seed: seed)
        let follower = try ServiceFollower(
            site: checkerSite, salesforce: [neighbours.salesforceLedger], cic: neighbours.cicLedgers)
        return Stage(
            scene: scene, neighbours: neighbours, checkerSite: checkerSite, workload: workload,
            watch: RecoveryWatch(follower: follower, workload: workload))
    }

    /// Waits until nothing is under way.
    ///
    /// - Parameter rowlessUntil: until when the triggers of an org did not run.
    /// - Returns: what still is when the limit has passed, and how many requests had to be taken from the table.
    func rest(
        atMost limit: Duration, rowlessUntil: [String: Date] = [:]
    ) async throws -> (obstacle: String?, overdue: Int) {
        var rest = Rest(
            scene: scene, watch: watch, rowlessUntil: rowlessUntil,
            follower: try RunFollower(
                site: checkerSite, salesforce: [neighbours.salesforceLedger], cic: neighbours.cicLedgers))
        let obstacle = try await rest.wait(atMost: limit)
        return (obstacle, rest.overdue)
    }

    /// Lets go of what is not a process of the run.
    func strike() async {
        await scene.proxy.close()
        scene.loop.stop()
    }
}
