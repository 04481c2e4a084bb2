import CaseRouting

/// Creates on the workgroup itself, and looks for what is there before it creates again.
struct StraightServer: InteractionServer {
    let inner: MemoryInteractionServer
    let site: MemoryCIC
    let shared: SharedTables

    func create(
        _ attempt: AttemptID, _ attributes: InteractionAttributes
    ) async throws(RoutingFailure) -> InteractionID {
        if let found = try await findInHolding(attributes.episode).first { return found.interaction }
        let wanted = shared.tables.state(attributes.episode.caseKey).wanted
        return try await inner.create(attempt, attributes) { site, interaction in
            _ = site.model.assign(
                interaction, attempt, number: 1, workgroup: wanted?.workgroup ?? Sample.workgroupA,
                skills: wanted?.skills ?? "", takesBack: false)
        }
    }

    func findInHolding(_ episode: EpisodeKey) async throws(RoutingFailure) -> [FoundInteraction] {
        try await inner.find { $0.episode == episode }
    }

    func assign(_ order: AssignOrder) async throws(RoutingFailure) -> AssignAnswer { try await inner.assign(order) }

    func disconnect(_ interaction: InteractionID, _ attempt: AttemptID) async throws(RoutingFailure) {
        try await inner.disconnect(interaction, attempt)
    }

    func read(
        _ interaction: InteractionID, _ attempt: AttemptID
    ) async throws(RoutingFailure) -> InteractionReading { try await inner.read(interaction, attempt) }

    func knows(workgroup: String, skills: String) -> Bool { inner.knows(workgroup: workgroup, skills: skills) }

    func resolve(workgroup: String, skills: String) async throws(RoutingFailure) -> ResolvedTarget {
        try await inner.resolve(workgroup: workgroup, skills: skills)
    }
}

/// Sends a create again when its answer does not come.
struct RepeatingServer: InteractionServer {
    let inner: MemoryInteractionServer

    func create(
        _ attempt: AttemptID, _ attributes: InteractionAttributes
    ) async throws(RoutingFailure) -> InteractionID {
        do throws(RoutingFailure) {
            return try await inner.create(attempt, attributes)
        } catch {
            guard error.kind == .unknown else { throw error }
            return try await inner.create(attempt, attributes)
        }
    }

    func findInHolding(_ episode: EpisodeKey) async throws(RoutingFailure) -> [FoundInteraction] {
        try await inner.findInHolding(episode)
    }

    func assign(_ order: AssignOrder) async throws(RoutingFailure) -> AssignAnswer { try await inner.assign(order) }

    func disconnect(_ interaction: InteractionID, _ attempt: AttemptID) async throws(RoutingFailure) {
        try await inner.disconnect(interaction, attempt)
    }

    func read(
        _ interaction: InteractionID, _ attempt: AttemptID
    ) async throws(RoutingFailure) -> InteractionReading { try await inner.read(interaction, attempt) }

    func knows(workgroup: String, skills: String) -> Bool { inner.knows(workgroup: workgroup, skills: skills) }

    func resolve(workgroup: String, skills: String) async throws(RoutingFailure) -> ResolvedTarget {
        try await inner.resolve(workgroup: workgroup, skills: skills)
    }
}
