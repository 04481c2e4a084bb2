import ArgumentParser
import Foundation

/// `demo`: cases travel from a simulated Salesforce to two simulated CIC sites, through the real product.
struct DemoCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "demo", abstract: "Start everything, let people work for a while, and count what became of it.")

    /// Which workers are killed while the demo runs.
    enum Victim: ExpressibleByArgument, Equatable {
        case role(Product.Role)
        case each

        init?(argument: String) {
            if argument == "each" {
                self = .each
            } else if let role = Product.Role(rawValue: argument) {
                self = .role(role)
            } else {
                return nil
            }
        }

        static var allValueStrings: [String] { Product.Role.allCases.map(\.rawValue) + ["each"] }
    }

    @Option(help: "How many cases to make, at least \(Workload.fewestCases).") var cases = 200
    @Option(help: "Cases a second, as 25 or 25/s.", transform: Self.rate) var rate = 25.0
    @Option(help: "Kill -9 a worker of this role in the middle, or each worker in turn, and start it again.")
    var kill: Victim?
    @Flag(help: "Leave everything running at the end, until Ctrl-C.") var keep = false
    @Flag(help: "At the end delete one interaction and copy one: the checker must find both.") var sabotage = false
    @Option(help: "The run's name: the directory below .run.") var name = "demo"
    @Option(help: "The checkout that holds .run.") var root = "."

    func validate() throws {
        guard cases >= Workload.fewestCases else {
            throw ValidationError(
                "--cases must be at least \(Workload.fewestCases), so that every kind of change occurs")
        }
        guard (0.1...1000).contains(rate) else { throw ValidationError("--rate must lie between 0.1/s and 1000/s") }
    }

    func run() async throws {
        let plan = Demo.Plan(cases: cases, rate: rate, victim: kill, sabotage: sabotage, keep: keep)
        let passed = try await OwnedRun.with(
            try RunDirectory(root: root, name: name),
            whenInterrupted: { Terminal.line("Interrupted: ending everything …") },
            { run in try await Demo(run: run, plan: plan).play() })
        if !passed { throw ExitCode(1) }
    }

    private static func rate(_ text: String) throws -> Double {
        let number = text.hasSuffix("/s") ? String(text.dropLast(2)) : text
        guard let rate = Double(number) else { throw ValidationError("--rate is a number of cases a second, as 25/s") }
        return rate
    }
}
