import CaseRouting
import Foundation
import Operations

/// Shows the status again and again, until SIGINT or SIGTERM.
struct StatusWatch: Sendable {
    let site: LookAtSite
    let times: ZonedTimes
    let json: Bool

    private static let pause: Duration = .seconds(2)

    /// - Returns: whether what was shown last was healthy.
    func run() async -> Bool {
        let screen = json || isatty(STDOUT_FILENO) == 0 ? nil : WatchScreen()
        screen?.open()
        defer { screen?.close() }
        return await withTaskGroup(of: Bool?.self) { group in
            group.addTask {
                await Termination.wait()
                return nil
            }
            group.addTask { await show(on: screen) }
            // The first to end is the signal; the other one says what it showed last.
            var isHealthy: Bool?
            for await ended in group {
                isHealthy = ended ?? isHealthy
                group.cancelAll()
            }
            return isHealthy ?? false
        }
    }

    private func show(on screen: WatchScreen?) async -> Bool {
        var isHealthy = false
        while !Task.isCancelled {
            let text: String
            (text, isHealthy) = await look()
            if let screen {
                screen.show(text)
            } else {
                print(text)
                fflush(nil)
            }
            // It ends early when the watch does.
            try? await Task.sleep(for: Self.pause)
        }
        return isHealthy
    }

    /// A database that goes away for a while ends a command, but not a watch: that is what is to be seen.
    private func look() async -> (text: String, isHealthy: Bool) {
        do {
            let status = try await site.status(version: CaseRouterVersion.text)
            let text = json ? try JSONText.encode(StatusDocument(status)) : StatusText(status, times).text
            return (text, status.isHealthy)
        } catch {
            let sentence = (error as? RoutingFailure)?.summary ?? "\(error)"
            return (
                json
                    ? "{\"error\":\(JSONText.string(sentence))}"
                    : "needs attention: the status cannot be read, and is tried again every 2 seconds\n\n"
                        + sentence.oneLine,
                false
            )
        }
    }
}

/// A terminal's other screen: what stood there before comes back when it is closed.
struct WatchScreen: Sendable {
    func open() { put("\u{1B}[?1049h\u{1B}[?25l") }

    func close() { put("\u{1B}[?25h\u{1B}[?1049l") }

    /// Draws over what is there, which does not flicker as clearing does.
    func show(_ text: String) {
        put("\u{1B}[H" + Self.fit(text, into: Self.size).map { $0 + "\u{1B}[K\n" }.joined() + "\u{1B}[J")
    }

    /// The first lines and the last ones: they say whether all is well, and what needs a person.
    static func fit(_ text: String, into size: (rows: Int, columns: Int)) -> [String] {
        var lines = text.split(separator: "\n", omittingEmptySubsequences: false).map {
            String($0.prefix(size.columns))
        }
        // One row for the cursor.
        let room = max(size.rows - 1, 4)
        if lines.count > room {
            let last = lines.suffix(room - 3)
            lines = lines.prefix(2) + ["… (\(lines.count - room + 1) more lines: enlarge the window)"] + last
        }
        return lines
    }

    private static var size: (rows: Int, columns: Int) {
        var window = winsize()
        guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &window) == 0, window.ws_row > 0, window.ws_col > 0 else {
            return (24, 80)
        }
        return (Int(window.ws_row), Int(window.ws_col))
    }

    private func put(_ text: String) {
        print(text, terminator: "")
        fflush(nil)
    }
}
