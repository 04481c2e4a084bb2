import Synchronization

/// The lock around a site's state. One turn is one call of `locked`: it is one batch of ledger lines, written before
/// the lock is released and before any reader is woken.
final class CICSite: Sendable {
    private let state: Mutex<CICState>
    private let ledger: Ledger

    init(configuration: CICSimulatorConfiguration) throws {
        ledger = try Ledger(path: configuration.ledgerPath)
        state = Mutex(CICState(configuration: configuration))
    }

    /// - Parameter host: whose state is meant, where a deposed server still answers on its own; else that of the active one.
    func locked<Result: Sendable>(
        host: Int? = nil, _ body: @Sendable (CICState) throws -> Result
    ) rethrows -> Result {
        try state.withLock { state in
            var meant = state
            if let deposed = state.deposed, deposed.active == host { meant = deposed }
            meant.now = .now
            defer { publish(meant) }
            return try body(meant)
        }
    }

    private func publish(_ state: CICState) {
        if !state.lines.isEmpty {
            ledger.append(encoded: state.lines)
            state.lines.removeAll(keepingCapacity: true)
        }
        for session in state.woken { session.reader?.yield() }
        state.woken.removeAll(keepingCapacity: true)
    }

    /// Runs what is due until the task is cancelled.
    ///
    /// A tick of 5 ms instead of a wait for the next due time: it costs a few hundred microseconds of CPU a second and
    /// needs no way to be woken early.
    func runTimers() async throws {
        while !Task.isCancelled {
            try await Task.sleep(for: .milliseconds(5))
            if let host = locked({ $0.deposed?.active }) { locked(host: host) { $0.tick() } }
            locked { $0.tick() }
        }
    }
}
