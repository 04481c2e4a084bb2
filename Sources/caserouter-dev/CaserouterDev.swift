import ArgumentParser

/// Tools for developers and tests; production images do not contain them.
@main struct CaserouterDev: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "caserouter-dev",
        abstract: "Simulators, a private stack of servers, the demo, the benchmark, and the fault campaign.",
        subcommands: [
            DemoCommand.self, SimulateCommand.self, SimulateProtocolCommand.self, StackCommand.self, CheckCommand.self,
            HistoryCommand.self, GuardCommand.self, BenchCommand.self, LoadCommand.self, CampaignCommand.self,
        ])
}
