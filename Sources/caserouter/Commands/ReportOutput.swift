import CaseRouting
import Operations

/// A report as it is printed: for people, for a spreadsheet, for a program.
struct ReportOutput {
    private let report: Report
    private let table: ReportTable

    init(_ report: Report, _ table: ReportTable) {
        self.report = report
        self.table = table
    }

    /// An accounting whose columns do not add up: somebody has to look at it.
    var showsADifference: Bool {
        guard let column = table.columns.firstIndex(where: { $0.name == "difference" }) else { return false }
        return table.rows.contains { $0.cells[column] != "0" }
    }

    // MARK: JSON and CSV

    var json: String {
        func quoted(_ text: String?) -> String { text.map(JSONText.string) ?? "null" }
        let rows = table.rows.map { "\n    " + $0.json }.joined(separator: ",")
        return """
            {
              "report": \(quoted(report.name)),
              "from": \(quoted(table.from)),
              "to": \(quoted(table.to)),
              "as_of": \(quoted(table.asOf)),
              "zone": \(quoted(table.zone)),
              "cut": \(table.isCut),
              "rows": [\(rows)\(table.rows.isEmpty ? "" : "\n  ")]
            }
            """
    }

    /// RFC 4180.
    var csv: String {
        let lines = [table.columns.map(\.name)] + table.rows.map { $0.cells.map { $0 ?? "" } }
        return lines.map { $0.map(Self.field).joined(separator: ",") + "\r\n" }.joined()
    }

    private static func field(_ text: String) -> String {
        guard text.utf8.contains(where: { [UInt8(ascii: ","), UInt8(ascii: "\""), 10, 13].contains($0) }) else {
            return text
        }
        return "\"" + text.replacing("\"", with: "\"\"") + "\""
    }

    // MARK: Text

    var text: String {
        var lines = [heading]
        if table.rows.isEmpty {
            lines.append(
                report.time == .now ? "none" : "none in that period; 'caserouter report kept' says what is kept")
            return lines.joined(separator: "\n")
        }
        let explained = table.columns.firstIndex { $0.name == "rule" }
        var rows = [table.columns.map(\.name) + (explained == nil ? [] : ["reason"])]
        for row in table.rows {
            rows.append(zip(table.columns, row.cells).map(Self.cell) + Self.reason(of: row, explained))
        }
        if let total { rows.append(total + (explained == nil ? [] : [""])) }
        var texts = TextTable(
            rows[0],
            text: Set(
                table.columns.indices.filter { $0 == 0 || table.columns[$0].kind != .number } + [table.columns.count]))
        for row in rows.dropFirst() { texts.add(row) }
        lines.append(texts.text)
        if table.isCut { lines.append("There is more: raise --limit, or narrow the period.") }
        return lines.joined(separator: "\n")
    }

    private var heading: String {
        let period: String
        switch (table.from.map(Self.time), table.to.map(Self.time)) {
        case (nil, _) where report.time == .now: period = "as of \(Self.time(table.asOf))"
        case (let from?, let to?): period = "\(from) to \(to)"
        case (let from?, nil): period = "since \(from)"
        case (nil, let to?): period = "until \(to)"
        case (nil, nil): period = "everything kept, as of \(Self.time(table.asOf))"
        }
        return "\(report.name): \(period) \(table.zone)"
    }

    /// The sums, where there is something to add up.
    private var total: [String]? {
        guard table.rows.count > 1, !table.isCut, table.columns.contains(where: \.isAdditive),
            table.columns.first?.isAdditive == false
        else { return nil }
        return table.columns.indices.map { column in
            if column == 0 { return "total" }
            guard table.columns[column].isAdditive else { return "" }
            return String(table.rows.reduce(0) { $0 + (Int($1.cells[column] ?? "0") ?? 0) })
        }
    }

    private static func reason(of row: ReportTable.Row, _ column: Int?) -> [String] {
        guard let column else { return [] }
        return [row.cells[column].flatMap { Decision.Rule(rawValue: $0)?.reason } ?? ""]
    }

    private static func cell(_ column: ReportTable.Column, _ text: String?) -> String {
        guard let text else { return "-" }
        switch column.kind {
        case .time: return time(text)
        case .flag: return text == "true" ? "yes" : "no"
        case .text where text.isEmpty: return "-"
        case .text, .number, .day: return text
        }
    }

    /// To the second, without the offset: the zone stands above.
    private static func time(_ text: String) -> String { String(text.prefix(19)).replacing("T", with: " ") }
}
