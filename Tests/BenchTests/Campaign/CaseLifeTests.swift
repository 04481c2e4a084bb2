import Testing

@testable import caserouter_dev

/// What happens to the cases of a campaign.
struct CaseLifeTests {
    private static func steps(_ number: Int) -> [CaseLife.Step] {
        var life = CaseLife(seed: 3, number: number)
        var steps: [CaseLife.Step] = []
        while steps.count < 40, let step = life.next() { steps.append(step) }
        return steps
    }

    private static let lives = (0..<500).map(steps)

    @Test func `every step happens`() {
        #expect(Set(Self.lives.flatMap { $0 }) == Set(CaseLife.Step.allCases))
    }

    @Test func `a deleted case is over, or is taken out of the bin and lives on`() {
        for life in Self.lives {
            for (step, next) in zip(life, life.dropFirst()) {
                #expect((step == .delete) == (next == .undelete))
            }
        }
        #expect(Self.lives.contains { $0.last == .delete })
        #expect(Self.lives.contains { ($0.firstIndex(of: .undelete) ?? .max) < $0.count - 1 })
    }

    @Test func `the same seed is the same life`() {
        #expect((0..<500).map(Self.steps) == Self.lives)
    }
}
