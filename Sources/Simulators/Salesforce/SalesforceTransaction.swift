/// What one transaction did, for the triggers that run at its end.
struct SalesforceTransaction {
    enum Kind { case created, updated, deleted, merged, undeleted }

    /// A case the transaction touched: once, however often it was written.
    struct CaseChange {
        let record: SObjectRecord
        var kind: Kind
        /// The case before the transaction.
        let before: [SObjectValue]?
    }

    struct Notice {
        enum Kind: String { case created, updated, deleted, undeleted }
        let record: SObjectRecord
        let kind: Kind
        let changed: Set<Int>
    }

    enum Step {
        /// Index into `cases`.
        case changedCase(Int)
        case comment(SObjectRecord, isNew: Bool)
        case email(SObjectRecord, isNew: Bool)
        case row(SObjectRecord)
    }

    let user: String
    /// Milliseconds since 1970.
    let now: Int64
    private(set) var cases: [CaseChange] = []
    private(set) var steps: [Step] = []
    private(set) var notices: [Notice] = []
    private var indexes: [String: Int] = [:]

    init(user: String, now: Int64) {
        self.user = user
        self.now = now
    }

    mutating func inserted(_ record: SObjectRecord, isCase: Bool) {
        notices.append(Notice(record: record, kind: .created, changed: []))
        if isCase {
            touch(record, .created, before: nil)
        } else if record.type.name == "CaseComment" {
            steps.append(.comment(record, isNew: true))
        } else if record.type.name == "EmailMessage" {
            steps.append(.email(record, isNew: true))
        }
    }

    mutating func updated(_ record: SObjectRecord, before: [SObjectValue], changed: Set<Int>, isCase: Bool) {
        notices.append(Notice(record: record, kind: .updated, changed: changed))
        if isCase {
            touch(record, .updated, before: before)
            return
        }
        switch record.type.name {
        case "CaseComment":
            let published = record.type.fixedSlot("IsPublished")
            if changed.contains(published), record[published].bool { steps.append(.comment(record, isNew: false)) }
        case "EmailMessage":
            if changed.contains(record.type.fixedSlot("Status")) { steps.append(.email(record, isNew: false)) }
        default: steps.append(.row(record))
        }
    }

    mutating func deleted(_ record: SObjectRecord, before: [SObjectValue], isCase: Bool, isMerge: Bool) {
        notices.append(Notice(record: record, kind: .deleted, changed: []))
        if isCase { touch(record, isMerge ? .merged : .deleted, before: before) }
    }

    mutating func undeleted(_ record: SObjectRecord, isCase: Bool) {
        notices.append(Notice(record: record, kind: .undeleted, changed: []))
        if isCase { touch(record, .undeleted, before: nil) }
    }

    private mutating func touch(_ record: SObjectRecord, _ kind: Kind, before: [SObjectValue]?) {
        guard let index = indexes[record.id] else {
            indexes[record.id] = cases.count
            steps.append(.changedCase(cases.count))
            cases.append(CaseChange(record: record, kind: kind, before: before))
            return
        }
        // A case made and changed in one transaction was made; one that ends deleted was deleted.
        if kind == .deleted || kind == .merged { cases[index].kind = kind }
    }
}
