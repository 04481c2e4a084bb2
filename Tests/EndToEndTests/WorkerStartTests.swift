import Foundation
import TestSupport
import Testing

/// A worker is started while requests wait, as in every deployment.
@Suite struct WorkerStartTests {
    @Test func `a worker that starts takes no case before it has a session to send it over`() async throws {
        try await FailingSite.with { site in
            let before = try await site.installation.start("route", name: "before")
            try await site.publish(1, skills: "German")
            try await site.untilRouted(1)
            before.process.signal(SIGTERM)
            #expect(try await before.process.wait(atMost: .seconds(240)) == 0)

            for number in 2...5 { try await site.publish(number, skills: "German") }
            // What opening a session takes on a machine where several workers start at once.
            try await site.control(
                "POST", "faults", #"{"operation":"connect","when":"before","do":"wait","ms":2000}"#)
            let worker = try await site.installation.start("route", name: "after")
            for number in 2...5 { try await site.untilRouted(number) }
            // Each was claimed once, as the first was: one that was held would have been claimed again, after a wait.
            let claims = try await site.installation.query("SELECT DISTINCT epoch::text FROM caserouter.cases")
            #expect(claims.count == 1, "\(claims)")
            #expect(worker.process.exitStatus == nil)
        }
    }
}
