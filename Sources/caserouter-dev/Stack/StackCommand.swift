import ArgumentParser
import Foundation

/// `stack`: private servers for tests and for trying things out.
struct StackCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stack", abstract: "A private PostgreSQL and RabbitMQ in .run/NAME, on loopback.",
        subcommands: [Start.self, Stop.self, Run.self])

    struct Options: ParsableArguments {
        @Option(help: "The run's name: the directory below .run.") var name = "stack"
        @Option(help: "The checkout that holds .run.") var root = "."

        func directory() throws -> RunDirectory { try RunDirectory(root: root, name: name) }
    }

    struct Durability: ParsableArguments {
        @Flag(help: "PostgreSQL does not wait for the disk: for tests.") var fast = false
    }

    struct Start: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Start the servers and leave them running.")

        @OptionGroup var options: Options
        @OptionGroup var durability: Durability

        func run() async throws {
            let run = try options.directory()
            let lock = try await RunLock(run, wait: .seconds(60))
            let records = try run.recorded()
            if !records.isEmpty, records.allSatisfy(\.isAlive) {
                throw RunFailure("\(run.path) is running already: source \(run.file("env")), or stop it first")
            }
            try run.endEverything()
            try await Interrupt.endsEverything(of: run) {
                _ = try await PrivateStack.start(in: run, durable: !durability.fast)
                print(run.file("env"))
            }
            lock.release()
        }
    }

    struct Stop: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "End everything that a run started.")

        @OptionGroup var options: Options

        func run() async throws {
            let run = try options.directory()
            guard FileManager.default.fileExists(atPath: run.path) else { return }
            let lock = try await RunLock(run, wait: .seconds(120), interrupting: true)
            let ended = try run.endEverything()
            print("\(ended) \(ended == 1 ? "process" : "processes") ended")
            lock.release()
        }
    }

    struct Run: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Start the servers, and end them with this command: on Ctrl-C, or when COMMAND ends.")

        @OptionGroup var options: Options
        @OptionGroup var durability: Durability
        @Argument(parsing: .postTerminator, help: "A command to run with the servers' addresses in its environment.")
        var command: [String] = []

        func run() async throws {
            let directory = try options.directory()
            let code = try await OwnedRun.with(directory) { run in
                let stack = try await PrivateStack.start(in: run, durable: !durability.fast)
                guard !command.isEmpty else {
                    print(run.file("env"))
                    while true { try await Task.sleep(for: .seconds(3600)) }
                }
                let own = ProcessInfo.processInfo.environment
                let child = try run.start(
                    "command", ["/usr/bin/env"] + command,
                    environment: own.merging(stack.testEnvironment) { _, stack in stack }, rank: .worker,
                    sharesOutput: true)
                return try await child.waitForExit(limit: .seconds(24 * 3600))
            }
            if code != 0 { throw ExitCode(code) }
        }
    }
}
