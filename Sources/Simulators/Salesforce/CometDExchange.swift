/// One Bayeux request and the reply that is being written for it.
struct CometDExchange {
    enum Advice { case retry, handshake, stop }

    static let busy = "503::Server is too busy. Please try your request again later."

    let token: String?
    /// The browser cookie that came with the request.
    let cookie: String?
    private let isSecure: Bool
    private var bytes = SalesforceBytes(reserving: 1024)
    private var isEmpty = true
    private var setCookie: String?
    private var held: (clientID: String, messageID: SalesforceJSON?, holdID: Int)?

    init(call: SalesforceCall, token: String?) {
        self.token = token
        cookie = call.cookies["BAYEUX_BROWSER"]
        isSecure = call.isSecure
    }

    /// Goes on where a held connect's request left off.
    init(after ticket: CometDTicket) {
        token = nil
        cookie = nil
        isSecure = false
        isEmpty = ticket.before.isEmpty
        bytes.raw(ticket.before)
    }

    mutating func hold(_ clientID: String, _ messageID: SalesforceJSON?, id: Int) {
        held = (clientID, messageID, id)
    }

    func ticket() -> CometDTicket? {
        held.map {
            CometDTicket(clientID: $0.clientID, holdID: $0.holdID, messageID: $0.messageID, before: bytes.bytes)
        }
    }

    func reply() -> SalesforceReply {
        var body = SalesforceBytes(reserving: bytes.bytes.count + 2)
        body.raw("[")
        body.raw(bytes.bytes)
        body.raw("]")
        var reply = SalesforceReply(status: 200, body: body.bytes)
        if let setCookie {
            let secure = isSecure ? "; Secure" : ""
            reply.headers = [
                ("Set-Cookie", "BAYEUX_BROWSER=\(setCookie); Path=/cometd/; HttpOnly\(secure)"),
                ("Set-Cookie", "sfdc-stream=!\(setCookie.prefix(12)); Path=/; HttpOnly\(secure)"),
            ]
        }
        return reply
    }

    // MARK: Messages

    private mutating func message(_ channel: String, _ id: SalesforceJSON?, _ members: (inout SalesforceBytes) -> Void)
    {
        if !isEmpty { bytes.raw(",") }
        isEmpty = false
        bytes.raw("{\"channel\":")
        bytes.string(channel)
        if let id {
            bytes.raw(",\"id\":")
            bytes.json(id)
        }
        members(&bytes)
        bytes.raw("}")
    }

    mutating func acceptHandshake(_ message: SalesforceJSON, _ session: CometDSession) {
        setCookie = session.cookie
        self.message("/meta/handshake", message["id"]) { bytes in
            bytes.raw(
                ",\"ext\":{\"replay\":true,\"payload.format\":true},\"minimumVersion\":\"1.0\",\"version\":\"1.0\",\"clientId\":"
            )
            bytes.string(session.clientID)
            bytes.raw(",\"supportedConnectionTypes\":[\"long-polling\"],\"successful\":true")
        }
    }

    mutating func refuseHandshake(_ message: SalesforceJSON, _ reason: String) {
        self.message("/meta/handshake", message["id"]) { bytes in
            bytes.raw(",\"ext\":{\"sfdc\":{\"failureReason\":")
            bytes.string(reason)
            bytes.raw("},\"replay\":true,\"payload.format\":true},\"advice\":{\"reconnect\":\"none\"}")
            bytes.raw(",\"error\":\"403::Handshake denied\",\"successful\":false")
        }
    }

    mutating func reply(toConnect id: SalesforceJSON?, _ session: CometDSession, withAdvice hold: Double?) {
        message("/meta/connect", id) { bytes in
            bytes.raw(",\"clientId\":")
            bytes.string(session.clientID)
            if let hold {
                bytes.raw(",\"advice\":{\"reconnect\":\"retry\",\"interval\":0,\"timeout\":")
                bytes.integer(Int(hold * 1000))
                bytes.raw("}")
            }
            bytes.raw(",\"successful\":true")
        }
    }

    mutating func replyUnknown(toConnect id: SalesforceJSON?) {
        message("/meta/connect", id) { bytes in
            bytes.raw(",\"error\":\"403::Unknown client\",\"successful\":false")
            bytes.raw(",\"advice\":{\"interval\":0,\"reconnect\":\"handshake\"}")
        }
    }

    mutating func replyUnauthenticated(toConnect id: SalesforceJSON?, _ session: CometDSession) {
        message("/meta/connect", id) { bytes in
            bytes.raw(",\"clientId\":")
            bytes.string(session.clientID)
            bytes.raw(",\"error\":\"401::Authentication invalid\",\"successful\":false")
            bytes.raw(",\"advice\":{\"reconnect\":\"none\"}")
        }
    }

    /// The reply to any other message: success where there is no error.
    mutating func reply(
        to message: SalesforceJSON, channel: String, error: String?, advice: Advice? = nil, subscription: String? = nil
    ) {
        self.message(channel, message["id"]) { bytes in
            if let clientID = message["clientId"]?.string {
                bytes.raw(",\"clientId\":")
                bytes.string(clientID)
            }
            if let subscription {
                bytes.raw(",\"subscription\":")
                bytes.string(subscription)
            }
            if let error {
                bytes.raw(",\"error\":")
                bytes.string(error)
                if error.hasPrefix("503::") {
                    bytes.raw(",\"ext\":{\"sfdc\":{\"failureReason\":")
                    bytes.string(error)
                    bytes.raw("}}")
                }
            }
            switch advice {
            case nil: break
            case .retry?: bytes.raw(",\"advice\":{\"interval\":0,\"reconnect\":\"retry\"}")
            case .handshake?: bytes.raw(",\"advice\":{\"interval\":0,\"reconnect\":\"handshake\"}")
            case .stop?: bytes.raw(",\"advice\":{\"reconnect\":\"none\"}")
            }
            if error == nil { bytes.raw(",\"successful\":true") } else { bytes.raw(",\"successful\":false") }
        }
    }

    /// A disconnect that nobody asked for.
    mutating func disconnect(_ session: CometDSession) {
        message("/meta/disconnect", nil) { bytes in
            bytes.raw(",\"clientId\":")
            bytes.string(session.clientID)
            bytes.raw(",\"successful\":true,\"advice\":{\"reconnect\":\"none\"}")
        }
    }

    mutating func append(
        _ events: ArraySlice<SalesforceStream.Event>, _ subscription: CometDSubscription, clientID: String
    ) {
        var head = SalesforceBytes(reserving: 120)
        head.raw("{\"channel\":")
        head.string(subscription.name)
        head.raw(",\"clientId\":")
        head.string(clientID)
        head.raw(",")
        for event in events where subscription.accepts(event) {
            if !isEmpty { bytes.raw(",") }
            isEmpty = false
            bytes.raw(head.bytes)
            bytes.raw(event.body)
        }
    }
}
