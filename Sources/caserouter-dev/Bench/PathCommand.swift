import ArgumentParser
import Foundation

/// `bench`, without a driver: cases on their whole way.
struct PathCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "path", abstract: "Cases from the commit in Salesforce to the interaction in CIC (the default).",
        discussion: """
            Starts private servers, the simulators and the workers in this build. Without --rate, cases are made as fast \
            as they are routed. Warm-up is not counted. The run is void, and ends with 1, when the accounting or the \
            checker finds anything.
            """)

    @OptionGroup var common: BenchCommand.Options
    @Option(help: "How many cases are measured.") var cases = 20_000
    @Option(help: "Make so many cases a second, evenly, instead of as fast as they are routed.") var rate: Double?
    @Option(help: "Salesforce orgs.") var orgs = 2
    @Option(help: "Processes of caserouter route.") var routeProcesses = 1
    @Option(help: "Milliseconds that CIC's handler takes for each of its two steps.") var cicLatency = 0
    @Option(help: "How interactions are created: handler or generic.") var creation = DemoSite.Server.Creation.handler
    @Flag(help: "Fill the broker's queue while nobody routes, then start the routing workers on it.")
    var filled = false

    func validate() throws {
        guard (10...2_000_000).contains(cases) else {
            throw ValidationError("--cases must lie between 10 and 2000000")
        }
        if let rate, !(0.1...20_000).contains(rate) { throw ValidationError("--rate must lie between 0.1 and 20000") }
        guard (1...1_000).contains(orgs) else { throw ValidationError("--orgs must lie between 1 and 1000") }
        guard (1...16).contains(routeProcesses) else {
            throw ValidationError("--route-processes must lie between 1 and 16")
        }
        guard (0...5_000).contains(cicLatency) else {
            throw ValidationError("--cic-latency must lie between 0 and 5000")
        }
        if filled, rate != nil { throw ValidationError("--filled and --rate exclude each other") }
        if creation == .generic, cicLatency > 0 {
            throw ValidationError("--cic-latency delays the handler; --creation generic has none")
        }
    }

    func run() async throws {
        common.warn()
        let command = self
        let report = try await OwnedRun.with(try RunDirectory(root: common.root, name: common.name)) { run in
            try await PathBench(run: run, plan: command).measure()
        }
        try common.print(report, report.lines)
        if report.void { throw ExitCode(1) }
    }
}

extension DemoSite.Server.Creation: ExpressibleByArgument {}
