/// What the org says about its objects.
extension SalesforceOrgCore {
    func describeGlobal(_ caller: SalesforceCaller) -> SalesforceReply {
        .json { bytes in
            bytes.raw("{\"encoding\":\"UTF-8\",\"maxBatchSize\":200,\"sobjects\":[")
            for (index, type) in catalogue.types.filter({ catalogue[$0.name] != nil }).enumerated() {
                if index > 0 { bytes.raw(",") }
                bytes.raw("{")
                summary(type, caller, &bytes)
                bytes.raw("}")
            }
            bytes.raw("]}")
        }
    }

    func describeBasic(_ type: SObjectType, _ caller: SalesforceCaller) -> SalesforceReply {
        .json { bytes in
            bytes.raw("{\"objectDescribe\":{")
            summary(type, caller, &bytes)
            bytes.raw("},\"recentItems\":[]}")
        }
    }

    func describe(_ type: SObjectType, _ caller: SalesforceCaller) -> SalesforceReply {
        .json { bytes in
            bytes.raw("{")
            summary(type, caller, &bytes)
            bytes.raw(",\"recordTypeInfos\":[],\"childRelationships\":[],\"fields\":[")
            for (slot, field) in type.fields.enumerated() {
                guard !catalogue.hides(field.name, of: type) else { continue }
                // The id, which nobody can hide, is the first.
                if slot > 0 { bytes.raw(",") }
                describe(field, of: type, &bytes)
            }
            bytes.raw("]}")
        }
    }

    private func summary(_ type: SObjectType, _ caller: SalesforceCaller, _ bytes: inout SalesforceBytes) {
        bytes.raw("\"name\":")
        bytes.string(type.name)
        bytes.raw(",\"label\":")
        bytes.string(type.label)
        bytes.raw(",\"labelPlural\":")
        bytes.string(type.label + "s")
        bytes.raw(",\"keyPrefix\":")
        bytes.string(type.keyPrefix)
        // What the permission set of the package gives its user, whatever others may do here.
        let isCase = ["Case", "CaseComment", "EmailMessage"].contains(type.name) && !faults.allRights
        let isOutbox = type.name == SObjectCatalogue.outbox && !faults.allRights
        let isReadOnly = type.isEvent || isCase || faults.readOnly.contains(type.name.lowercased())
        let flags = [
            ("custom", type.isCustom), ("createable", !isCase && !isOutbox), ("updateable", !isReadOnly),
            ("deletable", !type.isEvent && !isCase), ("queryable", !type.isEvent), ("retrieveable", !type.isEvent),
            ("searchable", !type.isEvent), ("undeletable", !type.isEvent), ("triggerable", true),
            ("customSetting", false), ("replicateable", !type.isEvent),
        ]
        for (name, value) in flags {
            bytes.name(name)
            bytes.bool(value)
        }
        bytes.raw(",\"urls\":{\"sobject\":")
        bytes.string("\(caller.base)/sobjects/\(type.name)")
        bytes.raw(",\"describe\":")
        bytes.string("\(caller.base)/sobjects/\(type.name)/describe")
        bytes.raw("}")
    }

    private func describe(_ field: SObjectField, of type: SObjectType, _ bytes: inout SalesforceBytes) {
        var kind = ""
        var length = 0
        var targets: [String] = []
        var relationship: String?
        var values: [String] = []
        switch field.kind {
        case .id: (kind, length) = ("id", 18)
        case .reference(let to, let name): (kind, length, targets, relationship) = ("reference", 18, to, name)
        case .text(let limit): (kind, length) = ("string", limit)
        case .longText(let limit): (kind, length) = ("textarea", limit)
        case .picklist(let entries): (kind, length, values) = ("picklist", 255, entries)
        case .boolean: kind = "boolean"
        case .time: kind = "datetime"
        case .number: kind = "double"
        }
        bytes.raw("{\"name\":")
        bytes.string(field.name)
        bytes.raw(",\"label\":")
        bytes.string(field.name.split(separator: "_").joined(separator: " "))
        bytes.raw(",\"type\":")
        bytes.string(kind)
        bytes.raw(",\"length\":")
        bytes.integer(length)
        let isUpdateable = field.updateable && !faults.readOnly.contains("\(type.name).\(field.name)".lowercased())
        let flags = [
            ("createable", field.createable), ("updateable", isUpdateable), ("nillable", !field.required),
            ("custom", field.name.hasSuffix("__c")), ("filterable", length <= 4_000), ("sortable", length <= 4_000),
            ("defaultedOnCreate", field.initial != .null || !field.createable),
            ("autoNumber", field.name == "Sequence__c" || field.name == "CaseNumber"), ("externalId", false),
        ]
        for (name, value) in flags {
            bytes.name(name)
            bytes.bool(value)
        }
        bytes.raw(",\"referenceTo\":")
        bytes.json(.array(targets.map { .string($0) }))
        bytes.raw(",\"relationshipName\":")
        bytes.json(relationship.map { .string($0) } ?? .null)
        bytes.raw(",\"picklistValues\":[")
        for (index, value) in values.enumerated() {
            if index > 0 { bytes.raw(",") }
            bytes.raw("{\"active\":true,\"defaultValue\":")
            bytes.bool(field.initial == .text(value))
            bytes.raw(",\"label\":")
            bytes.string(value)
            bytes.raw(",\"value\":")
            bytes.string(value)
            bytes.raw("}")
        }
        bytes.raw("]}")
    }
}
