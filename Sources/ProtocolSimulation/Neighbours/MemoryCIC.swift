import CaseRouting

/// A CIC site of a simulation: holding, workgroups, agents, numbers in force, and a second server that may take over.
/// Touched on the simulation's thread only, like `SharedTables`.
public final class MemoryCIC: @unchecked Sendable {
    public enum Operation: Hashable, Sendable { case create, assign, disconnect, read, find }

    public enum Fault: Sendable {
        /// The request never arrives.
        case requestLost
        /// It takes effect, and nobody hears of that.
        case answerLost
        /// It takes effect that much later, and whoever asked waits for it.
        case late(Duration)
        /// It takes effect that much later; whoever asked has given up after ten seconds at the latest.
        case afterDeadline(Duration)
        /// It takes effect now, and once more that much later.
        case twice(Duration)
        case refused(RoutingFailure)
    }

    public static let holding = "CaseRouter"

    public var model = HandlerModel() { didSet { clock.ring(news) } }
    public var identity = "server-a" { didSet { clock.ring(news) } }
    public var isReachable = true { didSet { clock.ring(news) } }
    /// False: the sessions are lost and none is opened, so that nothing is sent at all.
    public var hasSessions = true { didSet { clock.ring(news) } }
    /// Workgroups whose queue the user may not see.
    public var unreadable: Set<String> = []
    /// The user may see no names: the lists of them are empty.
    public var hidesNames = false
    /// How long it takes to tell them all, and how often that was done.
    public var namesTake = Duration.zero
    public internal(set) var namesTold = 0
    /// Faults of the next calls, by operation, first come.
    public var faults: [Operation: [Fault]] = [:]
    /// Operations that a test does not expect: calling one is an issue.
    public var unexpected: Set<Operation> = []
    public private(set) var calls: [Operation: Int] = [:]
    /// Every interaction that was ever made routable, in order.
    public private(set) var offered: [InteractionID] = []
    /// Most interactions of one case that were routable at one time.
    public private(set) var mostRoutable = 0
    /// An interaction with an agent leaves the workgroup's queue.
    public var agentsHide = false
    /// A disconnect is accepted and takes effect this much later.
    public var disconnectDelay: Duration = .zero
    /// Attempts of what agents have, as a watch was told last.
    private(set) var toldWithAgents: Set<AttemptID> = []
    private var disconnects: [(at: Duration, interaction: InteractionID, attempt: AttemptID)] = []
    /// What was sent before one takes no effect after it.
    private var restarts = 0
    /// Rises with every new session of the feed.
    public private(set) var sessions = 1
    /// How often all sessions were lost for a moment, and until when none is open again.
    private var cuts = 0
    private(set) var sessionsBackAt: Duration = .zero

    /// Called when something is different.
    public var onChange: (() -> Void)?
    /// Called when a create is sent.
    public var onCreate: ((AttemptID) -> Void)?
    /// What happens is written here.
    public var trace: HistoryTrace?
    public let name: String
    let news = Bell()
    let clock: VirtualClock
    let random: SeededRandom

    public init(_ simulation: Simulation, seed: UInt64, name: String = Sample.cic) {
        self.name = name
        clock = simulation.clock
        random = SeededRandom(seed: seed)
    }

    // MARK: What people and CIC do

    public var routable: [InteractionID: HandlerModel.Live] { model.interactions.filter { $0.value.place != .holding } }

    public func pickUp(_ interaction: InteractionID) {
        model.pickUp(interaction)
        changed()
    }

    public func giveBack(_ interaction: InteractionID) {
        model.giveBack(interaction)
        changed()
    }

    /// It rings at an agent, or no longer.
    public func ring(_ interaction: InteractionID, _ rings: Bool = true) {
        model.ring(interaction, rings)
        changed()
    }

    public func end(_ interaction: InteractionID) {
        model.interactions[interaction] = nil
        changed()
    }

    /// All sessions are lost and opened again, with the same server. What is on its way is refused; until the sessions are
    /// back, nothing is sent.
    public func cutSessions() {
        sessions += 1
        cuts += 1
        sessionsBackAt = clock.monotonic + Self.reopening
        clock.ring(news)
    }

    /// What opening a session takes.
    private static let reopening: Duration = .milliseconds(300)

    /// The other server takes over with nothing; what is in the result may be recovered later.
    public func switchOver() -> [HandlerModel.Live] {
        let lost = model.interactions.sorted { $0.key.description < $1.key.description }.map(\.value)
        model.interactions = [:]
        identity = identity == "server-a" ? "server-b" : "server-a"
        sessions += 1
        changed()
        return lost
    }

    /// The server starts anew under its name, and knows nothing; it gives ids from the first on.
    public func restart() {
        model.interactions = [:]
        model.created = 0
        disconnects = []
        restarts += 1
        sessions += 1
        changed()
    }

