import ArgumentParser
import CaseRouting
import Operations
import Store

struct AuditCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "audit", abstract: "Who changed what.", subcommands: [List.self])

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Lists changes that people made, the newest first.",
            discussion: """
                Every change of orgs, CIC servers, mappings, aliases, credentials and settings, every pause and every retry \
                is here, with what was there before. Entries are never changed or removed.

                Examples:
                  caserouter audit list --from yesterday
                  caserouter audit list --target mapping:acme/
                """)

        @Option(help: "Only targets that begin so, as org:acme or mapping:acme/.") var target: String?
        @Option(name: .customLong("by"), help: "Only changes of this person.") var author: String?
        @Option(help: "Only commands that begin so, as mappings or 'credentials set'.") var action: String?
        @Option(help: "Since when: 2026-11-21, 09:00, 2h, yesterday.") var from: String?
        @Option(help: "Until when.") var to: String?
        @Option(help: "At most so many.") var limit = 50
        @OptionGroup var zone: ZoneOption

        @Flag(name: .long, help: "Print JSON; errors are JSON on standard error.")
        var json = false

        private struct Row: Encodable {
            let id: Int64
            let at, by, database_role, host, action, target: String
            let before, after: String?
        }

        func run() async throws {
            try await perform(json: json) {
                let times = try zone.zone()
                guard (1...10_000).contains(limit) else { throw Refusal(.usage, "--limit has to be from 1 to 10000") }
                var filter = AuditFilter()
                filter.target = target
                filter.actor = author
                filter.action = action
                filter.from = try from.map { try times.read($0, option: "--from") }
                filter.to = try to.map { try times.read($0, option: "--to") }
                filter.limit = limit
                let asked = filter
                let entries = try await withDatabase(try Surroundings()) { database in
                    try await PostgresAuditStore(database).entries(asked)
                }
                if json {
                    let rows = entries.map {
                        Row(
                            id: $0.id, at: "\($0.at)", by: $0.actor, database_role: $0.databaseRole, host: $0.host,
                            action: $0.action, target: $0.target, before: $0.before, after: $0.after)
                    }
                    return print(try JSONText.encode(["audit": rows]))
                }
                guard !entries.isEmpty else { return print("nobody changed anything that is asked for here") }
                var table = TextTable(
                    ["time (\(times.name))", "by", "host", "action", "target", "before", "after"],
                    text: [0, 1, 2, 3, 4, 5, 6])
                for entry in entries {
                    table.add([
                        times.text(entry.at), entry.actor, entry.host, entry.action, entry.target, entry.before ?? "–",
                        entry.after ?? "–",
                    ])
                }
                print(table.text)
            }
        }
    }
}
