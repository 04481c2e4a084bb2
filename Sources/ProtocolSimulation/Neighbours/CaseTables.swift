import CaseRouting

/// The tables of the routing protocol in memory, with the guards of its statements: what `Store` does in SQL, said again
/// in plain code. A value, so that a simulation can be copied and repeated.
public struct CaseTables: Sendable {
    public struct EpisodeRow: Sendable {
        public var episode: Episode
        public var isOpen = true
        public var endReason: EpisodeEnd.Reason?
        public var endedAt: Timestamp?
        public var placedAt: Timestamp?
        public var cicEpoch: Int32

        public init(episode: Episode, cicEpoch: Int32) {
            self.episode = episode
            self.cicEpoch = cicEpoch
        }
    }

    public struct CaseRow: Sendable {
        /// Without the open episode, which is in `episodes`.
        public var state = CaseState()
        public var epoch: Int64 = 0
        public var leaseUntil: Timestamp?
        public var nextAt: Timestamp
        public var claimsWithoutOutcome = 0
        public var failure: RoutingFailure?
        public var isToVerify = false
        public var verifyAt: Timestamp?
        public var actsOn: String?

        public init(nextAt: Timestamp) { self.nextAt = nextAt }
    }

    public struct RequestRow: Sendable {
        public enum Outcome: String, Sendable { case routed, ignored, superseded, discarded }
        public var change: CaseChange
        public var isSeen = false
        public var seenAt: Timestamp?
        public var taken = 0
        public var outcome: Outcome?
        public var rule: Decision.Rule?
        public var receivedAt: Timestamp?
        public var takenAt: Timestamp?

        init(change: CaseChange) { self.change = change }
    }

    public struct LeaseRow: Sendable {
        var owner: String
        var term: Int64
        var until: Timestamp
    }

    public struct HoldKey: Hashable, Sendable {
        public var kind: Hold.Kind
        public var name: String
        public var reason: Hold.Reason

        public init(kind: Hold.Kind, name: String, reason: Hold.Reason) {
            self.kind = kind
            self.name = name
            self.reason = reason
        }
    }

    public var now = Timestamp(microseconds: 1_800_000_000_000_000)
    public var cases: [CaseKey: CaseRow] = [:]
    public var episodes: [EpisodeKey: EpisodeRow] = [:]
    public var requests: [RequestKey: RequestRow] = [:]
    public var holds: [HoldKey: Hold] = [:]
    public var servers: [String: (identity: String?, epoch: Int32)] = [:]
    public var leases: [String: LeaseRow] = [:]
    /// Of the newest hold because of lost rows, by server.
    public var lostRows: [String: (since: Timestamp, until: Timestamp)] = [:]
    /// No claim has a smaller number.
    public var leastEpoch: Int64 = 0
    public var undecodable: [String: Int] = [:]
    /// Every attempt to create that was ever committed.
    public internal(set) var attempts: Set<AttemptID> = []
    /// Version of the configuration in force.
    public var configuration: Int64 = 0
    /// Those of it, by which a wish that was read off CIC is named.
    public var mappings: [Mapping] = []
    /// What people asked for, and the version in force then.
    public var askedSweeps: [(sweep: AskedSweep, configuration: Int64, isFinished: Bool)] = []

    public init() {}

    // MARK: Reading

    /// The case with its open episode.
    public func state(_ key: CaseKey) -> CaseState {
        guard let row = cases[key] else { return CaseState() }
        var state = row.state
        state.episode = openEpisode(key)?.episode
        return state
    }

    public func openEpisode(_ key: CaseKey) -> EpisodeRow? {
        guard let last = cases[key]?.state.lastEpisode, last > 0 else { return nil }
        let row = episodes[EpisodeKey(key, last)]
        return row?.isOpen == true ? row : nil
    }

    public func snapshot(_ change: CaseChange) -> CaseSnapshot {
        let state = state(change.caseKey)
        return CaseSnapshot(
            state: state, isMerged: requests[RequestKey(change)]?.isSeen ?? false, now: now,
            configuration: configuration, lacksRows: state.episode.map { isHeld(.cic, $0.cic, .lostRows) } ?? false)
    }

    func claim(_ key: CaseKey, _ epoch: Int64) -> Claim {
        Claim(caseKey: key, epoch: epoch, state: state(key), now: now)
    }

    public func isHeld(_ kind: Hold.Kind, _ name: String) -> Bool {
        holds.keys.contains { $0.kind == kind && $0.name == name }
    }

    public func isHeld(_ kind: Hold.Kind, _ name: String, _ reason: Hold.Reason) -> Bool {
        holds[HoldKey(kind: kind, name: name, reason: reason)] != nil
    }

    func isOnHold(_ key: CaseKey, _ row: CaseRow) -> Bool {
        if isHeld(.org, key.org) { return true }
        // While any server is not listed, a case may have an interaction there that nobody knows of.
        if holds.keys.contains(where: { $0.reason == .lostRows }) { return true }
        if let cic = row.actsOn, isHeld(.cic, cic) { return true }
        guard let wanted = row.state.wanted else { return false }
        return isHeld(.workgroup, "\(wanted.cic)/\(wanted.workgroup)")
    }

    func isFree(_ row: CaseRow) -> Bool { row.leaseUntil.map { $0 <= now } ?? true }

    // MARK: Merging

