/// The triggers of the routing package, as `docs/salesforce-package.md` describes them.
///
/// One row for every case a transaction changed, with the most significant change, and one for every comment or e-mail
/// that means something to routing; the rows' events are published after the commit.
extension SalesforceOrgCore {
    /// What a row says, before it is known whether it becomes an outbox row or an older package's.
    struct RoutingRow {
        let change: String
        let caseRecord: SObjectRecord
        var recordID: String?
        var previousOwner: String?
        let actor: String
    }

    /// Ends a transaction: ledger, triggers, rows, and the events that follow from all of it.
    func commit(_ transaction: SalesforceTransaction) {
        var rows: [RoutingRow] = []
        for step in transaction.steps {
            switch step {
            case .changedCase(let index):
                let change = transaction.cases[index]
                let row = row(for: change, transaction)
                record(change.record, row?.change ?? "updated", transaction)
                if let row { rows.append(row) }
            case .comment(let comment, let isNew): rows += row(comment: comment, isNew: isNew, transaction)
            case .email(let email, let isNew): rows += row(email: email, isNew: isNew, transaction)
            case .row(let record): recordRowStatus(record)
            }
        }
        announce(transaction.notices, transaction)
        guard !faults.triggersOff, !rows.isEmpty else { return }
        if let legacy = org.legacy {
            write(rows, legacy, transaction)
        } else {
            write(rows, transaction)
        }
    }

    // MARK: Which change it is

    private func row(
        for change: SalesforceTransaction.CaseChange, _ transaction: SalesforceTransaction
    ) -> RoutingRow? {
        let record = change.record
        let closed = record[caseSlots.isClosed].bool
        var row: RoutingRow?
        func make(_ kind: String) { row = RoutingRow(change: kind, caseRecord: record, actor: transaction.user) }
        switch change.kind {
        case .created: make(closed ? "closed" : "created")
        case .deleted: make("deleted")
        case .merged: make("merged")
        case .undeleted: make(closed ? "closed" : "reopened")
        case .updated:
            guard let before = change.before else { return nil }
            let owner = record[caseSlots.owner].text ?? ""
            let previous = before[caseSlots.owner].text ?? ""
            if closed != before[caseSlots.isClosed].bool {
                make(closed ? "closed" : "reopened")
            } else if owner != previous {
                make(owner.hasPrefix("00G") && previous.hasPrefix("00G") ? "queue-changed" : "owner-changed")
            } else if record[caseSlots.skills] != before[caseSlots.skills] {
                make("skills-changed")
            }
            if owner != previous { row?.previousOwner = previous }
        }
        return row
    }

    private func row(comment: SObjectRecord, isNew: Bool, _ transaction: SalesforceTransaction) -> [RoutingRow] {
        guard let parent = parent(of: comment) else { return [] }
        let author = comment[SObjectType.Slot.createdBy].text ?? ""
        let published = comment[comment.type.fixedSlot("IsPublished")].bool
        if isNew {
            lines.line("comment") {
                $0.member("org", organizationID)
                $0.member("case", parent.id)
                $0.member("id", comment.id)
                $0.member("by", author)
                $0.member("published", published)
                noteRowless(&$0)
            }
        }
        let byOwner = parent[caseSlots.owner].text == author
        guard !(byOwner && !published), isNew || byOwner else { return [] }
        return [
            RoutingRow(
                change: byOwner ? "agent-replied" : "comment", caseRecord: parent, recordID: comment.id,
                actor: isNew ? author : transaction.user)
        ]
    }

    private func row(email: SObjectRecord, isNew: Bool, _ transaction: SalesforceTransaction) -> [RoutingRow] {
        guard let parent = parent(of: email) else { return [] }
        let incoming = email[email.type.fixedSlot("Incoming")].bool
        if isNew {
            lines.line("email") {
                $0.member("org", organizationID)
                $0.member("case", parent.id)
                $0.member("id", email.id)
                $0.member("incoming", incoming)
                noteRowless(&$0)
            }
        }
        let sent = !incoming && email[email.type.fixedSlot("Status")].text == "3"
        guard sent || (incoming && isNew) else { return [] }
        return [
            RoutingRow(
                change: incoming ? "email-received" : "agent-replied", caseRecord: parent, recordID: email.id,
                actor: isNew ? email[SObjectType.Slot.createdBy].text ?? transaction.user : transaction.user)
        ]
    }

    private func parent(of child: SObjectRecord) -> SObjectRecord? {
        guard case .text(let id) = child[child.type.fixedSlot("ParentId")], let parent = table("Case")[id],
            !parent.isDeleted
        else { return nil }
        return parent
    }

    // MARK: Rows

