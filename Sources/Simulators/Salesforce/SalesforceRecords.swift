/// Inserting, changing and deleting records, as DML would.
///
/// Every write is checked first and carried out afterwards, so that `allOrNone` can look at all rows before it touches one.
extension SalesforceOrgCore {
    /// A checked write that only has to be carried out.
    enum Prepared {
        case insert(SObjectType, [(slot: Int, value: SObjectValue)])
        case update(SObjectRecord, [(slot: Int, value: SObjectValue)])
        case delete(SObjectRecord)
        case publish(SObjectType, [(slot: Int, value: SObjectValue)])
    }

    func prepareInsert(
        _ type: SObjectType, _ members: [SalesforceJSON.Member]
    ) throws(SalesforceRESTError) -> Prepared {
        let values = try fieldValues(type, members, creating: true)
        for (slot, field) in type.fields.enumerated() where field.required {
            guard values.contains(where: { $0.slot == slot && $0.value != .null }) else {
                throw .bad("REQUIRED_FIELD_MISSING", "Required fields are missing: [\(field.name)]", [field.name])
            }
        }
        try checkReferences(type, values)
        try failRow(id: nil, type)
        return type.isEvent ? .publish(type, values) : .insert(type, values)
    }

    func prepareUpdate(
        _ type: SObjectType, id: String, _ members: [SalesforceJSON.Member]
    ) throws(SalesforceRESTError) -> Prepared {
        let record = try existing(type, id)
        let written = members.map { "\(type.name).\($0.name)".lowercased() }
        guard !faults.readOnly.contains(type.name.lowercased()), faults.readOnly.isDisjoint(with: written) else {
            throw .init(
                status: 403, code: "INSUFFICIENT_ACCESS_OR_READONLY", message: "insufficient access rights on object id"
            )
        }
        let values = try fieldValues(type, members, creating: false)
        try checkReferences(type, values)
        try failRow(id: record.id, type)
        return .update(record, values)
    }

    func prepareDelete(_ id: String) throws(SalesforceRESTError) -> Prepared {
        guard let type = catalogue.types.first(where: { !$0.isEvent && id.hasPrefix($0.keyPrefix) }) else {
            throw .bad("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id")
        }
        let record = try existing(type, id)
        try failRow(id: record.id, type)
        return .delete(record)
    }

    /// Carries a write out and returns the record's id.
    func apply(_ write: Prepared, _ transaction: inout SalesforceTransaction) -> String {
        switch write {
        case .insert(let type, let values): return insert(type, values, &transaction)
        case .update(let record, let values):
            update(record, values, &transaction)
            return record.id
        case .delete(let record):
            delete(record, master: nil, &transaction)
            return record.id
        case .publish(let type, let values): return publish(type, values, transaction)
        }
    }

    func existing(_ type: SObjectType, _ id: String) throws(SalesforceRESTError) -> SObjectRecord {
        guard let long = SalesforceID.normalized(id) else {
            throw .bad("MALFORMED_ID", "\(type.name) ID: id value of incorrect type: \(id)", ["Id"])
        }
        guard let record = tables[type.name]?[long] else {
            throw .bad("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id")
        }
        if record.isDeleted { throw .bad("ENTITY_IS_DELETED", "entity is deleted") }
        return record
    }

    private func insert(
        _ type: SObjectType, _ values: [(slot: Int, value: SObjectValue)], _ transaction: inout SalesforceTransaction
    ) -> String {
        let id = newID(type.name)
        var fields = blank(type, id: id, user: transaction.user, now: transaction.now)
        for (slot, value) in values { fields[slot] = value }
        complete(type, &fields, transaction)
        let record = SObjectRecord(type: type, id: id, values: fields)
        table(type.name).append(record)
        transaction.inserted(record, isCase: type.name == "Case")
        return id
    }

    private func update(
        _ record: SObjectRecord, _ values: [(slot: Int, value: SObjectValue)],
        _ transaction: inout SalesforceTransaction
    ) {
        let isCase = record.type.name == "Case"
        let before = record.values
        var changed: Set<Int> = []
        for (slot, value) in values where record[slot] != value {
            record[slot] = value
            changed.insert(slot)
        }
        if isCase, changed.contains(caseSlots.status) {
            let closed = record[caseSlots.status].text == "Closed"
            if closed != record[caseSlots.isClosed].bool {
                record[caseSlots.isClosed] = .bool(closed)
                record[caseSlots.closedDate] = closed ? .time(transaction.now / 1000 * 1000) : .null
                changed.formUnion([caseSlots.isClosed, caseSlots.closedDate])
            }
        }
        stamp(record, transaction)
        transaction.updated(record, before: before, changed: changed, isCase: isCase)
    }

    /// Moves a record to the bin, and a case's comments and e-mails with it.
    func delete(_ record: SObjectRecord, master: String?, _ transaction: inout SalesforceTransaction) {
        let isCase = record.type.name == "Case"
        let before = record.values
        record[SObjectType.Slot.isDeleted] = .bool(true)
        if isCase, let master { record[caseSlots.master] = .text(master) }
        stamp(record, transaction)
        transaction.deleted(record, before: before, isCase: isCase, isMerge: master != nil)
        guard isCase else { return }
        for name in ["CaseComment", "EmailMessage"] {
            let slot = type(name).fixedSlot("ParentId")
            for child in table(name).records where child[slot] == .text(record.id) && !child.isDeleted {
                if let master {
                    child[slot] = .text(master)
                } else {
                    child[SObjectType.Slot.isDeleted] = .bool(true)
                    binned[record.id, default: []].append(child)
                }
            }
        }
    }

