import Hummingbird

extension CICState {
    /// One request from beginning to end, its ledger line included.
    ///
    /// - Parameter waited: the request was already delayed by a fault and must not meet it again.
    func handle(_ request: CICRequest, waited: Bool) -> CICAnswer {
        let operation = CICOperation.name(request)
        if !waited, let fault = takeFault(operation, .before) {
            switch fault.effect {
            case .wait(let milliseconds):
                var answer = CICAnswer(0)
                answer.again = true
                answer.wait = milliseconds
                return answer
            case .cut: return recorded(request, Self.cut)
            case .answer(let status): return recorded(request, Self.fault(status))
            case .garble: preconditionFailure("an answer is garbled after its request was done")
            }
        }
        var answer: CICAnswer
        do throws(CICError) {
            answer = try dispatch(request)
        } catch {
            answer = error.answer
        }
        // The faults of an event stream strike when it has something to write.
        if answer.stream == nil, let fault = takeFault(operation, .after) {
            switch fault.effect {
            case .wait(let milliseconds): answer.wait = milliseconds
            case .cut: answer = Self.cut
            case .answer(let status): answer = Self.fault(status)
            case .garble: answer.body = Array(answer.body.prefix(answer.body.count / 2))
            }
        }
        return recorded(request, answer)
    }

    private static var cut: CICAnswer {
        var answer = CICAnswer(0)
        answer.cut = true
        return answer
    }

    private static func fault(_ status: Int) -> CICAnswer {
        if status == 401 { return CICError.unauthorized.answer }
        return CICError(status, "error.server.simulatedFault", "The simulator was told to fail.").answer
    }

    private func recorded(_ request: CICRequest, _ answer: CICAnswer) -> CICAnswer {
        recordRequest(host: request.host, method: request.method.rawValue, path: request.path, status: answer.status)
        return answer
    }

    private func dispatch(_ request: CICRequest) throws(CICError) -> CICAnswer {
        let path = request.segments
        guard path.count >= 2, path[0].lowercased() == "icws" else { throw CICError.notFound }
        if path[1] == "connection" { return try discovery(request, Array(path.dropFirst(2))) }
        guard path.count >= 3 else { throw CICError.notFound }
        let rest = Array(path.dropFirst(3))
        let reads = request.method == .get && path[2] == "messaging" && rest == ["messages"]
        let asksState = request.method == .get && path[2] == "connection" && rest.isEmpty
        let session = try session(request, id: path[1], csrf: !reads, former: asksState)
        switch path[2] {
        case "connection": return try connection(request, session, rest)
        case "messaging" where reads: return readMessages(request, session)
        case "messaging" where rest == ["heartbeat"] && request.method == .post: return .done
        case "messaging" where rest.first == "subscriptions":
            return try subscription(request, session, Array(rest.dropFirst()))
        case "interactions": return try interaction(request, session, rest)
        case "system" where rest == ["handler-notification"] && request.method == .post:
            return try notifyHandler(request)
        case "configuration": return try configurationList(request, rest)
        case "status": return try status(request, session, rest)
        case "activations": return try activations(request, rest)
        case "licenses" where rest.isEmpty: return try licenses(request)
        case "statistics": return try statistics(request, rest)
        default: throw CICError.notFound
        }
    }
}
