import ArgumentParser
import CaseRouting
import Foundation
import Operations
import Store
import Yams

struct ConfigCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "config", abstract: "Sets up a whole site from one file, and writes one.",
        subcommands: [Apply.self, Export.self, Settings.self])

    struct Apply: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Makes orgs, CIC servers, mappings, aliases and settings what a YAML file says.",
            discussion: """
                What the file does not name is left as it is. Secrets are not in the file: 'caserouter credentials set'. \
                Names are checked against what workers have read of Salesforce and CIC. Everything is applied, or nothing. \
                Running workers take the change over within 5 seconds. To be able to undo it: caserouter config export.
                """)

        @Argument(help: "The site file, YAML; - for standard input.", completion: .file(extensions: ["yaml", "yml"]))
        var file: String

        @Flag(help: "Print what would change and change nothing.")
        var dryRun = false

        @OptionGroup var check: CheckOptions
        @OptionGroup var common: CommonOptions

        func run() async throws {
            try await perform(json: common.json) {
                let site = try SiteSetup(try SiteFile.read(file))
                try SiteCheck.check(site)
                let author = common.author
                let (dryRun, unchecked) = (dryRun, check.unchecked)
                let outcome = try await withDatabase(try Surroundings()) { database in
                    try await ApplySite(
                        store: PostgresConfigurationStore(database: database),
                        names: unchecked ? nil : PostgresNameMirrors(database)
                    ).run(site, dryRun: dryRun, by: author)
                }
                print(try ApplyReport(outcome: outcome, isDryRun: dryRun).text(json: common.json))
            }
        }
    }

    struct Export: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Prints the whole setup as a site file.",
            discussion: """
                'caserouter config apply' of it makes another database the same; secrets are not in it. Comments of the file \
                that was applied are not kept.
                """)

        @OptionGroup var common: CommonOptions

        func run() async throws {
            try await perform(json: common.json) {
                let node = try await SetupSession.with { try await $0.store.load().site.node }
                print(common.json ? try NodeText.json(node) : try NodeText.yaml(node))
            }
        }
    }

    struct Settings: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Lists the settings of the whole site, or sets one.",
            discussion: """
                \(KnownSetting.all.map { "\($0.name) (\($0.usual)): \($0.meaning)." }.joined(separator: "\n"))

                Examples:
                  caserouter config settings
                  caserouter config settings latency_target_seconds=10
                  caserouter config settings latency_target_seconds=      (back to the usual value)
                """)

        @Argument(help: "NAME=VALUE; without one, all are listed.") var word: String?
        @OptionGroup var common: CommonOptions

        private struct Row: Encodable { let name, value, usual, meaning: String }

        func run() async throws {
            try await perform(json: common.json) {
                guard let word else { return try await list() }
                let author = common.author
                let done = try await SetupSession.with { try await $0.keep.setSetting(word, by: author) }
                let name = word.prefix { $0 != "=" }
                var before = ""
                if case .text(let text)? = done.before { before = text }
                try ChangeReport(done: done, undo: "caserouter config settings \(name)=\(before)").print(
                    json: common.json)
            }
        }

        private func list() async throws {
            let stored = try await SetupSession.with { try await $0.store.load().settings }
            let rows = KnownSetting.all.map {
                Row(name: $0.name, value: stored[$0.name] ?? $0.usual, usual: $0.usual, meaning: $0.meaning)
            }
            if common.json { return print(try JSONText.encode(["settings": rows])) }
            var table = TextTable(["setting", "value", "usual", "meaning"], text: [0, 3])
            for row in rows { table.add([row.name, row.value, row.usual, row.meaning]) }
            print(table.text)
        }
    }
}

/// What was applied, for people and for programs.
struct ApplyReport {
    let outcome: ApplySite.Outcome
    let isDryRun: Bool

    private struct Document: Encodable {
        let added, changed, notes: [String]
        let differences: [String: [String]]
        let unchanged: Int
        let dry_run: Bool
    }

    func text(json: Bool) throws -> String {
        if json {
            return try JSONText.encode(
                Document(
                    added: outcome.added, changed: outcome.changed, notes: outcome.notes,
                    differences: outcome.differences, unchanged: outcome.unchanged, dry_run: isDryRun))
        }
        var lines: [String] = []
        for (sign, targets) in [("+", outcome.added), ("~", outcome.changed)] {
            for target in targets {
                lines.append("\(sign) \(target)")
                lines += (outcome.differences[target] ?? []).map { "    \($0)" }
            }
        }
        lines += outcome.notes.map { "note: \($0)" }
        let verb = isDryRun ? "would be " : ""
        let count = outcome.added.count + outcome.changed.count
        lines.append(
            "\(outcome.added.count) \(verb)added, \(outcome.changed.count) \(verb)changed, \(outcome.unchanged) as before"
                + (isDryRun || count == 0 ? "" : "; what was there before: caserouter audit list --limit \(count)"))
        return lines.map(\.oneLine).joined(separator: "\n")
    }
}

/// Reads YAML into what Operations understands.
enum SiteFile {
    static func read(_ path: String) throws -> SettingNode { try parse(try text(path), path) }

    static func text(_ path: String) throws -> String {
        if path == "-" { return String(decoding: FileHandle.standardInput.readDataToEndOfFile(), as: UTF8.self) }
        do {
            return try String(contentsOfFile: path, encoding: .utf8)
        } catch {
            throw Misconfigured("\(path) cannot be read: \(error.localizedDescription)")
        }
    }

    static func parse(_ text: String, _ path: String) throws -> SettingNode {
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
