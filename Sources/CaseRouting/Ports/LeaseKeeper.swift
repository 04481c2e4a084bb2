import Logging

/// Works under a lease whenever it can be had: takes it, renews it, and gives it back.
actor LeaseKeeper {
    nonisolated let executor: any SerialExecutor & TaskExecutor
    nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    private let kind: Lease.Kind
    private let name: String
    private let leases: any Leases
    private let clock: any RoutingClock
    private let random: any RandomSource
    private let logger: Logger
    private var trustedUntil: Duration = .zero

    init(
        _ kind: Lease.Kind, _ name: String, leases: any Leases, clock: any RoutingClock, random: any RandomSource,
        logger: Logger, executor: any SerialExecutor & TaskExecutor
    ) {
        self.kind = kind
        self.name = name
        self.leases = leases
        self.clock = clock
        self.random = random
        self.logger = logger
        self.executor = executor
    }

    /// Until the task is cancelled.
    ///
    /// - Parameters:
    ///   - work: cancelled when somebody else has the lease, when it can no longer be trusted, or when the process stops.
    ///     When it ends, the lease is given back.
    ///   - close: what has to be done before that; it is not cancelled.
    func run(_ work: @escaping @Sendable (Lease) async -> Void, close: @escaping @Sendable () async -> Void = {}) async
    {
        while !Task.isCancelled {
            let asked = clock.monotonic
            do throws(RoutingFailure) {
                if let lease = try await leases.take(kind, name) {
                    logger.info(.leaseTaken, metadata: ["term": "\(lease.term)"])
                    trustedUntil = asked + Lease.trust
                    await hold(lease, work)
                    await giveBack(lease, close)
                    logger.info(.leaseLost, metadata: ["term": "\(lease.term)"])
                }
            } catch {
                logger.debug(.storeFailed, failure: error)
            }
            await clock.pause(Self.standbyPause, random)
        }
    }

    private func hold(_ lease: Lease, _ work: @escaping @Sendable (Lease) async -> Void) async {
        await withTaskGroup(of: Void.self) { duties in
            duties.addTask(executorPreference: executor) { await self.renew(lease) }
            duties.addTask(executorPreference: executor) { await self.waitForEndOfTrust() }
            duties.addTask(executorPreference: executor) { await work(lease) }
            // The first to end has lost the lease, or the process stops.
            await duties.next()
            duties.cancelAll()
        }
    }

    /// Ends when somebody else has the lease. A renewal that fails is tried again as long as the lease is trusted: the
    /// database may be back by then.
    private func renew(_ lease: Lease) async {
        var wait = Lease.duration / 3
        while !Task.isCancelled {
            await clock.pause(wait, random)
            let asked = clock.monotonic
            do throws(RoutingFailure) {
                guard try await leases.take(kind, name)?.term == lease.term else { return }
                trustedUntil = asked + Lease.trust
                wait = Lease.duration / 3
            } catch {
                wait = Self.failurePause
            }
        }
    }

    /// Beside the renewals, because one of them may hang for longer than the lease lasts.
    private func waitForEndOfTrust() async {
        while !Task.isCancelled && clock.monotonic < trustedUntil {
            do throws(CancellationError) {
                try await clock.sleep(for: trustedUntil - clock.monotonic)
            } catch {
                return
            }
        }
    }

    /// In a task of its own: this one may be cancelled, and a lease that is not given back keeps everybody waiting for
    /// half a minute.
    private func giveBack(_ lease: Lease, _ close: @escaping @Sendable () async -> Void) async {
        await Task(executorPreference: executor) { [leases, logger] in
            await close()
            do throws(RoutingFailure) {
                try await leases.release(lease)
            } catch {
                logger.debug(.storeFailed, failure: error)
            }
        }.value
    }

    /// A standby looks for the lease this often; it takes over within half a minute of a kill.
    private static let standbyPause: Duration = .seconds(5)
    private static let failurePause: Duration = .seconds(2)
}
