import CaseRouting
import JSON

/// Reads messages, keeping of tens of thousands of interactions only what is ours.
///
/// The kind of a message (`__type`) may be the last thing it says, so members are read by their own kind first. What a
/// member of a kind unknown to us holds is passed over: features grow (`icws.md` 1).
struct ICWSMessageReader {
    let installation: String
    let limits: JSONLimits

    /// Longest interaction id taken; CIC's have ten or so digits.
    static let longestID = 128

    init(installation: String, maximumBytes: Int) {
        self.installation = installation
        limits = JSONLimits(maximumBytes: maximumBytes)
    }

    /// A polled answer: an array of messages.
    func messages(_ body: [UInt8]) throws(JSONError) -> [ICWSMessage] {
        try JSONReader.decode(body, limits: limits) { reader in
            try reader.values { reader in try message(&reader) }
        }
    }

    /// The data of one event.
    func message(_ data: [UInt8]) throws(JSONError) -> ICWSMessage {
        try JSONReader.decode(data, limits: limits) { reader in try message(&reader) }
    }

    private struct Parts {
        var type = ""
        var isDelta = true
        var subscription = ""
        var added: [QueueRow] = []
        var changed: [QueueRow] = []
        var removed: [InteractionID] = []
        var state = 0
        var reason = ""
        var error = ""
        var object = ""
        var event = ""
        var data: [String]?
        var isDown = false
    }

    private func message(_ reader: inout JSONReader) throws -> ICWSMessage {
        guard reader.kind == .object else { return .other }
        var parts = Parts()
        try reader.object { key, reader in
            switch key {
            case "__type" where reader.kind == .string: parts.type = try reader.string()
            case "isDelta" where reader.kind == .bool: parts.isDelta = try reader.bool()
            case "subscriptionId" where reader.kind == .string: parts.subscription = try reader.string()
            case "interactionsAdded" where reader.kind == .array: parts.added = try rows(&reader, all: false)
            case "interactionsChanged" where reader.kind == .array: parts.changed = try rows(&reader, all: true)
            case "interactionsRemoved" where reader.kind == .array:
                try reader.array { reader in
                    if let id = try interaction(&reader) { parts.removed.append(id) }
                }
            case "state" where reader.kind == .number: parts.state = Int(try reader.double().clamped)
            case "error" where reader.kind == .object: parts.error = try errorText(&reader)
            case "objectId" where reader.kind == .string: parts.object = try reader.string()
            case "eventId" where reader.kind == .string: parts.event = try reader.string()
            case "data" where reader.kind == .array: parts.data = try strings(&reader)
            case "newConnectionState" where reader.kind == .number: parts.isDown = try reader.double() == 2
            // The official example fabricates the message with a word in place of the number.
            case "newConnectionState" where reader.kind == .string:
                parts.isDown = try reader.string().lowercased() == "down"
            case "reason" where reader.kind == .string: parts.reason = try reader.string()
            default: break
            }
        }
        return Self.message(parts)
    }

    private static func message(_ parts: Parts) -> ICWSMessage {
        switch parts.type {
        case "urn:inin.com:queues:queueContentsMessage":
            return .queue(
                QueueMessage(
                    subscription: parts.subscription, isDelta: parts.isDelta, added: parts.added,
                    changed: parts.changed, removed: parts.removed))
        case "urn:inin.com:queues:queueSubscriptionStateMessage":
            return .queueState(subscription: parts.subscription, state: parts.state, reason: parts.error)
        case "urn:inin.com:system:handlerSentNotificationMessage":
            guard let data = parts.data else { return .other }
            return .notification(object: parts.object, event: parts.event, data: data)
        case "urn:inin.com:connection:connectionStateChangeMessage":
            return parts.isDown ? .down(reason: parts.reason) : .other
        default: return .other
        }
    }

    /// Strings, or nil when something else is among them.
    private func strings(_ reader: inout JSONReader) throws -> [String]? {
        var strings: [String] = []
        var areAll = true
        try reader.array { reader in
            if reader.kind == .string { strings.append(try reader.string()) } else { areAll = false }
        }
        return areAll ? strings : nil
    }

