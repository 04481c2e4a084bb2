import CaseRouting

extension SalesforceFailure {
    /// A refusal of the streaming server.
    func streaming(_ what: String, _ error: BayeuxError, channel: String, token: String) -> RoutingFailure {
        let text = error.text.isEmpty ? "no reason given" : clean(error.text, also: token)
        let said = "\(what): \(error.code == 0 ? "" : "\(error.code) ")\(text)"
        switch error.remedy {
        case .handshake:
            return failure(.transient, .salesforceError, "the subscription was dropped and is begun anew. \(said)")
        case .login:
            return failure(.transient, .salesforceCredentials, "the session ended. \(said)")
        case .gap: return failure(.transient, .salesforceError, "the position is refused. \(said)")
        case .configuration:
            return failure(
                .configuration, .salesforceForbidden,
                "channel \(channel) cannot be read. Check that it exists and that the integration user has the permission "
                    + "set Routing_Integration. \(said)")
        case .limit: return failure(.transient, .salesforceLimit, "too many streaming clients. \(said)")
        case .dailyLimit:
            return failure(
                .transient, .salesforceLimit, "the day's events are used up; changes are found by sweeps. \(said)")
        case .busy: return failure(.transient, .salesforceUnreachable, "streaming is not available. \(said)")
        case .other: return failure(.transient, .salesforceError, said)
        }
    }

    /// The streaming server answered by HTTP what is no answer of Bayeux.
    func streaming(_ what: String, status: Int, body: [UInt8], token: String) -> RoutingFailure {
        let response = kept(status, body, also: token)
        return switch status {
        case 401: failure(.transient, .salesforceCredentials, "\(what): the session ended (401).", response)
        case 404, 410:
            failure(
                .configuration, .configuration, "\(what): no streaming at this API version (\(status)). Set another.",
                response)
        case 403: failure(.transient, .salesforceForbidden, "\(what): refused (403).", response)
        default: failure(.transient, .salesforceUnreachable, "\(what): answer \(status).", response)
        }
    }
}
