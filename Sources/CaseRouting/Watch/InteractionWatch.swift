import FaultPoints
import Logging

/// Follows the queues of one CIC server: who has picked up, what has ended, what nobody moved on.
///
/// One process does it for all, the holder of the server's watch lease, with a session of its own; two holders write
/// the same twice and nothing else. What the queues show is held in memory; PostgreSQL gets only what changes an episode.
/// The watch makes no decision about a case: it writes what it saw, makes cases due, and routing workers go on.
public actor InteractionWatch {
    nonisolated let executor: any SerialExecutor & TaskExecutor
    nonisolated public var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    let cic: String
    private let makeFeed: @Sendable () -> any InteractionFeed
    /// A new one for every time that the lease is held: a feed that was closed stays closed.
    private(set) var feed: any InteractionFeed
    let server: any InteractionServer
    let store: any WatchStore
    private let keeper: LeaseKeeper
    let clock: any RoutingClock
    let random: any RandomSource
    let logger: Logger

    var settings: WatchSettings
    var mirror: InteractionMirror
    /// The server that the session is with, or was with last; nil before the first that ever was.
    var identity: String?
    /// What the database has of that.
    var storedIdentity: String?
    /// A watch before this one has left a switchover unfinished.
    var resumesSwitchover = false
    var hasSession = false
    /// The names that CIC knows; nil until it was asked.
    var directory: CICDirectory?
    /// What keeps the server from being worked on.
    var holds: Set<Hold.Reason> = []
    /// What is being found out after a switchover.
    var switchover: Switchover?
    /// What is being found out after rows may have been lost.
    var lostRows: LostRows?
    /// Rows may have been lost since the database was read: no end is written any more, and no switchover brought to its end.
    private(set) var isOutdated = false
    var isSessionUp = false
    /// When CIC told something last, to this watch or to one before it.
    var lastNews: Duration = .zero
    /// The server told nothing for a while: what came and went meanwhile is looked for.
    var recallIsDue = false
    /// Interactions that the watch has disconnected although nothing wanted them, since this process began.
    public private(set) var surplus = 0

    public init(
        cic: String, settings: WatchSettings, feed makeFeed: @autoclosure @escaping @Sendable () -> any InteractionFeed,
        server: any InteractionServer,
        store: any WatchStore, leases: any Leases, clock: any RoutingClock, random: any RandomSource, logger: Logger,
        executor: any SerialExecutor & TaskExecutor
    ) {
        self.cic = cic
        self.settings = settings
        self.makeFeed = makeFeed
        feed = makeFeed()
        self.server = server
        self.store = store
        self.clock = clock
        self.random = random
        var logger = logger
        logger[metadataKey: "cic"] = "\(cic)"
        self.logger = logger
        self.executor = executor
        keeper = LeaseKeeper(
            .watch, cic, leases: leases, clock: clock, random: random, logger: logger, executor: executor)
        mirror = InteractionMirror(holding: settings.holding, workgroups: [])
    }

    /// Follows exactly these workgroups, and holding, from now on: those of enabled mappings.
    public func use(workgroups: Set<String>) { settings.workgroups = workgroups }

    /// Works whenever the lease can be had, until the task is cancelled.
    public func run() async {
        await keeper.run({ _ in await self.work() }, close: { await self.closeFeed() })
    }

    /// The database may have lost rows since the watch read what it knows of it (a rebinding, for one): it writes no end
    /// and lifts no switchover's hold by that any more, and reads it anew. Whoever misses the call finds out within seconds.
    public func loseRows() { isOutdated = true }

    private func closeFeed() async {
        await feed.close()
        feed = makeFeed()
    }

    private func work() async {
        isOutdated = false
        mirror = InteractionMirror(holding: settings.holding, workgroups: settings.workgroups)
        switchover = nil
        lostRows = nil
        hasSession = false
        isSessionUp = false
        guard await begin(), !isOutdated else { return }
        await workWithDatabase()
    }

    private func workWithDatabase() async {
        await withTaskGroup(of: Void.self) { duties in
            duties.addTask(executorPreference: executor) { await self.read() }
            duties.addTask(executorPreference: executor) { await self.settleOnTime() }
            duties.addTask(executorPreference: executor) { await self.recallOnTime() }
            duties.addTask(executorPreference: executor) { await self.probeOnTime() }
            duties.addTask(executorPreference: executor) { await self.saveFiguresOnTime() }
            duties.addTask(executorPreference: executor) { await self.mirrorDirectoryOnTime() }
            // Ends when cancelled, or when what is known of the server has to be read anew.
            await duties.next()
            duties.cancelAll()
        }
    }

    /// What the database holds, before anything that CIC tells is judged. False: the task was cancelled.
    private func begin() async -> Bool {
        while !Task.isCancelled {
            do throws(RoutingFailure) {
                let known = try await store.server(cic: cic)
                identity = known?.identity
                storedIdentity = known?.identity
                holds = known?.holds ?? []
                resumesSwitchover = holds.contains(.switchover)
                lostRows = known?.lostRowsSince.map { LostRows(since: $0) }
                lastNews = clock.monotonic - (known?.unwatched ?? .zero)
                try await recall()
                try await feed.follow(settings.workgroups)
                return true
            } catch {
                logger.warning(.watchFailed, metadata: ["cause": "\(error.cause)", "summary": "\(error.summary)"])
                await pause(Self.failurePause)
            }
        }
        return false
    }

    // MARK: News

    private func read() async {
        while !Task.isCancelled {
            do throws(RoutingFailure) {
                if mirror.followed != settings.workgroups.union([mirror.holding]) {
                    mirror.follow(settings.workgroups)
                    try await feed.follow(settings.workgroups)
                }
                let messages = try await feed.next()
                failpoint("watch.read")
                for message in messages { take(message) }
            } catch {
                if Task.isCancelled { return }
                logger.warning(.watchFailed, metadata: ["cause": "\(error.cause)", "summary": "\(error.summary)"])
                await pause(Self.failurePause)
            }
        }
    }

    private func take(_ message: FeedMessage) {
        switch message {
        case .session(let host, let server):
            logger.info(.cicSessionOpened, metadata: ["host": "\(host)", "server": "\(server)"])
            beginSession(with: server)
            hasSession = true
            isSessionUp = true
            lastNews = clock.monotonic
        case .lost(let failure):
            isSessionUp = false
            logger.warning(.cicSessionLost, metadata: ["cause": "\(failure.cause)", "summary": "\(failure.summary)"])
        case .content(let content):
            mirror.apply(content, at: clock.monotonic)
            lastNews = clock.monotonic
        case .unreadable(let queue, let reason):
            mirror.cannotRead(queue)
            logger.error(.queueUnreadable, metadata: ["queue": "\(queue)", "reason": "\(reason)"])
        }
    }

    func disconnectedSurplus() { surplus += 1 }

    // MARK: Time

    func pause(_ duration: Duration) async { await clock.pause(duration, random) }

    private static let failurePause: Duration = .seconds(2)
}

/// What the watch needs of what people have set for a CIC server.
public struct WatchSettings: Equatable, Sendable {
    /// The workgroup where interactions are created.
    public let holding: String
    /// Workgroups of enabled mappings, and users' own queues as they are written.
    public var workgroups: Set<String>
    /// How long after a switchover CIC may still recover interactions: 60 s; 0 where it recovers nothing.
    public var recoveryWait: Duration

    public init(holding: String, workgroups: Set<String>, recoveryWait: Duration = .seconds(60)) {
        self.holding = holding
        self.workgroups = workgroups
        self.recoveryWait = recoveryWait
    }
}
