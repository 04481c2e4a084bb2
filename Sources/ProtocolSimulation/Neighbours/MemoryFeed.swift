import CaseRouting

/// The queues of a simulated CIC site, told as ICWS tells them: everything at first, then what changed.
public actor MemoryFeed: InteractionFeed {
    public nonisolated let executor: SimulationExecutor
    public nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    private let site: MemoryCIC
    private let clock: VirtualClock
    private var followed: Set<String> = []
    private var session = 0
    /// What each queue has told in this session.
    private var told: [String: [InteractionID: SeenInteraction]] = [:]

    private let life: Life
    /// How long news are on their way.
    private let delay: Duration

    public init(
        _ site: MemoryCIC, _ simulation: Simulation, life: Life = Life(), delay: Duration = .milliseconds(250)
    ) {
        self.site = site
        self.life = life
        self.delay = delay
        clock = simulation.clock
        executor = simulation.executor
    }

    public func follow(_ workgroups: Set<String>) {
        followed = workgroups.union([MemoryCIC.holding])
        told = told.filter { followed.contains($0.key) }
    }

    public func listAgain() {
        told = [:]
        clock.ring(site.news)
    }

    public func close() {
        session = 0
        told = [:]
    }

    public func directory() async throws(RoutingFailure) -> CICDirectory {
        // As in ICWS, the session begins with what is followed, and takes its time.
        guard session != 0 else {
            throw RoutingFailure(.held, at: .read, cause: .cicUnreachable, "There is no session yet.")
        }
        if site.namesTake > .zero {
            do throws(CancellationError) { try await clock.sleep(for: site.namesTake) } catch {
                throw RoutingFailure(.held, at: .read, cause: .cicUnreachable, "The session was closed meanwhile.")
            }
        }
        site.namesTold += 1
        if site.hidesNames { return CICDirectory(workgroups: [], skills: [], users: []) }
        let entries = [Sample.workgroupA, Sample.workgroupB].map {
            CICDirectory.WorkgroupEntry(name: $0, isActive: true, hasQueue: true, isACD: true, takesEmail: true)
        }
        return CICDirectory(workgroups: entries, skills: [], users: [])
    }

    public func next() async throws(RoutingFailure) -> [FeedMessage] {
        for _ in 0..<60 {
            await life.step(clock)
            if life.isOver { return [] }
            let news = news()
            if !news.isEmpty { return news }
            do throws(CancellationError) {
                try await clock.wait(on: site.news, atMost: .seconds(30))
                try await clock.sleep(for: delay)
            } catch {
                return []
            }
        }
        return []
    }

    private func news() -> [FeedMessage] {
        site.catchUp()
        guard site.hasSessions else {
            guard session != 0 else { return [] }
            session = 0
            told = [:]
            return [
                .lost(RoutingFailure(.transient, at: .read, cause: .cicUnreachable, "The session with CIC is lost."))
            ]
        }
        guard site.isReachable else { return [] }
        var messages: [FeedMessage] = []
        if session != site.sessions {
            session = site.sessions
            told = [:]
            messages.append(.session(host: "\(site.identity).example", server: site.identity))
        }
        for queue in followed.sorted() {
            if site.unreadable.contains(queue) {
                if told.updateValue([:], forKey: queue) == nil {
                    messages.append(.unreadable(queue: queue, reason: "A right is missing."))
                }
                continue
            }
            let shown = content(of: queue)
            for seen in shown.values { site.tell(seen.attempt, isWithAgent: seen.state == .withAgent) }
            guard let before = told[queue] else {
                messages.append(
                    .content(
                        QueueContent(
                            queue: queue, isFull: true,
                            present: shown.sorted { $0.key.description < $1.key.description }.map(\.value),
                            removed: [])))
                told[queue] = shown
                continue
            }
            let present = shown.filter { before[$0.key] != $0.value }.sorted { $0.key.description < $1.key.description }
                .map(\.value)
            let removed = before.keys.filter { shown[$0] == nil }.sorted { $0.description < $1.description }
            told[queue] = shown
            if !present.isEmpty || !removed.isEmpty {
                messages.append(
                    .content(QueueContent(queue: queue, isFull: false, present: present, removed: removed)))
            }
        }
        return messages
    }

    private func content(of queue: String) -> [InteractionID: SeenInteraction] {
        var shown: [InteractionID: SeenInteraction] = [:]
        for (interaction, live) in site.model.interactions {
            let isHere = live.place == .holding ? queue == MemoryCIC.holding : live.workgroup == queue
            guard isHere, !(live.place == .withAgent && site.agentsHide) else { continue }
            shown[interaction] = SeenInteraction(
                interaction: interaction, episode: live.episode, attempt: live.attempt,
                assignNumber: live.assignNumber,
                state: live.place == .withAgent ? .withAgent : live.isAlerting ? .alerting : .waiting)
        }
        return shown
    }
}