    public mutating func merge(_ merge: Merge) -> MergeResult {
        let change = merge.change, key = change.caseKey, before = merge.before, decision = merge.decision
        let request = RequestKey(change)
        guard requests[request]?.isSeen != true else { return .conflict }
        let current = cases[key]?.state
        if let current {
            guard current.revision == before.revision, current.fences == before.fences,
                current.facts?.owner == before.facts?.owner,
                (current.facts?.isClosed ?? false) == (before.facts?.isClosed ?? false),
                (current.facts?.skills ?? "") == (before.facts?.skills ?? "")
            else { return .conflict }
        } else if before.facts != nil || before.revision > 0 {
            return .conflict
        }
        var row = cases[key] ?? CaseRow(nextAt: now)
        let old = row.state
        row.state = decision.after
        row.state.revision = old.revision + (decision.raisesRevision ? 1 : 0)
        row.state.appliedRevision = old.appliedRevision
        row.state.lastEpisode = old.lastEpisode
        row.state.attempts = decision.raisesRevision ? 0 : old.attempts
        row.state.failureNumber = old.failureNumber
        row.state.episode = nil
        if decision.raisesRevision {
            row.nextAt = min(row.nextAt, now)
            row.claimsWithoutOutcome = 0
            row.failure = nil
        }
        if decision.needsVerification {
            row.isToVerify = true
            row.verifyAt = now + .seconds(2)
        }
        row.actsOn = openEpisode(key)?.episode.cic ?? row.state.wanted?.cic
        if decision.raisesRevision && !change.kind.isOccurrence { supersedeOlder(than: change) }
        requests[request, default: RequestRow(change: change)].isSeen = true
        requests[request]?.seenAt = now
        requests[request]?.taken = 0
        requests[request]?.rule = decision.rule
        requests[request]?.outcome =
            switch decision.outcome {
            case .pending: nil
            case .ignored: .ignored
            case .superseded: .superseded
            }
        cases[key] = row
        guard merge.claims, row.state.isDue, row.state.attempts < RetryPolicy.attemptLimit, isFree(row),
            row.nextAt <= now, !isOnHold(key, row)
        else { return .merged }
        guard let claimed = takeLease(key) else { return .merged }
        if let attempt = merge.attempt, openEpisode(key) == nil, let wanted = row.state.wanted {
            open(key, on: wanted.cic, attempt)
            return .claimed(claim(key, claimed))
        }
        return .claimed(claim(key, claimed))
    }

    mutating func supersedeOlder(than change: CaseChange) {
        for (key, request) in requests
        where request.change.caseKey == change.caseKey && request.outcome == nil && request.isSeen
            && request.change.version < change.version && request.change.versionEpoch == change.versionEpoch
            && !request.change.kind.isOccurrence && request.change.key != change.key
        {
            requests[key]?.outcome = .superseded
        }
    }

    // MARK: Claiming

    mutating func takeLease(_ key: CaseKey) -> Int64? {
        guard var row = cases[key] else { return nil }
        if row.claimsWithoutOutcome >= 3 {
            row.state.attempts = RetryPolicy.attemptLimit
            row.state.failureNumber += 1
            row.claimsWithoutOutcome = 0
            row.failure = RoutingFailure(.permanent, at: .receive, cause: .workerDied, "Three workers died.")
            cases[key] = row
            return nil
        }
        row.epoch = max(row.epoch, leastEpoch) + 1
        row.leaseUntil = now + Claim.lease
        row.nextAt = now + Claim.lease
        row.claimsWithoutOutcome += 1
        cases[key] = row
        return row.epoch
    }

    mutating func open(_ key: CaseKey, on cic: String, _ attempt: AttemptID) {
        attempts.insert(attempt)
        let number = (cases[key]?.state.lastEpisode ?? 0) + 1
        cases[key]?.state.lastEpisode = number
        cases[key]?.actsOn = cic
        episodes[EpisodeKey(key, number)] = EpisodeRow(
            episode: Episode(
                number: number, cic: cic, state: .creating, attempt: attempt, attemptDeadline: now + .seconds(10)),
            cicEpoch: servers[cic]?.epoch ?? 1)
    }

    public mutating func claimDue(limit: Int, servers: [String]) -> [Claim] {
        var due: [(key: CaseKey, nextAt: Timestamp)] = []
        for (key, row) in cases
        where row.state.isDue && row.state.attempts < RetryPolicy.attemptLimit && row.nextAt <= now && isFree(row)
            && row.actsOn.map({ servers.contains($0) }) ?? true && !isOnHold(key, row)
        {
            due.append((key, row.nextAt))
        }
        let oldest = due.sorted { ($0.nextAt, $0.key) < ($1.nextAt, $1.key) }.prefix(limit)
        return oldest.compactMap { key, _ in takeLease(key).map { claim(key, $0) } }
    }

    /// Whether the claim's lease is still its own: what every guarded write compares.
    func holds(_ claim: Claim) -> Bool {
        guard let row = cases[claim.caseKey] else { return false }
        // What was claimed before rows were lost writes nothing.
        return row.epoch == claim.epoch && row.leaseUntil != nil && (claim.epoch > leastEpoch || leastEpoch == 0)
    }

    func isCurrent(_ claim: Claim) -> Bool {
        holds(claim) && cases[claim.caseKey]?.state.revision == claim.state.revision
    }

    public mutating func refresh(_ claim: Claim) -> Claim? {
        guard holds(claim) else { return nil }
        cases[claim.caseKey]?.leaseUntil = now + Claim.lease
        cases[claim.caseKey]?.nextAt = now + Claim.lease
        return self.claim(claim.caseKey, claim.epoch)
    }
}
