import AMQP
import Checker
import Foundation
import Polling

/// One measurement of the whole path, from an empty run directory to the report.
struct PathBench: Sendable {
    /// Cases that are made and not yet routed when there is no rate: twice what one worker has in flight, so that the
    /// queue is never empty.
    private static let ahead = 2_000
    /// How long the path may stand still before the run is given up.
    private static let patience = Duration.seconds(90)
    /// Sessions of the database tell late of what they committed.
    private static let lateness = Duration.milliseconds(10_500)

    let run: RunDirectory
    let plan: PathCommand

    func measure() async throws -> PathReport {
        plan.common.say("Starting PostgreSQL and RabbitMQ in \(run.path) …")
        let stack = try await PrivateStack.start(in: run, durable: true)
        let common = try Loopback.freePorts(1, addresses: DemoSite.hosts.count)
        let ports = try Loopback.freePorts(plan.orgs + 1).filter { $0 != common[0] }.prefix(plan.orgs)
        let site = DemoSite(benchWith: plan.orgs, creation: plan.creation, ports: Array(ports) + common)
        let neighbours = Neighbours(run: run, site: site, cicLatency: plan.cicLatency)
        try await neighbours.start()
        let product = Product(run: run, stack: stack, servePort: 0)
        try await product.setUp(site)
        let staff = Staff(run: run, product: product, routes: plan.routeProcesses)
        try await staff.startIngest()
        try await DatabaseMeter.with(stack.postgres.url) { try await $0.waitForQueues() }
        try await staff.startRoutes()
        let offices = try await neighbours.openOffices()
        let checkerSite = site.checkerSite(offices.ids)
        try run.write(
            String(decoding: try JSONEncoder().encode(checkerSite), as: UTF8.self) + "\n", to: "checker-site.json")
        let watch = try PathWatch(neighbours, site: checkerSite)
        return try await CaseMaker.with(offices.offices) { maker in
            try await measure(maker, Run(stack: stack, product: product, staff: staff, watch: watch), checkerSite)
        }
    }

    /// What runs while a benchmark does.
    private struct Run {
        let stack: PrivateStack
        let product: Product
        let staff: Staff
        let watch: PathWatch
    }

    private func measure(_ maker: CaseMaker, _ running: Run, _ site: Site) async throws -> PathReport {
        let (staff, watch) = (running.staff, running.watch)
        // Salesforce tells whole seconds, and a change of the second in which the org was added counts as earlier.
        try await Task.sleep(for: .seconds(2))
        let warmUp = min(2_000, max(20, plan.cases / 10))
        plan.common.say("Warming up with \(warmUp) cases …")
        try await maker.make(warmUp, ahead: Self.ahead) { try watch.look().routed }
        try await wait(for: warmUp, watch)
        if plan.cases >= 1_000 { try await Task.sleep(for: Self.lateness) }
        _ = try watch.follower.look()
        watch.follower.forgetLatencies()

        plan.common.say("Measuring \(plan.cases) cases …")
        let (measured, filling) = try await DatabaseMeter.with(running.stack.postgres.url) { database in
            try await plan.filled
                ? fill(maker, staff, watch, running.stack, database) : follow(maker, staff, watch, database)
        }
        try await rest(warmUp + plan.cases, running.product, watch)
        let snapshot = try watch.follower.look()
        let accounting = try await running.product.accounting()
        let roundTrips = try await staff.stop()
        return PathReport(
            plan: plan, measured: measured, filling: filling, latencies: snapshot.latencies,
            roundTrips: Double(roundTrips) / Double(warmUp + plan.cases), accounting: accounting,
            verdict: try Verdict(site: site, salesforce: [watch.salesforceLedger], cic: watch.cicLedgers),
            made: warmUp + plan.cases)
    }

    // MARK: Two ways

    /// Cases are made while they are routed.
    private func follow(
        _ maker: CaseMaker, _ staff: Staff, _ watch: PathWatch, _ database: DatabaseMeter
    ) async throws -> (PathReport.Stretch, PathReport.Stretch?) {
        let before = try await look(staff, watch, maker, database)
        if let rate = plan.rate {
            try await maker.make(plan.cases, rate: rate)
        } else {
            try await maker.make(plan.cases, ahead: Self.ahead) { try watch.look().routed }
        }
        let seconds = try await wait(for: before.ledger.routed + plan.cases, watch, since: before.at)
        try await marked(before.ledger.marked + plan.cases, watch)
        if plan.cases >= 1_000 { try await Task.sleep(for: Self.lateness) }
        return (PathReport.Stretch(before, try await look(staff, watch, maker, database), seconds), nil)
    }

