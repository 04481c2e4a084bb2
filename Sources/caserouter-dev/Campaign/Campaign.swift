import Foundation

/// One campaign, from an empty run directory to the last line.
struct Campaign: Sendable {
    struct Plan: Sendable {
        let cases: Int
        let faults: Int
        let seed: UInt64
        let kinds: [FaultKind]
        var isCluster = false
        let json: Bool

        /// What was typed, without where and under which name it ran.
        let command: String

        /// Over how many seconds the cases are made.
        var seconds: Double { max(Double(cases) / 12, Double(faults + 2 * FaultPlan.alone(of: faults)) * 4, 20) }
    }

    /// How long the product may take to come to rest after the last change and the last fault.
    static let restLimit = Duration.seconds(180)

    let run: RunDirectory
    let plan: Plan

    /// - Returns: whether nothing was found.
    func play() async throws -> Bool {
        let began = Date()
        // Now, because the checkout may be another one when it is over.
        let commit = await Revision.current(at: run.path)
        let stage = try await Stage.set(
            in: run, seed: plan.seed, nodes: plan.isCluster ? 3 : 1, kinds: plan.faults > 0 ? Set(plan.kinds) : [])
        let scene = stage.scene
        let site = scene.site
        let faults = FaultPlan(
            seed: plan.seed, count: plan.faults, kinds: plan.kinds, seconds: plan.seconds,
            places: FaultPlaces(
                workers: scene.crew.places.map(\.label), brokers: CampaignSite.brokerLinks(scene.stack),
                cic: site.servers.map(\.name), orgs: site.orgs.map(\.name),
                workgroups: Set(site.mappings.map { "\($0.server)/\($0.workgroup)" }).sorted()))
        let driver = FaultDriver(scene: scene, plan: faults, watch: stage.watch)
        let supervisor = Supervisor(scene: scene)
        let operators = Operators(scene: scene, seed: plan.seed)
        Terminal.line(Self.text("Set up", since: began))

        try await work(stage, driver, operators, supervisor)
        Terminal.line(Self.text("All faults are over, and rest is waited for,", since: began))
        try await operators.tidyUp()
        let rest = try await stage.rest(atMost: Self.restLimit, rowlessUntil: driver.rowlessUntil)
        let records = driver.records
        let kinds = Set(records.map(\.kind))
        let report = CampaignReport(
            plan: plan, cases: stage.workload.created, changes: stage.workload.changes, records: records,
            verdict: try await CampaignVerdict(
                scene, kinds: kinds, rowsLost: driver.rowsLost, poison: stage.workload.poison),
            points: PointsPassed(
                try scene.failpoints.passed(), strikes: scene.failpoints.rounds.strikes, kinds: kinds),
            accidents: await supervisor.accidents,
            deeds: operators.deeds, commit: commit, poison: stage.workload.poison.count,
            overdue: rest.overdue, obstacle: rest.obstacle,
            seconds: Date().timeIntervalSince(began))
        await stage.strike()
        try run.write(try report.json(), to: "campaign.json")
        if plan.json { Terminal.line(try report.json()) }
        for line in report.lines { Terminal.line(line) }
        return report.isGood
    }

    /// Everything that happens: people, faults, operators. The work ends by itself, the supervisor with it; whoever fails
    /// ends the others.
    private func work(
        _ stage: Stage, _ driver: FaultDriver, _ operators: Operators, _ supervisor: Supervisor
    ) async throws {
        let (workload, plan) = (stage.workload, plan)
        try await withThrowingTaskGroup(of: Bool.self) { group in
            group.addTask {
                try await withThrowingTaskGroup(of: Void.self) { work in
                    work.addTask { try await workload.run(cases: plan.cases, within: plan.seconds) }
                    work.addTask {
                        defer { workload.stop() }
                        try await driver.run()
                    }
                    work.addTask { try await operators.work(seconds: plan.seconds * 0.6) }
                    try await work.waitForAll()
                }
                return true
            }
            group.addTask {
                try await supervisor.run()
                return false
            }
            while let isWork = try await group.next() { if isWork { break } }
            group.cancelAll()
        }
    }

    static func text(_ what: String, since began: Date) -> String {
        String(format: "\(what) after %.0f s.", Date().timeIntervalSince(began))
    }
}
