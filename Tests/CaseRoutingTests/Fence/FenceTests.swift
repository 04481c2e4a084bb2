import CaseRouting
import Foundation
import TestSupport
import Testing

/// `decide` and `nextStep` under the judgement of the model. `CASEROUTER_TEST_SCRIPTS` says how many random runs each
/// test makes; a failure prints the seed and the whole run.
struct FenceTests {
    private static let runs =
        ProcessInfo.processInfo.environment["CASEROUTER_TEST_SCRIPTS"].flatMap { Int($0) } ?? 500

    @Test func `two changes in any order leave nobody unoffered`() { walk(.init(changes: 2), seed: 1) }

    @Test func `three changes in any order leave nobody unoffered`() { walk(.init(changes: 3), seed: 2) }

    @Test func `four changes with a row each leave nobody unoffered`() {
        walk(.init(changes: 4, mayLackRow: false), seed: 4)
    }

    @Test func `versions in whole seconds leave nobody unoffered`() {
        walk(.init(changes: 3, isLegacy: true, mayLackRow: false), seed: 5)
    }

    @Test func `versions in whole seconds and a missing row leave nobody unoffered`() {
        walk(.init(changes: 2, isLegacy: true), seed: 6)
    }

    @Test func `unmonitored queues in between leave nobody unoffered`() {
        walk(.init(changes: 3, happenings: FenceWorld.Happening.allCases), seed: 7)
    }

    @Test func `four changes with unmonitored queues in between leave nobody unoffered`() {
        walk(.init(changes: 4, happenings: FenceWorld.Happening.allCases, mayLackRow: false), seed: 8)
    }

    private func walk(_ bounds: FenceWorld.Bounds, seed: UInt64) {
        for run in 0..<Self.runs {
            var random = SplitMix(seed: seed << 32 | UInt64(run))
            var world = FenceWorld(bounds, offered: [nil, false, true].randomElement(using: &random)!)
            if let problem = finish(&world, &random) {
                Issue.record("seed \(seed), run \(run): \(problem)\n\(world.trace.joined(separator: "\n"))")
                return
            }
        }
    }

    /// Acts at random until nothing is left to do; returns what is wrong.
    private func finish(_ world: inout FenceWorld, _ random: inout SplitMix) -> String? {
        // How eager Salesforce and agents are against the workers differs from run to run.
        let eagerness = Int.random(in: 1...6, using: &random)
        for _ in 0..<600 {
            let actions = world.possible()
            let duties = actions.filter(\.isDuty)
            if duties.isEmpty {
                if let problem = world.judgement { return problem }
                if world.committed.count == world.bounds.changes { return nil }
            }
            let pool = duties.isEmpty || Int.random(in: 0..<eagerness, using: &random) == 0 ? actions : duties
            guard let action = pool.randomElement(using: &random) else { return nil }
            world.perform(action)
            if let problem = world.violation { return problem }
        }
        return "no end within 600 actions"
    }
}
