import CaseRouting
import Foundation
import TestSupport
import Testing

/// Random histories through the real router and the real watch: changes out of order and twice, lost and late answers,
/// killed processes, a broken database, agents who take, give back and finish. At rest the model judges.
///
/// `CASEROUTER_TEST_HISTORIES` says how many; a failure prints its seed and what happened.
struct RandomHistoryTests {
    private static let histories =
        ProcessInfo.processInfo.environment["CASEROUTER_TEST_HISTORIES"].flatMap { Int($0) } ?? 60

    @Test func `whatever happens, the case ends where Salesforce has it, offered once`() {
        for seed in 1...UInt64(Self.histories) {
            var history = RandomHistory(seed: seed)
            if let problem = history.play() {
                Issue.record("seed \(seed): \(problem)\n\(history.log.joined(separator: "\n"))")
                return
            }
        }
    }
}

struct RandomHistory {
    private var random: SplitMix
    private let site: SimulatedSite
    /// Salesforce and the judge.
    private var world: FenceWorld
    private var workers: [Life]
    private var watch: Life
    private(set) var log: [String] = []

    init(seed: UInt64) {
        random = SplitMix(seed: seed)
        site = SimulatedSite(seed: seed)
        world = FenceWorld(
            .init(changes: 6, happenings: FenceWorld.Happening.allCases, mayLackRow: false), offered: nil)
        // Lent by the world: a case in queue A that an agent has finished with.
        site.shared.tables = world.tables
        workers = [site.startWorker(), site.startWorker()]
        watch = site.startWatch()
        world.agentEnds = 3
    }

    mutating func play() -> String? {
        site.run(for: .seconds(1))
        for _ in 0..<Int.random(in: 10...40, using: &random) {
            act()
            site.run(for: .milliseconds(Int.random(in: 0...(Bool.random(using: &random) ? 60 : 4_000), using: &random)))
            settle()
            if site.cic.mostRoutable > 1 { return "two routable interactions" }
        }
        return judge()
    }

    /// From here on nothing goes wrong any more.
    private mutating func judge() -> String? {
        site.shared.isBroken = false
        site.cic.faults = [:]
        for index in world.undelivered.shuffled(using: &random) { site.broker.publish(world.committed[index].change) }
        world.undelivered = []
        guard site.run(until: { site.isAtRest || waitsForAgent }, limit: .seconds(3_600)) else {
            return "no rest: \(site.state)"
        }
        site.run(for: .seconds(90))
        settle()
        if site.cic.mostRoutable > 1 { return "two routable interactions" }
        defer { site.stop() }
        return world.judgement
    }

    private var waitsForAgent: Bool {
        site.state.wanted == nil && site.state.sparesAgent
            && site.cic.routable.values.contains { $0.place == .withAgent } && site.broker.count == 0
    }

    private mutating func settle() {
        world.tables = site.shared.tables
        world.cic = site.cic.model
        world.settle()
    }

    private mutating func act() {
        switch Int.random(in: 0..<20, using: &random) {
        case 0..<7: change()
        case 7..<12: agent()
        case 12..<15: fault()
        case 15: again()
        case 16:
            log.append("\(site.simulation.clock.monotonic) a worker dies")
            site.kill(workers.removeFirst())
            workers.append(site.startWorker())
        case 17:
            log.append("\(site.simulation.clock.monotonic) the watch dies")
            site.kill(watch)
            watch = site.startWatch()
        case 18:
            log.append("\(site.simulation.clock.monotonic) the feed's session is lost")
            site.cic.cutSessions()
        default:
            log.append("\(site.simulation.clock.monotonic) the database breaks")
            site.shared.isBroken = true
            site.run(for: .milliseconds(Int.random(in: 1...3_000, using: &random)))
            site.shared.isBroken = false
        }
    }

    private mutating func change() {
        let commits = world.possible().filter { if case .commit = $0 { true } else { false } }
        guard case .commit(let happening, _, _)? = commits.randomElement(using: &random) else { return }
        world.commit(happening, inSameSecond: false, hasRow: true)
        log.append("\(site.simulation.clock.monotonic) Salesforce: \(happening)")
        // Delivered now, or out of order later, and all at the end.
        again()
    }

    /// Delivers what was not, or something a second time.
    private mutating func again() {
        guard let index = world.committed.indices.randomElement(using: &random) else { return }
        log.append("\(site.simulation.clock.monotonic) delivered: \(index)")
        world.undelivered.remove(index)
        site.broker.publish(world.committed[index].change)
    }

    private mutating func agent() {
        let routable = site.cic.routable.sorted { $0.key.description < $1.key.description }
        guard let (interaction, live) = routable.randomElement(using: &random) else { return }
        settle()
        if live.place == .waiting {
            log.append("\(site.simulation.clock.monotonic) picked up: \(interaction)")
            site.cic.pickUp(interaction)
        } else if world.agentEnds > 0 && Bool.random(using: &random) {
            world.agentEnds -= 1
            log.append("\(site.simulation.clock.monotonic) ended: \(interaction)")
            site.cic.end(interaction)
            world.answered.formUnion(world.committed.indices.filter { world.committed[$0].happening == .comment })
        } else {
            log.append("\(site.simulation.clock.monotonic) given back: \(interaction)")
            site.cic.giveBack(interaction)
        }
    }

    private mutating func fault() {
        let operations: [MemoryCIC.Operation] = [.create, .assign, .disconnect, .read, .find]
        let operation = operations.randomElement(using: &random) ?? .create
        let fault: MemoryCIC.Fault =
            switch Int.random(in: 0..<3, using: &random) {
            case 0: .requestLost
            case 1: .answerLost
            default: .late(.milliseconds(Int.random(in: 1...8_000, using: &random)))
            }
        log.append("\(site.simulation.clock.monotonic) the next \(operation): \(fault)")
        site.cic.faults[operation, default: []].append(fault)
    }
}
