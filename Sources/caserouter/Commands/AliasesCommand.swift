import ArgumentParser
import CaseRouting
import Operations
import Store

struct AliasesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "aliases", abstract: "What Salesforce calls a skill, and what a CIC server calls it.",
        discussion: """
            CIC matches a skill by its exact name. Running workers take a change over within 5 seconds; cases that failed \
            for want of it are sent again by themselves.
            """,
        subcommands: [List.self, Add.self, Remove.self])

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Lists aliases.")

        @Option(help: "Only those of this CIC server.") var cic: String?
        @OptionGroup var common: CommonOptions

        private struct Row: Encodable { let cic, kind, name, means: String }

        func run() async throws {
            try await perform(json: common.json) {
                let cic = cic
                let rows = try await withAliases { try await $0.list(cic: cic) }.map {
                    Row(cic: $0.cic, kind: $0.kind.rawValue, name: $0.name, means: $0.means)
                }
                if common.json { return print(try JSONText.encode(["aliases": rows])) }
                guard !rows.isEmpty else { return print("there are no aliases") }
                var table = TextTable(["cic", "kind", "name", "means"], text: [0, 1, 2, 3])
                for row in rows { table.add([row.cic, row.kind, row.name, row.means]) }
                print(table.text)
            }
        }
    }

    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Adds an alias of a skill.")

        @Argument(help: "The CIC server.") var cic: String
        @Argument(help: "What Salesforce calls the skill.") var name: String
        @Argument(help: "What the CIC server calls it, letter by letter.") var means: String
        @OptionGroup var common: CommonOptions

        func run() async throws {
            try await perform(json: common.json) {
                let (alias, author) = (AliasSetup(cic: cic, kind: .skill, name: name, means: means), common.author)
                let missingSince = try await withAliases { try await $0.add(alias, by: author) }
                let undo = "caserouter aliases remove \(cic) \(shellWord(name))"
                let note = missingSince.map {
                    "\(cic) had no skill \(means) when its directory was read at \($0.inSentence)"
                }
                if common.json {
                    struct Document: Encodable {
                        let added, means, undo: String
                        let notes: [String]
                    }
                    return print(
                        try JSONText.encode(
                            Document(
                                added: "\(cic)/\(name)", means: means, undo: undo, notes: note.map { [$0] } ?? [])))
                }
                print("\(cic): \(name) means \(means) from now on; undo: \(undo)")
                if let note { print("note: \(note)") }
            }
        }
    }

    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Removes an alias.")

        @Argument(help: "The CIC server.") var cic: String
        @Argument(help: "What Salesforce calls it.") var name: String
        @Option(help: "skill or workgroup.") var kind = "skill"
        @OptionGroup var common: CommonOptions

        func run() async throws {
            try await perform(json: common.json) {
                guard let kind = AliasSetup.Kind(rawValue: kind) else {
                    throw Refusal(.usage, "--kind “\(kind.oneLine)” is none; there are: skill, workgroup")
                }
                let (cic, name, author) = (cic, name, common.author)
                let meant = try await withAliases { try await $0.remove(name, cic: cic, kind: kind, by: author) }
                let undo = "caserouter aliases add \(cic) \(shellWord(name)) \(shellWord(meant))"
                if common.json {
                    return print(
                        try JSONText.encode(["removed": "\(cic)/\(name)", "meant": meant, "undo": undo]))
                }
                print("\(cic): \(name) is removed; undo: \(undo)")
            }
        }
    }
}

private func withAliases<Value: Sendable>(
    _ body: @escaping @Sendable (Aliases) async throws -> Value
) async throws -> Value {
    try await withDatabase(try Surroundings()) { database in
        try await body(Aliases(store: PostgresAliasStore(database)))
    }
}
