import TestSupport
import Testing

struct RestartedCICTests {
    @Test func `cases that waited when CIC was restarted are offered again`() async throws {
        try await FailingSite.with { site in
            let installation = site.installation
            try await site.must(["cic", "set", "east", "recovery_wait=1s"])
            let worker = try await installation.start("route")
            for number in 1...2 { try await site.publish(number, skills: "German") }
            for number in 1...2 { try await site.untilRouted(number) }
            // The watch has seen them.
            try await eventually("the figures of the queues are saved") {
                try await installation.query("SELECT waiting::text FROM caserouter.queue_figures") == ["2"]
            }

            site.cic.process.end()
            let silence: Duration = .seconds(61)
            let end = ContinuousClock.now + silence
            try await eventually("CIC was away long enough") { ContinuousClock.now >= end }
            let restarted = try await SimulatedCIC.start("east", installation, port: site.cic.port)
            defer { restarted.process.end() }

            for number in 1...2 { try await site.untilRouted(number) }
            let reasons = try await installation.query(
                "SELECT coalesce(end_reason, 'open') FROM caserouter.episodes ORDER BY number")
            #expect(reasons == ["lost", "lost", "open", "open"])
            try await eventually("the hold is lifted") {
                try await installation.query("SELECT name FROM caserouter.holds").isEmpty
            }
            #expect(worker.process.exitStatus == nil)
        }
    }
}
