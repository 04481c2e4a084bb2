import ArgumentParser
import Foundation
import Operations

/// Takes case notifications from Salesforce and routes each case to the right agent group of a CIC contact centre.
@main
struct CaseRouterCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "caserouter",
        abstract: "Routes Salesforce cases to agent groups of a Genesys PureConnect (CIC) contact centre.",
        discussion: """
            What is equal in all workers is set by 'config apply' and stored in PostgreSQL. What describes one process's \
            surroundings is in its environment: CASEROUTER_DATABASE_URL, CASEROUTER_BROKER_URL, CASEROUTER_KEY_FILE and \
            more (see docs/operations.md).

            Exit codes: 0 done, 1 not done or attention needed, 64 usage, 78 configuration.
            """,
        version: CaseRouterVersion.text,
        groupedSubcommands: [
            CommandGroup(
                name: "Run:", subcommands: [IngestCommand.self, RouteCommand.self, ServeCommand.self, AllCommand.self]),
            CommandGroup(
                name: "Look:",
                subcommands: [StatusCommand.self, DoctorCommand.self, CaseCommand.self, ReportCommand.self]),
            CommandGroup(
                name: "Fix:",
                subcommands: [
                    FailedCommand.self, RetriesCommand.self, PauseCommand.self, ResumeCommand.self, SweepCommand.self,
                    QueuesCommand.self,
                ]),
            CommandGroup(
                name: "Keep:",
                subcommands: [
                    OrgsCommand.self, CICCommand.self, MappingsCommand.self, AliasesCommand.self,
                    CredentialsCommand.self, ConfigCommand.self, AuditCommand.self,
                ]),
            CommandGroup(name: "Install:", subcommands: [MigrateCommand.self, KeysCommand.self]),
        ])

    static func main() async {
        do {
            var command = try parseAsRoot()
            if var waiting = command as? any AsyncParsableCommand {
                try await waiting.run()
            } else {
                try command.run()
            }
        } catch {
            // What is wrong with the command line itself; everything else was said where it happened.
            guard !(error is ExitCode), exitCode(for: error) == .validationFailure else { exit(withError: error) }
            let words = Array(CommandLine.arguments.dropFirst())
            let isJSON = words.contains("--json")
            if let unknown = unknownCommand(words) {
                exit(withError: complain(unknown.description, isJSON, .validationFailure))
            }
            if isJSON { exit(withError: complain(message(for: error), true, .validationFailure)) }
            exit(withError: error)
        }
    }

    /// The first word that should have been a command and is none. (`_commandName` is public in spite of its name, and the
    /// only way to the name of a command that has not set one.)
    private static func unknownCommand(_ words: [String]) -> Refusal? {
        var command: any ParsableCommand.Type = Self.self
        var path: [String] = []
        for word in words {
            let below = command.configuration.subcommands
            // Options, or the arguments of a command.
            guard !below.isEmpty, !word.hasPrefix("-"), word != "help" else { return nil }
            guard let next = below.first(where: { $0._commandName == word }) else {
                guard command.configuration.defaultSubcommand == nil else { return nil }
                return Refusal.unknown(
                    "command", (path + [word]).joined(separator: " "),
                    among: below.map { (path + [$0._commandName]).joined(separator: " ") })
            }
            command = next
            path.append(word)
        }
        return nil
    }
}

/// What this build calls itself.
enum CaseRouterVersion {
    static let text = "0.1.0"
}
