import Foundation

/// Everything one site knows. Never shared: `CICSite` lends it to one caller at a time.
///
/// Split by theme into extensions: Connection, Messaging, Interactions, Queues, Lists, Status, Handler, Agents,
/// Switchover, Control.
final class CICState {
    var configuration: CICSimulatorConfiguration
    /// What `reset` goes back to.
    private let initial: CICSimulatorConfiguration
    /// Where the hosts listen, once they do.
    var addresses: [(name: String, port: Int)] = []
    /// Index of the host that takes sessions.
    var active = 0
    /// Rises with every switchover; what was under way in the server that died is not done by its successor.
    var epoch = 0
    /// The server that was active before and still answers on its host, beside this one.
    var deposed: CICState?
    /// What lines of interactions are called.
    var ledgerKind = "interaction"
    /// Both hosts refuse until this time.
    var refusingUntil: ContinuousClock.Instant?
    /// Time of the current turn.
    var now = ContinuousClock.now

    // Sessions.
    var sessions: [String: CICSession] = [:]
    /// Sessions that are over, which may still ask for their connection's state.
    var former: [String: CICSession] = [:]
    var formerOrder: [String] = []
    var nextSession = Int.random(in: 100_000_000...900_000_000)
    var tokens: [CICAuthToken] = []
    /// Sessions whose reader has something to read, woken after the ledger is written.
    var woken: [CICSession] = []

    // Interactions.
    var interactions: [String: CICInteraction] = [:]
    var nextSerial = 0
    var nextID = 1_001_000_000
    var freeIDs: [String] = []
    var attributeNames = CICAttributeNames()
    var queues: [CICQueueName: CICQueue] = [:]

    // What is configured, by name.
    var workgroups: [String: CICWorkgroup] = [:]
    var skills: Set<String> = []
    var agents: [String: CICAgent] = [:]
    /// Users all the same, but their agents went over to the other server.
    var agentsElsewhere: Set<String> = []
    var directory = CICDirectory()
    var workgroupAgents: [String: [CICAgent]] = [:]
    var waiting: [String: CICWaiting] = [:]
    var waitingNumber = 0
    var statuses: [String: CICUserStatus] = [:]
    var nextRequest = 0

    // Faults and time.
    var faults: [CICFault] = []
    /// How many requests they have struck since they were cleared last.
    var faultsStruck = 0
    var attributeKeys = "asked"
    var timers = CICTimers()
    /// Ledger lines of this turn.
    var lines: [UInt8] = []

    init(configuration: CICSimulatorConfiguration) {
        self.configuration = configuration
        initial = configuration
        reset()
    }

    /// Back to what the configuration says; sessions end.
    func reset() {
        stepDown()
        for session in Array(sessions.values) { end(session, reason: "reset") }
        for interaction in Array(interactions.values) { vanish(interaction, event: "lost", by: "control") }
        configuration = initial
        attributeKeys = "asked"
        statuses = [:]
        directory = CICDirectory()
        queues = [:]
        faults = []
        faultsStruck = 0
        timers = CICTimers()
        refusingUntil = nil
        freeIDs = []
        skills = Set(configuration.skills)
        workgroups = Dictionary(configuration.workgroups.map { ($0.name, $0) }, uniquingKeysWith: { $1 })
        agents = [:]
        workgroupAgents = [:]
        waiting = [:]
        for settings in configuration.agents { addAgent(settings) }
    }

    // MARK: Ledger

    func recordRequest(host: Int, method: String, path: String, status: Int) {
        lines.add("\"kind\":\"request\",\"host\":")
        lines.add(string: addresses.indices.contains(host) ? addresses[host].name : "")
        lines.add(",\"method\":")
        lines.add(string: method)
        lines.add(",\"path\":")
        lines.add(string: path)
        lines.add(",\"status\":")
        lines.add(number: status)
        lines.add("\n")
    }

