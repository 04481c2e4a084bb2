import ArgumentParser
import Store

struct KeysCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "keys", abstract: "Keeps the master keys under which credentials are sealed.",
        subcommands: [Generate.self])

    struct Generate: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Makes a key file with one new key, readable by its owner only.",
            discussion: "An existing file is never touched. Keep a copy where the database's backups are not.")

        @Argument(help: "The file to make.", completion: .file())
        var file: String

        @Flag(help: "Print JSON.")
        var json = false

        func run() async throws {
            try await perform(json: json) {
                let id = try MasterKeys.generate(file: file)
                print(
                    json
                        ? "{\"key\":\(JSONText.string(id))}"
                        : "\(file): made with key \(id); set CASEROUTER_KEY_FILE to it")
            }
        }
    }
}
