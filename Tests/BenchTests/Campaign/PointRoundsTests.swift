import Testing

@testable import caserouter_dev

/// In which order a campaign strikes at the named points.
struct PointRoundsTests {
    private static let all =
        Failpoints.ingest + Failpoints.route + Failpoints.operators + Failpoints.conditional.keys.sorted()

    private static func round(_ rounds: PointRounds, _ kind: FaultKind) -> [String] {
        all.map { _ in
            let point = rounds.next(kind)
            rounds.hit(kind, point, 1)
            return point
        }
    }

    @Test func `every point has its turn before one has it again, in an order that the seed decides`() {
        let rounds = PointRounds(seed: 1)
        let first = Self.round(rounds, .killedAtPoint)
        #expect(Set(first) == Set(Self.all))
        #expect(Self.round(rounds, .killedAtPoint) == first)
        #expect(Self.round(PointRounds(seed: 1), .killedAtPoint) == first)
        #expect(Self.round(PointRounds(seed: 2), .killedAtPoint) != first)
        #expect(rounds.strikes["create.won"] == PointRounds.Strikes(killed: 2, frozen: 0))
    }

    @Test func `a point that nobody came past has its turn again after twelve others`() {
        let rounds = PointRounds(seed: 1)
        let missed = rounds.next(.frozenAtPoint)
        rounds.miss(.frozenAtPoint, missed)
        let next = (0..<13).map { _ in
            let point = rounds.next(.frozenAtPoint)
            rounds.hit(.frozenAtPoint, point, 1)
            return point
        }
        #expect(next.last == missed && !next.dropLast().contains(missed))
        #expect(rounds.strikes[missed] == PointRounds.Strikes(killed: 0, frozen: 1))
    }
}
