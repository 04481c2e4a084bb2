import Synchronization

/// One org: its state behind one lock, and the way in for requests.
///
/// The lock is held for the length of one request's work and never while anything waits. What a request writes to the
/// ledger is written before the lock is given back, so nobody sees an effect before its line is there.
final class SalesforceOrg: Sendable {
    let name: String
    private let core: Mutex<SalesforceOrgCore>

    init(
        settings: SalesforceSimulatorConfiguration, org: SalesforceSimulatorConfiguration.Org, index: Int,
        ledger: Ledger?
    ) throws {
        name = org.name
        core = Mutex(try SalesforceOrgCore(settings: settings, org: org, index: index, ledger: ledger))
    }

    private func perform<Value: Sendable>(_ work: (SalesforceOrgCore) -> Value) -> Value {
        let (value, released) = core.withLock { core in
            let value = work(core)
            core.flushLedger()
            defer { core.released.removeAll() }
            return (value, core.released)
        }
        for continuation in released { continuation.resume() }
        return value
    }

    /// Answers a request; a held connect answers when there is an event or its time is over.
    func answer(_ call: SalesforceCall) async throws -> SalesforceReply {
        if let delay = perform({ $0.delay(of: call) }), delay > 0 {
            try await Task.sleep(for: .seconds(delay))
        }
        let outcome = perform { core -> CometDOutcome in
            let outcome = core.dispatch(call)
            if case .reply(let reply) = outcome { return .reply(core.finish(call, reply)) }
            return outcome
        }
        switch outcome {
        case .reply(let reply): return reply
        case .hold(let ticket):
            await withTaskCancellationHandler {
                await withCheckedContinuation { continuation in
                    perform { $0.park(ticket, continuation) }
                }
            } onCancel: {
                perform { $0.abandon(ticket) }
            }
            return perform { $0.finish(call, $0.answer(ticket)) }
        }
    }

    /// What time it is there, as the head of an answer says it; nil where the clock is that of this machine.
    var ownDate: String? { perform { $0.clockOffset == 0 ? nil : SalesforceTime.http($0.now) } }

    func tick() {
        perform { $0.tick() }
    }

    /// The process is about to stop: nothing is held any longer.
    func close() {
        perform { $0.close() }
    }
}

extension SalesforceOrgCore {
    /// Where a request goes.
    func dispatch(_ call: SalesforceCall) -> CometDOutcome {
        if call.path.hasPrefix("/control/") || call.path == "/control" { return .reply(control(call)) }
        if let failure = failureAskedFor(call) { return .reply(failure) }
        if call.uriLength > Self.longestURI {
            return .reply(.failure(.init(status: 414, code: "URI_TOO_LONG", message: "URI Too Long")))
        }
        if call.path.hasPrefix("/cometd") { return cometd(call) }
        // Clients that build the host of the token endpoint themselves end in another path before it.
        if call.path.hasSuffix("/services/oauth2/token") { return .reply(token(call)) }
        if call.path.hasSuffix("/services/oauth2/revoke") { return .reply(revoke(call)) }
        if call.path.contains("/services/Soap/u/") || call.path.contains("/services/Soap/c/") {
            return .reply(soapLogin(call))
        }
        if call.path.hasPrefix("/id/") { return .reply(identity(call)) }
        if call.path.hasPrefix("/services/data") { return .reply(rest(call)) }
        return .reply(.failure(.notFound))
    }

    /// Notes a finished request, and cuts its answer short where that was asked for.
    func finish(_ call: SalesforceCall, _ reply: SalesforceReply) -> SalesforceReply {
        guard !call.path.hasPrefix("/control") else { return reply }
        var reply = failureAfterEffect(call) ?? reply
        if let index = faults.drops.firstIndex(where: { $0.count > 0 && call.path.contains($0.path) }) {
            faults.drops[index].count -= 1
            reply.cutAfter = faults.drops[index].beforeStatus ? -1 : min(faults.drops[index].after, reply.body.count)
        }
        lines.line("request") {
            $0.member("org", organizationID)
            $0.member("method", call.method)
            $0.member("path", call.path)
            $0.member("status", reply.cutAfter == nil ? reply.status : 0)
        }
        return reply
    }

    func delay(of call: SalesforceCall) -> Double? {
        faults.rest.first { $0.count > 0 && $0.hits(call) && $0.delay > 0 }.map { fault in
            // A fault that only delays is used up here; others are by their failure.
            if fault.status == nil, let index = faults.rest.firstIndex(where: { $0.count > 0 && $0.hits(call) }) {
                faults.rest[index].count -= 1
            }
            return fault.delay
        }
    }

    private func failureAskedFor(_ call: SalesforceCall) -> SalesforceReply? { failure(call, afterEffect: false) }
    private func failureAfterEffect(_ call: SalesforceCall) -> SalesforceReply? { failure(call, afterEffect: true) }

    private func failure(_ call: SalesforceCall, afterEffect: Bool) -> SalesforceReply? {
        guard
            let index = faults.rest.firstIndex(where: {
                $0.count > 0 && $0.status != nil && $0.afterEffect == afterEffect && $0.hits(call)
            }), let status = faults.rest[index].status
        else { return nil }
        faults.rest[index].count -= 1
        let fault = faults.rest[index]
        return .failure(.init(status: status, code: fault.errorCode, message: fault.message))
    }

    func flushLedger() {
        ledger?.append(encoded: lines.bytes)
        lines.removeAll()
    }
}

extension SalesforceFaults.REST {
    func hits(_ call: SalesforceCall) -> Bool {
        call.path.contains(path) && method.map { $0 == call.method } ?? true
    }
}
