import Foundation

/// A PushTopic that is switched on.
struct SalesforcePushTopic {
    let name: String
    let query: SOQLQuery
    let columns: [SOQLQuery.Column]
    let kinds: Set<String>
    /// Positions whose change is worth an update notification; nil for any.
    let notifyFor: Set<Int>?

    var channel: String { "/topic/\(name)" }
}

/// Publishing: platform events, and what PushTopics make of changed records.
extension SalesforceOrgCore {
    func stream(_ channel: String, retention: Double) -> SalesforceStream {
        if let stream = streams[channel] { return stream }
        let stream = SalesforceStream(
            channel: channel, retention: Int64(retention * 1000), firstReplayID: Int.random(in: 1_000...90_000))
        streams[channel] = stream
        return stream
    }

    /// Puts one message on the bus and lets waiting subscribers go.
    func publish(
        _ channel: String, body: [UInt8], row: String, retention: Double, fields: [String: String] = [:]
    ) {
        let stream = stream(channel, retention: retention)
        let now = now
        let replayID = stream.takeReplayID(largestGap: faults.largestReplayGap)
        if faults.dropEvents > 0 {
            faults.dropEvents -= 1
            return
        }
        var copies = 1
        if faults.duplicateEvents > 0 {
            faults.duplicateEvents -= 1
            copies = 2
        }
        var overtaken = false
        if faults.reorderEvents > 0, !stream.hasOvertaken {
            faults.reorderEvents -= 1
            overtaken = true
        }
        lines.line("event") {
            $0.member("org", organizationID)
            $0.member("channel", channel)
            $0.member("replayId", replayID)
            $0.member("row", row)
        }
        // The replay id is the last thing in the message, so that the rest can be written before it is known.
        var bytes = SalesforceBytes(reserving: body.count + 16)
        bytes.raw(body)
        bytes.integer(replayID)
        bytes.raw("}}}")
        stream.append(
            .init(
                replayID: replayID, storedAt: now, visibleAt: now + Int64(faults.eventDelay * 1000), body: bytes.bytes,
                fields: fields),
            copies: copies, overtakenByNext: overtaken)
        wakeSubscribers(of: channel)
    }

    /// The message of an outbox row, up to its replay id.
    func eventBody(
        _ values: [SObjectValue], _ slots: OutboxSlots, sequence: Int, rowCreated: Int64, user: String
    ) -> [UInt8] {
        var bytes = SalesforceBytes(reserving: 900)
        bytes.raw("\"data\":{\"schema\":\"")
        bytes.plain(Self.schema)
        bytes.raw("\",\"payload\":{\"CreatedById\":\"")
        bytes.plain(user)
        bytes.raw("\",\"CreatedDate\":\"")
        bytes.plain(SalesforceTime.event(now))
        // A Number field is a double on the bus.
        bytes.raw("\",\"Sequence__c\":")
        bytes.integer(sequence)
        bytes.raw(".0,\"Row_Id__c\":")
        eventValue(values[SObjectType.Slot.id], &bytes)
        bytes.raw(",\"Row_Created__c\":\"")
        bytes.plain(SalesforceTime.event(rowCreated))
        bytes.raw("\",\"Case_Id__c\":")
        eventValue(values[slots.caseID], &bytes)
        bytes.raw(",\"Case_Number__c\":")
        eventValue(values[slots.caseNumber], &bytes)
        bytes.raw(",\"Change__c\":")
        eventValue(values[slots.change], &bytes)
        bytes.raw(",\"Record_Id__c\":")
        eventValue(values[slots.record], &bytes)
        bytes.raw(",\"Owner_Id__c\":")
        eventValue(values[slots.owner], &bytes)
        bytes.raw(",\"Previous_Owner_Id__c\":")
        eventValue(values[slots.previousOwner], &bytes)
        bytes.raw(",\"Closed__c\":")
        eventValue(values[slots.closed], &bytes)
        bytes.raw(",\"Skills__c\":")
        eventValue(values[slots.skills], &bytes)
        bytes.raw(",\"Priority__c\":")
        eventValue(values[slots.priority], &bytes)
        bytes.raw(",\"Actor_Id__c\":")
        eventValue(values[slots.actor], &bytes)
        finishEvent(SObjectCatalogue.outboxEvent, uuid: newEventUUID(), &bytes)
        return bytes.bytes
    }

    /// A platform event that a client publishes by REST; returns the event's UUID.
    func publish(
        _ type: SObjectType, _ values: [(slot: Int, value: SObjectValue)], _ transaction: SalesforceTransaction
    ) -> String {
        var fields = type.fields.map(\.initial)
        for (slot, value) in values { fields[slot] = value }
        var bytes = SalesforceBytes(reserving: 600)
        bytes.raw("\"data\":{\"schema\":\"")
        bytes.plain(Self.schema)
        bytes.raw("\",\"payload\":{\"CreatedById\":\"")
        bytes.plain(transaction.user)
        bytes.raw("\",\"CreatedDate\":\"")
        bytes.plain(SalesforceTime.event(now))
        bytes.raw("\"")
        for (slot, field) in type.fields.enumerated() where slot > SObjectType.Slot.systemModstamp {
            bytes.name(field.name)
            eventValue(fields[slot], &bytes)
        }
        let uuid = newEventUUID()
        finishEvent(type.name, uuid: uuid, &bytes)
        let row = type.slot("Row_Id__c").flatMap { fields[$0].text } ?? ""
        publish("/event/\(type.name)", body: bytes.bytes, row: row, retention: settings.platformEventRetention)
        return uuid
    }

