import ArgumentParser
import Foundation
import Operations
import Store
import Yams

struct ConfigCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "config", abstract: "Sets up a whole site from one file.", subcommands: [Apply.self])

    struct Apply: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Makes orgs, CIC servers, mappings and aliases what a YAML file says.",
            discussion: """
                What the file does not name is left as it is. Secrets are not in the file: 'caserouter credentials set'. \
                Running workers take the change over within 5 seconds.
                """)

        @Argument(help: "The site file, YAML; - for standard input.", completion: .file(extensions: ["yaml", "yml"]))
        var file: String

        @Flag(help: "Print what would change and change nothing.")
        var dryRun = false

        @OptionGroup var common: CommonOptions

        func run() async throws {
            try await perform(json: common.json) {
                let site = try SiteSetup(try SiteFile.read(file))
                try SiteCheck.check(site)
                let author = common.author
                let dryRun = dryRun
                let outcome = try await withDatabase(try Surroundings()) { database in
                    try await ApplySite(store: PostgresConfigurationStore(database: database))
                        .run(site, dryRun: dryRun, by: author)
                }
                print(try report(outcome))
            }
        }

        private func report(_ outcome: ApplySite.Outcome) throws -> String {
            if common.json {
                return try JSONText.encode([
                    "added": outcome.added, "changed": outcome.changed,
                    "unchanged": ["\(outcome.unchanged)"],
                ])
            }
            var lines = outcome.added.map { "+ \($0)" } + outcome.changed.map { "~ \($0)" }
            let verb = dryRun ? "would be " : ""
            lines.append(
                "\(outcome.added.count) \(verb)added, \(outcome.changed.count) \(verb)changed, \(outcome.unchanged) as before"
            )
            return lines.joined(separator: "\n")
        }
    }
}

/// Reads YAML into what Operations understands.
enum SiteFile {
    static func read(_ path: String) throws -> SettingNode {
        let text: String
        if path == "-" {
            text = String(decoding: FileHandle.standardInput.readDataToEndOfFile(), as: UTF8.self)
        } else {
            do {
                text = try String(contentsOfFile: path, encoding: .utf8)
            } catch {
                throw Misconfigured("\(path) cannot be read: \(error.localizedDescription)")
            }
        }
        do {
            guard let node = try Yams.compose(yaml: text) else { throw Misconfigured("\(path) is empty") }
            return convert(node)
        } catch let error as YamlError {
            throw Misconfigured("\(path) is not YAML: \(error)")
        }
    }

    private static func convert(_ node: Node) -> SettingNode {
        switch node {
        case .scalar(let scalar): .text(scalar.string)
        case .sequence(let sequence): .list(sequence.map(convert))
        case .mapping(let mapping):
            .section(mapping.map { (name: $0.key.string ?? "", value: convert($0.value)) })
        case .alias: .text("")
        }
    }
}