    private func errorText(_ reader: inout JSONReader) throws -> String {
        var (id, message) = ("", "")
        try reader.object { key, reader in
            switch key {
            case "errorId" where reader.kind == .string: id = try reader.string()
            case "message" where reader.kind == .string: message = try reader.string()
            default: break
            }
        }
        return message.isEmpty ? id : message
    }

    private func interaction(_ reader: inout JSONReader) throws -> InteractionID? {
        guard reader.kind == .string else { return nil }
        let id = try reader.string()
        return id.isEmpty || id.utf8.count > Self.longestID ? nil : InteractionID(id)
    }

    // MARK: Interactions

    /// - Parameter all: also those that say nothing of an installation, because only what changed is told.
    private func rows(_ reader: inout JSONReader, all: Bool) throws -> [QueueRow] {
        var rows: [QueueRow] = []
        // Orgs repeat; one copy of each serves all rows.
        var lastOrg = ""
        try reader.array { reader in
            guard reader.kind == .object else { return }
            var id: InteractionID?
            var row = QueueRow(interaction: InteractionID(""))
            try reader.object { key, reader in
                switch key {
                case "interactionId" where reader.kind == .string: id = try interaction(&reader)
                case "attributes" where reader.kind == .object: try attributes(&reader, into: &row, lastOrg: &lastOrg)
                default: break
                }
            }
            guard let id, all ? row.isOurs != false : row.isOurs == true else { return }
            var named = QueueRow(interaction: id)
            named.merge(row)
            rows.append(named)
        }
        return rows
    }

    private func attributes(
        _ reader: inout JSONReader, into row: inout QueueRow, lastOrg: inout String
    ) throws {
        try reader.object { key, reader in
            guard reader.kind == .string, let name = AttributeName(key) else { return }
            switch name {
            case .installation: row.isOurs = try reader.string() == installation
            case .org:
                let org = try reader.string()
                if org != lastOrg { lastOrg = org }
                row.org = lastOrg
            case .caseID: row.caseID = try reader.string()
            case .episode: row.episode = Int32(try reader.string())
            case .attempt: row.attempt = AttemptID(try reader.string())
            case .assign: row.assign = Int64(try reader.string()) ?? 0
            case .state: row.state = try reader.string()
            case .user: row.hasUser = try !reader.string().isEmpty
            case .userQueue: row.userQueue = try reader.string()
            }
        }
    }
}

/// The attributes that are read from queues, by their names in any case.
enum AttributeName {
    case installation, org, caseID, episode, attempt, assign, state, user, userQueue

    private static let names: [(name: [UInt8], value: AttributeName)] = {
        let names: [(String, AttributeName)] = [
            (InteractionAttribute.installation, .installation), (InteractionAttribute.org, .org),
            (InteractionAttribute.caseID, .caseID), (InteractionAttribute.episode, .episode),
            (InteractionAttribute.attempt, .attempt), (InteractionAttribute.assign, .assign),
            (InteractionAttribute.state, .state), (InteractionAttribute.user, .user),
            (InteractionAttribute.userQueue, .userQueue),
        ]
        return names.map { (name: Array($0.0.lowercased().utf8), value: $0.1) }
    }()

    init?(_ key: JSONKey) {
        for (name, value) in Self.names where name.count == key.count {
            var index = 0
            while index < name.count, name[index] == Self.lowercased(key[index]) { index += 1 }
            if index == name.count {
                self = value
                return
            }
        }
        return nil
    }

    private static func lowercased(_ byte: UInt8) -> UInt8 {
        byte >= UInt8(ascii: "A") && byte <= UInt8(ascii: "Z") ? byte | 0x20 : byte
    }
}

extension Double {
    /// Within what an `Int` surely holds.
    fileprivate var clamped: Double { min(max(self, -1e9), 1e9) }
}
