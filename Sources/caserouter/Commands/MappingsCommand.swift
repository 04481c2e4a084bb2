import ArgumentParser
import Operations
import Store

struct MappingsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "mappings", abstract: "Shows which Salesforce queues are offered on which workgroups.",
        subcommands: [List.self])

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Lists the monitored queues.")

        @OptionGroup var common: CommonOptions

        private struct Row: Encodable {
            let id: Int32
            let org, queue, cic, workgroup, skills: String
            /// Null: no queue of that name was seen in Salesforce yet.
            let queue_id: String?
            let enabled: Bool
        }

        func run() async throws {
            try await perform(json: common.json) {
                let stored = try await withDatabase(try Surroundings()) { database in
                    try await PostgresConfigurationStore(database: database).load()
                }
                let rows = stored.mappings.map {
                    Row(
                        id: $0.id, org: $0.setup.org, queue: $0.setup.queue, cic: $0.setup.cic,
                        workgroup: $0.setup.workgroup, skills: $0.setup.skills.joined(separator: ";"),
                        queue_id: $0.queueID?.description, enabled: $0.setup.isEnabled)
                }
                if common.json {
                    print(try JSONText.encode(["mappings": rows]))
                    return
                }
                var table = TextTable(["id", "org", "queue", "queue id", "cic", "workgroup", "skills", "enabled"])
                for row in rows {
                    table.add([
                        "\(row.id)", row.org, row.queue, row.queue_id ?? "not seen yet", row.cic, row.workgroup,
                        row.skills,
                        row.enabled ? "yes" : "no",
                    ])
                }
                print(table.text)
            }
        }
    }
}
