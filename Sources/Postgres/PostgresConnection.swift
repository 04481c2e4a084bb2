import CPostgres
import Polling

/// One session: single statements, transactions of several statements, scripts.
///
/// Statements of concurrent callers are sent one behind the other without waiting for answers, each with its own
/// commit. A cancelled caller is resumed at once; its statement goes on and keeps its place. Nothing that may have taken effect is repeated.
public actor PostgresConnection {
    /// Statements waiting or under way at once; more are refused as `.overloaded`.
    public static let maximumOutstanding = 1_000

    public nonisolated let executor: PollExecutor
    public nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    /// The database's timeline, 8 hexadecimal digits. It changes when a standby takes over or a backup is restored,
    /// and with it commits may have been lost.
    public private(set) var timeline = ""

    nonisolated let pipeline: Pipeline
    nonisolated let gate: SessionGate
    private var statements: [StatementKey: PreparedStatement] = [:]
    private let parameterList = ParameterList()

    /// The same text with parameters of other types is another statement.
    private struct StatementKey: Hashable {
        let sql: String
        let types: [UInt32]
    }

    private init(_ pipeline: Pipeline) {
        self.pipeline = pipeline
        executor = pipeline.executor
        gate = SessionGate(executor: pipeline.executor, limit: Self.maximumOutstanding)
    }

    /// Opens a session and asks for the timeline.
    ///
    /// - Throws: `.connectionLost` when no server is there, or none that takes writes; `.permission` when the log-in
    ///   is refused.
    public static func open(
        _ address: PostgresAddress, _ settings: PostgresSettings, on executor: PollExecutor
    ) async throws(PostgresError) -> PostgresConnection {
        // Name look-up and log-in block in libpq, so they have a thread of their own.
        let handle = try await BlockingThread.run("pg-connect") { () throws(PostgresError) -> OpenHandle in
            try OpenHandle.connect(address, settings)
        }
        let connection = await PostgresConnection(handle, settings, on: executor)
        do throws(PostgresError) {
            try await connection.readTimeline()
        } catch {
            await connection.close()
            throw error
        }
        return connection
    }

    /// Opens a session for the time of `body`.
    public static func with<Value>(
        _ address: PostgresAddress, _ settings: PostgresSettings, on executor: PollExecutor,
        isolation: isolated (any Actor)? = #isolation,
        _ body: (PostgresConnection) async throws(PostgresError) -> Value
    ) async throws(PostgresError) -> Value {
        let connection = try await open(address, settings, on: executor)
        do throws(PostgresError) {
            let value = try await body(connection)
            await connection.close()
            return value
        } catch {
            await connection.close()
            throw error
        }
    }

    /// On the loop, because a pipeline begins watching its socket there.
    private init(_ handle: OpenHandle, _ settings: PostgresSettings, on executor: PollExecutor) async {
        self.init(await LoopStarter(executor).start(handle, settings))
    }

    private func readTimeline() async throws(PostgresError) {
        let rows = try await query("SELECT left(pg_walfile_name(pg_current_wal_lsn()), 8)", name: "timeline")
        timeline = try rows[0].text(0)
    }

    // MARK: Statements

    /// Sends one statement with its parameters and returns its rows once it is committed.
    ///
    /// - Parameter name: for messages; the beginning of the text when nil.
    public func query(
        _ sql: String, _ parameters: [PostgresValue] = [], name: String? = nil
    ) async throws(PostgresError) -> PostgresRows {
        do throws(PostgresError) {
            try await gate.enter(exclusively: false, operation: name ?? Self.label(sql))
            return try await send(sql, parameters, name: name, endsTurn: true)
        } catch {
            // A table was changed under the statement's plan. It did nothing, and is prepared anew.
            guard error.sqlState == "0A000" else { throw error }
            try await gate.enter(exclusively: false, operation: name ?? Self.label(sql))
            return try await send(sql, parameters, name: name, endsTurn: true)
        }
    }

    /// The turn must have been taken. It ends with the answer, not with the caller.
    func send(
        _ sql: String, _ parameters: [PostgresValue], name: String?, endsTurn: Bool, cancellable: Bool = true
    ) async throws(PostgresError) -> PostgresRows {
        let statement = prepared(sql, parameters, name)
        let rows = try await exchange(statement.name, endsTurn: endsTurn, cancellable: cancellable) { exchange in
            parameterList.removeAll()
            parameterList.append(parameters)
            pipeline.begin(exchange)
            pipeline.add(statement, parameterList)
            pipeline.send()
        }
        guard let first = rows.first else {
            throw PostgresError(.other, statement.name, "the server answered without a result")
        }
        return first
    }

    /// Sends a statement that nobody waits for and that ends the turn: a rollback. If it fails, so has the session.
    func start(_ sql: String, name: String) {
        parameterList.removeAll()
        pipeline.begin(Exchange(name) { _ in self.gate.assumeIsolated { $0.leave() } })
        pipeline.add(prepared(sql, [], name), parameterList)
        pipeline.send()
    }

    /// Starts an exchange and waits for its end or for the caller's cancellation.
    func exchange(
        _ operation: String, endsTurn: Bool, cancellable: Bool = true, _ start: (Exchange) -> Void
    ) async throws(PostgresError) -> [PostgresRows] {
        let caller = Caller<[PostgresRows]>()
        let result = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                caller.continuation = continuation
                start(
                    Exchange(operation) { outcome in
                        switch outcome {
                        case .done(let rows): caller.resume(.success(rows))
                        case .failed(let error, _): caller.resume(.failure(error))
                        }
                        if endsTurn { self.gate.assumeIsolated { $0.leave() } }
                    })
            }
        } onCancel: {
            // A handler cannot wait for the loop, where the caller may be touched.
            if cancellable { Task { await self.cancel(caller, operation) } }
        }
        return try result.get()
    }

    private func cancel(_ caller: Caller<[PostgresRows]>, _ operation: String) {
        caller.resume(.failure(PostgresError(.cancelled, operation, "the caller was cancelled")))
    }

    private func prepared(_ sql: String, _ parameters: [PostgresValue], _ name: String?) -> PreparedStatement {
        let key = StatementKey(sql: sql, types: parameters.map(\.oid))
        if let known = statements[key] { return known }
        let statement = PreparedStatement(name: name ?? Self.label(sql), sql: sql, types: key.types)
        statements[key] = statement
        return statement
    }

    static func label(_ sql: String) -> String {
        let words = sql.prefix(200).split(whereSeparator: \.isWhitespace)
        return String(words.joined(separator: " ").prefix(60))
    }

    // MARK: Scripts

    /// Runs several statements without parameters, separated by semicolons: for migrations only.
    ///
    /// They are one transaction unless the text itself begins and commits some.
    public func execute(script: String, name: String) async throws(PostgresError) {
        try await gate.enter(exclusively: true, operation: name)
        _ = try await exchange(name, endsTurn: true) { pipeline.run(script: script, $0) }
    }

    // MARK: The end

    /// Statements that wait or are under way; a transaction outweighs them. On the loop only.
    nonisolated var load: Int { gate.assumeIsolated { $0.load } }

    /// Whether statements wait or are under way.
    public var isBusy: Bool { load > 0 }

    /// Whether the session lives.
    public var isOpen: Bool { pipeline.isOpen }

    /// Returns why, once the session has ended.
    public func waitUntilLost() async -> String {
        await withCheckedContinuation { continuation in
            pipeline.whenLost { continuation.resume(returning: $0) }
        }
    }

    /// Ends the session; outstanding statements end as lost or unknown.
    public func close() { pipeline.close() }
}

/// Somebody who waits for an answer.
// Sendable is unchecked because it is handed to a cancellation handler, which only carries it back to the loop.
final class Caller<Value: Sendable>: @unchecked Sendable {
    var continuation: CheckedContinuation<Result<Value, PostgresError>, Never>?

    /// The first resumption counts: a cancelled caller is gone when the answer comes.
    func resume(_ result: Result<Value, PostgresError>) {
        continuation?.resume(returning: result)
        continuation = nil
    }
}

/// Makes a pipeline on the loop, where its socket has to be watched.
private actor LoopStarter {
    nonisolated let executor: PollExecutor
    nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    init(_ executor: PollExecutor) { self.executor = executor }

    func start(_ handle: OpenHandle, _ settings: PostgresSettings) -> Pipeline {
        Pipeline(handle.pointer, on: executor, answerTimeout: settings.answerTimeout)
    }
}
