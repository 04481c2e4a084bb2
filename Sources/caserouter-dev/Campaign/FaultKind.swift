/// A kind of fault that a campaign can inject, and how soon cases have to flow again after one.
enum FaultKind: String, CaseIterable, Codable, Sendable {
    // The product's own processes.
    case workerKilled = "worker-killed"
    case workerFrozen = "worker-frozen"
    /// Frozen for longer than its leases last: others take over, and then it wakes up.
    case workerOutlived = "worker-outlived"
    case workerTerminated = "worker-terminated"
    case rollingRestart = "rolling-restart"
    /// At a named point in the middle of the protocol.
    case killedAtPoint = "killed-at-point"
    case frozenAtPoint = "frozen-at-point"
    /// Whoever takes a request ends in the middle of it, several times in a row.
    case crashLoop = "crash-loop"
    case descriptorsShort = "descriptors-short"
    /// An hour or a day off, or jumping.
    case clockWrong = "clock-wrong"
    /// Somebody else holds every lease while its holder still works: two ingests of an org, two watches of a server.
    case leasesTaken = "leases-taken"
    // The broker.
    case brokerRestarted = "broker-restarted"
    case brokerKilled = "broker-killed"
    case brokerFrozen = "broker-frozen"
    /// Nodes of a cluster that do not reach each other.
    case nodesPartitioned = "nodes-partitioned"
    case memoryAlarm = "memory-alarm"
    case diskAlarm = "disk-alarm"
    case connectionsClosed = "connections-closed"
    case queuePurged = "queue-purged"
    case queueDeleted = "queue-deleted"
    /// Those for handles and for what nobody can read.
    case sideQueuesDeleted = "side-queues-deleted"
    // The database.
    case databaseRestarted = "database-restarted"
    case databaseKilled = "database-killed"
    case databaseFrozen = "database-frozen"
    /// While they work, so that some are in the middle of a commit.
    case sessionsKilled = "sessions-killed"
    /// All that the server allows are somebody else's.
    case databaseOutOfSessions = "database-out-of-sessions"
    case tableLocked = "table-locked"
    case databaseReadOnly = "database-read-only"
    case databaseDiskFull = "database-disk-full"
    /// To a standby that lacks what was committed during the fault.
    case databaseFailedOver = "database-failed-over"
    // CIC.
    case switchoverAll = "switchover-all"
    case switchoverHalf = "switchover-half"
    case switchoverNone = "switchover-none"
    /// The server that was active goes on answering for a while beside the one that is.
    case switchoverBoth = "switchover-both"
    case cicAnswersLost = "cic-answers-lost"
    case cicErrors = "cic-errors"
    /// Answers of which only half arrives.
    case cicGarbles = "cic-garbles"
    case cicSlow = "cic-slow"
    case cicLate = "cic-late"
    case cicSessionsLost = "cic-sessions-lost"
    case handlerMisbehaves = "handler-misbehaves"
    /// Notifications are accepted, and nobody listens.
    case handlerUnpublished = "handler-unpublished"
    /// Of a creation, so that the product has to set them.
    case attributesIgnored = "attributes-ignored"
    /// The product may not see queues, in any session that begins meanwhile, nor touch what is on them.
    case queuesUnreadable = "queues-unreadable"
    /// A customer's calls and what other programs make, also on ids that were ours.
    case foreignInteractions = "foreign-interactions"
    /// Nobody is offered anything, and then all at once.
    case agentsAway = "agents-away"
    // Salesforce.
    case replayRejected = "replay-rejected"
    case streamPurged = "stream-purged"
    case streamSilent = "stream-silent"
    case eventsDropped = "events-dropped"
    case salesforceBusy = "salesforce-busy"
    case salesforceSlow = "salesforce-slow"
    case salesforceAnswersLost = "salesforce-answers-lost"
    case streamSessionsLost = "stream-sessions-lost"
    case tokensRevoked = "tokens-revoked"
    case rowsLocked = "rows-locked"
    /// Later than the sweep that finds their rows.
    case eventsLate = "events-late"
    /// Cases change and no row is written.
    case triggersOff = "triggers-off"
    /// The day's events are used up, or its requests.
    case eventLimit = "event-limit"
    case requestLimit = "request-limit"
    /// An object or a field that the product may not see or change any more.
    case rightsTaken = "rights-taken"
    // Between the product and its neighbours.
    case linkCut = "link-cut"
    case linkReset = "link-reset"
    case linkLosesAnswers = "link-loses-answers"
    case linkSlow = "link-slow"
    case linkSilent = "link-silent"
    case linkTrickles = "link-trickles"
    /// One link after the other, in random order, and back in another.
    case linksSwizzled = "links-swizzled"
    // People.
    case paused

    /// Faults of one group happen one after the other; those of different groups overlap.
    enum Group: String, CaseIterable, Sendable { case worker, broker, database, cic, salesforce, network, people }

