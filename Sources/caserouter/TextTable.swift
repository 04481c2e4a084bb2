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
            var line = row.enumerated().map { index, cell in
                let padding = String(repeating: " ", count: widths[index] - cell.count)
                return textColumns.contains(index) ? cell + padding : padding + cell
            }.joined(separator: "  ")
            while line.last == " " { line.removeLast() }
            return line
        }.joined(separator: "\n")
    }
}
