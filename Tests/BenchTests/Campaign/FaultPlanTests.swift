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

    @Test func `every kind happens once in a round and those at points five times, each with something to break`() {
        let round = FaultKind.allCases.count + 2 * 4
        let faults = FaultPlan(
            seed: 3, count: 2 * round, kinds: FaultKind.allCases, seconds: 300, places: Self.places
        ).faults
        for kind in FaultKind.allCases {
            #expect(faults.prefix(round).count { $0.kind == kind } == (kind.isAtPoint ? 5 : 1))
        }
        #expect(faults.allSatisfy { !$0.target.isEmpty })
        #expect(faults.allSatisfy { $0.at >= 3 && $0.at < 300 })
        #expect(zip(faults, faults.dropFirst()).allSatisfy { $0.at <= $1.at })
    }

    @Test(arguments: FaultKind.usual)
    func `every form of a kind has its turn before one has it again`(_ kind: FaultKind) {
        let faults = FaultPlan(seed: 4, count: 80, kinds: [kind], seconds: 400, places: Self.places).faults
        for (_, ofOne) in Dictionary(grouping: faults, by: \.target) {
            let forms = Set(ofOne.map(\.form))
            #expect(Set(ofOne.prefix(forms.count).map(\.form)) == forms)
        }
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

    /// Numbers of those that are late.
    private static func late(_ records: FaultRecord...) -> [Int] {
        records.judgements.filter(\.isLate).map(\.fault.number)
    }

    @Test func `a recovery beyond its bound is late, and one that never came`() {
        let late = Self.late(
            Self.record(1, .databaseRestarted, from: 0, to: 1, recovered: 14),
            Self.record(2, .databaseRestarted, from: 100, to: 101, recovered: 16),
            Self.record(3, .databaseRestarted, from: 200, to: 201, recovered: nil),
            Self.record(4, .workerKilled, from: 300, to: 301, recovered: 2, backlog: 41),
            Self.record(5, .workerKilled, from: 400, to: 401, recovered: 2, backlog: 39))
        #expect(late == [2, 3, 4])
    }

    @Test func `what no row told is judged by the cases of that time, and is in the way of others until then`() {
        let swept = Self.record(1, .triggersOff, from: 0, to: 4, recovered: 1, backlog: 135)
        let killed = Self.record(2, .workerKilled, from: 100, to: 101, recovered: 2, backlog: 38)
        let waiting = Self.record(3, .workerKilled, from: 50, to: 51, recovered: 2, backlog: 88)
        #expect(Self.late(swept, killed, waiting) == [])
        let late = Self.record(1, .triggersOff, from: 0, to: 4, recovered: 1, backlog: 151)
        #expect(Self.late(late) == [1])
    }

    @Test func `an org that refused is in the way for a minute, although cases flow at once`() {
        let refused = Self.record(1, .requestLimit, from: 0, to: 11, recovered: 0.1)
        let within = Self.record(2, .eventLimit, from: 12, to: 14, recovered: 61)
        #expect(Self.late(refused, within) == [])
        let afterwards = Self.record(2, .eventLimit, from: 72, to: 74, recovered: 61)
        #expect(Self.late(refused, afterwards) == [2])
    }

    @Test func `the duties of a dead worker are in the way until another has them, although cases flow at once`() {
        let killed = Self.record(1, .workerKilled, from: 0, to: 0, recovered: 0.5)
        let within = Self.record(2, .databaseKilled, from: 2, to: 4, recovered: 29)
        #expect(Self.late(killed, within) == [])
        let afterwards = Self.record(2, .databaseKilled, from: 37, to: 39, recovered: 29)
        #expect(Self.late(killed, afterwards) == [2])
        let asked = Self.record(1, .workerTerminated, from: 0, to: 0, recovered: 0.5)
        #expect(Self.late(asked, within) == [2])
    }

    @Test func `a fault in the middle of a recovery begins its time anew`() {
        let first = Self.record(1, .databaseRestarted, from: 0, to: 1, recovered: 20)
        #expect(Self.late(first) == [1])
        let within = Self.record(2, .linkCut, from: 5, to: 10, recovered: 11)
        #expect(Self.late(first, within) == [])
        let tooLong = Self.record(1, .databaseRestarted, from: 0, to: 1, recovered: 45)
        #expect(Self.late(tooLong, within) == [1])
        let after = Self.record(2, .linkCut, from: 17, to: 18, recovered: 1)
        #expect(Self.late(first, after) == [1])
    }

    @Test func `late is late although other faults follow for ever`() {
        let late = Self.record(1, .brokerKilled, from: 0, to: 1, recovered: 154)
        let others = (2...40).map { number in
            let start = Double(number) * 4
            return Self.record(number, .linkCut, from: start, to: start + 3, recovered: 1)
        }
        let judgements = ([late] + others).judgements
        #expect(judgements.filter(\.isLate).map(\.fault.number) == [1])
        // The second one came before ten seconds were over, and ended after eleven; nothing after it counts.
        #expect(judgements[0].others == [2] && judgements[0].allowed == 40)
    }

    @Test
    func `a fault that struck earlier is in the way until it is recovered from, and for no longer than it may be`() {
        let recovered = Self.record(1, .streamSilent, from: 0, to: 4, recovered: 3)
        let later = Self.record(2, .databaseRestarted, from: 10, to: 11, recovered: 16)
        #expect(Self.late(recovered, later) == [2])
        let slow = Self.record(1, .streamSilent, from: 0, to: 4, recovered: 30)
        #expect(Self.late(slow, later) == [])
        let endless = Self.record(1, .streamSilent, from: 0, to: 4, recovered: nil)
        let laterStill = Self.record(2, .databaseRestarted, from: 40, to: 41, recovered: 16)
        #expect(Self.late(endless, laterStill) == [1])
        let beyond = Self.record(2, .databaseRestarted, from: 65, to: 66, recovered: 16)
        #expect(Self.late(endless, beyond) == [1, 2])
    }

    @Test func `every third fault stands alone, every fifth of few, with as much room on both sides as another has`() {
        for (count, every, seconds) in [(60, 3, 406.0), (30, 5, 174.0)] {
            let faults = FaultPlan(
                seed: 5, count: count, kinds: FaultKind.usual, seconds: seconds, places: Self.places
            ).faults
            #expect(faults.filter(\.isAlone).map(\.number) == Array(stride(from: every, through: count, by: every)))
            for (one, next) in zip(faults, faults.dropFirst()) where one.isAlone || next.isAlone {
                #expect(next.at - one.at > 4 && next.at < seconds)
            }
        }
    }

    @Test func `of three nodes the leader is killed every second time`() {
        let places = FaultPlaces(
            workers: ["route-1"], brokers: ["broker", "broker-2", "broker-3"], cic: [], orgs: [], workgroups: [])
        let faults = FaultPlan(seed: 1, count: 6, kinds: [.brokerKilled], seconds: 60, places: places).faults
        #expect(faults.map { $0.form == "leader" } == [true, false, true, false, true, false])
        let alone = FaultPlan(seed: 1, count: 6, kinds: [.brokerKilled], seconds: 60, places: Self.places).faults
        #expect(alone.allSatisfy { $0.form.isEmpty })
    }

    @Test func `a fault that leads to a switchover has a switchover's bound`() {
        var record = Self.record(1, .killedAtPoint, from: 0, to: 1, recovered: 60, backlog: 70)
        #expect(Self.late(record) == [1])
        record.form = "switchover.seen"
        #expect(Self.late(record) == [])
    }
}