    var group: Group {
        switch self {
        case .workerKilled, .workerFrozen, .workerOutlived, .workerTerminated, .rollingRestart, .killedAtPoint,
            .frozenAtPoint, .crashLoop, .descriptorsShort, .clockWrong, .leasesTaken:
            .worker
        case .brokerRestarted, .brokerKilled, .brokerFrozen, .nodesPartitioned, .memoryAlarm, .diskAlarm,
            .connectionsClosed, .queuePurged, .queueDeleted, .sideQueuesDeleted:
            .broker
        case .databaseRestarted, .databaseKilled, .databaseFrozen, .sessionsKilled, .databaseOutOfSessions,
            .tableLocked, .databaseReadOnly, .databaseDiskFull, .databaseFailedOver:
            .database
        case .switchoverAll, .switchoverHalf, .switchoverNone, .switchoverBoth, .cicAnswersLost, .cicErrors,
            .cicGarbles, .cicSlow, .cicLate, .cicSessionsLost, .handlerMisbehaves, .handlerUnpublished,
            .attributesIgnored, .queuesUnreadable, .foreignInteractions, .agentsAway:
            .cic
        case .replayRejected, .streamPurged, .streamSilent, .eventsDropped, .salesforceBusy, .salesforceSlow,
            .salesforceAnswersLost, .streamSessionsLost, .tokensRevoked, .rowsLocked, .eventsLate, .triggersOff,
            .eventLimit, .requestLimit, .rightsTaken:
            .salesforce
        case .linkCut, .linkReset, .linkLosesAnswers, .linkSlow, .linkSilent, .linkTrickles, .linksSwizzled: .network
        case .paused: .people
        }
    }

    /// Within how many seconds after the end of the fault a new case has to be offered; after a kill, since the kill.
    ///
    /// For faults of workers, within how many every case that was asked for before the end has to be, too: those of a
    /// worker that died are free when its lease of 30 s has expired.
    var bound: Double {
        switch self {
        case .workerKilled, .workerFrozen, .workerOutlived, .workerTerminated, .rollingRestart, .killedAtPoint,
            .frozenAtPoint, .crashLoop, .descriptorsShort, .clockWrong, .leasesTaken:
            40
        case .brokerRestarted, .brokerKilled, .connectionsClosed: 10
        case .brokerFrozen, .nodesPartitioned, .memoryAlarm, .diskAlarm, .queuePurged, .queueDeleted,
            .sideQueuesDeleted:
            30
        case .databaseRestarted, .databaseKilled, .sessionsKilled, .databaseOutOfSessions, .databaseReadOnly,
            .databaseDiskFull:
            15
        case .databaseFrozen, .tableLocked: 30
        // Every server is on hold for lease, deadline and the longest pause of a process (100 s), and then until everything
        // that CIC holds was judged and a sweep is through.
        case .databaseFailedOver: 160
        case .switchoverAll, .switchoverHalf, .switchoverNone, .switchoverBoth: 90 + Double(CampaignSite.recoveryWait)
        case .cicAnswersLost, .cicErrors, .cicGarbles, .cicSlow, .cicLate, .cicSessionsLost, .handlerMisbehaves,
            .handlerUnpublished, .attributesIgnored, .queuesUnreadable, .foreignInteractions, .agentsAway:
            30
        // The subscription is tried again after a minute at the latest, and the sweep comes before that.
        case .replayRejected, .streamPurged, .streamSilent, .eventsDropped, .salesforceBusy, .salesforceSlow,
            .salesforceAnswersLost, .streamSessionsLost, .tokensRevoked, .rowsLocked, .eventsLate, .eventLimit:
            60
        // What is refused for a limit or a right is asked for again after a minute, and then swept.
        case .requestLimit, .rightsTaken: 90
        // What no row tells is believed when it has been so for two minutes, and then swept.
        case .triggersOff: 150
        case .linkCut, .linkReset, .linkLosesAnswers, .linkSlow, .linkSilent, .linkTrickles, .linksSwizzled: 30
        case .paused: 30
        }
    }

    /// Seconds after its end for which it may be in the way of another recovery, however soon cases flow after it: an org that has
    /// refused is asked again after a minute, and is not swept until then.
    var lingers: Double {
        switch self {
        case .requestLimit, .rightsTaken: 60
        // Asked after 1, 2, 4 … 32 s, the last time after its minute of rest.
        case .eventLimit: 70
        default: 0
        }
    }

    /// Whether nobody has the victim's duties until its leases have ended.
    var leavesDuties: Bool {
        switch self {
        case .workerKilled, .workerFrozen, .workerOutlived, .killedAtPoint, .frozenAtPoint, .crashLoop: true
        default: false
        }
    }

    /// Whether the cases that wait since before the end are judged as well. After a crash loop some have failed, and wait
    /// for a person. New ones say nothing of what the triggers did not tell.
    var judgesBacklog: Bool { group == .worker && self != .crashLoop || self == .triggersOff }

    /// Broken only where somebody names them, not only their group. A failover keeps everything on hold for two minutes, which nobody would wait
    /// for in every run, and neither for two servers of a pair; the others need something that is not everywhere: nodes that
    /// can be partitioned are a cluster.
    static let named: Set<FaultKind> = [
        .databaseFailedOver, .databaseDiskFull, .clockWrong, .switchoverBoth, .nodesPartitioned,
    ]

    /// What a campaign breaks when nobody says what.
    static let usual = allCases.filter { !named.contains($0) }

    /// Whether it strikes one node of the broker: where there are others they have to go on without it, and the time until
    /// cases flow begins with the fault instead of its end.
    var strikesNode: Bool { [.brokerRestarted, .brokerKilled, .brokerFrozen, .nodesPartitioned].contains(self) }

    /// Whether a worker dies, and what it had in hand has to be taken up by others: the time counts from its death, and not
    /// from when it was started again.
    var isKill: Bool { self == .workerKilled || self == .killedAtPoint }

    /// Whether it strikes at one of the named points.
    var isAtPoint: Bool { self == .killedAtPoint || self == .frozenAtPoint }

    /// Names of kinds and of groups, as `--kinds` takes them.
    static func named(_ name: String) -> [FaultKind]? {
        if let kind = FaultKind(rawValue: name) { return [kind] }
        let group = usual.filter { $0.group.rawValue == name }
        return group.isEmpty ? nil : group
    }
}
