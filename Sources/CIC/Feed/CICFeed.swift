import CaseRouting
import HTTPClient
import Logging
import Polling

/// The queues of one CIC server, as the watch follows them: a session, connections and subscriptions of its own.
///
/// The session begins with the first `next` or `follow` and ends with `close()`.
public actor CICFeed: InteractionFeed {
    public nonisolated let settings: CICServerSettings
    public nonisolated var unownedExecutor: UnownedSerialExecutor { transport.unownedExecutor }

    nonisolated let transport: HTTPTransport
    nonisolated let session: ICWSSession
    nonisolated let limits: CICLimits
    nonisolated let clock: any RoutingClock
    private var orgNames: [String: String]
    private var running: Task<Void, Never>?
    private var isClosed = false

    /// What is followed: the workgroup, or the user's own queue, by the id of its subscription.
    private var workgroups: [String: String] = [:]
    private var subscriptionCount = 0
    /// What is ours on each queue, by subscription: later messages tell only what changed.
    private var mirrors: [String: QueueRows] = [:]

    private var news: [FeedMessage] = []
    private var reader: Awaited<Void>?
    private var room: [CheckedContinuation<Void, Never>] = []
    /// Messages held for a watch that lags; then nothing more is read.
    private static let maximumNews = 256

    /// - Parameter loop: the watch's own.
    public init(
        _ settings: CICServerSettings, on loop: PollExecutor, clock: any RoutingClock, random: any RandomSource,
        logger: Logger
    ) {
        self.init(settings, on: loop, clock: clock, random: random, logger: logger, limits: CICLimits())
    }

    init(
        _ settings: CICServerSettings, on loop: PollExecutor, clock: any RoutingClock, random: any RandomSource,
        logger: Logger, limits: CICLimits
    ) {
        self.settings = settings
        self.limits = limits
        self.clock = clock
        transport = HTTPTransport(on: loop, settings: settings.transportSettings)
        session = ICWSSession(
            settings: settings, applicationName: "Case Router watch", transport: transport, clock: clock,
            random: random, logger: logger, limits: limits)
        orgNames = Self.names(settings.orgs)
    }

    // MARK: The port

    public func next() async throws(RoutingFailure) -> [FeedMessage] {
        try await start()
        if news.isEmpty {
            let awaited = Awaited<Void>()
            reader = awaited
            // Half a minute is too long for a worker that ends.
            await withTaskCancellationHandler {
                _ = await awaited.wait(limits.next, on: transport.loop)
            } onCancel: {
                // On any thread; the task only carries it to the loop.
                Task(executorPreference: transport.loop) { await self.wake() }
            }
            reader = nil
        }
        defer { makeRoom() }
        let messages = news
        news = []
        return messages
    }

    private func wake() { reader?.fulfil(()) }

    public func follow(_ wanted: Set<String>) async throws(RoutingFailure) {
        try await start()
        let wanted = wanted.union([settings.holdingWorkgroup])
        for (id, workgroup) in workgroups where !wanted.contains(workgroup) {
            workgroups[id] = nil
            mirrors[id] = nil
            await session.unsubscribe(id)
        }
        for workgroup in wanted.subtracting(workgroups.values).sorted() { await subscribe(workgroup) }
    }

    public func listAgain() async {
        for id in workgroups.keys { await session.putAgain(id) }
    }

    public func close() async {
        guard !isClosed else { return }
        isClosed = true
        running?.cancel()
        reader?.fulfil(())
        makeRoom()
        await running?.value
        await session.goodbye?.value
        await transport.close()
    }

    /// Replaces the orgs, by their names here. Queues are listed anew, because interactions of a new org were left out.
    public func use(orgs: [String: CaseOrg]) async {
        let names = Self.names(orgs)
        guard names != orgNames else { return }
        orgNames = names
        await listAgain()
    }

    // MARK: The session

    private func start() async throws(RoutingFailure) {
        guard !isClosed else {
            throw RoutingFailure(.held, at: .read, cause: .cicUnreachable, "The watch of this CIC server was closed.")
        }
        guard running == nil else { return }
        // A task of its own: the port has no call that lasts as long as the session, and `close()` ends it.
        running = Task(executorPreference: transport.loop) { await self.session.run(self) }
        if !workgroups.values.contains(settings.holdingWorkgroup) { await subscribe(settings.holdingWorkgroup) }
    }

    private func subscribe(_ workgroup: String) async {
        subscriptionCount += 1
        let id = "queue-\(subscriptionCount)"
        workgroups[id] = workgroup
        await session.subscribe(
            id, path: "messaging/subscriptions/queues/" + id, body: QueueSubscription.body(place: workgroup))
    }

    private static func names(_ orgs: [String: CaseOrg]) -> [String: String] {
        Dictionary(orgs.map { ($0.value.organization, $0.key) }) { first, _ in first }
    }

    // MARK: News

    private func tell(_ message: FeedMessage) async {
        news.append(message)
        reader?.fulfil(())
        while news.count >= Self.maximumNews && !isClosed {
            await withCheckedContinuation { continuation in
                // Getting here may have taken a turn of the loop.
                if news.count < Self.maximumNews || isClosed {
                    continuation.resume()
                } else {
                    room.append(continuation)
                }
            }
        }
    }

    private func makeRoom() {
        for continuation in room { continuation.resume() }
        room = []
    }
}

