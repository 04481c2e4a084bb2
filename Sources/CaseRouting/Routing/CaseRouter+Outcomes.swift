import Logging

/// The one place that acts on how an attempt ended: done, retry after a while, failed with a reason, or unknown.
extension CaseRouter {
    func succeeded(_ hand: Hand, took: Duration) {
        let state = hand.claim.state
        // A case that only had to wait says nothing about its server.
        if hand.hasAnswered, let cic = state.episode?.cic ?? state.wanted?.cic {
            breakers[cic, default: Breaker()].succeeded(at: clock.monotonic)
        }
        guard hand.didFinish else { return }
        counted.ended(.done, took: took)
        logger.info(
            .caseAttempted,
            metadata: [
                "case": "\(hand.claim.caseKey)", "outcome": "done", "workgroup": "\(state.wanted?.workgroup ?? "-")",
                "attempt": "\(state.attempts + 1)", "duration_ms": "\(took.milliseconds)",
            ])
    }

    func failed(_ hand: Hand, _ failure: RoutingFailure, took: Duration) async {
        let claim = hand.claim
        counted.ended(RoutingMeter.Result(failure.kind), took: took)
        guard failure.kind != .own else {
            // Whoever takes the case next looks at what was committed. Given back when the database is there again, so
            // that this claim does not count as one whose worker died; late, its epoch is not in force any more.
            logger.debug(.storeFailed, failure: failure)
            _ = await stored { store throws(RoutingFailure) in try await store.release(claim, delay: .zero) }
            return
        }
        let delay = delay(for: failure, claim, took)
        logger.log(
            level: failure.kind == .held ? .debug : .warning, "\(LogEvent.caseAttempted.rawValue)",
            metadata: [
                "case": "\(claim.caseKey)", "outcome": "\(failure.kind)", "stage": "\(failure.stage)",
                "cause": "\(failure.cause)", "attempt": "\(claim.state.attempts + 1)",
                "of": "\(RetryPolicy.attemptLimit)", "retry_in_s": "\(delay.components.seconds)",
                "duration_ms": "\(took.milliseconds)", "summary": "\(failure.summary)",
            ])
        let create = hand.failedCreate
        _ = await stored { store throws(RoutingFailure) in
            try await store.park(claim, failure, delay: delay, create: create)
        }
        await countAgainstServer(claim, failure)
    }

    private func delay(for failure: RoutingFailure, _ claim: Claim, _ took: Duration) -> Duration {
        let backOff = RetryPolicy.delay(afterAttempts: claim.state.attempts, random: random.next())
        switch failure.kind {
        case .unknown:
            // Looked for when it must have taken effect; the episode's deadline is the database's time, and so is the claim's,
            // from which on the worker has waited for the answer.
            guard let deadline = claim.state.episode?.attemptDeadline else { return backOff }
            return max(backOff, deadline + settlingTime - claim.now - took)
        // Most sessions are back within a second; where none comes, the breaker spares the others the asking.
        case .held: return backOff + .seconds(1)
        default: return backOff
        }
    }

    /// Ten failures in a row and none that succeeded in ten seconds: the server as a whole is the problem, and cases
    /// that wait for it keep their attempts. Those that it holds keep them anyway, but each would be claimed and given
    /// back every few seconds: 100,000 of them are more work than routing.
    private func countAgainstServer(_ claim: Claim, _ failure: RoutingFailure) async {
        let isHeld = failure.kind == .held && failure.cause != .configuration
        guard failure.kind == .transient || failure.kind == .unknown || isHeld,
            let cic = claim.state.episode?.cic ?? claim.state.wanted?.cic
        else { return }
        var breaker = breakers[cic] ?? Breaker()
        let opens = breaker.failed(at: clock.monotonic, isHeld: isHeld)
        breakers[cic] = breaker
        guard opens else { return }
        logger.warning(.breakerOpened, metadata: ["cic": "\(cic)", "cause": "\(failure.cause)"])
        let hold = Hold(
            kind: .cic, name: cic, reason: .breaker,
            detail: "\(Breaker.failuresToOpen) attempts in a row failed, the last with: \(failure.summary)")
        _ = await stored { store throws(RoutingFailure) in try await store.placeHold(hold) }
    }
}

/// Whether a server as a whole is the problem.
struct Breaker {
    static let failuresToOpen = 10
    static let quiet: Duration = .seconds(10)

    private var failures = 0
    private var lastSuccess: Duration?
    /// When the first of these failures was.
    private var since: Duration = .zero

    mutating func succeeded(at time: Duration) {
        failures = 0
        lastSuccess = time
    }

    /// Returns true when this failure opens it; the count begins anew then.
    ///
    /// - Parameter isHeld: nothing was sent. Without a session that is how every case fails, at once; a session that is
    ///   opened anew within seconds, as after every start, is no reason to stop.
    mutating func failed(at time: Duration, isHeld: Bool = false) -> Bool {
        if failures == 0 { since = time }
        failures += 1
        let quietSince = isHeld ? max(since, lastSuccess ?? since) : lastSuccess
        let isQuiet = quietSince.map { time - $0 >= Self.quiet } ?? true
        guard failures >= Self.failuresToOpen && isQuiet else { return false }
        failures = 0
        return true
    }
}

extension Duration {
    /// Whole milliseconds, for logs.
    var milliseconds: Int64 { components.seconds * 1_000 + components.attoseconds / 1_000_000_000_000_000 }
}
