import CPostgres
import DequeModule
import Polling

/// A libpq connection in pipeline mode: sends exchanges, and ends each when its Sync is answered, never earlier,
/// because only then it is committed.
// Sendable is unchecked because it belongs to one event loop and is touched by no other thread, which every entry
// checks; the connection's actor and the Batcher share it on that loop.
final class Pipeline: @unchecked Sendable {
    /// How often an answer that does not come is looked for.
    private static let answerCheck = Duration.seconds(1)

    let executor: PollExecutor
    private var handle: OpaquePointer?
    private let descriptor: Int32
    private let answerTimeout: Duration?

    private var exchanges = Deque<Exchange>()
    /// Exchanges sent: the server's answer to each is waited for.
    private(set) var roundTrips = 0
    private var current: Exchange?
    private var sendFailure: String?
    /// A script under way, which has the connection for itself.
    private var script: Exchange?
    /// When something was last heard, or first waited for.
    private var heard = MonotonicTime.now
    private var answerTimer: PollTimer?

    private var prepared = PreparedNames()

    /// Why the connection ended; nil while it lives.
    private(set) var lossReason: String?
    private var onLost: [(String) -> Void] = []

    /// Takes over an open connection. On the loop.
    init(_ handle: OpaquePointer, on executor: PollExecutor, answerTimeout: Duration?) {
        executor.checkIsolated()
        self.executor = executor
        self.handle = handle
        self.answerTimeout = answerTimeout
        descriptor = PQsocket(handle)
        // Notices would be printed to standard error.
        PQsetNoticeReceiver(handle, { _, _ in }, nil)
        PQsetnonblocking(handle, 1)
        PQenterPipelineMode(handle)
        executor.watch(descriptor, for: .readable) { [weak self] events in self?.ready(events) }
    }

    deinit { precondition(handle == nil, "a connection was dropped without being closed") }

    var isOpen: Bool { handle != nil }
    var isIdle: Bool { exchanges.isEmpty && script == nil }

    /// Calls back once when the connection has ended, whoever ended it.
    func whenLost(_ action: @escaping (String) -> Void) {
        executor.checkIsolated()
        if let lossReason { action(lossReason) } else { onLost.append(action) }
    }

    // MARK: Sending

    /// Begins an exchange: `add` its statements, then `send`.
    func begin(_ exchange: Exchange) {
        executor.checkIsolated()
        precondition(current == nil && script == nil, "an exchange is being put together already")
        current = exchange
    }

    func add(_ statement: PreparedStatement, _ parameters: ParameterList) {
        guard let handle, let current, sendFailure == nil else { return }
        let name = serverName(of: statement)
        let sent = parameters.values.withUnsafeBufferPointer { values in
            parameters.lengths.withUnsafeBufferPointer { lengths in
                parameters.formats.withUnsafeBufferPointer { formats in
                    PQsendQueryPrepared(
                        handle, name, Int32(parameters.count), values.baseAddress, lengths.baseAddress,
                        formats.baseAddress, 1)
                }
            }
        }
        current.steps.append(.execute(statement))
        if sent != 1 { sendFailure = message() }
    }

    /// Ends the exchange with its Sync and flushes.
    func send() {
        guard let exchange = current else { preconditionFailure("no exchange was begun") }
        current = nil
        guard let handle else {
            exchange.lose(lossReason ?? "is closed", mayHaveArrived: false)
            return
        }
        if exchanges.isEmpty { heard = .now }
        exchanges.append(exchange)
        roundTrips += 1
        if sendFailure == nil, PQpipelineSync(handle) != 1 { sendFailure = message() }
        if let sendFailure {
            lose(sendFailure)
            return
        }
        flush()
        startAnswerTimer()
    }

    /// The name under which the statement is prepared, preparing it when it is not.
    private func serverName(of statement: PreparedStatement) -> String {
        let (name, mustPrepare) = prepared.name(for: statement)
        if !mustPrepare { return name }
        current?.steps.append(name.isEmpty ? .prepareUnnamed : .prepare(statement))
        let sent = statement.types.withUnsafeBufferPointer { types in
            PQsendPrepare(handle, name, statement.sql, Int32(types.count), types.baseAddress)
        }
        if sent != 1 { sendFailure = message() }
        return name
    }

    private func flush() {
        guard let handle else { return }
        switch PQflush(handle) {
        case 0:
            // From the back, because those in front were marked before.
            for exchange in exchanges.reversed() {
                if exchange.hasLeft { break }
                exchange.hasLeft = true
            }
            executor.rewatch(descriptor, for: .readable)
        case 1:
            executor.rewatch(descriptor, for: [.readable, .writable])
        default:
            lose(message())
        }
    }

    // MARK: Receiving

    private func ready(_ events: PollEvents) {
        guard let handle else { return }
        if events.contains(.writable) { flush() }
        guard self.handle != nil, events != .writable else { return }
        heard = .now
        let alive = PQconsumeInput(handle) == 1
        // What came before the end still counts.
        if script == nil { readResults() } else { readScript() }
        guard self.handle != nil else { return }
        if !alive || PQstatus(handle) == CONNECTION_BAD { lose(message()) }
    }

