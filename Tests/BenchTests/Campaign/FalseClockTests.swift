import Foundation
import Testing

@testable import caserouter_dev

/// Clocks that a campaign sets wrong.
struct FalseClockTests {
    private static func start(_ program: String, _ clock: FalseClock, in run: RunDirectory) throws -> ChildProcess {
        try ChildProcess(
            command: ["/usr/bin/perl", "-e", program], environment: try clock.surroundings(of: "one"),
            output: run.file("output"))
    }

    @Test func `a process starts with a clock that is off, and sees it jump`() async throws {
        let run = try RunDirectory(root: NSTemporaryDirectory() + "clock-\(UUID().uuidString)", name: "run")
        try run.makeEmpty()
        defer { try? FileManager.default.removeItem(atPath: run.path) }  // Left behind it would only take room.
        let clock = try FalseClock(run)
        try clock.set("one", ahead: -86_400)
        let printed = try Self.start("print time", clock, in: run)
        #expect(try await printed.waitForExit(limit: .seconds(60)) == 0)
        let text = try String(contentsOfFile: run.file("output"), encoding: .utf8)
        let told = try #require(Double(text))
        #expect(abs(Date().timeIntervalSince1970 - 86_400 - told) < 120)

        let waiting = try Self.start(
            "$| = 1; $b = time; print 'begun'; while (time - $b < 43200) { select undef, undef, undef, 0.02 }", clock,
            in: run)
        // A clock that is set before the program has looked at it does not jump.
        let deadline = ContinuousClock.now + .seconds(240)
        while try !String(contentsOfFile: run.file("output"), encoding: .utf8).contains("begun"),
            ContinuousClock.now < deadline
        {
            try await Task.sleep(for: .milliseconds(20))
        }
        #expect(waiting.exitCode() == nil)
        try clock.set("one", ahead: 0)
        #expect(try await waiting.waitForExit(limit: .seconds(60)) == 0)
    }

    @Test func `where the library is not built the message says how it is`() throws {
        let run = try RunDirectory(root: NSTemporaryDirectory(), name: "run")
        let failure = #expect(throws: RunFailure.self) { try FalseClock(run, libraryIn: "/nowhere") }
        #expect(failure?.description.contains("swift build --product FalseClock") == true)
    }
}
