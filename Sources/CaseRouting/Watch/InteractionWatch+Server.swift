import Logging

/// What is kept of the server as a whole: whether it answers, what its queues hold, which names it knows.
extension InteractionWatch {
    /// A server that is on hold because it failed is asked every five seconds, with a read; its first answer ends the
    /// hold.
    ///
    /// Returns when rows may have been lost since the watch read what it begins with: then nothing that it knows from
    /// the database can be trusted. And when a switchover is noted that this watch does not follow: one before it noted
    /// that with its last breath, when this one had begun, and nobody else would bring it to its end.
    func probeOnTime() async {
        var wasUnfollowed = false
        while !Task.isCancelled {
            do throws(RoutingFailure) {
                let known = try await store.server(cic: cic)
                if let since = known?.lostRowsSince, since != lostRows?.since { return }
                holds = known?.holds ?? []
                let isUnfollowed = holds.contains(.switchover) && switchover == nil && !resumesSwitchover
                // Twice: this one may just have brought it to its end.
                if isUnfollowed && wasUnfollowed { return }
                wasUnfollowed = isUnfollowed
                if !holds.contains(.lostRows) { lostRows = nil }
                if holds.contains(.breaker), await answers() {
                    try await store.liftHold(.cic, cic, .breaker)
                    holds.remove(.breaker)
                    logger.info(.holdLifted, metadata: ["reason": "\(Hold.Reason.breaker)"])
                }
            } catch {
                logger.debug(.storeFailed, failure: error)
            }
            await pause(Self.probePause)
        }
    }

    private func answers() async -> Bool {
        let known = mirror.entries.first { _ in true }
        // Without an interaction of ours one is asked for that never was: that it is not there is an answer too.
        let interaction = known?.key ?? InteractionID("0")
        let attempt = known?.value.attempt ?? AttemptID(high: 0, low: 0)
        do throws(RoutingFailure) {
            _ = try await server.read(interaction, attempt)
            return true
        } catch {
            return false
        }
    }

    /// What came and went between two messages was never seen, and nobody would miss it: every open episode is looked for
    /// from time to time.
    func recallOnTime() async {
        while !Task.isCancelled {
            await pause(Self.recallPause)
            // What is missing after a restart would be taken up and found to have ended.
            guard switchover == nil && mirror.isComplete && isSessionUp && mirror.doubt == nil else { continue }
            do throws(RoutingFailure) {
                try await recall()
            } catch {
                logger.debug(.storeFailed, failure: error)
            }
        }
    }

    /// The same at once when a session was lost: in that time more may have come and gone than between two messages.
    func recallAfterGap() async throws(RoutingFailure) {
        guard recallIsDue, switchover == nil, mirror.isComplete else { return }
        try await recall()
        recallIsDue = false
    }

    /// Takes up what the database holds open.
    func recall() async throws(RoutingFailure) {
        var last: CaseKey?
        while switchover == nil && !isOutdated {
            let open = try await store.openEpisodes(cic: cic, after: last)
            guard let end = open.last, switchover == nil, !isOutdated else { return }
            mirror.begin(with: open, at: clock.monotonic)
            await lookForShadowed(open)
            last = end.key.caseKey
        }
    }

    /// CIC gives ids again. An episode whose interaction came and went unseen may name an id that is another's by now: no
    /// queue will ever tell of its end, and while it is open the other one cannot win that id.
    private func lookForShadowed(_ open: [WatchedEpisode]) async {
        for episode in open {
            guard let interaction = episode.interaction, let entry = mirror.entries[interaction],
                entry.attempt != episode.attempt
            else { continue }
            do throws(RoutingFailure) {
                guard try await server.read(interaction, episode.attempt) == .gone, switchover == nil else { continue }
                mirror.isGone(episode, at: clock.monotonic)
            } catch {
                logger.debug(.watchFailed, failure: error)
            }
        }
    }

    func saveFiguresOnTime() async {
        // A watch that soon dies has left its mark.
        var due = Self.firstFiguresPause
        while !Task.isCancelled {
            let began = clock.monotonic
            await pause(due)
            // Whoever stood still does not know yet what became of the session meanwhile: CIC may have been restarted.
            if clock.monotonic - began > due + Self.latestFigures, !(await answers()) { continue }
            due = await saveFigures() ? Self.figuresPause : Self.firstFiguresPause
        }
    }

    /// Their age tells the next watch how long CIC was not followed. False: there is nothing yet that could be told.
    private func saveFigures() async -> Bool {
        guard mirror.isComplete && isSessionUp && mirror.doubt == nil && switchover == nil else { return false }
        do throws(RoutingFailure) {
            try await store.saveQueueFigures(cic: cic, mirror.figures)
            return true
        } catch {
            logger.debug(.storeFailed, failure: error)
            return false
        }
    }

    func mirrorDirectoryOnTime() async {
        while !Task.isCancelled {
            let began = clock.monotonic
            do throws(RoutingFailure) {
                let directory = try await feed.directory()
                let took = clock.monotonic - began
                self.directory = directory
                try await store.replaceDirectory(cic: cic, directory)
                await pause(min(max(Self.directoryPause, took * Self.directoryShare), Self.longestDirectoryPause))
            } catch {
                if Task.isCancelled { return }
                // Without a session nothing was asked: as at the start, and whoever lost one has said so.
                guard error.kind != .held else {
                    await pause(Self.sessionPause)
                    continue
                }
                logger.warning(.watchFailed, metadata: ["cause": "\(error.cause)", "summary": "\(error.summary)"])
                await pause(Self.directoryFailurePause)
            }
        }
    }

    private static let probePause: Duration = .seconds(5)
    /// An agent who is that quick finds nothing open afterwards but the episode.
    private static let recallPause: Duration = .seconds(120)
    private static let figuresPause: Duration = .seconds(10)
    private static let firstFiguresPause: Duration = .seconds(1)
    /// Jitter and a busy loop make a pause longer by less than this; whoever is later stood still.
    private static let latestFigures: Duration = .seconds(5)
    /// A workgroup or skill that somebody adds is known within this, and the cases that it was missing for go on.
    private static let directoryPause: Duration = .seconds(60)
    /// Of 50,000 users CIC tells 200 at a time: whoever has many is asked for a twentieth of the time.
    private static let directoryShare = 20
    private static let longestDirectoryPause: Duration = .seconds(600)
    private static let directoryFailurePause: Duration = .seconds(15)
    /// The names are read as soon as there is a session.
    private static let sessionPause: Duration = .seconds(1)
}
