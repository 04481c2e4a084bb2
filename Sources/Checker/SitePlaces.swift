/// A case of an org: the organisation id and the case id, each by the 15 characters that make it unique.
struct CaseKey: Hashable {
    let org: String
    let id: String
}

/// The site description, arranged for look-ups by what stands in the ledgers.
struct SitePlaces {
    private struct Queue: Hashable {
        let org: String
        let id: String
    }

    private var orgs: [String: String] = [:]
    private var places: [Queue: Site.Place] = [:]
    private var ownQueues: [Queue: Site.Place] = [:]
    private var offeringAgain: Set<String> = []
    private var endingWithUser: Set<Queue> = []
    private var keptUnmonitored: Set<Queue> = []
    private let holding: [String: Set<String>]
    private let waits: [String: Int64]

    init(_ site: Site) {
        holding = site.holding
        waits = (site.recoveryWait ?? [:]).mapValues { Int64($0 * 1_000_000) }
        for org in site.orgs {
            let id = Self.short(org.id)
            orgs[id] = id
            orgs[org.name] = id
            for (queue, place) in org.queues { places[Queue(org: id, id: Self.short(queue))] = place }
            for (user, place) in org.users ?? [:] { ownQueues[Queue(org: id, id: Self.short(user))] = place }
            if org.offersAgain == true { offeringAgain.insert(id) }
            endingWithUser.formUnion((org.endingWithUser ?? []).map { Queue(org: id, id: Self.short($0)) })
            keptUnmonitored.formUnion((org.keptUnmonitored ?? []).map { Queue(org: id, id: Self.short($0)) })
        }
    }

    /// Where cases of this queue belong; nil when it is not monitored.
    func place(org: String, queue: String) -> Site.Place? { places[Queue(org: org, id: queue)] }

    /// Where a user is offered what comes in about the user's cases; nil for a queue, and for a user without own queue.
    func ownQueue(org: String, user: String) -> Site.Place? { ownQueues[Queue(org: org, id: user)] }

    /// Whether what comes in about a case of this owner, who is no monitored queue, is offered where it was offered last.
    func isOfferedAgain(org: String, owner: String) -> Bool { offeringAgain.contains(org) && Self.isUser(owner) }

    /// Whether a case may wait at this place although its owner is one to whom nothing of it is offered.
    func mayWait(org: String, at place: Site.Place, while owner: String) -> Bool {
        if ownQueue(org: org, user: owner) == place { return true }
        let mapped = [places, ownQueues].flatMap { $0.filter { $0.key.org == org && $0.value == place }.keys }
        // Nobody sent it where nothing is mapped to.
        guard !mapped.isEmpty else { return true }
        return Self.isUser(owner)
            ? mapped.contains { !endingWithUser.contains($0) } : mapped.contains { keptUnmonitored.contains($0) }
    }

    /// The organisation that an interaction's `CR_Org` names, by id or by the product's name for it.
    func org(named name: String) -> String { orgs[name] ?? name }

    func isHolding(server: String, workgroup: String) -> Bool { holding[server]?.contains(workgroup) ?? false }

    /// How long CIC is given to recover interactions, in microseconds.
    func recoveryWait(server: String) -> Int64? { waits[server] }

    private static func isUser(_ owner: String) -> Bool { owner.hasPrefix("005") }

    private static func short(_ id: String) -> String { id.utf8.count > 15 ? String(id.prefix(15)) : id }
}
