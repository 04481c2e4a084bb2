/// The control API: what makes the simulator fail, and what the real system's people do by hand.
///
/// Everything is JSON; paths and keys are described in `docs/simulators.md`.
extension SalesforceOrgCore {
    func control(_ call: SalesforceCall) -> SalesforceReply {
        let body: SalesforceJSON
        switch Result(catching: { () throws(SalesforceJSON.SyntaxError) in
            call.body.isEmpty ? .object([]) : try SalesforceJSON(parsing: call.body)
        }) {
        case .success(let value): body = value
        case .failure: return .failure(.bad("JSON_PARSER_ERROR", "The body is not JSON"))
        }
        let path = call.elements.dropFirst().joined(separator: "/")
        do throws(SalesforceRESTError) {
            if let known = Self.keys[path], call.method == "POST" {
                for member in body.members ?? [] where !known.contains(member.name) {
                    throw .bad("INVALID_FIELD", "\(member.name) means nothing to \(path)")
                }
            }
            return try control(call.method, path, body, call)
        } catch {
            return .failure(error)
        }
    }

    private func control(
        _ method: String, _ path: String, _ body: SalesforceJSON, _ call: SalesforceCall
    ) throws(SalesforceRESTError) -> SalesforceReply {
        switch (method, path) {
        case ("GET", "state"): return state()
        case ("GET", "rows"): return rows(status: call.parameter("status"))
        case ("POST", "reset"): reset()
        case ("GET", "faults"): return faultsReply()
        case ("POST", "faults"): try setFaults(body)
        case ("DELETE", "faults"):
            faults = SalesforceFaults()
            catalogue.hidden = []
        case ("POST", "faults/rest"): faults.rest.append(try restFault(body))
        case ("POST", "faults/rows"): faults.rows.append(try rowFault(body))
        case ("POST", "faults/drop"): faults.drops.append(dropFault(body))
        case ("POST", "sessions/expire"): for session in Array(sessions.values) { end(session) }
        case ("POST", "sessions/disconnect"): for session in sessions.values { disconnectBySelf(session) }
        case ("POST", "tokens/revoke"): revokeTokens(body)
        case ("POST", "streams/reset"): resetStreams(body)
        case ("POST", "streams/purge"): for stream in streams.values { stream.purge(now: .max) }
        case ("POST", "limits"):
            requestsUsed = body["used"]?.integer ?? requestsUsed
            requestLimit = body["maximum"]?.integer ?? requestLimit
        case ("POST", "clock"): clockOffset = body["offset"]?.number ?? 0
        case ("POST", "refresh"): try refresh(body)
        case ("POST", "merge"): try merge(body)
        case ("POST", "undelete"): try undelete(body)
        case ("POST", "queues"): return idReply(addQueue(try text("name", in: body)))
        case ("POST", "users"): return idReply(addUser(try text("username", in: body)))
        default: throw .notFound
        }
        return .json { $0.raw("{\"done\":true}") }
    }

    /// What each operation understands: a fault that is misspelled would otherwise be a test that tests nothing.
    private static let keys: [String: Set<String>] = [
        "reset": [], "sessions/expire": [], "sessions/disconnect": [], "streams/purge": [],
        "faults/rest": ["method", "path", "status", "errorCode", "message", "count", "delay", "afterEffect"],
        "faults/rows": ["ids", "object", "statusCode", "message", "count"],
        "faults/drop": ["path", "count", "after", "beforeStatus"], "tokens/revoke": ["token", "refreshTokens"],
        "streams/reset": ["channel", "next"], "limits": ["used", "maximum"], "clock": ["offset"],
        "refresh": ["organizationID"], "merge": ["master", "losers", "actor"], "undelete": ["id", "actor"],
        "queues": ["name"], "users": ["username"],
    ]

    private func text(_ name: String, in body: SalesforceJSON) throws(SalesforceRESTError) -> String {
        guard let text = body[name]?.string, !text.isEmpty else {
            throw .bad("REQUIRED_FIELD_MISSING", "\(name) is missing")
        }
        return text
    }