    private func readResults() {
        while let handle, let exchange = exchanges.first, PQisBusy(handle) == 0 {
            guard let result = PQgetResult(handle) else {
                // Between two statements, or nothing left of a broken connection.
                if PQstatus(handle) == CONNECTION_BAD { return }
                continue
            }
            switch PQresultStatus(result) {
            case PGRES_PIPELINE_SYNC:
                PQclear(result)
                exchanges.removeFirst()
                exchange.end()
            case PGRES_FATAL_ERROR:
                let error = PostgresError(exchange.operation(at: exchange.answered), result: result)
                let ends = Self.endsConnection(result)
                PQclear(result)
                if ends || PQstatus(handle) == CONNECTION_BAD {
                    lose(error.text)
                    return
                }
                refuse(exchange, error)
            case PGRES_PIPELINE_ABORTED:
                PQclear(result)
                // Skipped after an earlier error, its preparation too.
                if case .prepare(let statement)? = exchange.nextStep { prepared.forget(statement) }
                exchange.answered += 1
            default:
                take(exchange, result)
            }
        }
    }

    private func take(_ exchange: Exchange, _ result: OpaquePointer) {
        switch exchange.nextStep {
        case .prepare(let statement):
            prepared.confirm(statement)
            PQclear(result)
        case .prepareUnnamed: PQclear(result)
        case .execute(let statement):
            let status = PQresultStatus(result)
            exchange.results.append(PostgresRows(statement.name, result))
            if status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK && status != PGRES_EMPTY_QUERY {
                lose("COPY is not supported")
                return
            }
        case nil: PQclear(result)
        }
        exchange.answered += 1
    }

    private func refuse(_ exchange: Exchange, _ error: PostgresError) {
        switch exchange.nextStep {
        case .prepare(let statement): prepared.forget(statement)
        case .execute(let statement):
            // A plan that no longer fits the tables, or a session that was reset: prepare it anew next time.
            if error.sqlState == "0A000" || error.sqlState == "26000" { prepared.forget(statement) }
        case .prepareUnnamed, nil: break
        }
        exchange.fail(error, statement: exchange.statement(at: exchange.answered))
        exchange.answered += 1
        // A demoted server answers every write so; the next connection looks for the one that takes them.
        if error.sqlState == "25006" { lose(error.text) }
    }

    /// FATAL and PANIC end the session; whether a commit came first cannot be told.
    private static func endsConnection(_ result: OpaquePointer) -> Bool {
        guard let severity = PQresultErrorField(result, Int32(Character("V").asciiValue!)) else { return false }
        let text = String(cString: severity)
        return text == "FATAL" || text == "PANIC"
    }

    // MARK: Scripts

    /// Runs several statements by the simple protocol, which pipeline mode does not know. Only when idle.
    func run(script text: String, _ exchange: Exchange) {
        executor.checkIsolated()
        precondition(isIdle, "a script needs the connection for itself")
        guard let handle else {
            exchange.lose(lossReason ?? "is closed", mayHaveArrived: false)
            return
        }
        heard = .now
        script = exchange
        guard PQexitPipelineMode(handle) == 1, PQsendQuery(handle, text) == 1 else {
            lose(message())
            return
        }
        exchange.hasLeft = true
        flush()
        startAnswerTimer()
    }

    private func readScript() {
        while let handle, let script, PQisBusy(handle) == 0 {
            guard let result = PQgetResult(handle) else {
                if PQstatus(handle) == CONNECTION_BAD { return }
                self.script = nil
                // Statements may have changed under their plans.
                prepared.removeAll()
                if PQenterPipelineMode(handle) != 1 { lose(message()) }
                script.end()
                return
            }
            defer { PQclear(result) }
            switch PQresultStatus(result) {
            case PGRES_FATAL_ERROR:
                let error = PostgresError(script.operation, result: result)
                if Self.endsConnection(result) {
                    lose(error.text)
                    return
                }
                script.fail(error, statement: nil)
            case PGRES_COPY_IN, PGRES_COPY_OUT, PGRES_COPY_BOTH:
                lose("COPY is not supported")
                return
            default: break
            }
        }
    }

    // MARK: The end

    private func startAnswerTimer() {
        guard let answerTimeout, answerTimer == nil else { return }
        answerTimer = executor.schedule(after: Self.answerCheck) { [weak self] in
            guard let self else { return }
            answerTimer = nil
            if isIdle { return }
            if MonotonicTime.now - heard > answerTimeout {
                lose("the server gave no answer for \(answerTimeout)")
            } else {
                startAnswerTimer()
            }
        }
    }

    /// Ends the connection. Outstanding statements end as lost or unknown.
    func close() {
        executor.checkIsolated()
        lose("was closed")
    }

    private func message() -> String {
        guard let text = PQerrorMessage(handle) else { return "no message" }
        let line = String(cString: text).split(whereSeparator: \.isNewline).first
        return line.map(String.init) ?? "the connection is broken"
    }

    private func lose(_ reason: String) {
        guard let handle else { return }
        self.handle = nil
        lossReason = reason
        answerTimer?.cancel()
        executor.unwatch(descriptor)
        PQfinish(handle)
        let last = exchanges.last
        for exchange in exchanges {
            // Only of the last one is it certain that its end is still in this process.
            exchange.lose(reason, mayHaveArrived: exchange.hasLeft || exchange !== last)
        }
        exchanges.removeAll()
        script?.lose(reason, mayHaveArrived: true)
        script = nil
        let actions = onLost
        onLost.removeAll()
        for action in actions { action(reason) }
    }
}
