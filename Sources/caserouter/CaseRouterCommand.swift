import ArgumentParser

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
}

/// What this build calls itself.
enum CaseRouterVersion {
    static let text = "0.1.0"
}
