/// What the Salesforce ledgers say about every case: where it is, and whether somebody waits for an answer.
///
/// A case has *something to work on* from an **ask** until it is **answered**.
/// - An ask is an *arrival*: a commit after which the case is open and owned by a monitored queue, and before which it
///   did not exist, was closed or deleted, or had another owner. Or it is a *contact* while the case is open and owned
///   by a monitored queue, or by a user who has a queue of his own in CIC for that, or whose org offers such cases where they
///   were last: a comment by anybody but the owner, an e-mail received. A change of skills asks nothing.
/// - It is answered by an agent's *reply* (an e-mail sent, a published comment by the owner; either may have been a draft
///   before, so a row that says `agent-replied` tells it too), and by every commit after which the case is closed,
///   deleted, or owned by another user or an unmonitored queue.
///
/// What happens while the triggers do not run has no row, and is found by comparing: cases of monitored queues with what is
/// held, comments and e-mails of monitored queues with those that were requested. So an arrival without a row asks, unless the
/// case is back where the last row has it: then nothing was ever different, and what was asked for before that counts. And a
/// contact without a row asks only while a monitored queue has the case.
///
/// A contact while the case is with another user or an unmonitored queue asks nothing here: coming back from there is an
/// arrival of its own. The ask is the newest one, because a contact that finds an interaction open is served by it.
/// The order is the one in which Salesforce committed, so equal times cannot occur.
struct SalesforceEvidence {
    struct Ask {
        enum Kind: Equatable {
            case arrival(change: String)
            case comment
            case email
        }

        let kind: Kind
        /// Microseconds since 1970.
        let at: Int64
        let source: Source
    }

    /// A case as one commit left it.
    struct Version {
        let at: Int64
        let owner: String
        let isOpen: Bool
        let skills: String
        /// By a row.
        let isTold: Bool
        let source: Source
    }

    /// Where a case is as far as rows have told, and what somebody asked for in them.
    struct Told {
        let owner: String
        let isOpen: Bool
        var ask: Ask?
    }

    struct CaseState {
        var number = ""
        var owner = ""
        var isOpen = false
        var ask: Ask?
        var told: Told?
        /// When somebody wrote about it first, whoever owned it.
        var firstContact: Int64?
        /// Oldest first, at least one.
        var versions: [Version] = []
    }

    struct Row {
        let key: CaseKey
        let change: String
        let at: Int64
        let source: Source
        /// When it was first marked as processed.
        var marked: (at: Int64, source: Source)?
    }

    struct Event {
        let row: String
        let replay: Int64
        let source: Source
    }

    struct Channel: Hashable {
        let org: String
        let name: String
    }

    private(set) var cases: [CaseKey: CaseState] = [:]
    /// Rows that were written and not marked as processed since.
    private(set) var unmarked: Set<String> = []
    /// Outbox rows by id.
    private(set) var rows: [String: Row] = [:]
    /// What was sent on a channel since its positions were last valid.
    private(set) var events: [Channel: [Event]] = [:]
    private(set) var rowsByChange: [String: Int] = [:]
    private(set) var rowsByOrg: [String: Int] = [:]

    private let places: SitePlaces

    init(places: SitePlaces) { self.places = places }

    mutating func read(_ path: String) throws(LedgerError) {
        try LedgerMerge.read([path]) { (at, line) throws(LineScanner.Problem) in _ = try take(line, at: at) }
    }

    /// Takes one line.
    ///
    /// - Returns: the case when the line is about a change of one.
    mutating func take(_ line: LedgerLine, at: Int64) throws(LineScanner.Problem) -> CaseKey? {
        let kind = try line.require("kind", line.kind).bytes
        if kind.spells("case") {
            return try caseChanged(line, at: at)
        } else if kind.spells("comment") {
            try comment(line, at: at)
        } else if kind.spells("email") {
            try email(line, at: at)
        } else if kind.spells("row") {
            try rowWritten(line, at: at)
        } else if kind.spells("row-status") {
            try rowMarked(line, at: at)
        } else if kind.spells("event") {
            try event(line)
        }
        return nil
    }

