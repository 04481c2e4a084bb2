import Foundation
import TestSupport
import Testing

/// A process without descriptors is ended by the runtime.
@Suite struct DescriptorLimitTests {
    @Test func `a worker takes as many descriptors as the system grants`() async throws {
        try await Installation.with { installation in
            let log = installation.directory.appending(path: "few.log").path
            let process = try ChildProcess(
                "/bin/sh", ["-c", #"ulimit -S -n 256; exec "$0" serve"#, try Installation.program()],
                environment: installation.surroundings(["CASEROUTER_LISTEN": "127.0.0.1:0"]),
                directory: installation.directory.path, output: log)
            try await eventually("it is ready") {
                try String(contentsOfFile: log, encoding: .utf8).contains("info worker ready")
            }
            let limits = try String(contentsOfFile: "/proc/\(process.processID)/limits", encoding: .utf8)
            let words = try #require(limits.split(separator: "\n").first { $0.hasPrefix("Max open files") })
                .split(separator: " ")
            #expect(words[3] == words[4] && words[3] != "256", "\(words)")
            process.signal(SIGTERM)
            #expect(try await process.wait(atMost: .seconds(240)) == 0)
        }
    }
}
