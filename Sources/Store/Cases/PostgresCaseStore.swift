import CaseRouting
import Polling
import Postgres

/// Cases, episodes, requests and attempts in PostgreSQL: every operation is one statement, written beside the type of
/// its parameters in the file of its group, and shares its commit with what else is done in the same turn.
public actor PostgresCaseStore: CaseStore {
    public nonisolated let executor: PollExecutor
    public nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    private let database: PostgresDatabase
    private let batcher: Batcher
    /// What a request waits for before CIC is asked anything has flushes of its own where there are sessions for it: a
    /// flush with merges takes several milliseconds, and what comes after it would begin with waiting for one. Who of
    /// two that know the same case is first is decided by the guards, as between two workers.
    private let readBatcher: Batcher
    private let mergeBatcher: Batcher
    private let worker: String
    private let encode: @Sendable (CaseChange) -> [UInt8]

    private let mergeOperation: BatchOperation<MergeStatement.Input, MergeStatement.Output>
    private let beginCreateOperation: BatchOperation<CreateStatements.Begin, Claim>
    private let recordPlacedOperation: BatchOperation<AssignStatements.Placed, Void>
    private let parkOperation: BatchOperation<ParkStatements.Park, Bool>
    private let retryOperation: BatchOperation<RetryHandle, Void>
    private let placeHoldOperation: BatchOperation<Hold, Void>

    /// - Parameters:
    ///   - worker: shown to people as who holds a case.
    ///   - host: written into the audit.
    ///   - encode: the message of a change, stored where a routing worker merges a request before ingest recorded it.
    public init(
        _ database: PostgresDatabase, worker: String, host: String,
        encode: @escaping @Sendable (CaseChange) -> [UInt8] = { RequestMessage.encode($0) }
    ) {
        self.database = database
        self.worker = worker
        self.encode = encode
        executor = database.executor
        batcher = database.batcher
        readBatcher = database.batchers.count > 1 ? database.batchers[1] : batcher
        mergeBatcher = database.batchers.count > 2 ? database.batchers[2] : batcher
        mergeOperation = MergeStatement.operation(worker: worker)
        beginCreateOperation = CreateStatements.begin(worker: worker)
        recordPlacedOperation = AssignStatements.recordPlaced(worker: worker)
        parkOperation = ParkStatements.park(worker: worker)
        retryOperation = RequestStatements.retry(worker: worker, host: host)
        placeHoldOperation = RequestStatements.placeHold(worker: worker)
    }

    // MARK: Flushes

    private func run<Input, Output>(
        _ operation: BatchOperation<Input, Output>, _ input: Input, _ key: BatchKey, by other: Batcher? = nil
    ) async throws(RoutingFailure) -> Output? {
        do throws(PostgresError) {
            return try await (other ?? batcher).run(operation, input, key: key)
        } catch {
            throw RoutingFailure(error)
        }
    }

    private func succeeds<Input>(
        _ operation: BatchOperation<Input, Void>, _ input: Input, _ key: CaseKey
    ) async throws(RoutingFailure) -> Bool {
        try await run(operation, input, BatchKey(key)) != nil
    }

    public func read(_ change: CaseChange) async throws(RoutingFailure) -> CaseSnapshot {
        let snapshot = try await run(ReadStatement.snapshot, change, BatchKey(change.caseKey), by: readBatcher)
        guard let snapshot else { throw RoutingFailure(PostgresError(.other, "read case", "no row came back")) }
        return snapshot
    }

    public func merge(_ merge: Merge) async throws(RoutingFailure) -> MergeResult {
        let key = merge.change.caseKey
        let input = MergeStatement.Input(merge: merge, body: encode(merge.change))
        guard let output = try await run(mergeOperation, input, BatchKey(key), by: mergeBatcher) else {
            return .conflict
        }
        guard output.isClaimed else { return .merged }
        return .claimed(output.claim(of: merge))
    }

    public func refresh(_ claim: Claim) async throws(RoutingFailure) -> Claim? {
        try await run(ReadStatement.refresh, claim, BatchKey(claim.caseKey))
    }

    public func beginCreate(
        _ claim: Claim, attempt: AttemptID, opensEpisode: Bool
    ) async throws(RoutingFailure) -> Claim? {
        let begin = CreateStatements.Begin(claim: claim, attempt: attempt, opensEpisode: opensEpisode)
        return try await run(beginCreateOperation, begin, BatchKey(claim.caseKey))
    }

    public func win(
        _ claim: Claim, _ interaction: InteractionID, _ attempt: AttemptID
    ) async throws(RoutingFailure) -> Claim? {
        let win = CreateStatements.Win(claim: claim, interaction: interaction, attempt: attempt)
        do throws(PostgresError) {
            return try await batcher.run(CreateStatements.win, win, key: BatchKey(claim.caseKey)) ?? nil
        } catch {
            // CIC gave an id again whose end here was not seen yet: nobody may have both.
            if case .constraint("episodes_one_open_per_interaction") = error.kind { return nil }
            throw RoutingFailure(error)
        }
    }

    public func beginAssign(_ claim: Claim) async throws(RoutingFailure) -> Bool {
        try await succeeds(AssignStatements.begin, claim, claim.caseKey)
    }

    public func recordPlaced(_ claim: Claim, workgroup: String, skills: String) async throws(RoutingFailure) -> Bool {
        let placed = AssignStatements.Placed(claim: claim, workgroup: workgroup, skills: skills)
        return try await succeeds(recordPlacedOperation, placed, claim.caseKey)
    }

    public func finish(_ claim: Claim) async throws(RoutingFailure) -> Bool {
        try await succeeds(AssignStatements.finish, claim, claim.caseKey)
    }

    public func beginEnding(_ claim: Claim) async throws(RoutingFailure) -> Bool {
        try await succeeds(EndStatements.beginEnding, claim, claim.caseKey)
    }

    public func end(_ end: EpisodeEnd) async throws(RoutingFailure) -> Bool {
        try await succeeds(EndStatements.end, end, end.episode.caseKey)
    }

    public func endUnborn(_ claim: Claim) async throws(RoutingFailure) -> Bool {
        try await succeeds(EndStatements.endUnborn, claim, claim.caseKey)
    }

    public func park(
        _ claim: Claim, _ failure: RoutingFailure, delay: Duration, create: FailedCreate?
    ) async throws(RoutingFailure) -> Bool {
        let park = ParkStatements.Park(claim: claim, failure: failure, delay: delay, create: create)
        return try await run(parkOperation, park, BatchKey(claim.caseKey)) ?? false
    }

    public func release(_ claim: Claim, delay: Duration) async throws(RoutingFailure) {
        let release = ParkStatements.Release(claim: claim, delay: delay)
        _ = try await run(ParkStatements.release, release, BatchKey(claim.caseKey))
    }

    public func placeHold(_ hold: Hold) async throws(RoutingFailure) {
        let key = BatchKey("hold \(hold.kind.rawValue) \(hold.reason.rawValue)", hold.name)
        _ = try await run(placeHoldOperation, hold, key)
    }

    public func raiseTaken(_ request: RequestKey) async throws(RoutingFailure) -> Int {
        try await run(RequestStatements.raiseTaken, request, BatchKey(request.org, request.eventKey)) ?? 1
    }

    public func retry(_ handle: RetryHandle) async throws(RoutingFailure) -> Bool {
        try await succeeds(retryOperation, handle, handle.caseKey)
    }

    public func recordUndecodable(_ message: UndecodableMessage) async throws(RoutingFailure) {
        _ = try await run(RequestStatements.recordUndecodable, message, BatchKey("undecodable", message.digest))
    }

    // MARK: Single queries

    public func claimDue(limit: Int, servers: [String]) async throws(RoutingFailure) -> [Claim] {
        let parameters: [PostgresValue] = [.int4(Int32(clamping: limit)), .textArray(servers), .text(worker)]
        let rows = try await database.ask(ClaimDueQuery.claim, parameters, name: "claim due")
        var orgs: [String] = [], cases: [String] = [], epochs: [Int64] = []
        do throws(PostgresError) {
            for row in rows where try !row.bool(3) {
                orgs.append(try row.text(0))
                cases.append(try row.text(1))
                epochs.append(try row.int64(2))
            }
            if orgs.isEmpty { return [] }
        } catch {
            throw RoutingFailure(error)
        }
        let claimed = try await database.ask(
            ClaimDueQuery.read, [.textArray(orgs), .textArray(cases), .int8Array(epochs)], name: "read claimed")
        do throws(PostgresError) {
            return try claimed.map { row throws(PostgresError) in try Claim(row) }
        } catch {
            throw RoutingFailure(error)
        }
    }

    public func takeUnseen(limit: Int) async throws(RoutingFailure) -> [TakenRequest] {
        let rows = try await database.ask(
            RequestStatements.takeUnseen, [.int4(Int32(clamping: limit))], name: "take unseen")
        do throws(PostgresError) {
            return try rows.map { row throws(PostgresError) in
                TakenRequest(
                    key: RequestKey(day: try row.int32(0), org: try row.text(1), eventKey: try row.text(2)),
                    taken: Int(try row.int32(3)), body: try row.bytes(4))
            }
        } catch {
            throw RoutingFailure(error)
        }
    }

    public func failPoisonous(_ request: RequestKey, _ failure: RoutingFailure) async throws(RoutingFailure) {
        let parameters: [PostgresValue] = [
            .int4(request.day), .text(request.org), .text(request.eventKey), .text(failure.kind.rawValue),
            .text(failure.stage.rawValue), .text(failure.cause.rawValue), .text(failure.summary.withoutNUL),
        ]
        _ = try await database.ask(RequestStatements.failPoisonous, parameters, name: "fail poisonous")
    }
}

extension MergeStatement.Output {
    /// The case as the decision left it, with what the database alone knows.
    func claim(of merge: Merge) -> Claim {
        var state = merge.decision.after
        state.revision = revision
        state.appliedRevision = appliedRevision
        state.attempts = attempts
        state.failureNumber = failureNumber
        state.lastEpisode = lastEpisode
        state.episode = episode
        return Claim(caseKey: merge.change.caseKey, epoch: epoch, state: state, now: now)
    }
}
