import ArgumentParser
import CaseRouting
import Foundation
import Operations
import Store

struct MappingsImport: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import", abstract: "Adds and changes mappings from a CSV or YAML file.",
        discussion: """
            CSV: one line per mapping under a header line with the fields' names, separated by commas, semicolons or tabs; \
            fields may be quoted. \(MappingsCommand.fields)
            org, queue, cic and workgroup are needed in every line. Mappings that the file does not name are left as they \
            are. Everything is imported, or nothing.

            Example:
              org,queue,cic,workgroup,skills
              acme,Support Germany,main,Support,"German;Billing"
            """)

    @Argument(help: "The file; - for standard input. A file that ends in .csv is CSV.", completion: .file()) var file:
        String

    @Flag(help: "Print what would change and change nothing.")
    var dryRun = false

    @OptionGroup var check: CheckOptions
    @OptionGroup var common: CommonOptions

    func run() async throws {
        try await perform(json: common.json) {
            var site = SiteSetup()
            site.mappings = try MappingFile.read(file)
            let (wanted, author, dryRun, unchecked) = (site, common.author, dryRun, check.unchecked)
            let outcome = try await withDatabase(try Surroundings()) { database in
                try await ApplySite(
                    store: PostgresConfigurationStore(database: database),
                    names: unchecked ? nil : PostgresNameMirrors(database)
                ).run(wanted, dryRun: dryRun, by: author)
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
