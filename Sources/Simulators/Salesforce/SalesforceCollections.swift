/// `/composite/sobjects`: up to 200 records a call, each with a result of its own.
extension SalesforceOrgCore {
    static let largestCollection = 200
    private static let mostTypeChanges = 10

    func collections(
        _ rest: [String], _ call: SalesforceCall, _ caller: SalesforceCaller
    ) throws(SalesforceRESTError) -> SalesforceReply {
        switch call.method {
        case "GET": return try readCollection(rest, call, caller)
        case "POST" where rest.count == 1: return try readCollection(rest, call, caller)
        case "DELETE": return try deleteCollection(call, caller)
        case "POST", "PATCH": return try writeCollection(call, caller)
        default: throw .badMethod(call.method)
        }
    }

    private func writeCollection(
        _ call: SalesforceCall, _ caller: SalesforceCaller
    ) throws(SalesforceRESTError) -> SalesforceReply {
        let body = try object(in: call)
        guard let records = body["records"]?.array else {
            throw .bad("REQUIRED_FIELD_MISSING", "Required fields are missing: [records]")
        }
        try check(count: records.count)
        var types = 0
        var previous = ""
        let updating = call.method == "PATCH"
        var seen: Set<String> = []
        let writes = records.map { record -> Result<Prepared, SalesforceRESTError> in
            Result { () throws(SalesforceRESTError) in
                guard let name = record["attributes"]?["type"]?.string else {
                    throw .bad("INVALID_INPUT", "Missing 'attributes.type' of a record")
                }
                if name != previous { types += 1 }
                previous = name
                guard let type = catalogue[name] else {
                    throw .bad("INVALID_TYPE", "sObject type '\(name)' is not supported.")
                }
                let members = record.members ?? []
                guard updating else { return try prepareInsert(type, members) }
                guard let id = (record["id"] ?? record["Id"])?.string else {
                    throw .bad("MISSING_ARGUMENT", "Id not specified in an update call")
                }
                guard seen.insert(SalesforceID.normalized(id) ?? id).inserted else {
                    throw .bad("DUPLICATE_VALUE", "duplicate id in the list: \(id)")
                }
                return try prepareUpdate(type, id: id, members)
            }
        }
        guard types <= Self.mostTypeChanges else {
            throw .bad("INVALID_INPUT", "Records cannot be split into more than \(Self.mostTypeChanges) chunks")
        }
        return carryOut(writes, allOrNone: body["allOrNone"]?.bool ?? false, caller)
    }

    private func deleteCollection(
        _ call: SalesforceCall, _ caller: SalesforceCaller
    ) throws(SalesforceRESTError) -> SalesforceReply {
        let ids = (call.parameter("ids") ?? "").split(separator: ",").map(String.init)
        try check(count: ids.count)
        let writes = ids.map { id in
            Result { () throws(SalesforceRESTError) in try prepareDelete(id) }
        }
        return carryOut(writes, allOrNone: call.parameter("allOrNone") == "true", caller)
    }

    private func check(count: Int) throws(SalesforceRESTError) {
        guard count > 0 else { throw .bad("INVALID_INPUT", "The list of records must not be empty") }
        guard count <= Self.largestCollection else {
            throw .bad("LIMIT_EXCEEDED", "record limit reached. cannot submit more than 200 records into this call")
        }
    }

    /// One transaction for all rows; rows that were refused keep their error, the others are written.
    private func carryOut(
        _ writes: [Result<Prepared, SalesforceRESTError>], allOrNone: Bool, _ caller: SalesforceCaller
    ) -> SalesforceReply {
        let failed = writes.contains { if case .failure = $0 { true } else { false } }
        var transaction = SalesforceTransaction(user: caller.userID, now: now)
        var bytes = SalesforceBytes(reserving: writes.count * 64)
        bytes.raw("[")
        for (index, write) in writes.enumerated() {
            if index > 0 { bytes.raw(",") }
            switch write {
            case .success(let write) where !(allOrNone && failed):
                bytes.raw("{\"id\":\"")
                bytes.plain(apply(write, &transaction))
                bytes.raw("\",\"success\":true,\"errors\":[]}")
            case .success:
                rowFailure(
                    .bad("ALL_OR_NONE_OPERATION_ROLLED_BACK", "Record rolled back because not all records were valid"),
                    &bytes)
            case .failure(let error): rowFailure(error, &bytes)
            }
        }
        bytes.raw("]")
        commit(transaction)
        return SalesforceReply(status: 200, body: bytes.bytes)
    }

    private func rowFailure(_ error: SalesforceRESTError, _ bytes: inout SalesforceBytes) {
        bytes.raw("{\"success\":false,\"errors\":[{\"statusCode\":")
        bytes.string(error.code)
        bytes.raw(",\"message\":")
        bytes.string(error.message)
        bytes.raw(",\"fields\":")
        bytes.json(.array(error.fields.map { .string($0) }))
        bytes.raw("}]}")
    }

    /// Several records of one object by id; null for those that are not there.
    private func readCollection(
        _ rest: [String], _ call: SalesforceCall, _ caller: SalesforceCaller
    ) throws(SalesforceRESTError) -> SalesforceReply {
        guard rest.count == 1, let type = catalogue[rest[0]], !type.isEvent else { throw .notFound }
        var ids = (call.parameter("ids") ?? "").split(separator: ",").map(String.init)
        var fields = call.parameter("fields")
        if call.method == "POST" {
            let body = try object(in: call)
            ids = body["ids"]?.strings ?? []
            fields = body["fields"]?.strings.joined(separator: ",")
        }
        guard !ids.isEmpty, let fields else { throw .bad("INVALID_INPUT", "ids and fields are required") }
        guard ids.count <= 2_000 else { throw .bad("LIMIT_EXCEEDED", "too many ids") }
        let groups = try columns(type, fields)
        let table = table(type.name)
        let evaluator = evaluator(includesDeleted: false)
        return .json { bytes in
            bytes.raw("[")
            for (index, id) in ids.enumerated() {
                if index > 0 { bytes.raw(",") }
                if let record = table[id], !record.isDeleted {
                    write(record, groups, evaluator, caller, &bytes)
                } else {
                    bytes.raw("null")
                }
            }
            bytes.raw("]")
        }
    }
}
