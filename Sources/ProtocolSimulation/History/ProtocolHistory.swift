import CaseRouting
import Logging

/// One history: the whole core between neighbours in memory, in virtual time, while its seed decides what happens and what
/// goes wrong. Afterwards nothing goes wrong any more, everybody gets time, and the judge looks.
///
/// Everything runs on the caller's thread. Same seed, same history, in every process, provided that hashing is not seeded
/// by the process (`SWIFT_DETERMINISTIC_HASHING`).
// Touched on the simulation's thread only, which is the caller's.
public final class ProtocolHistory: @unchecked Sendable {
    /// What came of it.
    public struct Result: Sendable {
        public let seed: UInt64
        /// Nil: all promises were kept.
        public let problem: String?
        /// The same for two runs of one seed.
        public let hash: UInt64
        /// What happened, for people; empty unless asked for.
        public let lines: [String]
        /// How often each kind of fault happened.
        public let faults: [String: Int]
        public let cases: Int
        public let changes: Int
        public let virtualTime: Duration
    }

    let simulation: Simulation
    let shared: SharedTables
    let broker: MemoryBroker
    let org: MemoryOrg
    let failed = MemoryFailedQueue()
    let servers: [MemoryCIC]
    let configuration: RoutingConfiguration
    let trace: HistoryTrace
    let bounds: HistoryBounds
    let broken: BrokenWorker?
    let seed: UInt64
    var random: SplitMix
    var stories: [Story] = []
    var processes: [SimulatedProcess] = []
    var started: UInt64 = 0
    var changes = 0
    var lastVersion: Int64 = 10
    var faults: [String: Int] = [:]
    /// First promise that was broken, with the time.
    var violation: String?
    /// Creates that were sent.
    var sentAttempts: Set<AttemptID> = []
    /// Interactions that CIC will recover after a switchover.
    var recoveries = 0
    /// Servers that are being restarted: nothing else makes them answer.
    var restarting: Set<String> = []
    /// What a standby has that lags behind.
    var standby: (tables: CaseTables, ingest: IngestTables)?
    /// Requests of which the database has lost what it knew.
    var forgotten: Set<RequestKey> = []
    /// Messages that nobody can read.
    var poison: [[UInt8]] = []
    /// Interactions that were recovered later than CIC is given time for, by server and id: while one lives, its case may
    /// have another, until the watch hears of it.
    var late: [String: AttemptID] = [:]

    /// Plays a seed.
    ///
    /// - Parameters:
    ///   - isVerbose: keep what happens as text, which costs time.
    ///   - broken: a rule that its workers do not keep.
    public static func play(seed: UInt64, isVerbose: Bool = false, broken: BrokenWorker? = nil) -> Result {
        var history = ProtocolHistory(seed: seed, isVerbose: isVerbose, broken: broken)
        let result = history.play()
        // Or a hundred thousand would fill the memory.
        precondition(isKnownUniquelyReferenced(&history), "something keeps a history that is over")
        return result
    }

    private init(seed: UInt64, isVerbose: Bool, broken: BrokenWorker?) {
        self.seed = seed
        self.broken = broken
        random = SplitMix(seed: seed)
        bounds = HistoryBounds(&random, seed: seed)
        let simulation = Simulation(seed: seed &* 7 &+ 1)
        self.simulation = simulation
        shared = SharedTables(simulation, seed: seed &+ 1)
        broker = MemoryBroker(simulation.clock, seed: seed &+ 4)
        org = MemoryOrg(simulation)
        let names = bounds.hasTwoServers ? [Sample.cic, "branch"] : [Sample.cic]
        servers = names.enumerated().map { MemoryCIC(simulation, seed: seed &+ UInt64(5 + $0), name: $1) }
        configuration = Self.configuration(bounds, names)
        trace = HistoryTrace(simulation.clock, isVerbose: isVerbose)
        for number in 0..<bounds.cases {
            let story = Story(CaseKey(org: Sample.org, caseID: Sample.id("500A000000000\(number + 10)")))
            story.isHandedOn = bounds.contactOnUserOwned == .ownQueue
            story.isEndedWithUser = bounds.onUserOwner == .end
            story.isKeptUnmonitored = bounds.onUnmonitoredQueue == .keep
            stories.append(story)
        }
        shared.trace = trace
        shared.tables.mappings = Array(configuration.mappings.values)
        broker.dead = failed
        broker.reorders = bounds.reorders
        for server in servers {
            server.trace = trace
            server.model.reusesIDs = bounds.reusesIDs
            server.agentsHide = bounds.agentsHide
            server.disconnectDelay = bounds.disconnectDelay
        }
        watchPromises()
    }

