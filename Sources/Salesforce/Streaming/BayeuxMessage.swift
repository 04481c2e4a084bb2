import JSON

/// A message of a Bayeux answer. Events are told by their `data`, never by their place or id: they come in any answer.
struct BayeuxMessage: Sendable {
    struct Advice: Equatable, Sendable {
        enum Reconnect: String, Sendable { case retry, handshake, none }
        var reconnect: Reconnect?
        /// Milliseconds.
        var interval: Int?
        var timeout: Int?
    }

    var channel = ""
    var clientID: String?
    var isSuccessful: Bool?
    var error: String?
    /// The true cause of a refusal, when `error` is general.
    var failureReason: String?
    var offersReplay = false
    var advice: Advice?
    /// Where in the answer the event's data stand.
    var data: Range<Int>?

    /// The most that is read of a text for people.
    private static let shown = 500

    /// Reads an answer. Whatever is no message is refused; unknown members are passed over.
    static func decode(_ body: [UInt8]) throws(JSONError) -> [BayeuxMessage] {
        try JSONReader.decode(body, limits: JSONLimits(maximumBytes: CometDClient.maximumAnswer)) { reader in
            try reader.values { reader in try BayeuxMessage(&reader) }
        }
    }

    private init(_ reader: inout JSONReader) throws {
        var message = BayeuxMessage()
        try reader.object { key, reader in
            switch key {
            case "channel": message.channel = try reader.string()
            case "data" where reader.kind == .object: message.data = try reader.raw()
            case "clientId": message.clientID = try reader.optionalString()
            case "successful": message.isSuccessful = try reader.optionalBool()
            case "error" where reader.kind == .string: message.error = String(try reader.string().prefix(Self.shown))
            case "advice" where reader.kind == .object: message.advice = try Self.advice(&reader)
            case "ext" where reader.kind == .object: try message.readExtension(&reader)
            default: break
            }
        }
        self = message
    }

    private init() {}

    private static func advice(_ reader: inout JSONReader) throws -> Advice {
        var advice = Advice()
        try reader.object { key, reader in
            switch key {
            case "reconnect" where reader.kind == .string:
                advice.reconnect = Advice.Reconnect(rawValue: try reader.string())
            case "interval" where reader.kind == .number: advice.interval = Int(exactly: try reader.double().rounded())
            case "timeout" where reader.kind == .number: advice.timeout = Int(exactly: try reader.double().rounded())
            default: break
            }
        }
        return advice
    }

    private mutating func readExtension(_ reader: inout JSONReader) throws {
        var offersReplay = false
        var reason: String?
        try reader.object { key, reader in
            switch key {
            case "replay" where reader.kind == .bool: offersReplay = try reader.bool()
            case "sfdc" where reader.kind == .object:
                try reader.object { key, reader in
                    if case "failureReason" = key, reader.kind == .string { reason = try reader.string() }
                }
            default: break
            }
        }
        self.offersReplay = offersReplay
        failureReason = reason.map { String($0.prefix(Self.shown)) }
    }
}
