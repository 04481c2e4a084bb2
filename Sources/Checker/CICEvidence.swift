/// What the CIC ledgers say about every case: which interactions it had at which instant, and who ended them.
///
/// Every `interaction` line shows the interaction as it is after the event, so the newest line is all there is to
/// know about it. It is *live* until it is disconnected, deallocated or lost, or its state is `I` or `E`; where it is
/// lies in `queue`, the workgroup it waits on or was taken from. Ids are used again: after an end the same id is
/// somebody else.
struct CICEvidence {
    struct Interaction: Equatable {
        let server: String
        let id: String
        let workgroup: String
        let isHolding: Bool
    }

    struct AgentEnd: Equatable {
        let place: Site.Place
        /// Microseconds since 1970.
        let at: Int64
    }

    struct CaseState {
        var live: [Interaction] = []
        var agentEnds: [AgentEnd] = []
        /// The first instant at which two agents could have had the case.
        var doubled: (at: Int64, interactions: [Interaction])?
    }

    private struct Slot: Hashable {
        let server: String
        let id: String
    }

    private(set) var cases: [CaseKey: CaseState] = [:]
    private var live: [Slot: CaseKey] = [:]
    private let places: SitePlaces

    init(places: SitePlaces) { self.places = places }

    /// Takes one `interaction` line; other kinds say nothing about cases.
    mutating func take(_ line: LedgerLine, at: Int64) throws(LineScanner.Problem) {
        guard try line.require("kind", line.kind).bytes.spells("interaction") else { return }
        let slot = Slot(
            server: try line.require("server", line.server).text(),
            id: try line.require("interaction", line.interaction).text())
        if try Self.isLive(line) {
            try lives(slot, line, at: at)
        } else if let key = live.removeValue(forKey: slot) {
            try ended(slot, of: key, line, at: at)
        }
    }

    /// The case that a live interaction of an `interaction` line belongs to, its workgroup and server; nil for all others.
    static func whereabouts(
        _ line: LedgerLine, _ places: SitePlaces
    ) throws(LineScanner.Problem) -> (key: CaseKey, workgroup: String, server: String)? {
        guard try line.require("kind", line.kind).bytes.spells("interaction"), try isLive(line),
            let key = try owner(of: line, places)
        else { return nil }
        return (
            key, try workgroup(line.require("queue", line.queue).text()), try line.require("server", line.server).text()
        )
    }

    private mutating func lives(_ slot: Slot, _ line: LedgerLine, at: Int64) throws(LineScanner.Problem) {
        let owner = try Self.owner(of: line, places)
        if let before = live[slot], before != owner { remove(slot, from: before) }
        live[slot] = owner
        guard let owner else { return }
        let workgroup = try Self.workgroup(line.require("queue", line.queue).text())
        let interaction = Interaction(
            server: slot.server, id: slot.id, workgroup: workgroup,
            isHolding: places.isHolding(server: slot.server, workgroup: workgroup))
        var state = cases[owner] ?? CaseState()
        state.live.removeAll { $0.server == slot.server && $0.id == slot.id }
        state.live.append(interaction)
        let reachable = state.live.filter { !$0.isHolding }
        if reachable.count > 1, state.doubled == nil { state.doubled = (at, reachable) }
        cases[owner] = state
    }

    private mutating func ended(
        _ slot: Slot, of key: CaseKey, _ line: LedgerLine, at: Int64
    ) throws(LineScanner.Problem) {
        if line.by?.bytes.spells("agent") == true,
            let interaction = cases[key]?.live.first(where: { $0.server == slot.server && $0.id == slot.id })
        {
            let place = Site.Place(server: slot.server, workgroup: interaction.workgroup)
            cases[key]?.agentEnds.append(AgentEnd(place: place, at: at))
        }
        remove(slot, from: key)
    }

    private mutating func remove(_ slot: Slot, from key: CaseKey) {
        cases[key]?.live.removeAll { $0.server == slot.server && $0.id == slot.id }
    }

    private static func isLive(_ line: LedgerLine) throws(LineScanner.Problem) -> Bool {
        let event = try line.require("event", line.event).bytes
        if event.spells("disconnected") || event.spells("deallocated") || event.spells("lost") { return false }
        guard let state = line.state?.bytes else { return true }
        return !state.spells("I") && !state.spells("E")
    }

    /// The case that the interaction's attributes name; nil when they name none: somebody else's interaction.
    private static func owner(of line: LedgerLine, _ places: SitePlaces) throws(LineScanner.Problem) -> CaseKey? {
        guard let attributes = line.attributes, attributes.kind == .object else { return nil }
        var org = ""
        var id = ""
        try LineScanner.fields(of: attributes.bytes) { (key, value) throws(LineScanner.Problem) in
            if key.spells("CR_Org") {
                org = try value.text()
            } else if key.spells("CR_CaseId") {
                id = try value.identifier()
            }
        }
        guard !org.isEmpty, !id.isEmpty else { return nil }
        if org.utf8.count == 18, org.hasPrefix("00D") { org = String(org.prefix(15)) }
        return CaseKey(org: places.org(named: org), id: id)
    }

    /// CIC writes a scoped queue name, `Workgroup Queue:Support`, where it must tell queues of different types apart.
    private static func workgroup(_ queue: String) -> String {
        guard let colon = queue.firstIndex(of: ":"), queue[..<colon].hasSuffix("Queue") else { return queue }
        return String(queue[queue.index(after: colon)...])
    }
}
