/// `/sobjects/{Type}…`: one record at a time.
extension SalesforceOrgCore {
    func sobject(
        _ type: SObjectType, _ rest: [String], _ call: SalesforceCall, _ caller: SalesforceCaller
    ) throws(SalesforceRESTError) -> SalesforceReply {
        switch (rest.count, call.method) {
        case (0, "GET"): return describeBasic(type, caller)
        case (0, "POST"): return try create(type, call, caller)
        case (1, "GET") where rest[0] == "describe": return describe(type, caller)
        case (1, "GET") where rest[0] == "updated" || rest[0] == "deleted":
            return try changes(type, deleted: rest[0] == "deleted", call)
        case (1, "GET"): return try read(type, rest[0], call, caller)
        case (1, "PATCH"): return try change(type, rest[0], call, caller)
        case (1, "POST") where call.parameter("_HttpMethod") == "PATCH":
            return try change(type, rest[0], call, caller)
        case (1, "DELETE"): return try remove(type, rest[0], caller)
        case (2, "GET") where type.name == "User" && rest[1] == "password":
            let isExpired = faults.passwordExpired && rest[0] == integrationUserID
            return .json { $0.plain("{\"isExpired\":\(isExpired)}") }
        case (2, "PATCH"): return try upsert(type, field: rest[0], value: rest[1], call, caller)
        case (2, "GET"):
            guard let record = try find(type, field: rest[0], value: rest[1]) else { throw .notFound }
            return try read(type, record.id, call, caller)
        case (0...2, _): throw .badMethod(call.method)
        default: throw .notFound
        }
    }

    private func create(
        _ type: SObjectType, _ call: SalesforceCall, _ caller: SalesforceCaller
    ) throws(SalesforceRESTError) -> SalesforceReply {
        let write = try prepareInsert(type, try object(in: call).members ?? [])
        try checkTopic(write)
        var transaction = SalesforceTransaction(user: caller.userID, now: now)
        let id = apply(write, &transaction)
        commit(transaction)
        return .json(201) { bytes in
            bytes.raw("{\"id\":")
            guard type.isEvent else {
                bytes.string(id)
                bytes.raw(",\"success\":true,\"errors\":[]}")
                return
            }
            // A published event answers with its UUID in an "error" that is none.
            bytes.string(SalesforceID.make(prefix: "e01", instance: instance, number: nextHold))
            bytes.raw(",\"success\":true,\"errors\":[{\"statusCode\":\"OPERATION_ENQUEUED\",\"message\":")
            bytes.string(id)
            bytes.raw(",\"fields\":[]}]}")
        }
    }

    /// A topic whose query cannot be followed is refused when it is saved.
    private func checkTopic(_ write: Prepared) throws(SalesforceRESTError) {
        guard case .insert(let type, let values) = write, type.name == "PushTopic" else { return }
        let slot = type.fixedSlot("Query")
        guard let text = values.first(where: { $0.slot == slot })?.value.text else { return }
        do throws(SOQLError) {
            _ = try SOQLParser.parse(text, catalogue)
        } catch {
            throw .bad("INVALID_FIELD", error.message, ["Query"])
        }
    }

    private func find(_ type: SObjectType, field: String, value: String) throws(SalesforceRESTError) -> SObjectRecord? {
        guard let slot = type.slot(field), !type.isEvent else { throw .notFound }
        let found = table(type.name).records.filter { !$0.isDeleted && $0[slot].text == value }
        if found.count > 1 {
            throw .init(status: 300, code: "MULTIPLE_CHOICES", message: "More than one record has this value")
        }
        return found.first
    }

    private func stored(_ type: SObjectType, _ id: String) throws(SalesforceRESTError) -> SObjectRecord {
        do {
            return try existing(type, id)
        } catch {
            switch error.code {
            case "INVALID_CROSS_REFERENCE_KEY": throw .notFound
            case "ENTITY_IS_DELETED": throw .init(status: 404, code: error.code, message: error.message)
            default: throw error
            }
        }
    }

    private func read(
        _ type: SObjectType, _ id: String, _ call: SalesforceCall, _ caller: SalesforceCaller
    ) throws(SalesforceRESTError) -> SalesforceReply {
        let record = try stored(type, id)
        let groups = try columns(type, call.parameter("fields"))
        return .json { bytes in
            write(record, groups, evaluator(includesDeleted: false), caller, &bytes)
        }
    }

