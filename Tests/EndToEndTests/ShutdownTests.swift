import Foundation
import TestSupport
import Testing

/// An operator ends a worker: it goes in order, soon, and without alarming anybody.
@Suite struct ShutdownTests {
    @Test func `every kind of worker ends on SIGTERM within two seconds when it is idle`() async throws {
        try await Installation.with { installation in
            for role in ["ingest", "route", "serve", "all"] {
                let worker = try await installation.start(role)
                // In the midst of its pauses, not before the first of them.
                try await eventually("\(role) follows its settings") {
                    try worker.log.contains("configuration changed")
                }
                let began = ContinuousClock.now
                worker.process.signal(SIGTERM)
                let status = try await worker.process.wait(atMost: .seconds(20))
                let took = ContinuousClock.now - began
                let log = try worker.log
                #expect(status == 0, "\(role): \(log)")
                #expect(took < .seconds(2), "\(role)")
                #expect(log.contains("info worker stopped"), "\(role)")
                #expect(!log.contains(" error "), "\(role): \(log)")
                #expect(!log.contains(" warning "), "\(role): \(log)")
            }
        }
    }
}