extension CICFeed: ICWSConsumer {
    func opened(_ connection: ICWSConnection) async {
        mirrors = [:]
        await tell(.session(host: connection.host.description, server: connection.server))
    }

    func received(_ messages: [ICWSMessage], generation: Int) async {
        for message in messages {
            switch message {
            case .queue(let content):
                guard let workgroup = workgroups[content.subscription] else { continue }
                if let news = await take(content, workgroup) { await tell(.content(news)) }
            case .queueState(let subscription, let state, let reason) where state >= 2:
                guard let workgroup = workgroups[subscription] else { continue }
                let text = reason.isEmpty ? "CIC no longer keeps it up (state \(state))." : reason
                await tell(.unreadable(queue: workgroup, reason: HandlerText.sound(text)))
            case .queueState, .notification, .down, .other: break
            }
        }
    }

    func refused(subscription: String, reason: String) async {
        guard let workgroup = workgroups[subscription] else { return }
        await tell(.unreadable(queue: workgroup, reason: HandlerText.sound(reason)))
    }

    func lost(_ failure: RoutingFailure) async {
        mirrors = [:]
        await tell(.lost(failure))
    }

    /// What a message means for our interactions; nil when it is about others only.
    private func take(_ content: QueueMessage, _ workgroup: String) async -> QueueContent? {
        let id = content.subscription
        if !content.isDelta {
            var present: [SeenInteraction] = []
            mirrors[id] = QueueRows(content.added, of: ICWSQueue(place: workgroup), orgs: orgNames, seen: &present)
            return QueueContent(queue: workgroup, isFull: true, present: present, removed: [])
        }
        // Before its full content a queue has no changes that could be understood.
        guard mirrors[id] != nil else { return nil }
        var present: [SeenInteraction] = []
        var removed = content.removed.filter { mirrors[id]?.remove($0) == true }
        if content.added.contains(where: { removed.contains($0.interaction) }) {
            // Gone and there again in one message, which has no order: what is there is asked for.
            let added = Set(content.added.map(\.interaction))
            removed.removeAll { added.contains($0) }
            await session.putAgain(id)
        }
        for row in content.added {
            if let seen = mirrors[id]?.put(row, orgs: orgNames) { present.append(seen) }
        }
        for row in content.changed {
            if mirrors[id]?.contains(row.interaction) == true {
                if let seen = mirrors[id]?.merge(row, orgs: orgNames) { present.append(seen) }
            } else if row.isOurs == true {
                // Its attributes came late, so what else it carries was not kept: the whole queue is asked for again.
                if let seen = mirrors[id]?.put(row, orgs: orgNames) { present.append(seen) }
                await session.putAgain(id)
            }
        }
        guard !present.isEmpty || !removed.isEmpty else { return nil }
        return QueueContent(queue: workgroup, isFull: false, present: present, removed: removed)
    }
}
