import CIC
import CaseRouting
import Logging
import Polling
import Synchronization

/// Makes the feed of one watch: a new one for every time that the watch holds its lease, under the orgs of then.
final class FeedSource: Sendable {
    private struct State {
        var orgs: [String: CaseOrg]
        var feed: CICFeed?
    }

    private let settings: CICServerSettings
    private let loop: PollExecutor
    private let clock: SystemClock
    private let logger: Logger
    private let state: Mutex<State>

    init(_ settings: CICServerSettings, loop: PollExecutor, clock: SystemClock, logger: Logger) {
        self.settings = settings
        self.loop = loop
        self.clock = clock
        self.logger = logger
        state = Mutex(State(orgs: settings.orgs))
    }

    func make() -> CICFeed {
        state.withLock { state in
            let feed = CICFeed(
                settings.replacing(orgs: state.orgs), on: loop, clock: clock, random: SystemRandom(), logger: logger)
            state.feed = feed
            return feed
        }
    }

    func use(orgs: [String: CaseOrg]) async {
        let feed = state.withLock { state in
            state.orgs = orgs
            return state.feed
        }
        await feed?.use(orgs: orgs)
    }
}
