import Testing

@testable import caserouter_dev

/// What a campaign breaks when, and what it thinks of the recoveries.
struct FaultPlanTests {
    private static let places = FaultPlaces(
        workers: ["ingest-1", "route-1", "serve-1"], brokers: ["broker"], cic: ["cic-east", "cic-west"], orgs: ["acme"],
        workgroups: ["cic-east/Support"])

    private static func plan(_ seed: UInt64, _ count: Int = 60) -> [String] {
        FaultPlan(seed: seed, count: count, kinds: FaultKind.allCases, seconds: 240, places: places).faults.map {
            "\($0.number) \($0.at) \($0.kind) \($0.target) \($0.seconds) \($0.form) \($0.seed)"
        }
    }

    @Test func `the same seed gives the same faults, and another seed gives others`() {
        #expect(Self.plan(7) == Self.plan(7))
        #expect(Self.plan(7) != Self.plan(8))
    }

    @Test func `every kind happens before one happens again, each with something to break`() {
        let kinds = FaultKind.allCases.count
        let faults = FaultPlan(
            seed: 3, count: 2 * kinds, kinds: FaultKind.allCases, seconds: 300, places: Self.places
        ).faults
        #expect(Set(faults.prefix(kinds).map(\.kind)).count == kinds)
        #expect(faults.allSatisfy { !$0.target.isEmpty })
        #expect(faults.allSatisfy { $0.at >= 3 && $0.at < 300 })
        #expect(zip(faults, faults.dropFirst()).allSatisfy { $0.at <= $1.at })
    }

    @Test func `what has to be named is neither in the usual kinds nor in a group`() throws {
        #expect(FaultKind.named.isDisjoint(with: FaultKind.usual))
        for kind in FaultKind.named {
            #expect(FaultKind.named(kind.rawValue) == [kind])
            let group = try #require(FaultKind.named(kind.group.rawValue))
            #expect(!group.contains(kind) && !group.isEmpty)
        }
    }

    private static func record(
        _ number: Int, _ kind: FaultKind, from start: Double, to end: Double, recovered: Double?, backlog: Double? = 0
    ) -> FaultRecord {
        FaultRecord(
            number: number, kind: kind, target: "", form: "", planned: start, start: start, end: end,
            recovered: recovered, backlog: backlog)
    }

    @Test func `a recovery beyond its bound is late, and one that never came`() {
        let records = [
            Self.record(1, .databaseRestarted, from: 0, to: 1, recovered: 14),
            Self.record(2, .databaseRestarted, from: 100, to: 101, recovered: 16),
            Self.record(3, .databaseRestarted, from: 200, to: 201, recovered: nil),
            Self.record(4, .workerKilled, from: 300, to: 301, recovered: 2, backlog: 41),
            Self.record(5, .workerKilled, from: 400, to: 401, recovered: 2, backlog: 39),
        ]
        #expect(records.late.map(\.number) == [2, 3, 4])
    }

    @Test func `a fault in the middle of a recovery begins its time anew`() {
        let first = Self.record(1, .databaseRestarted, from: 0, to: 1, recovered: 20)
        #expect([first].late.map(\.number) == [1])
        let within = Self.record(2, .linkCut, from: 5, to: 10, recovered: 11)
        #expect([first, within].late.isEmpty)
        let tooLong = Self.record(1, .databaseRestarted, from: 0, to: 1, recovered: 45)
        #expect([tooLong, within].late.map(\.number) == [1])
        let after = Self.record(2, .linkCut, from: 30, to: 31, recovered: 1)
        #expect([first, after].late.map(\.number) == [1])
    }
}