    private func idReply(_ id: String) -> SalesforceReply {
        .json { bytes in
            bytes.raw("{\"id\":")
            bytes.string(id)
            bytes.raw("}")
        }
    }

    // MARK: Faults

    private func setFaults(_ body: SalesforceJSON) throws(SalesforceRESTError) {
        for member in body.members ?? [] {
            switch (member.name, member.value) {
            case ("dropEvents", .number(let value)): faults.dropEvents = Int(value)
            case ("duplicateEvents", .number(let value)): faults.duplicateEvents = Int(value)
            case ("reorderEvents", .number(let value)): faults.reorderEvents = Int(value)
            case ("silent", .bool(let value)): faults.silent = value
            case ("eventDelay", .number(let value)): faults.eventDelay = value
            case ("unknownClientAfterConnects", .number(let value)): faults.unknownClientAfterConnects = Int(value)
            case ("unknownClientAfterConnects", .null): faults.unknownClientAfterConnects = nil
            case ("triggersOff", .bool(let value)): faults.triggersOff = value
            case ("eventsOnlyInConnectReplies", .bool(let value)): faults.eventsOnlyInConnectReplies = value
            case ("dailyLimit", .bool(let value)): faults.dailyLimit = value
            case ("busy", .number(let value)): faults.busy = Int(value)
            case ("largestReplayGap", .number(let value)): faults.largestReplayGap = Int(value)
            case ("hidden", let value): catalogue.hidden = Set((value.strings).map { $0.lowercased() })
            case ("readOnly", let value): faults.readOnly = Set((value.strings).map { $0.lowercased() })
            case ("passwordExpired", .bool(let value)): faults.passwordExpired = value
            case ("allRights", .bool(let value)): faults.allRights = value
            case ("instanceURL", let value): faults.instanceURL = value.string
            default: throw .bad("INVALID_FIELD", "\(member.name) is no fault, or has a value of another type")
            }
        }
        // Events that were held back by a silence are due now.
        if !faults.silent { for channel in subscribers.keys { wakeIfDue(channel) } }
    }

    private func wakeIfDue(_ channel: String) {
        for client in subscribers[channel] ?? [] {
            if let session = sessions[client], session.hold != nil, hasEvents(for: session) { release(session) }
        }
    }

    private func faultsReply() -> SalesforceReply {
        .json { bytes in
            bytes.raw("{")
            let numbers = [
                ("dropEvents", faults.dropEvents), ("duplicateEvents", faults.duplicateEvents),
                ("reorderEvents", faults.reorderEvents), ("busy", faults.busy),
                ("largestReplayGap", faults.largestReplayGap), ("rest", faults.rest.reduce(0) { $0 + $1.count }),
                ("rows", faults.rows.reduce(0) { $0 + $1.count }), ("drop", faults.drops.reduce(0) { $0 + $1.count }),
            ]
            for (name, value) in numbers {
                bytes.name(name)
                bytes.integer(value)
            }
            let flags = [
                ("silent", faults.silent), ("triggersOff", faults.triggersOff), ("dailyLimit", faults.dailyLimit),
                ("eventsOnlyInConnectReplies", faults.eventsOnlyInConnectReplies),
            ]
            for (name, value) in flags {
                bytes.name(name)
                bytes.bool(value)
            }
            bytes.name("eventDelay")
            bytes.number(faults.eventDelay)
            bytes.name("unknownClientAfterConnects")
            bytes.json(faults.unknownClientAfterConnects.map { .number(Double($0)) } ?? .null)
            bytes.raw("}")
        }
    }