    private func finishEvent(_ name: String, uuid: String, _ bytes: inout SalesforceBytes) {
        bytes.raw("},\"event\":{\"EventUuid\":\"")
        bytes.plain(uuid)
        bytes.raw("\",\"EventApiName\":\"")
        bytes.plain(name)
        bytes.raw("\",\"replayId\":")
    }

    private func eventValue(_ value: SObjectValue, _ bytes: inout SalesforceBytes) {
        switch value {
        case .null: bytes.raw("null")
        case .bool(let value): bytes.bool(value)
        case .number(let value): bytes.plain(String(value))
        case .text(let value): bytes.string(value)
        case .time(let value): bytes.string(SalesforceTime.event(value))
        }
    }

    /// Random enough to be unique; a real UUID per event costs as much as the rest of it.
    private func newEventUUID() -> String {
        UUID().uuidString.lowercased()
    }

    private static let schema = "dffQ2QLzDNHqwB8_sHMxdA"

    // MARK: PushTopics

    /// Reads the PushTopic records again; a topic whose query cannot be parsed is refused when it is saved.
    func refreshPushTopics() {
        pushTopics.removeAll()
        let table = table("PushTopic")
        for record in table.records where !record.isDeleted && record[table.type.fixedSlot("IsActive")].bool {
            guard let topic = pushTopic(record) else { continue }
            pushTopics[topic.query.type.name, default: []].append(topic)
        }
    }

    func pushTopic(_ record: SObjectRecord) -> SalesforcePushTopic? {
        let type = record.type
        guard let name = record[type.fixedSlot("Name")].text, let text = record[type.fixedSlot("Query")].text,
            case .success(let query) = Result(catching: { try SOQLParser.parse(text, catalogue) }),
            case .columns(let columns) = query.output
        else { return nil }
        let kinds = ["Create": "created", "Update": "updated", "Delete": "deleted", "Undelete": "undeleted"]
            .filter { record[type.fixedSlot("NotifyForOperation\($0.key)")].bool }.map(\.value)
        let selected = Set(columns.compactMap { if case .own(let slot) = $0.path { slot } else { nil } })
        let used = query.condition.map(slots) ?? []
        let notifyFor: Set<Int>? =
            switch record[type.fixedSlot("NotifyForFields")].text {
            case "All": nil
            case "Select": selected
            case "Where": used
            default: selected.union(used)
            }
        return SalesforcePushTopic(name: name, query: query, columns: columns, kinds: Set(kinds), notifyFor: notifyFor)
    }

    private func slots(_ condition: SOQLQuery.Condition) -> Set<Int> {
        func slot(_ path: SOQLQuery.Path) -> Set<Int> { if case .own(let slot) = path { [slot] } else { [] } }
        return switch condition {
        case .all(let parts), .any(let parts): parts.reduce(into: []) { $0.formUnion(slots($1)) }
        case .not(let part): slots(part)
        case .compare(let path, _, _), .isIn(let path, _, _), .inQuery(let path, _, _), .like(let path, _),
            .truth(let path):
            slot(path)
        }
    }

    /// Tells topics about committed changes.
    func announce(_ notices: [SalesforceTransaction.Notice], _ transaction: SalesforceTransaction) {
        if notices.contains(where: { $0.record.type.name == "PushTopic" }) { refreshPushTopics() }
        guard !pushTopics.isEmpty else { return }
        for notice in notices {
            for topic in pushTopics[notice.record.type.name] ?? [] where topic.kinds.contains(notice.kind.rawValue) {
                if notice.kind == .updated, let fields = topic.notifyFor, fields.isDisjoint(with: notice.changed) {
                    continue
                }
                announce(notice, to: topic)
            }
        }
    }

    private func announce(_ notice: SalesforceTransaction.Notice, to topic: SalesforcePushTopic) {
        let evaluator = evaluator(includesDeleted: true)
        guard evaluator.matches(topic.query, notice.record) else { return }
        var bytes = SalesforceBytes(reserving: 400)
        var fields: [String: String] = [:]
        bytes.raw("\"data\":{\"sobject\":{")
        if notice.kind == .deleted {
            bytes.name("Id")
            bytes.string(notice.record.id)
        } else {
            for column in topic.columns {
                let value = evaluator.value(column.path, notice.record)
                bytes.name(column.name)
                eventValue(value, &bytes)
                if let text = value.text { fields[column.name] = text }
            }
        }
        bytes.raw("},\"event\":{\"createdDate\":\"")
        bytes.plain(SalesforceTime.event(now))
        bytes.raw("\",\"type\":\"")
        bytes.plain(notice.kind.rawValue)
        bytes.raw("\",\"replayId\":")
        publish(
            topic.channel, body: bytes.bytes, row: notice.record.id, retention: settings.pushTopicRetention,
            fields: fields)
    }
}