    /// The columns a `fields` parameter asks for; all without one.
    func columns(_ type: SObjectType, _ fields: String?) throws(SalesforceRESTError) -> [SalesforceColumnGroup] {
        guard let fields else {
            return type.fields.enumerated().map { .init(name: $1.name, kind: .own($0)) }
        }
        var groups: [SalesforceColumnGroup] = []
        for part in fields.split(separator: ",") {
            let name = part.filter { $0 != " " }
            guard let slot = type.slot(String(name)) else {
                throw .bad("INVALID_FIELD", "No such column '\(name)' on sobject of type \(type.name)")
            }
            groups.append(.init(name: type.fields[slot].name, kind: .own(slot)))
        }
        return groups
    }

    private func change(
        _ type: SObjectType, _ id: String, _ call: SalesforceCall, _ caller: SalesforceCaller
    ) throws(SalesforceRESTError) -> SalesforceReply {
        let record = try stored(type, id)
        let write = try prepareUpdate(type, id: record.id, try object(in: call).members ?? [])
        var transaction = SalesforceTransaction(user: caller.userID, now: now)
        _ = apply(write, &transaction)
        commit(transaction)
        return SalesforceReply(status: 204)
    }

    private func remove(
        _ type: SObjectType, _ id: String, _ caller: SalesforceCaller
    ) throws(SalesforceRESTError) -> SalesforceReply {
        let record = try stored(type, id)
        let write = try prepareDelete(record.id)
        var transaction = SalesforceTransaction(user: caller.userID, now: now)
        _ = apply(write, &transaction)
        commit(transaction)
        return SalesforceReply(status: 204)
    }

    private func upsert(
        _ type: SObjectType, field: String, value: String, _ call: SalesforceCall, _ caller: SalesforceCaller
    ) throws(SalesforceRESTError) -> SalesforceReply {
        var members = try object(in: call).members ?? []
        var transaction = SalesforceTransaction(user: caller.userID, now: now)
        let found = try find(type, field: field, value: value)
        let write: Prepared
        if let found {
            write = try prepareUpdate(type, id: found.id, members)
        } else {
            members.append(.init(name: field, value: .string(value)))
            write = try prepareInsert(type, members)
        }
        let id = apply(write, &transaction)
        commit(transaction)
        return .json(found == nil ? 201 : 200) { bytes in
            bytes.raw("{\"id\":")
            bytes.string(id)
            bytes.raw(",\"success\":true,\"errors\":[],\"created\":")
            bytes.bool(found == nil)
            bytes.raw("}")
        }
    }

    /// `…/updated` and `…/deleted`: ids in a window of time.
    private func changes(
        _ type: SObjectType, deleted: Bool, _ call: SalesforceCall
    ) throws(SalesforceRESTError) -> SalesforceReply {
        guard let start = call.parameter("start").flatMap(SalesforceTime.parse),
            let end = call.parameter("end").flatMap(SalesforceTime.parse), !type.isEvent
        else { throw .bad("INVALID_REPLICATION_DATE", "start and end are required dates") }
        let records = table(type.name).records.filter {
            guard case .time(let stamp) = $0[SObjectType.Slot.systemModstamp] else { return false }
            return $0.isDeleted == deleted && stamp >= start && stamp < end
        }
        return .json { bytes in
            bytes.raw(deleted ? "{\"deletedRecords\":[" : "{\"ids\":[")
            for (index, record) in records.enumerated() {
                if index > 0 { bytes.raw(",") }
                if deleted {
                    bytes.raw("{\"id\":")
                    bytes.string(record.id)
                    bytes.raw(",\"deletedDate\":")
                    write(record[SObjectType.Slot.systemModstamp], &bytes)
                    bytes.raw("}")
                } else {
                    bytes.string(record.id)
                }
            }
            bytes.raw("],\"latestDateCovered\":")
            bytes.string(SalesforceTime.rest(min(now, end)))
            if deleted {
                bytes.raw(",\"earliestDateAvailable\":")
                bytes.string(SalesforceTime.rest(now - 15 * 86_400_000))
            }
            bytes.raw("}")
        }
    }
}
