import Foundation
import TestSupport
import Testing

/// All commands, as the program itself lists them: their help, their documents, and what they have in common.
@Suite struct CommandHelpTests {
    /// What `--experimental-dump-help` says of one command.
    private struct Command: Decodable {
        struct Argument: Decodable {
            struct Name: Decodable { let name: String }
            let kind: String
            let names: [Name]?
            let abstract: String?
            let isOptional: Bool
            let shouldDisplay: Bool
        }
        let commandName: String
        let superCommands: [String]?
        let abstract: String?
        let subcommands: [Command]?
        let arguments: [Argument]?
        let shouldDisplay: Bool?

        /// Itself or those below it that do something.
        var leaves: [Command] {
            guard let subcommands, !subcommands.isEmpty else { return [self] }
            // A command that does something without a verb, as `case CASE`, has one of its own behind it.
            return subcommands.filter { $0.commandName != "help" }.flatMap(\.leaves)
        }
        var words: [String] { Array(((superCommands ?? []) + [commandName]).dropFirst()) }
        var name: String { words.joined(separator: " ") }
    }

    private static func run(_ words: [String]) async throws -> Installation.Outcome {
        let place = FileManager.default.temporaryDirectory.appending(path: "help-\(UUID().uuidString)").path
        defer { for end in [".out", ".errors"] { unlink(place + end) } }
        let process = try ChildProcess(
            "/bin/sh", ["-c", #"exec "$0" "$@" 2>"$PLACE.errors""#, try Installation.program()] + words,
            environment: ["PLACE": place, "PATH": "/usr/bin:/bin"], directory: "/", output: place + ".out")
        let status = try await process.wait(atMost: .seconds(240))
        return Installation.Outcome(
            status: status, output: try Installation.text(place + ".out"),
            errors: try Installation.text(place + ".errors"))
    }

    private static func commands() async throws -> [Command] {
        struct Dump: Decodable { let command: Command }
        let dump = try await run(["--experimental-dump-help"])
        return try JSONDecoder().decode(Dump.self, from: Data(dump.output.utf8)).command.leaves
    }

    private static let workers: Set = ["ingest", "route", "serve", "all"]

    @Test func `the help of every command says what it does, and the same option means the same everywhere`()
        async throws
    {
        let commands = try await Self.commands()
        #expect(commands.count > 45)
        var meanings: [String: [String: [String]]] = [:]
        for command in commands {
            let abstract = command.abstract ?? ""
            #expect(!abstract.isEmpty && !abstract.contains("\n"), "\(command.name) does not say what it does")
            let arguments = (command.arguments ?? []).filter(\.shouldDisplay)
            for argument in arguments {
                let name = argument.names?.first?.name ?? ""
                #expect(argument.abstract?.isEmpty == false, "\(command.name) does not explain \(name)")
                meanings[name, default: [:]][argument.abstract ?? "", default: []].append(command.name)
            }
            guard !Self.workers.contains(command.name) else { continue }
            #expect(
                arguments.contains { $0.names?.contains { $0.name == "json" } == true }, "\(command.name) has no --json"
            )
        }
        for option in ["json", "actor", "tz", "unchecked"] {
            #expect(meanings[option]?.count == 1, "--\(option): \(meanings[option] ?? [:])")
        }
    }

    @Test func `the document of the commands lists every command with what it does, and no other`() async throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let document = try String(contentsOf: root.appending(path: "docs/commands.md"), encoding: .utf8)
        let listed = try #require(document.split(separator: "## Every command").last)
        var documented: [String: String] = [:]
        for line in listed.matches(of: /(?m)^\| `([a-z -]+)` \| (.+) \|$/) {
            documented[String(line.1)] = String(line.2)
        }
        let commands = try await Self.commands()
        for command in commands {
            let abstract = command.abstract ?? ""
            #expect(
                documented[command.name] == (abstract.hasSuffix(".") ? String(abstract.dropLast()) : abstract),
                "| `\(command.name)` | \(abstract) |")
        }
        #expect(Set(documented.keys) == Set(commands.map(\.name)))
    }

    /// Without a database, and mostly without sense: none of them may end in any other way.
    @Test func `an error of a command that was asked for JSON is JSON, and its exit code says whose fault it is`()
        async throws
    {
        struct Failure: Decodable { let error: String }
        for command in try await Self.commands() where !Self.workers.contains(command.name) {
            var words = command.words
            for argument in command.arguments ?? [] where !argument.isOptional && argument.shouldDisplay {
                if argument.kind == "option" { words.append("--" + (argument.names?.first?.name ?? "")) }
                words.append(argument.kind == "positional" && words.count == 2 ? "/nowhere/x.csv" : "1")
            }
            for line in [words + ["--json"], words + ["--json", "--no-such-option"]] {
                let outcome = try await Self.run(line)
                let isWrong = line.last == "--no-such-option"
                // A few need nothing to do what they are for.
                if outcome.status == 0 && !isWrong && outcome.errors.isEmpty { continue }
                #expect(isWrong ? outcome.status == 64 : [1, 64, 78].contains(outcome.status), "\(line): \(outcome)")
                let error = try? JSONDecoder().decode(Failure.self, from: Data(outcome.errors.utf8))
                // What is no JSON is shown whole.
                #expect(error?.error.isEmpty == false, "\(line): \(outcome.errors)")
                #expect(outcome.output.isEmpty, "\(line): \(outcome.output)")
            }
        }
    }
}
