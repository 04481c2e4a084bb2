/// One Bayeux session.
final class CometDSession {
    let clientID: String
    /// Value of the browser cookie that must come with every later request.
    let cookie: String
    let userID: String
    var token: String
    var subscriptions: [CometDSubscription] = []
    var hold: CometDHold?
    /// Milliseconds at which the last reply to a connect was sent.
    var lastReply: Int64
    var wasConnected = false
    /// The server has ended the session; its next answer says so.
    var isDisconnected = false

    init(clientID: String, cookie: String, userID: String, token: String, now: Int64) {
        self.clientID = clientID
        self.cookie = cookie
        self.userID = userID
        self.token = token
        lastReply = now
    }
}

/// A channel a session has asked for, and how far it has been served.
struct CometDSubscription {
    /// As the client wrote it, a topic's filter included.
    let name: String
    let channel: String
    /// Field and value pairs of a topic's filter.
    let filter: [(field: String, value: String)]
    var position: Int

    init(name: String, position: Int) {
        self.name = name
        self.position = position
        let parts = name.split(separator: "?", maxSplits: 1)
        channel = String(parts.first ?? "")
        filter =
            parts.count < 2
            ? []
            : parts[1].split(separator: "&").compactMap { pair in
                let sides = pair.split(separator: "=", maxSplits: 1)
                return sides.count == 2 ? (String(sides[0]), String(sides[1])) : nil
            }
    }

    func accepts(_ event: SalesforceStream.Event) -> Bool {
        filter.allSatisfy { event.fields[$0.field] == $0.value }
    }
}

/// A connect that is held open until there is something to say.
final class CometDHold {
    let id: Int
    /// Milliseconds at which it is answered without events.
    let deadline: Int64
    var continuation: CheckedContinuation<Void, Never>?
    var isReleased = false
    /// The client's connection is gone: nobody would read the answer, so no event may be spent on it.
    var isAbandoned = false

    init(id: Int, deadline: Int64) {
        self.id = id
        self.deadline = deadline
    }
}

/// What a held connect needs to be answered later.
struct CometDTicket: Sendable {
    let clientID: String
    let holdID: Int
    /// `id` of the connect message, as JSON.
    let messageID: SalesforceJSON?
    /// Replies to messages that came in the same request.
    let before: [UInt8]
}

enum CometDOutcome: Sendable {
    case reply(SalesforceReply)
    case hold(CometDTicket)
}
