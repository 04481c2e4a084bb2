import CaseRouting

/// What a row says, as a change; or the reason why it says none.
enum RowReading {
    case change(CaseChange)
    /// Tells nothing new: a row that is marked already, or whose announcement is of its deletion.
    case nothing
    case malformed(String)
}

extension RoutingRow {
    /// - Parameter facts: of the case, for what the row does not tell.
    func reading(_ settings: SalesforceSettings, facts: CaseFacts? = nil) -> RowReading {
        if let status, status != settings.names.statusNew { return .nothing }
        guard let row = Self.id(rowID) else { return .malformed("no row id") }
        guard let caseID = Self.id(caseID) else { return .malformed("row \(row): no case id") }
        guard let owner = Self.id(owner) ?? facts?.owner, owner.isUser || owner.isQueue else {
            return .malformed("row \(row): no owner that is a user or a queue")
        }
        guard let isClosed = closed ?? facts?.isClosed else { return .malformed("row \(row): not said whether closed") }
        let record = Self.id(recordID)
        if let recordID, !recordID.isEmpty, record == nil { return .malformed("row \(row): record id unreadable") }
        guard let kind = kind(record, isClosed, settings.names) else {
            return .malformed("row \(row): unknown kind of change")
        }
        let skills = skills ?? facts?.skills ?? ""
        guard skills.utf8.count <= CaseChange.maximumSkillsLength else {
            return .malformed("row \(row): skills too long")
        }
        // A row without a sequence may be updated for every change; then only its modstamp tells one from the other.
        let stamp = settings.names.hasSequence ? created : modified
        guard let occurredAt = stamp.flatMap({ Timestamp($0) }) else { return .malformed("row \(row): no time") }
        guard let version = settings.names.hasSequence ? sequence : occurredAt.seconds else {
            return .malformed("row \(row): no sequence")
        }
        let key =
            if kind.isOccurrence, let record {
                "n:\(record)"
            } else {
                settings.names.hasSequence ? "o:\(row)" : "o:\(row):\(occurredAt.seconds)"
            }
        return .change(
            CaseChange(
                key: key, org: settings.org, caseID: caseID, kind: kind, version: version,
                versionEpoch: settings.versionEpoch, occurredAt: occurredAt,
                caseNumber: Self.short(caseNumber ?? facts?.caseNumber ?? "", CaseChange.maximumNumberLength),
                owner: owner,
                previousOwner: Self.id(previousOwner), isClosed: isClosed, skills: skills,
                priority: Self.short(priority ?? facts?.priority ?? "", CaseChange.maximumPriorityLength),
                actor: Self.id(actor), row: row))
    }

    /// A legacy table may not say what happened, or in words of its own: then it is a change of state, which leads to
    /// the same decision as the exact kind unless an agent has the case.
    private func kind(_ record: RecordID?, _ isClosed: Bool, _ names: SourceNames) -> ChangeKind? {
        if let change, let kind = ChangeKind(rawValue: change), kind != .observed { return kind }
        if names.isPackage { return nil }
        return isClosed ? .closed : .ownerChanged
    }

    /// Nil for text that is no id; empty text is how Salesforce's triggers may say "none".
    static func id(_ text: String?) -> RecordID? {
        guard let text, !text.isEmpty else { return nil }
        do throws(InvalidRecordID) { return try RecordID(text) } catch { return nil }
    }

    /// Cut to so many bytes at most, behind a whole character: what a message does not take nobody can read.
    static func short(_ text: String, _ limit: Int) -> String {
        guard text.utf8.count > limit else { return text }
        var cut = String.UnicodeScalarView()
        var length = 0
        for scalar in text.unicodeScalars {
            length += UTF8.width(scalar)
            guard length <= limit else { break }
            cut.append(scalar)
        }
        return String(cut)
    }
}
