/// A queue's name in requests: its type and the name without scope.
struct CICQueueName: Hashable, Sendable {
    static let user = 1
    static let workgroup = 2
    /// What a user's own queue begins with in the handler's contract, where a workgroup's name stands.
    static let ownPrefix = "user:"

    var type: Int
    var name: String
}

/// What a queue lists, and who watches it.
final class CICQueue {
    let name: CICQueueName
    var interactions: [Int: CICInteraction] = [:]
    var subscriptions: [CICQueueSubscription] = []

    init(name: CICQueueName) {
        self.name = name
    }
}

/// Attributes as a client asked for them.
struct CICColumns {
    let columns: [(key: [UInt8], name: Int)]

    init(_ names: [String], _ numbers: inout CICAttributeNames, keys: String) {
        columns = names.map { name in
            var key: [UInt8] = []
            key.add(string: keys == "lower" ? name.lowercased() : name)
            key.add(":")
            return (key, numbers[name])
        }
    }

    /// The attributes as a JSON object; `nil` if only certain ones are wanted and none of them is asked for.
    func encoded(_ interaction: CICInteraction, only changed: [Int]? = nil) -> [UInt8]? {
        var bytes: [UInt8] = []
        bytes.add("{")
        for column in columns {
            if let changed, !changed.contains(column.name) { continue }
            guard let value = interaction.value(column.name) else { continue }
            if bytes.count > 1 { bytes.add(",") }
            bytes.append(contentsOf: column.key)
            bytes.add(string: value)
        }
        if changed != nil, bytes.count == 1 { return nil }
        bytes.add("}")
        return bytes
    }
}

final class CICQueueSubscription {
    let id: String
    unowned let session: CICSession
    let columns: CICColumns
    let queues: [CICQueue]

    init(id: String, session: CICSession, columns: CICColumns, queues: [CICQueue]) {
        self.id = id
        self.session = session
        self.columns = columns
        self.queues = queues
    }

    func lists(_ interaction: CICInteraction, on queues: [CICQueue]) -> Bool {
        queues.contains { queue in self.queues.contains { $0 === queue } }
    }
}

/// Changes of one subscription that have not been read. Each interaction occurs once, so their order says nothing.
final class CICQueueDelta {
    /// Most interactions in one message.
    static let limit = 100

    let subscription: String
    var serials: Set<Int> = []
    var added: [UInt8] = []
    var changed: [UInt8] = []
    var removed: [UInt8] = []

    init(subscription: String) {
        self.subscription = subscription
    }

    enum Part { case added, changed, removed }

    /// Adds an interaction to a part; a removed one has no attributes.
    func append(_ part: Part, id: String, attributes: [UInt8]) {
        switch part {
        case .added: Self.append(to: &added, id: id, attributes: attributes)
        case .changed: Self.append(to: &changed, id: id, attributes: attributes)
        case .removed:
            if !removed.isEmpty { removed.add(",") }
            removed.add(string: id)
        }
    }

    private static func append(to bytes: inout [UInt8], id: String, attributes: [UInt8]) {
        bytes.add(bytes.isEmpty ? "{\"interactionId\":" : ",{\"interactionId\":")
        bytes.add(string: id)
        bytes.add(",\"attributes\":")
        bytes.append(contentsOf: attributes)
        bytes.add("}")
    }

    func encode(into bytes: inout [UInt8], isDelta: Bool) {
        bytes.add("{\"__type\":\"urn:inin.com:queues:queueContentsMessage\",\"isDelta\":")
        bytes.add(bool: isDelta)
        bytes.add(",\"subscriptionId\":")
        bytes.add(string: subscription)
        if !isDelta || !added.isEmpty {
            bytes.add(",\"interactionsAdded\":[")
            bytes.append(contentsOf: added)
            bytes.add("]")
        }
        if !changed.isEmpty {
            bytes.add(",\"interactionsChanged\":[")
            bytes.append(contentsOf: changed)
            bytes.add("]")
        }
        if !removed.isEmpty {
            bytes.add(",\"interactionsRemoved\":[")
            bytes.append(contentsOf: removed)
            bytes.add("]")
        }
        bytes.add("}")
    }
}

extension CICState {
    func queue(_ type: Int, _ name: String) -> CICQueue {
        let key = CICQueueName(type: type, name: name)
        if let queue = queues[key] { return queue }
        let queue = CICQueue(name: key)
        queues[key] = queue
        return queue
    }

    /// Where an interaction is to be listed now.
    private func listing(_ interaction: CICInteraction) -> [CICQueue] {
        guard !interaction.deallocated else { return [] }
        var listing: [CICQueue] = []
        if let workgroup = interaction.workgroup, interaction.agent == nil || configuration.listsAssigned {
            listing.append(queue(CICQueueName.workgroup, workgroup))
        }
        if let agent = interaction.agent { listing.append(queue(CICQueueName.user, agent)) }
        return listing
    }

