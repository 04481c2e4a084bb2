/// A refusal, `code::text` or `code:arguments:text` (`salesforce.md` 2.6).
struct BayeuxError: Equatable, Sendable {
    let code: Int
    let text: String

    /// - Parameter message: one with `successful` false. Its nested reason, where there is one, is the true cause.
    init(_ message: BayeuxMessage) { self.init(message.failureReason ?? message.error ?? "") }

    init(_ error: String) {
        let parts = error.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
        if parts.count == 3, let code = Int(parts[0]) {
            self.code = code
            text = String(parts[2])
        } else {
            code = 0
            text = error
        }
    }

    /// What has to be done about it.
    enum Remedy: Equatable, Sendable {
        /// The session with the streaming server is gone: begin anew from the stored position.
        case handshake
        /// The login is gone as well.
        case login
        /// The stored position is refused.
        case gap
        /// A person has to change something; asked again every minute.
        case configuration
        /// Too many clients, or too busy by Salesforce's policy: minutes.
        case limit
        /// The day's events are used up: the sweep goes on without the stream.
        case dailyLimit
        case busy
        case other
    }

    var remedy: Remedy {
        func says(_ words: String) -> Bool { text.lowercased().contains(words) }
        switch code {
        case 400 where says("replayid") && says("invalid"): return .gap
        case 400 where says("has established a session") || says("does not match the session"): return .handshake
        case 400 where says("invalid connection type"): return .other
        case 400, 404: return .configuration
        case 401 where says("unknown client"): return .handshake  // As other Bayeux servers say it.
        case 401: return .login
        case 402: return .handshake
        case 403 where says("unknown client") || says("has not completed handshake"): return .handshake
        case 403 where says("total events daily limit"): return .dailyLimit
        case 403 where says("limit exceeded") || says("excessive use"): return .limit
        case 403 where says("handshake denied"): return .busy
        case 403, 405: return .configuration
        case 429, 503: return .busy
        case 500...: return .busy
        default: return .other
        }
    }
}
