/// What the CIC ledgers say about every case: which interactions it had at which instant, and who ended them.
///
/// Every `interaction` line shows the interaction as it is after the event, so the newest line is all there is to
/// know about it. It is *live* until it is disconnected, deallocated or lost, or its state is `I` or `E`; where it is
/// lies in `queue`, the workgroup it waits on or was taken from. Ids are used again: after an end the same id is
/// somebody else.
struct CICEvidence {
    struct AgentEnd: Equatable {
        let place: Site.Place
        /// Microseconds since 1970.
        let at: Int64
    }

    /// The product moved an interaction to a workgroup on which agents are offered it.
    struct Placement {
        let place: Site.Place
        let at: Int64
        let source: Source
    }

    struct CaseState {
        /// Indexes of `incarnations`.
        var all: [Int] = []
        var live: [Int] = []
        var agentEnds: [AgentEnd] = []
        var placements: [Placement] = []
        /// The first instant at which two agents could have had the case.
        var doubled: (at: Int64, interactions: [Int], source: Source)?
        /// The same, where one of them had been recovered later than its server's recovery wait, or was on another server
        /// than the other and had been recovered while both of its own pair answered.
        var lateRecovery: (at: Int64, interactions: [Int], source: Source)?
        /// The first time that an interaction's number fell.
        var numberFell: (from: Int64, to: Int64, source: Source)?
    }

    /// The product changed an interaction that is somebody else's.
    struct Trespass {
        let name: String
        let event: String
        let at: Int64
        let source: Source
    }

    private struct Slot: Hashable {
        let server: String
        let id: String
    }

    private(set) var cases: [CaseKey: CaseState] = [:]
    private(set) var incarnations: [Incarnation] = []
    /// Interactions that the product created with an attempt's id: attempt → indexes of `incarnations`.
    private(set) var creations: [String: [Int]] = [:]
    private(set) var trespasses: [Trespass] = []
    private var live: [Slot: Int] = [:]
    /// When an interaction with this attempt was lost last.
    private var lost: [String: Int64] = [:]
    /// Pairs of which the server that was active before still answers, and what that one shows with agents.
    private var pairs: [String: [(owner: CaseKey, place: Site.Place)]] = [:]
    private let places: SitePlaces

    init(places: SitePlaces) { self.places = places }

    /// Takes one `interaction` line; other kinds say nothing about cases.
    mutating func take(_ line: LedgerLine, at: Int64) throws(LineScanner.Problem) {
        if try line.require("kind", line.kind).bytes.spells("pair") {
            let server = try line.require("server", line.server).text()
            if try line.require("event", line.event).bytes.spells("both") {
                pairs[server] = []
            } else {
                // Until now it had said that an agent was at work on them.
                for one in pairs.removeValue(forKey: server) ?? [] {
                    cases[one.owner]?.agentEnds.append(AgentEnd(place: one.place, at: at))
                }
            }
            return
        }
        guard try line.require("kind", line.kind).bytes.spells("interaction") else { return }
        let slot = Slot(
            server: try line.require("server", line.server).text(),
            id: try line.require("interaction", line.interaction).text())
        if Self.isOfProduct(line), let known = live[slot], incarnations[known].isForeign {
            trespasses.append(
                Trespass(
                    name: incarnations[known].name, event: try line.require("event", line.event).text(), at: at,
                    source: line.source))
        }
        if try Self.isLive(line) {
            try lives(slot, line, at: at)
        } else if let index = live.removeValue(forKey: slot) {
            try ended(index, line, at: at)
        }
    }

    /// The case that a live interaction of an `interaction` line belongs to, its workgroup and server; nil for all others.
    static func whereabouts(
        _ line: LedgerLine, _ places: SitePlaces
    ) throws(LineScanner.Problem) -> (key: CaseKey, workgroup: String, server: String)? {
        guard try line.require("kind", line.kind).bytes.spells("interaction"), try isLive(line),
            let key = try InteractionMarks(line, places).owner
        else { return nil }
        return (
            key, try workgroup(line), try line.require("server", line.server).text()
        )
    }

    private mutating func lives(_ slot: Slot, _ line: LedgerLine, at: Int64) throws(LineScanner.Problem) {
        let marks = try InteractionMarks(line, places)
        var index = live[slot]
        if let before = index, let owner = incarnations[before].owner, owner != marks.owner {
            // The id is somebody else's now, without an end that was written down.
            close(before, line, at: at)
            index = nil
        }
        let here: Int
        if let index { here = index } else { here = try begin(slot, line, at: at) }
        live[slot] = here
        try moved(here, to: marks, line, at: at)
        guard let owner = marks.owner else { return }
        if cases[owner]?.live.contains(here) != true {
            cases[owner, default: CaseState()].live.append(here)
            cases[owner]?.all.append(here)
        }
        count(owner, line, at: at)
    }

    private mutating func begin(_ slot: Slot, _ line: LedgerLine, at: Int64) throws(LineScanner.Problem) -> Int {
        let beginning = try line.require("event", line.event).text()
        incarnations.append(
            Incarnation(
                server: slot.server, id: slot.id, beginning: beginning,
                isOurs: Self.isOfProduct(line), beganAt: at, source: line.source,
                isTwin: beginning == "recovered" && pairs[slot.server] != nil))
        return incarnations.count - 1
    }