    /// Cases are made while nobody routes, then routed by workers that are started on the filled queue.
    private func fill(
        _ maker: CaseMaker, _ staff: Staff, _ watch: PathWatch, _ stack: PrivateStack, _ database: DatabaseMeter
    ) async throws -> (PathReport.Stretch, PathReport.Stretch?) {
        try await staff.stopRoutes()
        let empty = try await look(staff, watch, maker, database)
        try await maker.make(plan.cases, ahead: .max) { 0 }
        let filled = try await Self.waitForQueue(plan.cases, stack.broker.url, patience: Self.patience)
        let filling = PathReport.Stretch(
            empty, try await look(staff, watch, maker, database), (filled - empty.at) / .seconds(1))
        let start = ContinuousClock.now
        try await staff.startRoutes()
        let before = try await look(staff, watch, maker, database)
        // From the empty queue: of several workers the first routes while the last one starts.
        let routed = empty.ledger.routed
        let first = try await wait(for: routed + 1, watch, since: start, every: .milliseconds(2))
        plan.common.say("First case routed \(Int(first * 1000)) ms after the start of the workers")
        let seconds = try await wait(for: routed + plan.cases, watch, since: before.at)
        try await marked(empty.ledger.marked + plan.cases, watch)
        if plan.cases >= 1_000 { try await Task.sleep(for: Self.lateness) }
        var drained = PathReport.Stretch(before, try await look(staff, watch, maker, database), seconds)
        drained.firstRouted = first
        return (drained, filling)
    }

    private static func waitForQueue(
        _ count: Int, _ url: String, patience: Duration
    ) async throws -> ContinuousClock.Instant {
        let loop = PollExecutor(name: "queue")
        let connection = try await AMQPConnection.open(AMQPAddress(url: url), on: loop, name: "bench")
        var (last, changed) = (0, ContinuousClock.now)
        while true {
            let depth = try await connection.queueState("caserouter.requests").messageCount
            if depth >= count { break }
            if depth != last { (last, changed) = (depth, .now) }
            guard ContinuousClock.now - changed < patience else {
                throw RunFailure("the queue stays at \(depth) of \(count) messages")
            }
            try await Task.sleep(for: .milliseconds(50))
        }
        await connection.close()
        return .now
    }

    // MARK: Looking and waiting

    private func look(
        _ staff: Staff, _ watch: PathWatch, _ maker: CaseMaker, _ database: DatabaseMeter
    ) async throws -> PathReport.Look {
        PathReport.Look(
            at: .now, usage: try await staff.meter().read(), database: try await database.read(),
            ledger: try watch.look(), ownCalls: await maker.apiCalls)
    }

    /// Waits until so many cases are routed, and returns the seconds since then.
    @discardableResult private func wait(
        for count: Int, _ watch: PathWatch, since: ContinuousClock.Instant = .now,
        every pause: Duration = .milliseconds(10)
    ) async throws -> Double {
        var (last, changed) = (-1, ContinuousClock.now)
        while true {
            let routed = try watch.look().routed
            if routed >= count { return (ContinuousClock.now - since) / .seconds(1) }
            if routed != last { (last, changed) = (routed, .now) }
            guard ContinuousClock.now - changed < Self.patience else {
                throw RunFailure("the path stands still at \(routed) of \(count) cases: see \(run.path)/*.log")
            }
            try await Task.sleep(for: pause)
        }
    }

    /// Waits until the rows are marked, but for those that wait for a call of their own to be worth it.
    private func marked(_ count: Int, _ watch: PathWatch) async throws {
        let deadline = ContinuousClock.now + Self.patience
        while try watch.look().marked < count - 200 * plan.orgs {
            guard ContinuousClock.now < deadline else { return }
            try await Task.sleep(for: .milliseconds(50))
        }
    }

    /// Waits until nothing is under way.
    private func rest(_ count: Int, _ product: Product, _ watch: PathWatch) async throws {
        plan.common.say("Waiting until every row is marked …")
        let deadline = ContinuousClock.now + Self.patience
        while try watch.look().marked < count, ContinuousClock.now < deadline {
            try await Task.sleep(for: .milliseconds(250))
        }
        // Whatever is missing then, the report says.
        while Accounting.total(try await product.accounting()).pending > 0, ContinuousClock.now < deadline {
            try await Task.sleep(for: .seconds(1))
        }
    }
}