    private func restFault(_ body: SalesforceJSON) throws(SalesforceRESTError) -> SalesforceFaults.REST {
        SalesforceFaults.REST(
            method: body["method"]?.string, path: try text("path", in: body), status: body["status"]?.integer,
            errorCode: body["errorCode"]?.string ?? "UNKNOWN_EXCEPTION",
            message: body["message"]?.string ?? "asked for by the control API", count: body["count"]?.integer ?? 1,
            delay: body["delay"]?.number ?? 0, afterEffect: body["afterEffect"]?.bool ?? false)
    }

    private func rowFault(_ body: SalesforceJSON) throws(SalesforceRESTError) -> SalesforceFaults.Row {
        SalesforceFaults.Row(
            ids: body["ids"]?.strings.compactMap(SalesforceID.normalized) ?? [], object: body["object"]?.string,
            statusCode: body["statusCode"]?.string ?? "UNABLE_TO_LOCK_ROW",
            message: body["message"]?.string ?? "unable to obtain exclusive access to this record",
            count: body["count"]?.integer ?? 1)
    }

    private func dropFault(_ body: SalesforceJSON) -> SalesforceFaults.Drop {
        SalesforceFaults.Drop(
            path: body["path"]?.string ?? "/", count: body["count"]?.integer ?? 1, after: body["after"]?.integer ?? 10,
            beforeStatus: body["beforeStatus"]?.bool ?? false)
    }

    private func revokeTokens(_ body: SalesforceJSON) {
        if let token = body["token"]?.string {
            revoke(token)
        } else {
            for token in Array(tokens.keys) { revoke(token) }
        }
        if body["refreshTokens"]?.bool ?? false { refreshTokens.removeAll() }
    }

    private func resetStreams(_ body: SalesforceJSON) {
        for stream in streams.values where body["channel"]?.string.map({ $0 == stream.channel }) ?? true {
            stream.reset(next: body["next"]?.integer)
        }
    }

    // MARK: What people do

    /// A sandbox made anew from production: another org id, and topics are not copied.
    private func refresh(_ body: SalesforceJSON) throws(SalesforceRESTError) {
        if let id = body["organizationID"]?.string {
            guard let normalized = SalesforceID.normalized(id), normalized.hasPrefix("00D") else {
                throw .bad("INVALID_FIELD", "organizationID is not an organisation id (00D…)")
            }
            organizationID = normalized
        }
        for record in table("PushTopic").records { record[SObjectType.Slot.isDeleted] = .bool(true) }
        refreshPushTopics()
        revokeTokens(.object([]))
        for session in Array(sessions.values) { end(session) }
    }

    private func merge(_ body: SalesforceJSON) throws(SalesforceRESTError) {
        let cases = type("Case")
        let master = try existing(cases, try text("master", in: body))
        var losers: [SObjectRecord] = []
        for id in body["losers"]?.strings ?? [] { losers.append(try existing(cases, id)) }
        guard !losers.isEmpty, !losers.contains(where: { $0.id == master.id }) else {
            throw .bad("INVALID_INPUT", "losers must be other cases than the master")
        }
        var transaction = SalesforceTransaction(user: try actor(body), now: now)
        for loser in losers { delete(loser, master: master.id, &transaction) }
        commit(transaction)
    }

    private func undelete(_ body: SalesforceJSON) throws(SalesforceRESTError) {
        let id = try text("id", in: body)
        guard let record = table("Case")[id], record.isDeleted else { throw .notFound }
        var transaction = SalesforceTransaction(user: try actor(body), now: now)
        undelete(record, &transaction)
        commit(transaction)
    }

    private func actor(_ body: SalesforceJSON) throws(SalesforceRESTError) -> String {
        guard let id = body["actor"]?.string else { return integrationUserID }
        return try existing(type("User"), id).id
    }

    // MARK: Looking