    /// Brings what is known of an interaction up to its newest line.
    private mutating func moved(
        _ index: Int, to marks: InteractionMarks, _ line: LedgerLine, at: Int64
    ) throws(LineScanner.Problem) {
        let workgroup = try Self.workgroup(line)
        var now = incarnations[index]
        if let owner = marks.owner, now.attempt == marks.attempt, marks.number < now.number,
            cases[owner]?.numberFell == nil
        {
            cases[owner, default: CaseState()].numberFell = (now.number, marks.number, line.source)
        }
        if now.attempt.isEmpty, !marks.attempt.isEmpty {
            if now.beginning == "created", now.isOurs { creations[marks.attempt, default: []].append(index) }
            if now.beginning == "recovered", let lostAt = lost[marks.attempt] { now.lateness = now.beganAt - lostAt }
        }
        let isHolding = places.isHolding(server: now.server, workgroup: workgroup)
        let hasMoved = workgroup != now.workgroup
        (now.owner, now.episode, now.attempt) = (marks.owner, marks.episode, marks.attempt)
        (now.number, now.workgroup, now.isHolding) = (marks.number, workgroup, isHolding)
        // In a user's own queue it rings until the user takes it.
        let onlyRings = workgroup.hasPrefix(Self.ownQueue) && line.state?.bytes.spells("A") == true
        let isWithAgent = !onlyRings && line.agent.map { $0.kind != .null } ?? false
        if hasMoved || isWithAgent != now.isWithAgent { now.since = at }
        now.isWithAgent = isWithAgent
        if !isHolding, now.routable == nil { now.routable = (at, line.source) }
        incarnations[index] = now
        if let owner = marks.owner, hasMoved, !isHolding, Self.isOfProduct(line) {
            cases[owner, default: CaseState()].placements.append(
                Placement(
                    place: Site.Place(server: now.server, workgroup: workgroup), at: at, source: line.source))
        }
    }

    /// Whether the case can be offered twice at this instant.
    private mutating func count(_ owner: CaseKey, _ line: LedgerLine, at: Int64) {
        guard let state = cases[owner], state.live.count > 1 else { return }
        let reachable = state.live.filter { !incarnations[$0].isHolding }
        guard reachable.count > 1 else { return }
        let isLate = reachable.contains { index in
            let one = incarnations[index]
            // Who is still told by the other server of the pair that it has ended can know nothing of it.
            if one.isTwin, reachable.allSatisfy({ $0 == index || incarnations[$0].server != one.server }) {
                return true
            }
            guard let lateness = one.lateness, let wait = places.recoveryWait(server: one.server) else { return false }
            return lateness > wait
        }
        if isLate {
            if state.lateRecovery == nil { cases[owner]?.lateRecovery = (at, reachable, line.source) }
        } else if state.doubled == nil {
            cases[owner]?.doubled = (at, reachable, line.source)
        }
    }

    private mutating func ended(_ index: Int, _ line: LedgerLine, at: Int64) throws(LineScanner.Problem) {
        let one = incarnations[index]
        // Lost at a switchover out of an agent's hands it was delivered; alerting it was not.
        let isLost = try line.require("event", line.event).bytes.spells("lost")
        let wasTaken =
            isLost && one.isWithAgent
            && (line.state?.bytes.spells("C") == true || line.state?.bytes.spells("H") == true)
        if let owner = one.owner, wasTaken || line.by?.bytes.spells("agent") == true {
            let place = Site.Place(server: one.server, workgroup: one.workgroup)
            cases[owner]?.agentEnds.append(AgentEnd(place: place, at: at))
            if wasTaken { pairs[one.server]?.append((owner, place)) }
        }
        if isLost, !one.attempt.isEmpty { lost[one.attempt] = at }
        close(index, line, at: at)
    }

    private mutating func close(_ index: Int, _ line: LedgerLine, at: Int64) {
        incarnations[index].ended = (at, line.source)
        if let owner = incarnations[index].owner { cases[owner]?.live.removeAll { $0 == index } }
    }

    /// Whether the product did it, by the interface or through its handler.
    private static func isOfProduct(_ line: LedgerLine) -> Bool {
        guard let by = line.by?.bytes else { return false }
        return by.spells("api") || by.spells("handler")
    }

    private static func isLive(_ line: LedgerLine) throws(LineScanner.Problem) -> Bool {
        let event = try line.require("event", line.event).bytes
        if event.spells("disconnected") || event.spells("deallocated") || event.spells("lost") { return false }
        guard let state = line.state?.bytes else { return true }
        return !state.spells("I") && !state.spells("E")
    }

    private static let ownQueue = "user:"

    /// CIC writes a scoped queue name, `Workgroup Queue:Support`, where it must tell queues of different types apart. A user's
    /// own queue, of type 1, is written `user:NAME` where a workgroup's name stands.
    private static func workgroup(_ line: LedgerLine) throws(LineScanner.Problem) -> String {
        let queue = try line.require("queue", line.queue).text()
        if line.queueType?.bytes.spells("1") == true { return ownQueue + queue }
        guard let colon = queue.firstIndex(of: ":"), queue[..<colon].hasSuffix("Queue") else { return queue }
        return String(queue[queue.index(after: colon)...])
    }
}
