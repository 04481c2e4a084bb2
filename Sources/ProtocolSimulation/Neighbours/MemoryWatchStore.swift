import CaseRouting

/// The watch's store of one simulated process.
public struct MemoryWatchStore: WatchStore {
    let shared: SharedTables
    let life: Life

    public init(_ shared: SharedTables, life: Life) {
        self.shared = shared
        self.life = life
    }

    private func write<Value: Sendable>(
        _ name: StaticString, _ body: (inout CaseTables) -> Value
    ) async throws(RoutingFailure) -> Value {
        shared.watchWrites.append("\(name)")
        return try await shared.statement(life, name, body)
    }

    public func server(cic: String) async throws(RoutingFailure) -> WatchedServer? {
        try await shared.statement(life, isNothing: { _ in true }) { tables in
            WatchedServer(
                identity: tables.servers[cic]?.identity,
                holds: Set(tables.holds.keys.filter { $0.kind == .cic && $0.name == cic }.map(\.reason)),
                lostRowsSince: tables.isHeld(.cic, cic, .lostRows) ? tables.lostRows[cic]?.since : nil,
                unwatched: shared.figuresSaved[cic].map { shared.clock.monotonic - $0 } ?? tables.sinceFirstPlaced(cic))
        }
    }

    public func cases(_ keys: [CaseKey]) async throws(RoutingFailure) -> [CaseKey: CaseState] {
        try await shared.statement(life) { tables in
            Dictionary(
                keys.filter { tables.cases[$0] != nil }.map { ($0, tables.state($0)) },
                uniquingKeysWith: { one, _ in one })
        }
    }

    public func rebuild(_ episode: RebuiltEpisode) async throws(RoutingFailure) -> Bool {
        try await write("rebuild") { $0.rebuild(episode) }
    }

    public func liftLostRows(cic: String, since: Timestamp) async throws(RoutingFailure) -> Bool {
        try await write("lift lost rows") { tables in
            guard let hold = tables.lostRows[cic], hold.since == since, hold.until <= tables.now else { return false }
            return tables.holds.removeValue(forKey: .init(kind: .cic, name: cic, reason: .lostRows)) != nil
        }
    }

    public func openEpisodes(cic: String, after: CaseKey?) async throws(RoutingFailure) -> [WatchedEpisode] {
        try await shared.statement(life) { tables in
            // A part is a few cases here, so that what happens between two of them is tried.
            tables.episodes.filter { key, row in
                row.isOpen && row.episode.cic == cic && (after.map { $0 < key.caseKey } ?? true)
            }.map { WatchedEpisode($0, $1, tables) }.sorted { $0.key.caseKey < $1.key.caseKey }.prefix(3).map { $0 }
        }
    }

    public func episodes(_ keys: [EpisodeKey]) async throws(RoutingFailure) -> [WatchedEpisode] {
        try await shared.statement(life) { tables in
            keys.compactMap { key in tables.episodes[key].map { WatchedEpisode(key, $0, tables) } }
        }
    }

    public func adopt(
        _ episode: EpisodeKey, _ interaction: InteractionID, _ attempt: AttemptID
    ) async throws(RoutingFailure) -> Bool {
        try await write("adopt") { $0.adopt(episode, interaction, attempt) }
    }

    public func note(
        _ episode: EpisodeKey, _ interaction: InteractionID, _ attempt: AttemptID, isWithAgent: Bool
    ) async throws(RoutingFailure) -> Bool {
        try await write("note") { $0.note(episode, interaction, attempt, isWithAgent: isWithAgent) }
    }

    public func end(_ end: EpisodeEnd) async throws(RoutingFailure) -> Bool {
        try await write("end") { $0.end(end) }
    }

    public func rebind(
        _ episode: EpisodeKey, _ attempt: AttemptID, from: InteractionID, to: InteractionID
    ) async throws(RoutingFailure) -> Bool {
        try await write("rebind") { $0.rebind(episode, attempt, from: from, to: to) }
    }

    public func deliveredAfterAll(_ episode: EpisodeKey) async throws(RoutingFailure) -> Bool {
        try await write("delivered") { tables in
            let isDelivered = tables.deliveredAfterAll(episode)
            if isDelivered { shared.delivered?(episode.caseKey) }
            return isDelivered
        }
    }

    public func raiseEpoch(cic: String, identity: String) async throws(RoutingFailure) {
        try await write("epoch") { tables in
            let known = tables.servers[cic]
            guard known?.identity != identity else { return }
            tables.servers[cic] = (identity, (known?.epoch ?? 1) + (known?.identity == nil ? 0 : 1))
        }
    }

    public func replaceDirectory(cic: String, _ directory: CICDirectory) async throws(RoutingFailure) {
        try await shared.statement(life) { _ in shared.directory = directory }
    }

    public func placeHold(_ hold: Hold) async throws(RoutingFailure) {
        try await write("hold") { $0.place(hold) }
    }

    public func liftHold(_ kind: Hold.Kind, _ name: String, _ reason: Hold.Reason) async throws(RoutingFailure) {
        try await write("lift") { $0.holds[.init(kind: kind, name: name, reason: reason)] = nil }
    }

    public func saveQueueFigures(cic: String, _ figures: QueueFigures) async throws(RoutingFailure) {
        try await shared.statement(life) { _ in
            shared.figures = figures
            shared.figuresSaved[cic] = shared.clock.monotonic
        }
    }
}

extension CaseTables {
    /// How long ago the first of what is open on this server was placed; zero when nothing was.
    fileprivate func sinceFirstPlaced(_ cic: String) -> Duration {
        let placed = episodes.values.filter { $0.isOpen && $0.episode.cic == cic }.compactMap(\.placedAt)
        return placed.min().map { now - $0 } ?? .zero
    }
}

extension WatchedEpisode {
    init(_ key: EpisodeKey, _ row: CaseTables.EpisodeRow, _ tables: CaseTables) {
        self.init(
            key: key, isOpen: row.isOpen, state: row.episode.state, interaction: row.episode.interaction,
            attempt: row.episode.attempt, isWithAgent: row.episode.isWithAgent,
            wantedAssign: tables.cases[key.caseKey]?.state.wantedAssign ?? 0, endReason: row.endReason,
            placedFor: row.placedAt.map { tables.now - $0 })
    }
}
