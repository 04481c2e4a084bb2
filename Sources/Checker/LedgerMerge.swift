/// Reads several ledgers as one, in the order of their times.
enum LedgerMerge {
    /// Calls `body` for every line of all ledgers. Lines of one ledger keep their order, whatever their times say.
    static func read(
        _ paths: [String], _ body: (_ at: Int64, _ line: LedgerLine) throws(LineScanner.Problem) -> Void
    ) throws(LedgerError) {
        var readers: [LedgerReader] = []
        for path in paths {
            let reader = try LedgerReader(path: path)
            if try reader.advance() { readers.append(reader) }
        }
        while let next = readers.indices.min(by: { time(readers[$0]) < time(readers[$1]) }) {
            let reader = readers[next]
            if let current = reader.current {
                try reader.naming { () throws(LineScanner.Problem) in try body(current.at, current.line) }
            }
            if try !reader.advance() { readers.remove(at: next) }
        }
    }

    private static func time(_ reader: LedgerReader) -> Int64 { reader.current?.at ?? .max }
}
