import ArgumentParser
import Foundation
import Postgres

struct ReportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "report", abstract: "Prints a report from the database.", subcommands: [Accounting.self])

    struct Accounting: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "What became of every request: received is always the sum of the others.")

        @OptionGroup var common: CommonOptions

        private struct Row: Encodable, Sendable {
            let org: String
            let received, routed, ignored, superseded, failed, discarded, pending, observed: Int64
        }

        func run() async throws {
            try await perform(json: common.json) {
                let rows = try await withDatabase(try Surroundings()) { database in
                    try await database.query(
                        """
                        SELECT org, received, routed, ignored, superseded, failed, discarded, pending, observed
                        FROM report.accounting ORDER BY org
                        """
                    ).map { row throws(PostgresError) in
                        Row(
                            org: try row.text(0), received: try row.int64(1), routed: try row.int64(2),
                            ignored: try row.int64(3), superseded: try row.int64(4), failed: try row.int64(5),
                            discarded: try row.int64(6), pending: try row.int64(7), observed: try row.int64(8))
                    }
                }
                if common.json {
                    print(try JSONText.encode(["orgs": rows]))
                    return
                }
                var table = TextTable([
                    "org", "received", "routed", "ignored", "superseded", "failed", "discarded", "pending",
                ])
                for row in rows {
                    table.add(
                        [row.org]
                            + [
                                row.received, row.routed, row.ignored, row.superseded, row.failed, row.discarded,
                                row.pending,
                            ]
                            .map(String.init))
                }
                print(table.text)
            }
        }
    }
}

/// Columns for people: text to the left, numbers to the right. What would break a line or a terminal is left out.
struct TextTable {
    private var rows: [[String]]

    private let textColumns: Set<Int>

    /// - Parameter text: the columns that hold text.
    init(_ header: [String], text: Set<Int> = [0]) {
        rows = [header]
        textColumns = text
    }

    mutating func add(_ row: [String]) { rows.append(row.map(\.oneLine)) }

    var text: String {
        let widths = (0..<(rows.first?.count ?? 0)).map { column in rows.map { $0[column].count }.max() ?? 0 }
        return rows.map { row in
            row.enumerated().map { index, cell in
                let padding = String(repeating: " ", count: widths[index] - cell.count)
                return textColumns.contains(index) ? cell + padding : padding + cell
            }.joined(separator: "  ").trimmingCharacters(in: .whitespaces)
        }.joined(separator: "\n")
    }
}