    private mutating func caseChanged(_ line: LedgerLine, at: Int64) throws(LineScanner.Problem) -> CaseKey {
        let key = try key(of: line)
        let owner = try line.require("owner", line.owner).identifier()
        let isClosed = try line.require("closed", line.closed).flag()
        let isDeleted = try line.require("deleted", line.deleted).flag()
        let isOpen = !isClosed && !isDeleted
        let isRowless = try line.rowless?.flag() ?? false
        let before = cases[key]
        var now = before ?? CaseState()
        if let number = try line.number?.text(), !number.isEmpty { now.number = number }
        now.owner = owner
        now.isOpen = isOpen
        now.versions.append(
            Version(
                at: at, owner: owner, isOpen: isOpen, skills: try line.skills?.text() ?? "", isTold: !isRowless,
                source: line.source))
        if !isOpen || places.place(org: key.org, queue: owner) == nil {
            let isStillTheOwners = isOpen && asksOwner(key, owner) && before?.owner == owner
            if !isStillTheOwners { now.ask = nil }
        } else if before?.isOpen != true || before?.owner != owner {
            if isRowless, let told = before?.told, told.isOpen, told.owner == owner {
                now.ask = told.ask
            } else {
                let change = try line.require("change", line.change).text()
                now.ask = Ask(kind: .arrival(change: change), at: at, source: line.source)
            }
        }
        if !isRowless { now.told = Told(owner: owner, isOpen: isOpen, ask: now.ask) }
        cases[key] = now
        return key
    }

    private mutating func comment(_ line: LedgerLine, at: Int64) throws(LineScanner.Problem) {
        let key = try key(of: line)
        let byOwner = try line.require("by", line.by).identifier() == cases[key]?.owner
        if !byOwner {
            contact(key, Ask(kind: .comment, at: at, source: line.source), isRowless: try line.rowless?.flag() ?? false)
        } else if try line.require("published", line.published).flag() {
            answered(key)
        }
    }

    private mutating func email(_ line: LedgerLine, at: Int64) throws(LineScanner.Problem) {
        let key = try key(of: line)
        if try line.require("incoming", line.incoming).flag() {
            contact(key, Ask(kind: .email, at: at, source: line.source), isRowless: try line.rowless?.flag() ?? false)
        } else if Self.isSent(line.status) {
            answered(key)
        }
    }

    private mutating func contact(_ key: CaseKey, _ ask: Ask, isRowless: Bool) {
        guard let state = cases[key] else { return }
        if state.firstContact == nil { cases[key]?.firstContact = ask.at }
        let isMonitored = places.place(org: key.org, queue: state.owner) != nil
        guard state.isOpen, isMonitored || !isRowless && asksOwner(key, state.owner) else { return }
        cases[key]?.ask = ask
        if !isRowless { cases[key]?.told?.ask = ask }
    }

    private mutating func answered(_ key: CaseKey) {
        cases[key]?.ask = nil
        cases[key]?.told?.ask = nil
    }

    /// Whether something is to be offered of what comes in about a case of this user.
    private func asksOwner(_ key: CaseKey, _ owner: String) -> Bool {
        places.ownQueue(org: key.org, user: owner) != nil || places.isOfferedAgain(org: key.org, owner: owner)
    }

    private mutating func rowWritten(_ line: LedgerLine, at: Int64) throws(LineScanner.Problem) {
        let key = try key(of: line)
        let change = try line.require("change", line.change).text()
        if change == "agent-replied" { answered(key) }
        rowsByChange[change, default: 0] += 1
        rowsByOrg[key.org, default: 0] += 1
        let row = try line.require("row", line.row).identifier()
        rows[row] = Row(key: key, change: change, at: at, source: line.source)
        unmarked.insert(row)
    }

    private mutating func rowMarked(_ line: LedgerLine, at: Int64) throws(LineScanner.Problem) {
        guard try line.require("status", line.status).bytes.spells("Processed") else { return }
        let row = try line.require("row", line.row).identifier()
        unmarked.remove(row)
        if rows[row]?.marked == nil { rows[row]?.marked = (at, line.source) }
    }

    /// Positions only rise; one that falls begins anew after all earlier ones became invalid.
    private mutating func event(_ line: LedgerLine) throws(LineScanner.Problem) {
        let channel = Channel(
            org: try line.require("org", line.org).identifier(), name: try line.require("channel", line.channel).text())
        let event = Event(
            row: try line.require("row", line.row).identifier(),
            replay: try line.require("replayId", line.replayID).integer(), source: line.source)
        if let last = events[channel]?.last, last.replay > event.replay { events[channel] = nil }
        events[channel, default: []].append(event)
    }

    private func key(of line: LedgerLine) throws(LineScanner.Problem) -> CaseKey {
        CaseKey(
            org: try line.require("org", line.org).identifier(),
            id: try line.require("case", line.caseID).identifier())
    }

    /// Status `3` of an EmailMessage is *Sent*; drafts and failed ones answer nobody.
    private static func isSent(_ status: LineScanner.Value?) -> Bool {
        guard let status else { return false }
        return status.bytes.spells("3") || status.bytes.spells("Sent")
    }
}
