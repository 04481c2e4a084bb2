import CaseRouting
import Foundation
import JSON
import Simulators
import TestSupport
import Testing

@testable import CIC

extension SiteTests {
    /// How a session is opened, lost, and opened again.
    @Suite(.timeLimit(.minutes(3)))
    struct SessionTests {
        @Test func `a backup that refuses leads to the host that takes sessions`() async throws {
            try await TestSite.run { site in
                let settings = try site.settings(hosts: ["127.0.0.2:\(site.ports[1])"])
                try await site.withServer(settings) { server in
                    _ = try await server.create(newAttempt(), attributes())
                    let connects = try site.ledger("request").filter {
                        $0["path"]?.string?.contains("icws/connection") == true
                    }
                    #expect(connects.compactMap { $0["status"]?.int } == [503, 201])
                }
            }
        }

        @Test(arguments: [true, false])
        func `after a switchover the session is opened on the other host`(_ isAnnounced: Bool) async throws {
            try await TestSite.run { site in
                try await site.withServer(try site.settings(.handler, messaging: .sse)) { server in
                    let attempt = newAttempt()
                    let old = try await server.create(attempt, attributes())
                    try await site.control(
                        "switchover", ["window": 400, "announce": .bool(isAnnounced), "announceLead": 20])
                    try await eventually("the loss is seen") { await server.unavailability != nil }
                    let began = ContinuousClock.now
                    let failed = await failure { () throws(RoutingFailure) in
                        try await server.create(newAttempt(), attributes(2))
                    }
                    #expect(failed?.kind == .held && failed?.cause == .cicUnreachable)
                    #expect(ContinuousClock.now - began < .milliseconds(100))
                    try #require(await server.isOpen(within: .seconds(120)))
                    // The same interaction under a new id; the old one is gone.
                    #expect(try await server.read(old, attempt) == .gone)
                    let held = try #require(try await site.interactions().first)
                    #expect(held.id != old.description)
                    #expect(try await server.assign(order(InteractionID(held.id), attempt, number: 1)) == .assigned)
                }
            }
        }

        @Test func `all that meet a 401 share one reopening, and what may be repeated is repeated`() async throws {
            try await TestSite.run { site in
                try await site.withServer { server in
                    let attempt = newAttempt()
                    let id = try await server.create(attempt, attributes())
                    // Where the session's own poll meets the 401 before any reading is sent, all are held at once: again then.
                    var (readings, openings) = ([InteractionReading](), 1)
                    while readings.isEmpty && openings < 20 {
                        try await site.control("sessions/expire")
                        openings += 1
                        do {
                            readings = try await withThrowingTaskGroup(of: InteractionReading.self) { group in
                                for _ in 0..<20 { group.addTask { try await server.read(id, attempt) } }
                                return try await group.reduce(into: []) { $0.append($1) }
                            }
                        } catch let error as RoutingFailure where error.kind == .held {
                            try #require(await server.isOpen(within: .seconds(120)))
                        }
                    }
                    #expect(readings.count == 20 && !readings.contains(.gone))
                    #expect(try site.ledger("session").count { $0["event"]?.string == "opened" } == openings)
                }
            }
        }

        @Test func `a create that is answered 401 is held and not sent again`() async throws {
            try await TestSite.run { site in
                try await site.withServer { server in
                    try await site.fault("create", do: "answer", status: 401)
                    let failed = await failure { () throws(RoutingFailure) in
                        try await server.create(newAttempt(), attributes())
                    }
                    #expect(failed?.kind == .held && failed?.stage == .create)
                    // It was sent: it is looked for before another one takes its place.
                    #expect(failed?.mayHaveBeenSent == true)
                    #expect(try await site.interactions().isEmpty)
                    #expect(try site.requests("POST", suffix: "/interactions") == 1)
                    try #require(await server.isOpen(within: .seconds(120)))
                    _ = try await server.create(newAttempt(), attributes())
                }
            }
        }

        @Test func `a refused login holds every case and says who must act`() async throws {
            try await TestSite.run { site in
                let settings = try site.settings(password: "wrong-password")
                try await site.withServer(settings, isOpen: false) { server in
                    try await eventually("refused") { await server.unavailability?.cause == .cicCredentials }
                    let failed = await failure { () throws(RoutingFailure) in
                        try await server.create(newAttempt(), attributes())
                    }
                    #expect(failed?.kind == .held && failed?.cause == .cicCredentials)
                    #expect(failed?.response?.status == 400)
                    #expect("\(failed, default: "")".contains("wrong-password") == false)
                    try await site.control(
                        "configuration", ["users": [["name": "caserouter", "password": "wrong-password"]]],
                        method: .patch)
                    #expect(await server.isOpen(within: .seconds(120)))
                }
            }
        }

        @Test func `a session logs out when it is closed`() async throws {
            try await TestSite.run { site in
                try await site.withServer { _ in }
                try await eventually("logged out") {
                    try site.ledger("session").contains { $0["event"]?.string == "logged out" }
                }
            }
        }
    }
}
