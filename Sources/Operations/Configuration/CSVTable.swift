/// A table as spreadsheets write it: a header line, fields that may be quoted, comma, semicolon or tab between them.
public struct CSVTable: Equatable, Sendable {
    public let header: [String]
    /// Each as long as the header.
    public let rows: [[String]]

    /// More lines than any site has mappings.
    public static let mostRows = 10_000

    /// - Throws: `SettingError` with the line that cannot be read.
    public init(_ text: String) throws(SettingError) {
        var text = Substring(text)
        // Spreadsheets mark UTF-8 so.
        if text.first == "\u{FEFF}" { text.removeFirst() }
        let first = text.prefix { !$0.isNewline }
        let separator = [",", ";", "\t"].max { left, right in
            first.count { String($0) == left } < first.count { String($0) == right }
        }
        let lines = try Self.lines(text, separator: Character(separator ?? ","))
        guard let header = lines.first?.fields.map(Self.trimmed), !header.isEmpty else {
            throw SettingError("line 1", "a header line with the fields' names is missing")
        }
        var rows: [[String]] = []
        for line in lines.dropFirst() {
            guard line.fields.count == header.count else {
                throw SettingError(
                    "line \(line.number)", "has \(line.fields.count) fields where the header has \(header.count)")
            }
            rows.append(line.fields.map(Self.trimmed))
        }
        guard rows.count <= Self.mostRows else { throw SettingError("line \(Self.mostRows + 2)", "is one too many") }
        self.header = header
        self.rows = rows
    }

    private static func trimmed(_ field: String) -> String {
        var rest = Substring(field)
        while rest.first?.isWhitespace == true { rest.removeFirst() }
        while rest.last?.isWhitespace == true { rest.removeLast() }
        return String(rest)
    }

    private static func lines(
        _ text: Substring, separator: Character
    ) throws(SettingError) -> [(number: Int, fields: [String])] {
        var lines: [(number: Int, fields: [String])] = []
        var fields: [String] = []
        var field = ""
        var isQuoted = false
        var number = 1
        var begin = 1
        var rest = text
        func isEmptyLine() -> Bool { fields.isEmpty && field.allSatisfy(\.isWhitespace) }
        while let character = rest.popFirst() {
            if isQuoted {
                if character.isNewline { number += 1 }
                if character != "\"" {
                    field.append(character)
                } else if rest.first == "\"" {
                    rest.removeFirst()
                    field.append("\"")
                } else {
                    isQuoted = false
                }
            } else if character == "\"" && field.allSatisfy(\.isWhitespace) {
                field = ""
                isQuoted = true
            } else if character == separator {
                fields.append(field)
                field = ""
            } else if character.isNewline {
                if !isEmptyLine() { lines.append((begin, fields + [field])) }
                (fields, field) = ([], "")
                number += 1
                begin = number
            } else {
                field.append(character)
            }
        }
        if isQuoted { throw SettingError("line \(begin)", "a quoted field does not end") }
        if !isEmptyLine() { lines.append((begin, fields + [field])) }
        return lines
    }
}
