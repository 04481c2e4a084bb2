import Polling

/// The sessions of one process: one for each Batcher, a few for single statements and transactions. Lost ones are
/// opened again, with growing pauses; meanwhile every call fails at once with `.connectionLost`.
public actor PostgresDatabase {
    /// Looks at a new session before anything else uses it, for instance at its timeline. If it throws, the session is
    /// closed and opened again later.
    public typealias Admission = @Sendable (PostgresConnection) async throws(PostgresError) -> Void

    public nonisolated let executor: PollExecutor
    public nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    /// Group commit, each on a session of its own: work of different kinds does not wait for each other's flushes. At
    /// least one.
    public nonisolated let batchers: [Batcher]
    public nonisolated var batcher: Batcher { batchers[0] }
    /// The timeline of the first session, and every other one seen since. For one reader.
    ///
    /// When it changes, sessions of the earlier timeline are closed first.
    public nonisolated let timelineChanges: AsyncStream<String>

    /// Why a session could not be opened or was lost, most recently; nil while nothing went wrong.
    public private(set) var lastError: PostgresError?
    /// The timeline seen last.
    public private(set) var timeline: String?

    /// How often an answer of the server was waited for, of sessions that have ended.
    private var endedRoundTrips = 0
    /// Sessions opened since it was made, the first ones included.
    public private(set) var openings = 0

    private let address: PostgresAddress
    private let settings: PostgresSettings
    private let admission: Admission?
    private let timelineSink: AsyncStream<String>.Continuation
    private let places: [SessionPlace]
    private var isClosed = false
    private var waiters: [Caller<Void>] = []

    /// Nothing is opened before `run`.
    ///
    /// - Parameters:
    ///   - sessions: for single statements and transactions; at least one. Those of the Batchers come on top.
    ///   - batchers: how many; at least one.
    public init(
        _ address: PostgresAddress, _ settings: PostgresSettings, on executor: PollExecutor, sessions: Int = 2,
        batchers count: Int = 1, lock: BatchLock? = nil, limits: Batcher.Limits = .init(), admission: Admission? = nil
    ) {
        precondition(sessions >= 1 && count >= 1, "a database without a session for statements or for a Batcher")
        self.address = address
        self.settings = settings
        self.executor = executor
        self.admission = admission
        batchers = (0..<count).map { _ in Batcher(on: executor, lock: lock, limits: limits) }
        places =
            batchers.map { SessionPlace(batcher: $0, executor: executor) }
            + (0..<sessions).map { _ in SessionPlace(batcher: nil, executor: executor) }
        (timelineChanges, timelineSink) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(16))
    }

    // MARK: Life

    /// Keeps the sessions open until `close()` or cancellation. Returns after the last one has ended, which takes the
    /// connect time-out when one was just being opened.
    public func run() async {
        await withTaskCancellationHandler {
            await withDiscardingTaskGroup { group in
                for index in places.indices {
                    group.addTask(executorPreference: executor) { await self.keep(index) }
                }
            }
        } onCancel: {
            // A handler cannot wait for the loop, where the sessions are.
            Task { await self.close() }
        }
    }

    /// Ends all sessions: what waits fails with `.connectionLost`, what was sent with `.unknown`.
    public func close() async {
        isClosed = true
        for batcher in batchers { await batcher.close() }
        for place in places {
            await place.connection?.close()
            place.endPause()
        }
        timelineSink.finish()
        resumeWaiters()
    }

    private func keep(_ index: Int) async {
        let place = places[index]
        var pauses = ReconnectPauses()
        while !isClosed {
            let begin = MonotonicTime.now
            do throws(PostgresError) {
                let reason = try await use(place)
                lastError = PostgresError(.connectionLost, "session", reason)
            } catch {
                lastError = error
            }
            if isClosed { return }
            await place.pause(pauses.next(after: MonotonicTime.now - begin)) { isClosed }
        }
    }

    /// Opens a session and returns, once it has ended, why.
    private func use(_ place: SessionPlace) async throws(PostgresError) -> String {
        let connection = try await PostgresConnection.open(address, settings, on: executor)
        await note(timeline: connection.timeline)
        do throws(PostgresError) {
            try await admission?(connection)
        } catch {
            await connection.close()
            throw error
        }
        // Closed meanwhile, or of a timeline that is over.
        let begunOn = await connection.timeline
        guard !isClosed, begunOn == timeline else {
            await connection.close()
            return "was opened too late"
        }
        place.connection = connection
        openings += 1
        await place.batcher?.attach(connection)
        if isUp { resumeWaiters() }
        let reason = await connection.waitUntilLost()
        place.connection = nil
        endedRoundTrips += connection.pipeline.roundTrips
        return reason
    }

    /// What the sessions of the earlier timeline still have under way is unknown: its commits may be lost.
    private func note(timeline new: String) async {
        if new == timeline { return }
        timeline = new
        for place in places { await place.connection?.close() }
        timelineSink.yield(new)
    }

    // MARK: State

    /// Sessions that are open now.
    public var sessionCount: Int { places.count { $0.connection != nil } }

    /// What all Batchers have done.
    public var batches: BatchStatistics {
        get async {
            var sum = BatchStatistics()
            for batcher in batchers { sum += await batcher.statistics }
            return sum
        }
    }

    /// Whether the sessions of all Batchers and at least one other are there.
    public var isUp: Bool {
        places.prefix(batchers.count).allSatisfy { $0.connection != nil }
            && places.dropFirst(batchers.count).contains { $0.connection != nil }
    }

    /// How often an answer of the server was waited for; what was sent together counts once.
    public var roundTrips: Int {
        places.reduce(endedRoundTrips) { $0 + ($1.connection?.pipeline.roundTrips ?? 0) }
    }

    /// Returns as soon as the database is up.
    ///
    /// - Throws: the last error, when that takes longer than `limit` or the database was closed.
    public func waitUntilUp(atMost limit: Duration) async throws(PostgresError) {
        if isUp { return }
        let caller = Caller<Void>()
        let result = await withCheckedContinuation { continuation in
            caller.continuation = continuation
            waiters.append(caller)
            // It may have come up, or been closed, since the caller looked: a turn of the loop may pass before this.
            if isUp || isClosed {
                resumeWaiters()
            } else {
                executor.schedule(after: limit) { [weak self] in self?.assumeIsolated { $0.giveUp(caller) } }
            }
        }
        try result.get()
    }

    private func giveUp(_ caller: Caller<Void>) {
        waiters.removeAll { $0 === caller }
        caller.resume(.failure(lastError ?? PostgresError(.timeout, "connect", "the database is not up yet")))
    }

    private func resumeWaiters() {
        for caller in waiters {
            caller.resume(
                isClosed ? .failure(PostgresError(.connectionLost, "connect", "the database was closed")) : .success(())
            )
        }
        waiters.removeAll()
    }

    // MARK: Statements

    /// Runs one statement on the session with the least to do.
    public func query(
        _ sql: String, _ parameters: [PostgresValue] = [], name: String? = nil
    ) async throws(PostgresError) -> PostgresRows {
        try await session(for: name ?? PostgresConnection.label(sql)).query(sql, parameters, name: name)
    }

    /// Runs `body` between BEGIN and COMMIT on one session; see `PostgresConnection.transaction`.
    public func transaction<Value>(
        isolation: isolated (any Actor)? = #isolation, name: String = "transaction",
        _ body: (PostgresTransaction) async throws(PostgresError) -> Value
    ) async throws(PostgresError) -> Value {
        try await session(for: name).transaction(isolation: isolation, name: name, body)
    }

    private func session(for operation: String) throws(PostgresError) -> PostgresConnection {
        let open = places.dropFirst(batchers.count).compactMap(\.connection)
        guard let least = open.min(by: { $0.load < $1.load }) else {
            throw PostgresError(.connectionLost, operation, lastError?.text ?? "there is no connection yet")
        }
        return least
    }
}
