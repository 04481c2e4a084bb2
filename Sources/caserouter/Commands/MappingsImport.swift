import ArgumentParser
import CaseRouting
import Foundation
import Operations
import Store

struct MappingsImport: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import",
        abstract: "Adds and changes mappings from a CSV or YAML file, or an older connector's table.",
        discussion: """
            CSV: one line per mapping under a header line with the fields' names, separated by commas, semicolons or tabs; \
            fields may be quoted. \(MappingsCommand.fields)
            org, queue, cic and workgroup are needed in every line. Mappings that the file does not name are left as they \
            are. Everything is imported, or nothing.

            --from-salesforce takes queue, workgroup and skills from the table that an older connector keeps in Salesforce, as \
            an ingest worker has read it; which table that is, says the org: source.mapping-object, source.mapping-queue, \
            source.mapping-workgroup, source.mapping-skills. Mapped queues keep what such a table does not tell.

            Examples:
              caserouter mappings import table.csv --dry-run
              caserouter mappings import --from-salesforce acme --cic main --dry-run

              org,queue,cic,workgroup,skills
              acme,Support Germany,main,Support,"German;Billing"
            """)

    @Argument(help: "The file; - for standard input. A file that ends in .csv is CSV.", completion: .file())
    var file: String?

    @Option(help: ArgumentHelp("Import the older connector's table in this org.", valueName: "org"))
    var fromSalesforce: String?

    @Option(help: "The CIC server of the workgroups in that table; needed where there are several.")
    var cic: String?

    @Flag(help: "Print what would change and change nothing.")
    var dryRun = false

    @OptionGroup var check: CheckOptions
    @OptionGroup var common: CommonOptions

    func run() async throws {
        try await perform(json: common.json) {
            guard (file == nil) != (fromSalesforce == nil), cic == nil || fromSalesforce != nil else {
                throw Refusal(.usage, "say one of FILE and --from-salesforce ORG; --cic belongs to the latter")
            }
            let mappings = try file.map { try MappingFile.read($0) }
            let (org, cic, author, dryRun, unchecked) = (fromSalesforce, cic, common.author, dryRun, check.unchecked)
            let outcome = try await withDatabase(try Surroundings()) { database in
                let store = PostgresConfigurationStore(database: database)
                let names = PostgresNameMirrors(database)
                var site = SiteSetup()
                var notes: [String] = []
                if let mappings {
                    site.mappings = mappings
                } else if let org {
                    let table = try LegacyImport(
                        try await names.legacyMappings(org: org), org: org, cic: cic, stored: try await store.load())
                    (site.mappings, notes) = (table.mappings, table.notes)
                }
                var outcome = try await ApplySite(store: store, names: unchecked ? nil : names)
                    .run(site, dryRun: dryRun, by: author)
                outcome.notes = notes + outcome.notes
                return outcome
            }
            print(try ApplyReport(outcome: outcome, isDryRun: dryRun).text(json: common.json))
        }
    }
}

/// Mappings from a site file or from CSV.
enum MappingFile {
    static func read(_ path: String) throws -> [MappingSetup] {
        guard path.lowercased().hasSuffix(".csv") || path == "-" else {
            let mappings = try SiteSetup(try SiteFile.read(path)).mappings
            guard !mappings.isEmpty else { throw Misconfigured("\(path) holds no mappings") }
            return mappings
        }
        let text = try SiteFile.text(path)
        // A site file has no header line with the four fields.
        let header = text.prefix { !$0.isNewline }
        if path == "-" && !["org", "queue", "cic", "workgroup"].allSatisfy({ header.contains($0) }) {
            return try SiteSetup(try SiteFile.parse(text, path)).mappings
        }
        let table = try CSVTable(text)
        var nodes: [SettingNode] = []
        for row in table.rows {
            var node = SettingNode.section([])
            for (name, value) in zip(table.header, row) where !value.isEmpty {
                node = try node.setting("\(name)=\(value)")
            }
            nodes.append(node)
        }
        return try SiteSetup(.section([(name: "mappings", value: .list(nodes))])).mappings
    }
}
