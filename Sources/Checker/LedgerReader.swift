/// One ledger, line by line, checked for holes.
final class LedgerReader {
    private let file: LedgerFile
    private var last: Int64 = 0

    /// The time of the line and the line; nil before the first and after the last one.
    private(set) var current: (at: Int64, line: LedgerLine)?

    init(path: String) throws(LedgerError) { file = try LedgerFile(path: path) }

    /// Reads the next line, which makes the one before invalid. False at the end of the ledger.
    ///
    /// Lines are numbered without a gap. A number 1 in the middle is a simulator that was started again.
    func advance() throws(LedgerError) -> Bool {
        current = nil
        guard let bytes = try file.next() else { return false }
        try naming { () throws(LineScanner.Problem) in
            let line = try LedgerLine(bytes, file.source)
            let n = try line.require("n", line.n).integer()
            guard n == last + 1 || n == 1 else {
                throw LineScanner.Problem("is number \(n) after number \(last): the ledger has a hole")
            }
            last = n
            current = (try line.require("at", line.at).integer(), line)
        }
        return true
    }

    /// Says in which line of which file it was that `work` found a problem.
    func naming(_ work: () throws(LineScanner.Problem) -> Void) throws(LedgerError) {
        do {
            try work()
        } catch {
            throw LedgerError(path: file.path, line: file.line, problem: error.text)
        }
    }
}
