import ArgumentParser
import Foundation

/// `campaign`: the real processes, while everything around them breaks.
struct CampaignCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "campaign",
        abstract: "Break workers, servers, networks and neighbours under load, and count what was lost or doubled.")

    enum Scenario: String, ExpressibleByArgument, CaseIterable { case lateRecovery = "late-recovery" }

    @Option(help: "How many cases to make.") var cases = 300
    @Option(help: "How many faults to inject.") var faults = 15
    @Option(help: "Decides which faults happen when, and what happens to each case.") var seed: UInt64 = 1
    @Option(
        help: """
            Kinds of faults, or groups of them, separated by commas. Default: all but those that have to be named: \
            \(FaultKind.allCases.filter(FaultKind.named.contains).map(\.rawValue).joined(separator: ", ")).
            """)
    var kinds: String?
    @Option(help: "Instead of faults from a seed, one story: late-recovery.") var scenario: Scenario?
    @Flag(help: "Three RabbitMQ nodes, one cluster, of which one is broken at a time.") var cluster = false
    @Flag(help: "Also print the result as JSON.") var json = false
    @Option(help: "The run's name: the directory below .run.") var name = "campaign"
    @Option(help: "The checkout that holds .run.") var root = "."

    private func chosenKinds() throws -> [FaultKind] {
        guard let kinds else { return FaultKind.usual }
        return try kinds.split(separator: ",").flatMap { name in
            guard let found = FaultKind.named(String(name)) else {
                throw ValidationError(
                    "--kinds: \(name) is none of \(FaultKind.Group.allCases.map(\.rawValue).joined(separator: ", ")), "
                        + FaultKind.allCases.map(\.rawValue).joined(separator: ", "))
            }
            return found
        }
    }

    func validate() throws {
        guard cases >= 1, faults >= 0 else { throw ValidationError("--cases is at least 1, --faults at least 0") }
        guard try cluster || !chosenKinds().contains(.nodesPartitioned) else {
            throw ValidationError("nodes-partitioned needs --cluster")
        }
    }

    func run() async throws {
        let plan = Campaign.Plan(
            cases: cases, faults: faults, seed: seed, kinds: try chosenKinds(), isCluster: cluster, json: json,
            command: "caserouter-dev campaign --cases \(cases) --faults \(faults) --seed \(seed)"
                + (self.kinds.map { " --kinds \($0)" } ?? "") + (cluster ? " --cluster" : ""))
        let passed = try await OwnedRun.with(
            try RunDirectory(root: root, name: name),
            whenInterrupted: { Terminal.line("Interrupted: ending everything …") },
            { [scenario] run in
                switch scenario {
                case nil: try await Campaign(run: run, plan: plan).play()
                case .lateRecovery: try await LateRecovery(run: run, cases: min(plan.cases, 40), seed: plan.seed).play()
                }
            })
        if !passed { throw ExitCode(1) }
    }
}
