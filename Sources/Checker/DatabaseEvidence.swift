/// What PostgreSQL held when everything was at rest: the rows that a judgement can depend on.
struct DatabaseEvidence {
    /// Attempts from which on a case counts as failed (design 8).
    static let attemptLimit: Int64 = 8

    struct Request {
        let source: Source
        /// Unique within org and day; across days it must be so as well.
        let key: String
        let change: String
        let row: String
        let outcome: String
        let rule: String
        let received: Int64
        let seen: Int64?
        let finished: Int64?
    }

    struct Case {
        let source: Source
        let revision: Int64
        let applied: Int64
        let owner: String
        let isClosed: Bool
        let skills: String
        let server: String
        let episode: Int64
        let epoch: Int64
        let attempts: Int64
        let failureKind: String
        let failureCause: String
        let failureSummary: String
        let failed: Int64?
        let failureNumber: Int64
        let changed: Int64

        var isFailed: Bool { attempts >= DatabaseEvidence.attemptLimit }
        var isDue: Bool { applied < revision && !isFailed }
    }

    struct EpisodeKey: Hashable {
        let key: CaseKey
        let number: Int64
    }

    struct Episode {
        let source: Source
        let server: String
        let state: String
        let interaction: String
        let attempt: String
        let opened: Int64

        var isOpen: Bool { state != "ended" }
    }

    struct Attempt {
        let source: Source
        let key: CaseKey
        let episode: Int64
        let revision: Int64
        let epoch: Int64
        let worker: String
        let started: Int64
        let outcome: String
        let failureKind: String
        let failureCause: String
        let failureSummary: String

        /// Claims count from 1. What was found in CIC after rows were lost is written down as an attempt of no claim.
        var isOfClaim: Bool { epoch > 0 }
    }

    struct Cursor {
        let source: Source
        let org: String
        let channel: String
        let replay: Int64
    }

    struct Discard {
        let source: Source
        let at: Int64
        let isRestored: Bool
    }

    /// Something that keeps an org, a server or everything from rest.
    struct Unrest {
        let source: Source
        /// The organisation id; empty when it is not about one.
        let org: String
        let sentence: String
        let since: Int64
    }

    /// When it was read, in microseconds since 1970.
    private(set) var readAt: Int64 = 0
    private(set) var requests: [CaseKey: [Request]] = [:]
    private(set) var cases: [CaseKey: Case] = [:]
    private(set) var episodes: [EpisodeKey: Episode] = [:]
    private(set) var attempts: [String: Attempt] = [:]
    private(set) var cursors: [Cursor] = []
    private(set) var discards: [CaseKey: [Discard]] = [:]
    private(set) var unrest: [Unrest] = []
    /// Beginnings of what could not be read, in hexadecimal.
    private(set) var undecodable: [String] = []
    /// The product's own sums, by org: column → number.
    private(set) var accounting: [String: (source: Source, sums: [String: Int64])] = [:]
    /// Cases on the list of those that failed.
    private(set) var listed: Set<CaseKey> = []

    static let accountingColumns = [
        "received", "routed", "ignored", "superseded", "failed", "discarded", "pending", "observed",
    ]

    private let places: SitePlaces

    init(_ path: String, places: SitePlaces) throws(LedgerError) {
        self.places = places
        var lines: Int64 = 0
        var isComplete = false
        try EvidenceRow.read(path) { (row) throws(LineScanner.Problem) in
            switch try row.text("kind") {
            case "begin": readAt = try row.integer("at")
            case "end": isComplete = try row.integer("lines") == lines
            case let kind:
                lines += 1
                try take(kind, row)
            }
        }
        guard isComplete, readAt > 0 else {
            throw LedgerError(path: path, line: 0, problem: "does not hold all that was read from the database")
        }
    }

    /// The request that an outbox row became; legacy rows that are updated in place become several.
    func requests(of row: String, _ key: CaseKey) -> [Request] { requests[key]?.filter { $0.row == row } ?? [] }

    private func key(_ row: EvidenceRow) throws(LineScanner.Problem) -> CaseKey {
        CaseKey(org: places.org(named: try row.text("org")), id: try row.identifier("case"))
    }