    func undelete(_ record: SObjectRecord, _ transaction: inout SalesforceTransaction) {
        record[SObjectType.Slot.isDeleted] = .bool(false)
        for child in binned.removeValue(forKey: record.id) ?? [] { child[SObjectType.Slot.isDeleted] = .bool(false) }
        stamp(record, transaction)
        transaction.undeleted(record, isCase: record.type.name == "Case")
    }

    func stamp(_ record: SObjectRecord, _ transaction: SalesforceTransaction) {
        let second = SObjectValue.time(transaction.now / 1000 * 1000)
        record[SObjectType.Slot.lastModifiedDate] = second
        record[SObjectType.Slot.lastModifiedBy] = .text(transaction.user)
        record[SObjectType.Slot.systemModstamp] = second
    }

    /// What Salesforce fills in by itself.
    private func complete(_ type: SObjectType, _ values: inout [SObjectValue], _ transaction: SalesforceTransaction) {
        switch type.name {
        case "Case":
            values[caseSlots.number] = .text(paddedNumber(nextCaseNumber, 8))
            nextCaseNumber += 1
            if values[caseSlots.owner] == .null { values[caseSlots.owner] = .text(transaction.user) }
            if values[caseSlots.status].text == "Closed" {
                values[caseSlots.isClosed] = .bool(true)
                values[caseSlots.closedDate] = .time(transaction.now / 1000 * 1000)
            }
        case "User", "Contact":
            let names = ["FirstName", "LastName"].compactMap { values[type.fixedSlot($0)].text }
            values[type.fixedSlot("Name")] = .orNull(names.joined(separator: " "))
        case SObjectCatalogue.outbox:
            values[type.fixedSlot("Sequence__c")] = .text(String(nextSequence))
            values[type.fixedSlot("Name")] = .text("RR-" + paddedNumber(nextSequence, 10))
            nextSequence += 1
        default: break
        }
    }

    func paddedNumber(_ number: Int, _ digits: Int) -> String {
        let text = String(number)
        return String(repeating: "0", count: max(0, digits - text.utf8.count)) + text
    }

    // MARK: Checks

    private func fieldValues(
        _ type: SObjectType, _ members: [SalesforceJSON.Member], creating: Bool
    ) throws(SalesforceRESTError) -> [(slot: Int, value: SObjectValue)] {
        var values: [(slot: Int, value: SObjectValue)] = []
        values.reserveCapacity(members.count)
        for member in members where member.name != "attributes" {
            guard let slot = type.slot(member.name) else {
                throw .bad("INVALID_FIELD", "No such column '\(member.name)' on sobject of type \(type.name)")
            }
            let field = type.fields[slot]
            // The id of a row to update stands among its fields in collections.
            if slot == SObjectType.Slot.id, !creating { continue }
            guard creating ? field.createable : field.updateable else {
                throw .bad(
                    "INVALID_FIELD_FOR_INSERT_UPDATE",
                    "Unable to create/update fields: \(field.name). Please check the security settings of this field and "
                        + "verify that it is read/write for your profile or permission set.", [field.name])
            }
            values.append((slot, try value(member.value, for: field)))
        }
        return values
    }

    private func value(_ json: SalesforceJSON, for field: SObjectField) throws(SalesforceRESTError) -> SObjectValue {
        switch (field.kind, json) {
        case (.boolean, .bool(let value)): return .bool(value)
        case (.boolean, .string(let text)) where text == "true" || text == "false": return .bool(text == "true")
        case (_, .null): return field.kind == .boolean ? .bool(false) : .null
        case (.id, .string(let text)), (.reference, .string(let text)):
            if text.isEmpty { return .null }
            guard let id = SalesforceID.normalized(text) else {
                throw .bad("MALFORMED_ID", "\(field.name): id value of incorrect type: \(text)", [field.name])
            }
            return .text(id)
        case (.text(let limit), .string(let text)), (.longText(let limit), .string(let text)):
            guard text.utf8.count <= limit || text.count <= limit else {
                throw .bad(
                    "STRING_TOO_LONG",
                    "\(field.name): data value too large: \(text.prefix(limit)) (max length=\(limit))", [field.name])
            }
            return .orNull(text)
        case (.picklist, .string(let text)): return .orNull(text)
        case (.number, .number(let number)): return .number(number)
        case (.number, .string(let text)):
            if let number = Double(text) { return .number(number) }
        case (.time, .string(let text)):
            if let time = SalesforceTime.parse(text) { return .time(time) }
        default: break
        }
        throw .bad("JSON_PARSER_ERROR", "Cannot deserialize the value of field \(field.name)", [field.name])
    }

    private func checkReferences(
        _ type: SObjectType, _ values: [(slot: Int, value: SObjectValue)]
    ) throws(SalesforceRESTError) {
        for (slot, value) in values {
            let field = type.fields[slot]
            guard field.name == "OwnerId" || field.name == "ParentId" || field.name == "QueueId",
                case .reference(let targets, _) = field.kind, case .text(let id) = value
            else { continue }
            guard let target = targets.lazy.compactMap({ self.tables[$0]?[id] }).first else {
                throw .bad("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", [field.name])
            }
            if target.isDeleted { throw .bad("ENTITY_IS_DELETED", "entity is deleted", [field.name]) }
        }
    }

    /// A failure asked for by the control API.
    private func failRow(id: String?, _ type: SObjectType) throws(SalesforceRESTError) {
        guard !faults.rows.isEmpty else { return }
        let index = faults.rows.firstIndex { fault in
            guard fault.count > 0, fault.object.map({ $0.lowercased() == type.name.lowercased() }) ?? true else {
                return false
            }
            return fault.ids.isEmpty || id.map(fault.ids.contains) ?? false
        }
        guard let index else { return }
        faults.rows[index].count -= 1
        throw .bad(faults.rows[index].statusCode, faults.rows[index].message)
    }
}
