import ArgumentParser

struct CaseCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "case", abstract: "What concerns one case.", subcommands: [CaseEraseCommand.self])
}
