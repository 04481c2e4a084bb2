import Foundation
import TestSupport
import Testing

/// `status --watch` on a real terminal, which Python gives it.
@Suite struct StatusWatchTests {
    /// Runs a command on a terminal of 20 rows, waits until it has drawn three times, types Ctrl-C, and says what came of it.
    private static let terminal = """
        import fcntl, json, os, pty, select, struct, sys, termios, time
        process, terminal = pty.fork()
        if process == 0:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 20, 60, 0, 0))
            os.execv(sys.argv[1], sys.argv[1:])
        before = termios.tcgetattr(terminal)
        seen, typed, deadline = b"", False, time.time() + 90
        while time.time() < deadline:
            if not select.select([terminal], [], [], 1)[0]:
                continue
            try:
                part = os.read(terminal, 65536)
            except OSError:
                break
            if not part:
                break
            seen += part
            if not typed and seen.count(b"\\x1b[J") >= 3:
                typed = True
                after = termios.tcgetattr(terminal)
                os.write(terminal, b"\\x03")
        code = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
        print(json.dumps({"code": code, "seen": seen.decode(), "same": before == after}))
        """

    private struct Session: Decodable {
        let code: Int32
        let seen: String
        let same: Bool
    }

    @Test(.timeLimit(.minutes(3)))
    func `a watched status is drawn again until Ctrl-C, and leaves the terminal as it was`() async throws {
        try await Installation.with { installation in
            let script = installation.directory.appending(path: "terminal.py")
            try Data(Self.terminal.utf8).write(to: script)
            let place = installation.directory.appending(path: "session").path
            let process = try ChildProcess(
                try Installation.variable("CASEROUTER_TEST_PYTHON"),
                [script.path, try Installation.program(), "status", "--watch"],
                environment: installation.surroundings(["TERM": "xterm"]), directory: installation.directory.path,
                output: place)
            let status = try await process.wait(atMost: .seconds(240))
            let said = try Installation.text(place)
            #expect(status == 0, "\(said)")
            let session = try JSONDecoder().decode(Session.self, from: Data(said.utf8))
            // Nothing is set up yet, so somebody is needed.
            #expect(session.code == 1)
            #expect(session.same)
            #expect(session.seen.hasPrefix("\u{1B}[?1049h\u{1B}[?25l\u{1B}[Hneeds attention"))
            #expect(session.seen.hasSuffix("\u{1B}[?25h\u{1B}[?1049l"))
            #expect(session.seen.contains("caserouter config apply"))
            // Longer than the window: what needs a person stands on it all the same.
            let screen = try #require(session.seen.components(separatedBy: "\u{1B}[H").last)
            let lines = screen.components(separatedBy: "\u{1B}[K\r\n")
            #expect(lines.count <= 20 && lines.allSatisfy { $0.count <= 60 + 20 }, "\(lines)")
        }
    }
}
