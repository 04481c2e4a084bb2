import Foundation

/// What the demo shows while it runs: lines that stay, and one that is drawn again and again.
enum Terminal {
    private static let isTerminal = isatty(STDOUT_FILENO) == 1

    static func line(_ text: String) { write((isTerminal ? "\r\u{1B}[K" : "") + text + "\n") }

    /// Draws the progress line. Where nothing can be drawn again, in a file, nothing is written.
    static func progress(_ text: String) {
        if isTerminal { write("\r\u{1B}[K" + fitting(text, columns: columns)) }
    }

    /// A line that the terminal has to break could not be drawn again: blanks go first, then the end.
    static func fitting(_ text: String, columns: Int) -> String {
        if text.count < columns { return text }
        return String(text.replacing("  ", with: " ").prefix(max(0, columns - 1)))
    }

    private static var columns: Int {
        var size = winsize()
        guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
        return Int(size.ws_col)
    }

    private static func write(_ text: String) {
        do {
            try FileHandle.standardOutput.write(contentsOf: Data(text.utf8))
        } catch {
            // Nobody reads any more, as after `| head`: the demo itself goes on and ends in order.
        }
    }
}
