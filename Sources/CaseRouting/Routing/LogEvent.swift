import Logging

/// The messages of all log lines; everything else is metadata. `docs/operations.md` lists them.
public enum LogEvent: String, CaseIterable, Sendable {
    case workerReady = "worker ready"
    case workerStopping = "worker stopping"
    case workerStopped = "worker stopped"
    case httpServed = "http served"
    case caseAttempted = "case attempted"
    case claimFailed = "claim failed"
    case storeFailed = "store failed"
    case leaseOutlived = "lease outlived"
    case breakerOpened = "breaker opened"
    case messageUndecodable = "message undecodable"
    case requestUnreadable = "request unreadable"
    case requestPoisonous = "request poisonous"
    case brokerLost = "broker lost"
    case brokerRegained = "broker regained"
    case brokerBlocked = "broker blocked"
    case brokerUnblocked = "broker unblocked"
    case databaseLost = "database lost"
    case databaseRegained = "database regained"
    case timelineChanged = "timeline changed"
    case cicSessionOpened = "cic session opened"
    case cicSessionLost = "cic session lost"
    case cicStreamsGivenUp = "cic streams given up"
    case orgSubscribed = "org subscribed"
    case orgSubscriptionLost = "org subscription lost"
    case gapOpened = "gap opened"
    case eventMalformed = "event malformed"
    case queuesNotMirrored = "queues not mirrored"
    case sweepFinished = "sweep finished"
    case sweepFailed = "sweep failed"
    case writeBackFailed = "write-back failed"
    case leaseTaken = "lease taken"
    case leaseLost = "lease lost"
    case surplusDisconnected = "surplus disconnected"
    case interactionUnexpected = "interaction unexpected"
    case switchover = "switchover"
    case episodeRebuilt = "episode rebuilt"
    case queueUnreadable = "queue unreadable"
    case namesRead = "names read"
    case watchFailed = "watch failed"
    case holdLifted = "hold lifted"
    case housekeepingDone = "housekeeping done"
    case housekeepingFailed = "housekeeping failed"
    case accountingDiffers = "accounting differs"
    case accountingHolds = "accounting holds"
    case configurationChanged = "configuration changed"
    case configurationFailed = "configuration failed"
}

extension Logger {
    public func debug(_ event: LogEvent, metadata: @autoclosure () -> Metadata? = nil) {
        debug("\(event.rawValue)", metadata: metadata())
    }

    public func info(_ event: LogEvent, metadata: @autoclosure () -> Metadata? = nil) {
        info("\(event.rawValue)", metadata: metadata())
    }

    public func warning(_ event: LogEvent, metadata: @autoclosure () -> Metadata? = nil) {
        warning("\(event.rawValue)", metadata: metadata())
    }

    public func error(_ event: LogEvent, metadata: @autoclosure () -> Metadata? = nil) {
        error("\(event.rawValue)", metadata: metadata())
    }

    public func debug(_ event: LogEvent, failure: RoutingFailure) {
        debug(
            "\(event.rawValue)",
            metadata: ["cause": "\(failure.cause)", "stage": "\(failure.stage)", "summary": "\(failure.summary)"])
    }
}
