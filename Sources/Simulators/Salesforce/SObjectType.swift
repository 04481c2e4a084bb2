/// The value of one field of one record.
enum SObjectValue: Equatable, Sendable {
    case null
    case bool(Bool)
    case number(Double)
    case text(String)
    /// Milliseconds since 1970.
    case time(Int64)

    var text: String? {
        if case .text(let value) = self { value } else { nil }
    }

    var bool: Bool {
        if case .bool(let value) = self { value } else { false }
    }

    /// Salesforce knows no empty text: it stores nothing instead.
    static func orNull(_ text: String?) -> SObjectValue {
        guard let text, !text.isEmpty else { return .null }
        return .text(text)
    }
}

/// One field of an object, as far as a client can tell.
struct SObjectField: Sendable {
    enum Kind: Sendable, Equatable {
        case id
        case reference(to: [String], relationship: String?)
        case text(Int)
        case longText(Int)
        case picklist([String])
        case boolean
        case time
        case number
    }

    let name: String
    let kind: Kind
    var createable = true
    var updateable = true
    var required = false
    var initial = SObjectValue.null

    var isID: Bool {
        switch kind {
        case .id, .reference: true
        default: false
        }
    }

    static func text(_ name: String, _ length: Int = 255) -> Self { .init(name: name, kind: .text(length)) }
    static func time(_ name: String) -> Self { .init(name: name, kind: .time) }
    static func number(_ name: String) -> Self { .init(name: name, kind: .number) }
    static func bool(_ name: String) -> Self { .init(name: name, kind: .boolean, initial: .bool(false)) }

    static func reference(_ name: String, _ targets: [String], _ relationship: String? = nil) -> Self {
        .init(name: name, kind: .reference(to: targets, relationship: relationship))
    }

    static func picklist(_ name: String, _ values: [String], initial: SObjectValue = .null) -> Self {
        .init(name: name, kind: .picklist(values), initial: initial)
    }

    /// Set by Salesforce alone.
    var readOnly: Self {
        var field = self
        field.createable = false
        field.updateable = false
        return field
    }

    var createOnly: Self {
        var field = self
        field.updateable = false
        return field
    }

    var mandatory: Self {
        var field = self
        field.required = true
        return field
    }
}

/// An object ("table") with its fields in a fixed order; a record is an array of values in that order.
final class SObjectType: Sendable {
    /// The fields every object begins with.
    enum Slot {
        static let id = 0
        static let isDeleted = 1
        static let createdDate = 2
        static let createdBy = 3
        static let lastModifiedDate = 4
        static let lastModifiedBy = 5
        static let systemModstamp = 6
    }

    let name: String
    let label: String
    let keyPrefix: String
    let fields: [SObjectField]
    /// Platform events are published, never stored.
    let isEvent: Bool
    private let slots: [String: Int]
    private let relationships: [String: Int]

    init(_ name: String, keyPrefix: String, isEvent: Bool = false, _ fields: [SObjectField]) {
        let system: [SObjectField] = [
            SObjectField(name: "Id", kind: .id).readOnly,
            SObjectField.bool("IsDeleted").readOnly,
            SObjectField.time("CreatedDate").readOnly,
            SObjectField.reference("CreatedById", ["User"], "CreatedBy").readOnly,
            SObjectField.time("LastModifiedDate").readOnly,
            SObjectField.reference("LastModifiedById", ["User"], "LastModifiedBy").readOnly,
            SObjectField.time("SystemModstamp").readOnly,
        ]
        self.name = name
        label = name.replacingSuffixes(["__c", "__e"]).split(separator: "_").joined(separator: " ")
        self.keyPrefix = keyPrefix
        self.isEvent = isEvent
        self.fields = system + fields
        var slots: [String: Int] = [:]
        var relationships: [String: Int] = [:]
        for (slot, field) in self.fields.enumerated() {
            slots[field.name] = slot
            slots[field.name.lowercased()] = slot
            if case .reference(_, let relationship?) = field.kind { relationships[relationship.lowercased()] = slot }
        }
        self.slots = slots
        self.relationships = relationships
    }

    var isCustom: Bool { name.hasSuffix("__c") || name.hasSuffix("__e") }

    /// Position of a field; names are compared without regard to case, as Salesforce does.
    func slot(_ name: String) -> Int? {
        slots[name] ?? slots[name.lowercased()]
    }

    /// Position of the reference field behind a relationship name such as `Owner`.
    func slot(ofRelationship name: String) -> Int? {
        relationships[name.lowercased()]
    }

    /// Position of a field that the simulator itself relies on.
    func fixedSlot(_ name: String) -> Int {
        guard let slot = slots[name] else { preconditionFailure("\(self.name) has no field \(name)") }
        return slot
    }
}

extension String {
    fileprivate func replacingSuffixes(_ suffixes: [String]) -> Substring {
        for suffix in suffixes where hasSuffix(suffix) { return dropLast(suffix.count) }
        return self[...]
    }
}