    private mutating func take(_ kind: String, _ row: EvidenceRow) throws(LineScanner.Problem) {
        switch kind {
        case "request": try request(row)
        case "case": try takeCase(row)
        case "episode": try episode(row)
        case "attempt": try attempt(row)
        case "cursor":
            cursors.append(
                Cursor(
                    source: row.source, org: places.org(named: try row.text("org")), channel: try row.text("channel"),
                    replay: try row.integer("replay")))
        case "discard":
            discards[try key(row), default: []].append(
                Discard(
                    source: row.source, at: try row.integer("discarded"), isRestored: try row.time("restored") != nil))
        case "undecodable": undecodable.append(try row.text("beginning"))
        case "failed": listed.insert(try key(row))
        case "accounting":
            var sums: [String: Int64] = [:]
            for column in Self.accountingColumns { sums[column] = try row.integer(column) }
            accounting[places.org(named: try row.text("org"))] = (row.source, sums)
        default: try takeUnrest(kind, row)
        }
    }

    private mutating func takeUnrest(_ kind: String, _ row: EvidenceRow) throws(LineScanner.Problem) {
        switch kind {
        case "gap":
            try unrest(
                row, "the gap of \(try row.text("channel")) is open: \(try row.text("reason"))", "opened", org: "org")
        case "hold":
            try unrest(
                row, "\(try row.text("of")):\(try row.text("name")) is on hold: \(try row.text("reason"))", "since")
        case "sweep":
            try unrest(row, "a sweep that \(try row.text("asked_by")) asked for is not finished", "asked", org: "org")
        case "bulk-retry": try unrest(row, "bulk retry \(try row.integer("id")) is running", "started")
        default: throw LineScanner.Problem("has the unknown kind \"\(kind)\"")
        }
    }

    private mutating func unrest(
        _ row: EvidenceRow, _ sentence: String, _ since: String, org: String? = nil
    ) throws(LineScanner.Problem) {
        var id = ""
        if let org { id = places.org(named: try row.text(org)) }
        // Without a time it counts as old: it has no excuse.
        unrest.append(
            Unrest(source: row.source, org: id, sentence: sentence, since: try row.time(since) ?? 0))
    }

    private mutating func request(_ row: EvidenceRow) throws(LineScanner.Problem) {
        requests[try key(row), default: []].append(
            Request(
                source: row.source, key: try row.text("key"), change: try row.text("change"),
                row: try row.identifier("row"), outcome: try row.text("outcome"), rule: try row.text("rule"),
                received: try row.integer("received"), seen: try row.time("seen"), finished: try row.time("finished")))
    }

    private mutating func takeCase(_ row: EvidenceRow) throws(LineScanner.Problem) {
        cases[try key(row)] = Case(
            source: row.source, revision: try row.integer("revision"), applied: try row.integer("applied"),
            owner: try row.identifier("owner"), isClosed: try row.flag("closed"), skills: try row.text("skills"),
            server: try row.text("server"), episode: try row.integer("episode"), epoch: try row.integer("epoch"),
            attempts: try row.integer("attempts"), failureKind: try row.text("failure_kind"),
            failureCause: try row.text("failure_cause"), failureSummary: try row.text("failure_summary"),
            failed: try row.time("failed"), failureNumber: try row.integer("failure_number"),
            changed: try row.integer("changed"))
    }

    private mutating func episode(_ row: EvidenceRow) throws(LineScanner.Problem) {
        episodes[EpisodeKey(key: try key(row), number: try row.integer("number"))] = Episode(
            source: row.source, server: try row.text("server"), state: try row.text("state"),
            interaction: try row.text("interaction"), attempt: try row.text("attempt"),
            opened: try row.integer("opened"))
    }

    private mutating func attempt(_ row: EvidenceRow) throws(LineScanner.Problem) {
        attempts[try row.text("attempt")] = Attempt(
            source: row.source, key: try key(row), episode: try row.integer("episode"),
            revision: try row.integer("revision"), epoch: try row.integer("epoch"), worker: try row.text("worker"),
            started: try row.integer("started"), outcome: try row.text("outcome"),
            failureKind: try row.text("failure_kind"), failureCause: try row.text("failure_cause"),
            failureSummary: try row.text("failure_summary"))
    }
}
