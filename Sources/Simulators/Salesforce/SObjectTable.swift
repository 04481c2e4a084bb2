/// One record; lives inside its org's lock.
final class SObjectRecord {
    let type: SObjectType
    let id: String
    var values: [SObjectValue]

    init(type: SObjectType, id: String, values: [SObjectValue]) {
        self.type = type
        self.id = id
        self.values = values
    }

    subscript(slot: Int) -> SObjectValue {
        get { values[slot] }
        set { values[slot] = newValue }
    }

    var isDeleted: Bool { values[SObjectType.Slot.isDeleted].bool }
}

/// The records of one object, in the order of their ids.
final class SObjectTable {
    let type: SObjectType
    private(set) var records: [SObjectRecord] = []
    private var byID: [String: SObjectRecord] = [:]
    /// Number of the next id.
    var next: Int

    init(_ type: SObjectType, next: Int) {
        self.type = type
        self.next = next
    }

    /// Ids rise with their number, so appending keeps the order.
    func append(_ record: SObjectRecord) {
        records.append(record)
        byID[record.id] = record
    }

    /// Deleted records too.
    subscript(id: String) -> SObjectRecord? {
        if let record = byID[id] { return record }
        guard id.utf8.count == 15, let long = SalesforceID.normalized(id) else { return nil }
        return byID[long]
    }

    /// Index of the first record whose id is greater than `id`.
    func firstIndex(after id: String) -> Int {
        var low = 0
        var high = records.count
        while low < high {
            let middle = (low + high) / 2
            if SOQLCompare.bytes(records[middle].id, id) > 0 { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