    private func state() -> SalesforceReply {
        let statuses = outboxStatuses()
        return .json { bytes in
            bytes.raw("{\"organizationId\":")
            bytes.string(organizationID)
            bytes.raw(",\"requests\":")
            bytes.integer(requestsUsed)
            bytes.raw(",\"queues\":{")
            for record in table("Group").records { nameToID(record, "Name", &bytes) }
            bytes.raw("},\"users\":{")
            for record in table("User").records { nameToID(record, "Username", &bytes) }
            bytes.raw("},\"cases\":[")
            for (index, record) in table("Case").records.enumerated() {
                if index > 0 { bytes.raw(",") }
                write(record, &bytes)
            }
            bytes.raw("],\"rows\":{")
            for (status, count) in statuses.sorted(by: { $0.key < $1.key }) {
                bytes.name(status)
                bytes.integer(count)
            }
            bytes.raw("},\"sessions\":[")
            for (index, session) in sessions.values.enumerated() {
                if index > 0 { bytes.raw(",") }
                bytes.raw("{\"client\":")
                bytes.string(session.clientID)
                bytes.raw(",\"connected\":")
                bytes.bool(session.hold != nil)
                bytes.raw(",\"subscriptions\":")
                bytes.json(.array(session.subscriptions.map { .string($0.name) }))
                bytes.raw("}")
            }
            bytes.raw("],\"streams\":{")
            for stream in streams.values.sorted(by: { $0.channel < $1.channel }) {
                bytes.name(stream.channel)
                bytes.raw("{\"retained\":")
                bytes.integer(stream.retained)
                bytes.raw(",\"lastReplayId\":")
                bytes.json(stream.lastReplayID.map { .number(Double($0)) } ?? .null)
                bytes.raw("}")
            }
            bytes.raw("}}")
        }
    }

    private func nameToID(_ record: SObjectRecord, _ field: String, _ bytes: inout SalesforceBytes) {
        guard !record.isDeleted, let name = record[record.type.fixedSlot(field)].text else { return }
        if bytes.bytes.last != UInt8(ascii: "{") { bytes.raw(",") }
        bytes.string(name)
        bytes.raw(":")
        bytes.string(record.id)
    }

    private func write(_ record: SObjectRecord, _ bytes: inout SalesforceBytes) {
        bytes.raw("{\"id\":")
        bytes.string(record.id)
        bytes.raw(",\"number\":")
        write(record[caseSlots.number], &bytes)
        bytes.raw(",\"owner\":")
        write(record[caseSlots.owner], &bytes)
        bytes.raw(",\"closed\":")
        write(record[caseSlots.isClosed], &bytes)
        bytes.raw(",\"deleted\":")
        bytes.bool(record.isDeleted)
        bytes.raw(",\"skills\":")
        write(record[caseSlots.skills], &bytes)
        bytes.raw("}")
    }

    private var outboxNames: (object: String, status: String, caseID: String, change: String?) {
        if let legacy = org.legacy { return (legacy.object, legacy.status, legacy.caseID, legacy.change) }
        return (SObjectCatalogue.outbox, "Status__c", "Case_Id__c", "Change__c")
    }

    private func outboxStatuses() -> [String: Int] {
        let table = table(outboxNames.object)
        let slot = table.type.fixedSlot(outboxNames.status)
        return table.records.reduce(into: [:]) { $0[$1[slot].text ?? "", default: 0] += 1 }
    }

    private func rows(status: String?) -> SalesforceReply {
        let names = outboxNames
        let table = table(names.object)
        let slot = table.type.fixedSlot(names.status)
        let caseSlot = table.type.fixedSlot(names.caseID)
        let changeSlot = names.change.map(table.type.fixedSlot)
        return .json { bytes in
            bytes.raw("[")
            for record in table.records where status.map({ record[slot].text == $0 }) ?? true {
                if bytes.bytes.count > 1 { bytes.raw(",") }
                bytes.raw("{\"id\":")
                bytes.string(record.id)
                bytes.raw(",\"case\":")
                write(record[caseSlot], &bytes)
                bytes.raw(",\"change\":")
                write(changeSlot.map { record[$0] } ?? .null, &bytes)
                bytes.raw(",\"status\":")
                write(record[slot], &bytes)
                bytes.raw("}")
            }
            bytes.raw("]")
        }
    }
}
