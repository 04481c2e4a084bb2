import CaseRouting
import HTTPClient
import Logging
import Polling
import Synchronization

/// A CIC server as routing workers use it: one session, two ways to create interactions, one way to look at them.
///
/// `run()` holds the session; without it, and while the server is away, every call fails as `held` at once. Calls end
/// within 10 s.
public actor CICServer: InteractionServer {
    public nonisolated let settings: CICServerSettings
    public nonisolated var unownedExecutor: UnownedSerialExecutor { transport.unownedExecutor }

    nonisolated let transport: HTTPTransport
    nonisolated let session: ICWSSession
    nonisolated let limits: CICLimits
    nonisolated let clock: any RoutingClock
    nonisolated let failures: CICFailure
    nonisolated let replyEvent: String
    nonisolated let standing: CICStanding
    nonisolated let names: Mutex<KnownNames>
    private nonisolated let orgs: Mutex<[String: CaseOrg]>

    /// Handler requests that wait for their answers.
    var exchanges = HandlerExchanges()
    /// Interactions that this process created and verified on the connection of now, and when.
    var fresh: [InteractionID: Fresh] = [:]
    var listings: HoldingListings
    /// Those who wait for the names that are being read.
    var nameCallers: [Awaited<Result<CICNames, RoutingFailure>>] = []
    var namesReadAt: Duration = .zero
    /// Set once a case names a user: users, who are many, are read with the other names from then on.
    var readsUsers = false

    struct Fresh {
        let attempt: AttemptID
        let at: Duration
    }

    /// - Parameters:
    ///   - loop: where the server's connections live; that of the routing code.
    ///   - applicationName: what CIC's list of sessions shows.
    public init(
        _ settings: CICServerSettings, on loop: PollExecutor, clock: any RoutingClock, random: any RandomSource,
        logger: Logger, applicationName: String = "Case Router"
    ) {
        self.init(
            settings, on: loop, clock: clock, random: random, logger: logger, applicationName: applicationName,
            limits: CICLimits())
    }

    init(
        _ settings: CICServerSettings, on loop: PollExecutor, clock: any RoutingClock, random: any RandomSource,
        logger: Logger, applicationName: String = "Case Router", limits: CICLimits
    ) {
        self.settings = settings
        self.limits = limits
        self.clock = clock
        transport = HTTPTransport(on: loop, settings: settings.transportSettings)
        session = ICWSSession(
            settings: settings, applicationName: applicationName, transport: transport, clock: clock, random: random,
            logger: logger, limits: limits)
        failures = session.failures
        replyEvent = "Answers-" + String(random.next(), radix: 36) + String(random.next(), radix: 36)
        standing = CICStanding(name: settings.name)
        names = Mutex(KnownNames(server: settings.name, creation: settings.creation))
        orgs = Mutex(settings.orgs)
        listings = HoldingListings()
    }

    /// Holds the session until the task is cancelled, then logs out and closes every connection.
    public func run() async {
        await listenForAnswers()
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.session.run(self) }
            group.addTask { await self.listHolding() }
            group.addTask { await self.leaveDeposed() }
            await group.waitForAll()
        }
        await session.goodbye?.value
        await transport.close()
    }

    /// A server that was deposed and does not step down keeps its sessions, and nothing is sent in them. Where it is in force after
    /// all, and only not written down yet, the session comes back to it.
    private func leaveDeposed() async {
        var seen: (generation: Int, since: Duration)?
        while !Task.isCancelled {
            await session.sleep(limits.poll)
            guard let connection = await session.connection, let why = standing.deposition(connection) else {
                seen = nil
                continue
            }
            if seen?.generation != connection.generation { seen = (connection.generation, clock.monotonic) }
            guard let since = seen?.since, clock.monotonic - since >= limits.deposed else { continue }
            await session.leave(connection, why)
        }
    }

    /// Waits until there is a session; whether there is one.
    public func isOpen(within duration: Duration) async -> Bool { await session.isOpen(within: duration) }

    /// Why there is no session, for health and `doctor`; nil while there is one.
    public var unavailability: RoutingFailure? {
        get async {
            await session.connection == nil ? failures.held(.connect, session.reason) : nil
        }
    }

    /// Whether there is a session now, and how many were opened.
    public var meter: (isOpen: Bool, openings: Int) {
        get async { (await session.connection != nil, await session.generation) }
    }

    // MARK: What people set, and what the watch has written down

    /// Which server of a switchover pair is the one in force. Calls in a session with another one are held.
    public nonisolated func use(standing server: WatchedServer) { standing.use(server) }

    /// Replaces the orgs, by their names here.
    public nonisolated func use(orgs new: [String: CaseOrg]) { orgs.withLock { $0 = new } }

    nonisolated func org(_ key: EpisodeKey) throws(RoutingFailure) -> CaseOrg {
        guard let org = orgs.withLock({ $0[key.caseKey.org] }) else {
            throw RoutingFailure(
                .held, at: .create, cause: .configuration,
                "The id of org \(key.caseKey.org) is not known in this worker yet.", mayHaveBeenSent: false)
        }
        return org
    }

    nonisolated var orgNames: [String: String] {
        orgs.withLock { orgs in
            Dictionary(orgs.map { ($0.value.organization, $0.key) }) { first, _ in first }
        }
    }

    // MARK: The port

    public func create(
        _ attempt: AttemptID, _ attributes: InteractionAttributes
    ) async throws(RoutingFailure) -> InteractionID {
        let content = CreationAttributes(attributes, org: try org(attributes.episode), settings: settings)
        let deadline = clock.monotonic + limits.call
        return switch settings.creation {
        case .handler: try await createByHandler(attempt, content, until: deadline)
        case .generic: try await createGeneric(attempt, content, until: deadline)
        }
    }

    public func assign(_ order: AssignOrder) async throws(RoutingFailure) -> AssignAnswer {
        let deadline = clock.monotonic + limits.call
        return switch settings.creation {
        case .handler: try await assignByHandler(order, until: deadline)
        case .generic: try await assignGeneric(order, until: deadline)
        }
    }

    public func disconnect(_ interaction: InteractionID, _ attempt: AttemptID) async throws(RoutingFailure) {
        let deadline = clock.monotonic + limits.call
        switch settings.creation {
        case .handler: try await disconnectByHandler(interaction, attempt, until: deadline)
        case .generic: try await disconnectGeneric(interaction, attempt, until: deadline)
        }
    }

    public func read(
        _ interaction: InteractionID, _ attempt: AttemptID
    ) async throws(RoutingFailure) -> InteractionReading {
        try await reading(interaction, attempt, .read, until: clock.monotonic + limits.call)
    }

    public func findInHolding(_ episode: EpisodeKey) async throws(RoutingFailure) -> [FoundInteraction] {
        try await found(episode, until: clock.monotonic + limits.call)
    }

    // MARK: Calls

    func call(
        _ operation: CICOperation, _ request: ICWSRequest, until deadline: Duration
    ) async throws(RoutingFailure) -> ICWSAnswer {
        do {
            return try await session.call(request, until: deadline, admitting: standing.refusal)
        } catch {
            throw failures.failure(operation, error)
        }
    }
}

extension CICServer: ICWSConsumer {
    func opened(_ connection: ICWSConnection) {
        fresh = [:]
    }

    func received(_ messages: [ICWSMessage], generation: Int) {
        for message in messages {
            switch message {
            case .notification(let object, let event, let data): answered(object, event, data)
            case .queue(let content): listings.received(content)
            case .queueState(let subscription, let state, let reason) where state >= 2:
                listings.faulted(subscription, reason)
            case .queueState, .down, .other: break
            }
        }
    }

    func refused(subscription: String, reason: String) {
        session.logger.warning(
            .queueUnreadable, metadata: ["cic": "\(settings.name)", "subscription": "\(subscription)"])
    }

    func lost(_ failure: RoutingFailure) {
        fresh = [:]
        // Handler requests wait on: their answers may come in the next session.
        listings.lost(failure)
    }
}

extension CICServerSettings {
    var transportSettings: HTTPTransport.Settings {
        HTTPTransport.Settings(
            trust: caFile.map { .systemAndFile($0) } ?? .system, allowInsecure: allowInsecure)
    }
}