    /// CIC recovers an interaction under a new id.
    @discardableResult
    public func recover(_ live: HandlerModel.Live, _ isAbout: (InteractionID) -> Void = { _ in }) -> InteractionID {
        let interaction = model.create(live.episode, live.attempt)
        isAbout(interaction)
        model.interactions[interaction] = live
        model.ring(interaction, false)
        changed()
        return interaction
    }

    /// A watch hears of it.
    func tell(_ attempt: AttemptID, isWithAgent: Bool) {
        if isWithAgent { toldWithAgents.insert(attempt) } else { toldWithAgents.remove(attempt) }
    }

    // MARK: Calls

    /// Time, faults and effects of one call.
    func call<Value: Sendable>(
        _ operation: Operation, _ life: Life, lost: RoutingFailure, _ effect: @escaping @Sendable (MemoryCIC) -> Value,
        sending: () -> Void = {}
    ) async throws(RoutingFailure) -> Value {
        calls[operation, default: 0] += 1
        precondition(!unexpected.contains(operation), "\(operation) was called")
        if life.isDisturbed(clock) { await life.step(clock) }
        if life.isOver { throw SharedTables.broken }
        let fault = faults[operation]?.isEmpty == false ? faults[operation]?.removeFirst() : nil
        let isAbout = (identity, restarts)
        let sentIn = cuts
        sending()
        trace?.say(
            "call", calls[operation] ?? 0, text: "\(life.name): \(operation) is sent\(fault.map { ", \($0)" } ?? "")")
        try await pass(.microseconds(Int64(500 + random.next() % 20_000)), life)
        if !isReachable {
            throw RoutingFailure(.transient, at: .read, cause: .cicUnreachable, "CIC does not answer.")
        }
        if cuts != sentIn {
            throw RoutingFailure(.held, at: .read, cause: .cicUnreachable, "CIC had ended the session.")
        }
        switch fault {
        case .refused(let failure): throw failure
        case .requestLost:
            try await pass(.seconds(10), life)
            throw lost
        case .late(let delay): try await pass(delay, life)
        case .afterDeadline(let delay):
            clock.schedule(after: delay) { self.takeEffect(operation, isAbout, effect) }
            try await pass(min(delay, .seconds(10)), life)
            throw lost
        case .twice(let delay): clock.schedule(after: delay) { self.takeEffect(operation, isAbout, effect) }
        case .answerLost, nil: break
        }
        // A request to a server that has lost its role, or was restarted, takes no effect.
        guard let value = takeEffect(operation, isAbout, effect) else { throw lost }
        if case .answerLost = fault {
            try await pass(.seconds(10), life)
            throw lost
        }
        try await pass(.microseconds(Int64(500 + random.next() % 20_000)), life)
        if life.isDisturbed(clock) { await life.step(clock) }
        return value
    }

    /// Nil: it was sent to a server that has lost its role or was restarted.
    @discardableResult
    private func takeEffect<Value>(
        _ operation: Operation, _ isAbout: (String, Int), _ effect: (MemoryCIC) -> Value
    ) -> Value? {
        catchUp()
        guard isAbout == (identity, restarts) else { return nil }
        let before = trace?.isVerbose == true ? model : nil
        let value = effect(self)
        if let before {
            trace?.say("effect", text: "\(name): \(operation) takes effect\(model.differences(from: before))")
        } else {
            trace?.say("effect", model.interactions.count, text: "")
        }
        changed()
        return value
    }

    /// Something is different now.
    func changed() {
        watchRoutable()
        onChange?()
    }

    /// A process that dies while a request is on its way does not stop the request.
    private func pass(_ duration: Duration, _ life: Life) async throws(RoutingFailure) {
        do throws(CancellationError) { try await clock.sleep(for: duration) } catch {
            // What was sent takes effect all the same.
        }
    }

    func disconnect(_ interaction: InteractionID, _ attempt: AttemptID) {
        disconnects.append((clock.monotonic + disconnectDelay, interaction, attempt))
        catchUp()
        if disconnectDelay > .zero {
            clock.schedule(after: disconnectDelay) {
                self.catchUp()
                self.changed()
            }
        }
    }

    /// What was accepted and is due takes effect.
    func catchUp() {
        for due in disconnects where due.at <= clock.monotonic { model.disconnect(due.interaction, due.attempt) }
        disconnects.removeAll { $0.at <= clock.monotonic }
    }

    private func watchRoutable() {
        var count: [CaseKey: Int] = [:]
        for (interaction, live) in routable {
            count[live.episode.caseKey, default: 0] += 1
            if !offered.contains(interaction) { offered.append(interaction) }
        }
        mostRoutable = max(mostRoutable, count.values.max() ?? 0)
    }
}