    /// Tells every watcher what an interaction's change means to it.
    ///
    /// - Parameter stored: numbers of the stored attributes that changed; the others are found out here.
    func publish(_ interaction: CICInteraction, changed stored: [Int] = []) {
        let changed = stored + interaction.takeComputedChanges()
        let before = interaction.queues
        let after = listing(interaction)
        for queue in before where !after.contains(where: { $0 === queue }) {
            queue.interactions[interaction.serial] = nil
        }
        for queue in after { queue.interactions[interaction.serial] = interaction }
        interaction.queues = after
        var told: [ObjectIdentifier] = []
        for queue in before + after {
            for subscription in queue.subscriptions where !told.contains(ObjectIdentifier(subscription)) {
                told.append(ObjectIdentifier(subscription))
                let was = subscription.lists(interaction, on: before)
                switch (was, subscription.lists(interaction, on: after)) {
                case (false, true):
                    notify(subscription, interaction, .added, subscription.columns.encoded(interaction) ?? [])
                case (true, false): notify(subscription, interaction, .removed, [])
                default:
                    guard let attributes = subscription.columns.encoded(interaction, only: changed) else { continue }
                    notify(subscription, interaction, .changed, attributes)
                }
            }
        }
        for watch in interaction.watches {
            guard let attributes = watch.columns.encoded(interaction, only: changed) else { continue }
            watch.session.post(watch.message(isDelta: true, attributes), in: self)
        }
    }

    private func notify(
        _ subscription: CICQueueSubscription, _ interaction: CICInteraction,
        _ part: CICQueueDelta.Part, _ attributes: [UInt8]
    ) {
        let session = subscription.session
        let delta: CICQueueDelta
        if case .delta(let last)? = session.pending.last, last.subscription == subscription.id,
            last.serials.count < CICQueueDelta.limit, !last.serials.contains(interaction.serial)
        {
            delta = last
        } else {
            delta = CICQueueDelta(subscription: subscription.id)
            session.pending.append(.delta(delta))
        }
        delta.serials.insert(interaction.serial)
        delta.append(part, id: interaction.id, attributes: attributes)
        wake(session)
    }

    // MARK: Subscriptions

    func subscribeQueues(_ request: CICRequest, _ session: CICSession, id: String) throws(CICError) -> CICAnswer {
        guard let asked = try request.required("queueIds").array, !asked.isEmpty else {
            throw CICError.invalid("queueIds")
        }
        guard let names = try request.required("attributeNames").strings, !names.isEmpty else {
            throw CICError.invalid("attributeNames")
        }
        var readable: [CICQueue] = []
        var unreadable: [String] = []
        for value in asked {
            guard let type = value["queueType"]?.int, (0...3).contains(type),
                let name = value["queueName"]?.string ?? (type == 0 ? "" : nil)
            else { throw CICError.invalid("queueIds") }
            switch type {
            case CICQueueName.workgroup:
                if workgroups[name]?.hasQueue == true, !configuration.unreadableWorkgroups.contains(name) {
                    readable.append(queue(type, name))
                } else {
                    unreadable.append(name)
                }
            case CICQueueName.user:
                let isReadable =
                    isUser(name) && !configuration.unreadableWorkgroups.contains(CICQueueName.ownPrefix + name)
                if isReadable { readable.append(queue(type, name)) } else { unreadable.append(name) }
            case 0: readable.append(queue(CICQueueName.user, session.user))
            default: readable.append(queue(type, name))
            }
        }
        unsubscribeQueues(session, id: id)
        let columns = CICColumns(names, &attributeNames, keys: attributeKeys)
        let subscription = CICQueueSubscription(id: id, session: session, columns: columns, queues: readable)
        session.queueSubscriptions[id] = subscription
        for queue in readable { queue.subscriptions.append(subscription) }
        session.post(snapshot(subscription), in: self)
        if !unreadable.isEmpty { session.post(faulted(id, unreadable), in: self) }
        return .done
    }

    func unsubscribeQueues(_ session: CICSession, id: String) {
        guard let old = session.queueSubscriptions.removeValue(forKey: id) else { return }
        for queue in old.queues { queue.subscriptions.removeAll { $0 === old } }
    }

    /// The first message of a subscription: everything, to replace what the client knew.
    func snapshot(_ subscription: CICQueueSubscription) -> [UInt8] {
        let delta = CICQueueDelta(subscription: subscription.id)
        var seen: Set<Int> = []
        for queue in subscription.queues {
            for (serial, interaction) in queue.interactions.sorted(by: { $0.key < $1.key })
            where seen.insert(serial).inserted {
                delta.append(.added, id: interaction.id, attributes: subscription.columns.encoded(interaction) ?? [])
            }
        }
        var bytes: [UInt8] = []
        delta.encode(into: &bytes, isDelta: false)
        return bytes
    }

    private func faulted(_ id: String, _ queues: [String]) -> [UInt8] {
        let message: CICJSON = [
            "__type": "urn:inin.com:queues:queueSubscriptionStateMessage", "isDelta": false,
            "subscriptionId": .string(id), "state": 3,
            "error": [
                "errorId": "error.request.queues.accessDenied",
                "message": .string("No right to view the queue of \(queues.joined(separator: ", "))."),
            ],
        ]
        return message.bytes
    }
}
