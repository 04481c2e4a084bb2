import ArgumentParser
import Foundation
import Simulators

/// `simulate`: a neighbour of the product in a process of its own.
struct SimulateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "simulate", abstract: "Play Salesforce or CIC on real sockets (docs/simulators.md).",
        discussion: """
            Prints one line of JSON, {"ports": …}, when it listens, and serves until it is ended. Faults are switched \
            under /control on the same ports.
            """,
        subcommands: [Salesforce.self, CIC.self])

    struct Salesforce: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "salesforce", abstract: "Salesforce: OAuth, REST, CometD and the package's triggers.")

        @Option(name: .customLong("config"), help: "JSON with any of the keys in docs/simulators.md.") var file: String?
        @Option(help: "Write what happens to this file, one JSON object a line.") var ledger: String?
        @Option(help: "The port of the one org that there is without --config; 0 takes a free one.") var port = 0

        func run() async throws {
            var settings = try SimulateCommand.settings(file, without: SalesforceSimulatorConfiguration())
            if settings.orgs.isEmpty {
                var org = SalesforceSimulatorConfiguration.Org(name: "acme", organizationID: "00D000000000001EAA")
                org.port = port
                org.queues = ["Support"]
                settings.orgs = [org]
            }
            if let ledger { settings.ledgerPath = ledger }
            let simulator = try SalesforceSimulator(settings)
            try await SimulateCommand.serve {
                try await simulator.run { SimulateCommand.announce($0) }
            }
        }
    }

    struct CIC: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "cic", abstract: "A CIC site: ICWS on two hosts, queues, agents, our handler.")

        @Option(name: .customLong("config"), help: "JSON with any of the keys in docs/simulators.md.") var file: String?
        @Option(help: "Write what happens to this file, one JSON object a line.") var ledger: String?
        @Option(help: "The port of both hosts without --config; 0 takes a free one.") var port = 0

        func run() async throws {
            var settings = try SimulateCommand.settings(file, without: CICSimulatorConfiguration())
            if file == nil {
                settings.workgroups = [CICWorkgroup(name: "Support"), CICWorkgroup(name: "Case Holding", queueType: 1)]
                settings.hosts[0].port = port
            }
            if let ledger { settings.ledgerPath = ledger }
            let simulator = try CICSimulator(settings)
            try await SimulateCommand.serve {
                try await simulator.run { SimulateCommand.announce($0) }
            }
        }
    }

    /// Reads a simulator's configuration.
    ///
    /// - Parameter defaults: what holds without a file.
    private static func settings<Settings: Decodable>(
        _ file: String?, without defaults: Settings
    ) throws -> Settings {
        guard let file else { return defaults }
        return try JSONDecoder().decode(Settings.self, from: Data(contentsOf: URL(fileURLWithPath: file)))
    }

    /// Serves until a signal ends it, which is how a simulator is meant to end.
    private static func serve(_ work: @escaping @Sendable () async throws -> Void) async throws {
        SimulatorThreads.shareOne()
        do {
            try await Interrupt.watching(work)
        } catch is Interrupt {
            return
        }
    }

    private static func announce(_ ports: some Encodable) {
        do {
            let line = try JSONEncoder().encode(["ports": ports]) + Data([0x0A])
            try FileHandle.standardOutput.write(contentsOf: line)
        } catch {
            // Whoever waits for the line sees that none comes; the simulator itself works.
            FileHandle.standardError.write(Data("the ports cannot be announced: \(error)\n".utf8))
        }
    }
}
