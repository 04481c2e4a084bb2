import ArgumentParser
import Foundation
import Operations
import Postgres
import Store

struct ReportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "report", abstract: "Prints a report from the database.",
        discussion: """
            Reports:
            \(list)

            Times are written \(Moment.forms); --to itself is not included. Without --from most reports tell of the last \
            seven days. The views behind them are for any BI tool: see docs/reports.md.
            """)

    @Argument(help: "Which report. Without a name they are listed.")
    var name: String?

    @Option(help: ArgumentHelp("Since when.", valueName: "time"))
    var from: String?

    @Option(help: ArgumentHelp("Until when.", valueName: "time"))
    var to: String?

    @Option(
        name: .customLong("tz"),
        help: ArgumentHelp("Time zone of what is read and printed, as Europe/Berlin.", valueName: "zone"))
    var zone = "UTC"

    @Option(help: ArgumentHelp("Group by these columns, separated by commas.", valueName: "columns"))
    var by: String?

    @Option(help: "Only this org.") var org: String?
    @Option(help: "Only this CIC server.") var cic: String?
    @Option(help: "Only this workgroup.") var workgroup: String?
    @Option(help: "Only this cause.") var cause: String?

    @Option(help: "At most so many lines.")
    var limit = ReportRequest.usualLimit

    @Flag(help: "Print CSV with a header line, times in ISO 8601.")
    var csv = false

    @Flag(help: "Print JSON; errors are JSON on standard error.")
    var json = false

    private static var list: String {
        let width = Report.all.map(\.name.count).max() ?? 0
        return Report.all.map { report in
            "  " + report.name + String(repeating: " ", count: width + 2 - report.name.count) + report.summary
        }.joined(separator: "\n")
    }

    func run() async throws {
        try await perform(json: json) {
            guard !(json && csv) else { throw Refusal(.usage, "--csv and --json exclude each other") }
            guard let name else { return try Self.printList(json: json) }
            let request = try request(Report.named(name))
            try request.check()
            let table = try await withDatabase(
                try Surroundings(), PostgresReportStore.settings(applicationName: "caserouter report")
            ) { database in try await PostgresReportStore(database).read(request) }
            let output = ReportOutput(request.report, table)
            print(json ? output.json : csv ? output.csv : output.text, terminator: csv ? "" : "\n")
            if csv && table.isCut {
                FileHandle.standardError.write(Data("caserouter: there is more than --limit \(limit) lines\n".utf8))
            }
            if output.showsADifference { throw ExitCode.notDone }
        }
    }

    private func request(_ report: Report) throws -> ReportRequest {
        var request = ReportRequest(report)
        request.from = try from.map { try Moment($0) }
        request.to = try to.map { try Moment($0) }
        request.zone = zone
        request.limit = limit
        request.by = by.map { $0.split(separator: ",", omittingEmptySubsequences: false).map(String.init) }
        for (filter, value) in [("org", org), ("cic", cic), ("workgroup", workgroup), ("cause", cause)] {
            request.filters[filter] = value
        }
        return request
    }

    private static func printList(json: Bool) throws {
        guard json else { return print(list) }
        let reports = Report.all.map { ["name": $0.name, "summary": $0.summary, "view": "report.\($0.view)"] }
        print(try JSONText.encode(["reports": reports]))
    }
}