    /// What people have set: two queues, of which the second may be on another server, and what becomes of the cases of users.
    private static func configuration(_ bounds: HistoryBounds, _ servers: [String]) -> RoutingConfiguration {
        func mapping(_ id: Int32, _ owner: RecordID, _ place: String, on server: String) -> Mapping {
            Mapping(
                id: id, org: Sample.org, queue: owner, cic: server, workgroup: place, onReply: bounds.onReply,
                onUnmonitoredQueue: bounds.onUnmonitoredQueue, onUserOwner: bounds.onUserOwner)
        }
        let other = servers[servers.count - 1]
        var mappings = [
            mapping(1, Sample.queueA, Sample.workgroupA, on: servers[0]),
            mapping(2, Sample.queueB, Sample.workgroupB, on: other),
        ]
        if bounds.contactOnUserOwned == .ownQueue {
            mappings.append(mapping(3, Sample.user, UserQueue(user: "anna").place, on: servers[0]))
            if bounds.hasTwoOwnQueues {
                mappings.append(mapping(4, Sample.otherUser, UserQueue(user: "bert").place, on: other))
            }
        }
        return Sample.configuration(contactOnUserOwned: bounds.contactOnUserOwned, mappings: mappings)
    }

    // MARK: Playing

    private func play() -> Result {
        for _ in 0..<2 {
            start(.route)
            start(.ingest)
        }
        run(.seconds(3))
        for _ in 0..<bounds.steps where violation == nil {
            act()
            wait(pause())
        }
        if violation == nil { heal() }
        if violation == nil { comeToRest() }
        let result = Result(
            seed: seed, problem: violation, hash: trace.hash, lines: trace.lines, faults: faults, cases: stories.count,
            changes: changes,
            virtualTime: simulation.clock.monotonic)
        end()
        return result
    }

    func run(_ duration: Duration) { simulation.run(for: duration) }

    /// Lets time pass in which nothing happens to anybody. After the first seconds nobody has to look often: looking and
    /// finding nothing would be most of what is computed.
    private func wait(_ duration: Duration) {
        let attentive: Duration = .seconds(2)
        guard duration > attentive * 2 else { return run(duration) }
        run(attentive)
        let hurries = living.map { ($0.life, $0.life.slowness) }
        for (life, _) in hurries { life.slowness = Self.patientSlowness }
        run(duration - attentive)
        for (life, slowness) in hurries { life.slowness = slowness }
    }

    static let patientSlowness = 40

    private func pause() -> Duration {
        switch Int.random(in: 0..<10, using: &random) {
        case 0..<4: .milliseconds(Int.random(in: 0...60, using: &random))
        case 4..<8: .milliseconds(Int.random(in: 60...4_000, using: &random))
        default: .seconds(Int.random(in: 4...45, using: &random))
        }
    }

    /// What everybody gets when nothing goes wrong any more.
    private static let patience: Duration = .seconds(3 * 3_600)

    private func comeToRest() {
        let end = simulation.clock.monotonic + Self.patience
        var problem: String?
        // At rest means to stay so.
        var quiet = 0
        while quiet < 2 {
            wait(.seconds(quiet > 0 ? 60 : 10))
            if violation != nil { return }
            settle()
            operators()
            problem = unrest ?? poisonProblem ?? judgement
            quiet = problem == nil ? quiet + 1 : 0
            if simulation.clock.monotonic > end { break }
        }
        if let problem { violated("never came to rest: \(problem)") }
    }

    private func end() {
        for process in processes { kill(process) }
        run(.seconds(2))
    }
}