    private func write(_ rows: [RoutingRow], _ transaction: SalesforceTransaction) {
        let slots = OutboxSlots(type(SObjectCatalogue.outbox))
        let table = table(SObjectCatalogue.outbox)
        let stamp = transaction.now / 1000 * 1000
        let blank = blank(table.type, id: "", user: transaction.user, now: transaction.now)
        var announcements: [(id: String, body: [UInt8])] = []
        for row in rows {
            let id = newID(SObjectCatalogue.outbox)
            let sequence = nextSequence
            nextSequence += 1
            let source = row.caseRecord
            var values = blank
            values[SObjectType.Slot.id] = .text(id)
            values[slots.name] = .text("RR-" + paddedNumber(sequence, 10))
            values[slots.sequence] = .text(String(sequence))
            values[slots.caseID] = .text(source.id)
            values[slots.caseNumber] = source[caseSlots.number]
            values[slots.change] = .text(row.change)
            values[slots.record] = .orNull(row.recordID)
            values[slots.owner] = source[caseSlots.owner]
            values[slots.previousOwner] = .orNull(row.previousOwner)
            values[slots.closed] = source[caseSlots.isClosed]
            values[slots.skills] = source[caseSlots.skills]
            values[slots.priority] = source[caseSlots.priority]
            values[slots.actor] = .text(row.actor)
            values[slots.status] = .text("New")
            table.append(SObjectRecord(type: table.type, id: id, values: values))
            lines.line("row") {
                $0.member("org", organizationID)
                $0.member("row", id)
                $0.member("case", source.id)
                $0.member("change", row.change)
                $0.member("sequence", sequence)
                $0.member("status", "New")
            }
            announcements.append(
                (id, eventBody(values, slots, sequence: sequence, rowCreated: stamp, user: transaction.user)))
        }
        for announcement in announcements {
            publish(
                SObjectCatalogue.outboxChannel, body: announcement.body, row: announcement.id,
                retention: settings.platformEventRetention)
        }
    }

    private func write(
        _ rows: [RoutingRow], _ legacy: SalesforceSimulatorConfiguration.LegacyPackage,
        _ transaction: SalesforceTransaction
    ) {
        var inner = SalesforceTransaction(user: transaction.user, now: transaction.now)
        for row in rows {
            let source = row.caseRecord
            let named: [(String?, SObjectValue)] = [
                (legacy.caseID, .text(source.id)), (legacy.caseNumber, source[caseSlots.number]),
                (legacy.change, .text(row.change)), (legacy.recordID, .orNull(row.recordID)),
                (legacy.owner, source[caseSlots.owner]), (legacy.previousOwner, .orNull(row.previousOwner)),
                (legacy.closed, source[caseSlots.isClosed]), (legacy.skills, source[caseSlots.skills]),
                (legacy.priority, source[caseSlots.priority]), (legacy.actor, .text(row.actor)),
                (legacy.status, .text(legacy.statusNew)),
            ]
            let type = type(legacy.object)
            let values = named.compactMap { name, value in name.map { (slot: type.fixedSlot($0), value: value) } }
            let kept = legacy.updatesInPlace ? legacyRows[source.id].flatMap { table(legacy.object)[$0] } : nil
            let id = apply(kept.map { .update($0, values) } ?? .insert(type, values), &inner)
            legacyRows[source.id] = id
            lines.line("row") {
                $0.member("org", organizationID)
                $0.member("row", id)
                $0.member("case", source.id)
                $0.member("change", row.change)
                $0.member("sequence", nextSequence)
                $0.member("status", "New")
            }
            nextSequence += 1
        }
        announce(inner.notices, inner)
    }

    // MARK: Ledger

    private func record(_ record: SObjectRecord, _ change: String, _ transaction: SalesforceTransaction) {
        lines.line("case") {
            $0.member("org", organizationID)
            $0.member("case", record.id)
            $0.member("number", record[caseSlots.number].text ?? "")
            $0.member("change", change)
            $0.member("owner", record[caseSlots.owner].text ?? "")
            $0.member("closed", record[caseSlots.isClosed].bool)
            $0.member("deleted", record.isDeleted)
            $0.member("skills", record[caseSlots.skills].text ?? "")
            $0.member("actor", transaction.user)
            noteRowless(&$0)
        }
    }

    /// Whoever judges a run has to know what nobody was told.
    private func noteRowless(_ line: inout LedgerLine) {
        if faults.triggersOff { line.member("rowless", true) }
    }

    private func recordRowStatus(_ record: SObjectRecord) {
        let name = org.legacy?.object ?? SObjectCatalogue.outbox
        guard record.type.name == name, let slot = record.type.slot(org.legacy?.status ?? "Status__c") else { return }
        lines.line("row-status") {
            $0.member("org", organizationID)
            $0.member("row", record.id)
            $0.member("status", record[slot].text ?? "")
        }
    }
}

/// Where the fields of an outbox row stand.
struct OutboxSlots {
    let name, sequence, caseID, caseNumber, change, record, owner, previousOwner, closed, skills, priority, actor,
        status: Int

    init(_ type: SObjectType) {
        name = type.fixedSlot("Name")
        sequence = type.fixedSlot("Sequence__c")
        caseID = type.fixedSlot("Case_Id__c")
        caseNumber = type.fixedSlot("Case_Number__c")
        change = type.fixedSlot("Change__c")
        record = type.fixedSlot("Record_Id__c")
        owner = type.fixedSlot("Owner_Id__c")
        previousOwner = type.fixedSlot("Previous_Owner_Id__c")
        closed = type.fixedSlot("Closed__c")
        skills = type.fixedSlot("Skills__c")
        priority = type.fixedSlot("Priority__c")
        actor = type.fixedSlot("Actor_Id__c")
        status = type.fixedSlot("Status__c")
    }
}
