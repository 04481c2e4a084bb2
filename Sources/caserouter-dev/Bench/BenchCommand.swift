import ArgumentParser
import Foundation

/// `bench`: what a case costs, and what the drivers cost beside bare C.
struct BenchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench", abstract: "Measure the whole path, or a driver beside bare C (docs/performance.md).",
        subcommands: [PathCommand.self, AMQP.self, Postgres.self, HTTP.self, Decode.self],
        defaultSubcommand: PathCommand.self)

    struct Options: ParsableArguments {
        @Flag(help: "Print one JSON object instead of tables.") var json = false
        @Option(help: "The run's name: the directory below .run.") var name = "bench"
        @Option(help: "The checkout that holds .run.") var root = "."

        /// Says how far the run is; what is read by a program is printed alone.
        func say(_ text: String) { if !json { Terminal.line(text) } }

        func print(_ report: some Encodable, _ lines: [String]) throws {
            if json {
                let encoder = JSONEncoder()
                encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
                Swift.print(String(decoding: try encoder.encode(report), as: UTF8.self))
            } else {
                for line in lines { Swift.print(line) }
            }
        }

        /// A benchmark of code that was not optimised tells nothing.
        func warn() {
            #if DEBUG
                FileHandle.standardError.write(
                    Data("bench: this is a debug build; swift build -c release --product caserouter-dev\n".utf8))
            #endif
        }
    }

    struct DriverOptions: ParsableArguments {
        @OptionGroup var common: Options
        @Option(help: "How often both are measured, in turns.") var rounds = 3
        @Option(help: "Operations of each stretch; by default what takes a few seconds.") var operations: Int?

        func validate() throws {
            guard (1...100).contains(rounds) else { throw ValidationError("--rounds must lie between 1 and 100") }
            if let operations, operations < 10 { throw ValidationError("--operations must be at least 10") }
        }

        func run(_ measure: @escaping @Sendable (DriverBench) async throws -> DriverReport) async throws {
            common.warn()
            let (rounds, operations) = (rounds, operations)
            let report = try await OwnedRun.with(try RunDirectory(root: common.root, name: common.name)) { run in
                try await measure(DriverBench(run: run, rounds: rounds, operations: operations))
            }
            try common.print(report, report.lines)
            if !report.objections.isEmpty { throw ExitCode(1) }
        }
    }

    struct AMQP: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "amqp", abstract: "Publish and confirm, take and acknowledge, beside librabbitmq alone.")
        @OptionGroup var options: DriverOptions
        func run() async throws { try await options.run { try await $0.amqp() } }
    }

    struct Postgres: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "postgres", abstract: "Batched statements beside libpq alone.")
        @OptionGroup var options: DriverOptions
        func run() async throws { try await options.run { try await $0.postgres() } }
    }

    struct HTTP: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "http", abstract: "Requests over kept connections beside libcurl alone.")
        @OptionGroup var options: DriverOptions
        func run() async throws { try await options.run { try await $0.http() } }
    }

    struct Decode: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "decode", abstract: "Reading events of Salesforce beside a scanner in C.")
        @OptionGroup var options: DriverOptions
        func run() async throws { try await options.run { try await $0.decode() } }
    }
}
