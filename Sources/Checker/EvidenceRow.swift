/// A line of what was read from the database or the queues: short, and few of them, so that its fields are looked up by name.
struct EvidenceRow {
    let source: Source
    private let fields: [String: LineScanner.Value]

    init(_ bytes: UnsafeRawBufferPointer, _ source: Source) throws(LineScanner.Problem) {
        var fields: [String: LineScanner.Value] = [:]
        try LineScanner.fields(of: bytes) { key, value in fields[String(decoding: key, as: UTF8.self)] = value }
        self.fields = fields
        self.source = source
    }

    func has(_ name: String) -> Bool { fields[name] != nil }

    /// Null counts as empty.
    func text(_ name: String) throws(LineScanner.Problem) -> String { try value(name).text() }

    /// A Salesforce id, cut to 15 characters; null counts as empty.
    func identifier(_ name: String) throws(LineScanner.Problem) -> String { try value(name).identifier() }

    func integer(_ name: String) throws(LineScanner.Problem) -> Int64 { try value(name).integer() }

    func flag(_ name: String) throws(LineScanner.Problem) -> Bool { try value(name).flag() }

    /// Microseconds since 1970; nil for null.
    func time(_ name: String) throws(LineScanner.Problem) -> Int64? {
        let value = try value(name)
        return value.kind == .null ? nil : try value.integer()
    }

    private func value(_ name: String) throws(LineScanner.Problem) -> LineScanner.Value {
        guard let value = fields[name] else { throw LineScanner.Problem("lacks \"\(name)\"") }
        return value
    }

    /// Calls `body` for every line of a file, and names the line where it finds a problem.
    static func read(
        _ path: String, _ body: (EvidenceRow) throws(LineScanner.Problem) -> Void
    ) throws(LedgerError) {
        let file = try LedgerFile(path: path)
        while let bytes = try file.next() {
            do throws(LineScanner.Problem) {
                try body(EvidenceRow(bytes, file.source))
            } catch {
                throw LedgerError(path: path, line: file.line, problem: error.text)
            }
        }
    }
}