    func record(_ session: CICSession, event: String) {
        lines.add("\"kind\":\"session\",\"server\":")
        lines.add(string: configuration.server)
        lines.add(",\"host\":")
        lines.add(string: addresses.indices.contains(session.host) ? addresses[session.host].name : "")
        lines.add(",\"session\":")
        lines.add(string: session.id)
        lines.add(",\"event\":")
        lines.add(string: event)
        lines.add("\n")
    }

    /// Whether one server of the pair answers or both do.
    func recordPair(_ event: String) {
        lines.add("\"kind\":\"pair\",\"server\":")
        lines.add(string: configuration.server)
        lines.add(",\"event\":")
        lines.add(string: event)
        lines.add("\n")
    }

    /// Every effect on an interaction has a line, written before anybody can see the effect.
    func record(_ interaction: CICInteraction, _ event: String, by: String) {
        lines.add("\"kind\":")
        lines.add(string: ledgerKind)
        lines.add(",\"server\":")
        lines.add(string: configuration.server)
        lines.add(",\"interaction\":")
        lines.add(string: interaction.id)
        lines.add(",\"event\":")
        lines.add(string: event)
        lines.add(",\"by\":")
        lines.add(string: by)
        lines.add(",\"media\":")
        lines.add(string: interaction.kind.rawValue)
        lines.add(",\"queueType\":")
        lines.add(number: interaction.workgroup == nil ? 1 : 2)
        lines.add(",\"queue\":")
        lines.add(string: interaction.workgroup ?? interaction.agent ?? "")
        lines.add(",\"state\":")
        lines.add(string: interaction.state.rawValue)
        lines.add(",\"agent\":")
        if let agent = interaction.agent { lines.add(string: agent) } else { lines.add("null") }
        lines.add(",\"attributes\":")
        lines.append(contentsOf: interaction.encodedAttributes(attributeNames))
        lines.add("\n")
    }

    // MARK: Time

    /// Does something later; at once when the delay is 0.
    func after(_ milliseconds: Int, _ action: @escaping (CICState) -> Void) {
        guard milliseconds > 0 else { return action(self) }
        timers.add(due: now + .milliseconds(milliseconds), action)
    }

    /// Called every few milliseconds.
    func tick() {
        while let action = timers.takeDue(now) { action(self) }
        for session in Array(sessions.values) {
            if session.reader == nil, now - session.lastUsed > .seconds(configuration.idleSeconds) {
                end(session, reason: "expired")
            } else if session.reader != nil, now - session.lastWrite > .seconds(configuration.pingSeconds) {
                session.pingDue = true
                woken.append(session)
            }
        }
    }

    static func compactTime(_ date: Date = Date()) -> String {
        let style = Date.ISO8601FormatStyle(
            dateSeparator: .omitted, dateTimeSeparator: .standard, timeSeparator: .omitted, timeZone: .gmt)
        return date.formatted(style)
    }
}

/// Things to do later, the earliest first: a binary heap.
struct CICTimers {
    private var heap: [(due: ContinuousClock.Instant, number: Int, action: (CICState) -> Void)] = []
    private var next = 0

    mutating func add(due: ContinuousClock.Instant, _ action: @escaping (CICState) -> Void) {
        heap.append((due, next, action))
        next += 1
        var child = heap.count - 1
        while child > 0, before(child, (child - 1) / 2) {
            heap.swapAt(child, (child - 1) / 2)
            child = (child - 1) / 2
        }
    }

    mutating func takeDue(_ now: ContinuousClock.Instant) -> ((CICState) -> Void)? {
        guard let first = heap.first, first.due <= now else { return nil }
        heap.swapAt(0, heap.count - 1)
        heap.removeLast()
        var parent = 0
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2] where child < heap.count && before(child, least) {
                least = child
            }
            if least == parent { return first.action }
            heap.swapAt(parent, least)
            parent = least
        }
    }

    private func before(_ left: Int, _ right: Int) -> Bool {
        (heap[left].due, heap[left].number) < (heap[right].due, heap[right].number)
    }
}
