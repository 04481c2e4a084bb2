import CaseRouting

/// CIC as one simulated process uses it.
public struct MemoryInteractionServer: InteractionServer {
    let site: MemoryCIC
    let life: Life
    /// Which server is in force; nil: whatever answers.
    let shared: SharedTables?
    /// The watch finds out itself what came along at a switchover.
    let isOfWatch: Bool

    public init(_ site: MemoryCIC, life: Life, shared: SharedTables? = nil, isOfWatch: Bool = false) {
        self.site = site
        self.life = life
        self.shared = shared
        self.isOfWatch = isOfWatch
    }

    private func alive() throws(RoutingFailure) {
        if life.isOver { throw SharedTables.broken }
    }

    /// As the adapter: nothing is sent to a server that the watch has not written down.
    private func isInForce(mayHaveBeenSent: Bool = false) throws(RoutingFailure) {
        guard site.hasSessions, site.clock.monotonic >= site.sessionsBackAt else {
            throw RoutingFailure(
                .held, at: .read, cause: .cicUnreachable, "There is no session with CIC.",
                mayHaveBeenSent: mayHaveBeenSent)
        }
        guard let tables = shared?.tables else { return }
        let identity = tables.servers[site.name]?.identity
        let isSettled =
            isOfWatch || !tables.holds.keys.contains { $0.reason == .switchover && $0.name == site.name }
        guard identity == nil || identity == site.identity, isSettled else {
            throw RoutingFailure(
                .held, at: .read, cause: .cicUnreachable, "CIC has switched over.", mayHaveBeenSent: mayHaveBeenSent)
        }
    }

    public func create(
        _ attempt: AttemptID, _ attributes: InteractionAttributes
    ) async throws(RoutingFailure) -> InteractionID {
        try await create(attempt, attributes) { _, _ in }
    }

    /// - Parameter next: what CIC does with it at once.
    func create(
        _ attempt: AttemptID, _ attributes: InteractionAttributes,
        then next: @escaping @Sendable (MemoryCIC, InteractionID) -> Void
    ) async throws(RoutingFailure) -> InteractionID {
        try alive()
        try isInForce()
        let lost = RoutingFailure(.unknown, at: .create, cause: .cicNoAnswer, "No answer to a create.")
        let created = try await site.call(.create, life, lost: lost) { site in
            let interaction = site.model.create(attributes.episode, attempt)
            next(site, interaction)
            return interaction
        } sending: {
            site.onCreate?(attempt)
        }
        try alive()
        return created
    }

    public func assign(_ order: AssignOrder) async throws(RoutingFailure) -> AssignAnswer {
        try alive()
        try isInForce()
        let lost = RoutingFailure(.transient, at: .assign, cause: .cicNoAnswer, "No answer to an assign.")
        let answer = try await site.call(.assign, life, lost: lost) {
            $0.model.assign(
                order.interaction, order.attempt, number: order.number, workgroup: order.target.workgroup,
                skills: order.target.skills.joined(separator: ";"), takesBack: order.takesBack)
        }
        try alive()
        if answer == .gone { try isInForce(mayHaveBeenSent: true) }
        return answer
    }

    public func disconnect(_ interaction: InteractionID, _ attempt: AttemptID) async throws(RoutingFailure) {
        try alive()
        try isInForce()
        let lost = RoutingFailure(.transient, at: .disconnect, cause: .cicNoAnswer, "No answer to a disconnect.")
        try await site.call(.disconnect, life, lost: lost) { $0.disconnect(interaction, attempt) }
        try alive()
    }

    public func read(
        _ interaction: InteractionID, _ attempt: AttemptID
    ) async throws(RoutingFailure) -> InteractionReading {
        try alive()
        try isInForce()
        let lost = RoutingFailure(.transient, at: .read, cause: .cicNoAnswer, "No answer to a read.")
        let reading = try await site.call(.read, life, lost: lost) { $0.model.read(interaction, attempt) }
        try alive()
        if reading == .gone { try isInForce(mayHaveBeenSent: true) }
        if isOfWatch, case .alive(let isWithAgent, let isAlerting, _, _) = reading {
            site.tell(attempt, isWithAgent: isWithAgent && !isAlerting)
        }
        return reading
    }

    public func findInHolding(_ episode: EpisodeKey) async throws(RoutingFailure) -> [FoundInteraction] {
        try await find { $0.episode == episode && $0.place == .holding }
    }

    func find(
        _ isIt: @escaping @Sendable (HandlerModel.Live) -> Bool
    ) async throws(RoutingFailure) -> [FoundInteraction] {
        try alive()
        try isInForce()
        let lost = RoutingFailure(.transient, at: .read, cause: .cicNoAnswer, "No answer to a listing.")
        let found = try await site.call(.find, life, lost: lost) { site in
            site.model.interactions.filter { isIt($0.value) }.sorted { $0.key.description < $1.key.description }
                .map { FoundInteraction(interaction: $0.key, attempt: $0.value.attempt) }
        }
        try alive()
        try isInForce(mayHaveBeenSent: true)
        return found
    }

    public func knows(workgroup: String, skills: String) -> Bool { true }

    public func resolve(workgroup: String, skills: String) async throws(RoutingFailure) -> ResolvedTarget {
        try isInForce()
        return ResolvedTarget(workgroup: workgroup, skills: try RequiredSkills(field: skills).names)
    }
}
