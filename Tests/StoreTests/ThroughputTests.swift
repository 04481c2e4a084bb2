import CaseRouting
import Foundation
import Glibc
import Postgres
import Testing

@testable import Store

/// What a normal case costs: read, merge with claim, win, record.
@Suite(.serialized) struct ThroughputTests {
    /// Cases of one run and how many are in flight. The figures are printed; the bound only catches a lost plan.
    @Test func `a normal case costs the database well under a millisecond`() async throws {
        try await StoreFixture.with { fixture in
            let inFlight = Int(ProcessInfo.processInfo.environment["CASEROUTER_TEST_IN_FLIGHT"] ?? "") ?? 200
            let count = Int(ProcessInfo.processInfo.environment["CASEROUTER_TEST_CASES"] ?? "") ?? 2_000
            try await Self.route(1...200, inFlight: inFlight, fixture)
            let flushes = await fixture.connections.batcher.statistics.flushes
            let server = try await Self.serverCPU(fixture), client = Self.clientCPU()
            let begin = ContinuousClock.now
            try await Self.route(1_001...(1_000 + count), inFlight: inFlight, fixture)
            let wall = ContinuousClock.now - begin
            let perCase = (try await Self.serverCPU(fixture) - server) / Double(count)
            let ofClient = (Self.clientCPU() - client) / Double(count)
            let flushed = await fixture.connections.batcher.statistics.flushes - flushes
            print(
                """
                \(count) cases, \(inFlight) in flight: database \(Int(perCase)) µs, client \(Int(ofClient)) µs a case, \
                \(flushed) flushes, \(wall)
                """)
            #expect(perCase < 1_000 || inFlight < 20)
            #expect(
                try await fixture.number("SELECT routed FROM report.accounting") == Int64(count + 200))
        }
    }

    private static func route(_ numbers: ClosedRange<Int>, inFlight: Int, _ fixture: StoreFixture) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for lane in 0..<inFlight {
                group.addTask(executorPreference: fixture.executor) {
                    var number = numbers.lowerBound + lane
                    while number <= numbers.upperBound {
                        _ = try await fixture.place(
                            .make(.created, of: number, version: 1), interaction: InteractionID("n\(number)"))
                        number += inFlight
                    }
                }
            }
            try await group.waitForAll()
        }
    }

    /// User and system time of the server's sessions of this test, in microseconds.
    private static func serverCPU(_ fixture: StoreFixture) async throws -> Double {
        let rows = try await fixture.sql.query(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")
        var total = 0.0
        for row in rows {
            let stat = try String(contentsOfFile: "/proc/\(try row.int32(0))/stat", encoding: .utf8)
            let fields = stat[stat.lastIndex(of: ")")!...].split(separator: " ")
            total += (Double(fields[12])! + Double(fields[13])!) * 1_000_000 / Double(sysconf(Int32(_SC_CLK_TCK)))
        }
        return total
    }

    private static func clientCPU() -> Double {
        var usage = rusage()
        // RUSAGE_SELF, whose type the import gets wrong.
        getrusage(0, &usage)
        func microseconds(_ time: timeval) -> Double { Double(time.tv_sec) * 1_000_000 + Double(time.tv_usec) }
        return microseconds(usage.ru_utime) + microseconds(usage.ru_stime)
    }
}
