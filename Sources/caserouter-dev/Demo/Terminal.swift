import Foundation

/// What the demo shows while it runs: lines that stay, and one that is drawn again and again.
enum Terminal {
    private static let isTerminal = isatty(STDOUT_FILENO) == 1

    static func line(_ text: String) { write((isTerminal ? "\r\u{1B}[K" : "") + text + "\n") }

    /// Draws the progress line. Where nothing can be drawn again, in a file, nothing is written.
    static func progress(_ text: String) {
        if isTerminal { write("\r\u{1B}[K" + text) }
    }

    private static func write(_ text: String) {
        do {
            try FileHandle.standardOutput.write(contentsOf: Data(text.utf8))
        } catch {
            // Nobody reads any more, as after `| head`: the demo itself goes on and ends in order.
        }
    }
}
