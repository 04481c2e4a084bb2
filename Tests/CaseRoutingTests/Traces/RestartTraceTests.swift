import CaseRouting
import TestSupport
import Testing

/// A CIC server that is restarted under its name has forgotten every interaction, and tells nobody.
struct RestartTraceTests {
    private static let another = CaseKey(org: Sample.org, caseID: Sample.id("500A00000000002"))

    private func site(_ seed: UInt64) -> SimulatedSite {
        let site = SimulatedSite(seed: seed)
        site.startWorker()
        site.startWatch()
        site.broker.publish(Sample.change(.created, 10))
        return site
    }

    /// A site with one case, which waits, and the watch that has followed it for a while.
    private func watched(_ seed: UInt64) -> (SimulatedSite, Life) {
        let site = SimulatedSite(seed: seed)
        site.startWorker()
        let watch = site.startWatch()
        site.broker.publish(Sample.change(.created, 10))
        #expect(site.run(until: { isOffered(site) }))
        site.run(for: .seconds(20))
        return (site, watch)
    }

    private func isOffered(_ site: SimulatedSite) -> Bool {
        site.isAtRest && site.offered != nil && site.shared.tables.holds.isEmpty
    }

    private func endReasons(_ site: SimulatedSite) -> [EpisodeEnd.Reason] {
        site.shared.tables.episodes.values.compactMap(\.endReason).sorted { $0.rawValue < $1.rawValue }
    }

    @Test(arguments: RoutingTraceTests.seeds)
    func `what waited when CIC was restarted is offered again`(_ seed: UInt64) throws {
        let site = site(seed)
        #expect(site.run(until: { isOffered(site) }))
        site.run(for: .seconds(20))
        site.cic.isReachable = false
        site.run(for: .seconds(120))
        site.cic.restart()
        site.cic.isReachable = true
        #expect(site.run(until: { isOffered(site) }))
        #expect(endReasons(site) == [.lost])
        #expect(site.cic.calls[.create] == 2)
        #expect(site.cic.mostRoutable == 1)
        site.stop()
    }

    @Test(arguments: RoutingTraceTests.seeds)
    func `what an agent had when CIC was restarted counts as delivered`(_ seed: UInt64) throws {
        let site = site(seed)
        #expect(site.run(until: { isOffered(site) }))
        // Another one waits: without it there would be nothing to offer again, and nothing to find out.
        site.broker.publish(Sample.change(.created, 10, key: "o:another", caseID: Self.another.caseID))
        #expect(site.run(until: { site.isAtRest && site.cic.routable.count == 2 }))
        site.cic.pickUp(try #require(site.offered).id)
        site.run(for: .seconds(20))
        site.cic.isReachable = false
        site.run(for: .seconds(120))
        site.cic.restart()
        site.cic.isReachable = true
        #expect(site.run(until: { site.isAtRest && site.cic.routable.count == 1 && site.shared.tables.holds.isEmpty }))
        #expect(site.state.episode == nil && site.state.wanted == nil)
        #expect(endReasons(site) == [.lost, .lostWithAgent])
        #expect(site.cic.calls[.create] == 3)
        site.stop()
    }

    @Test(arguments: RoutingTraceTests.seeds)
    func `what agents finished while CIC was out of reach is not offered again`(_ seed: UInt64) throws {
        let site = site(seed)
        #expect(site.run(until: { isOffered(site) }))
        site.broker.publish(Sample.change(.created, 10, key: "o:another", caseID: Self.another.caseID))
        #expect(site.run(until: { site.isAtRest && site.cic.routable.count == 2 }))
        let finished = try #require(site.offered).id
        site.run(for: .seconds(20))
        site.cic.isReachable = false
        site.run(for: .seconds(60))
        site.cic.end(finished)
        site.run(for: .seconds(60))
        site.cic.cutSessions()
        site.cic.isReachable = true
        #expect(site.run(until: { site.state.episode == nil && site.isAtRest }))
        #expect(site.state.wanted == nil)
        #expect(endReasons(site) == [.ended])
        #expect(site.cic.calls[.create] == 2)
        site.stop()
    }

    /// A worker hears of the restart first and begins anew. Its create takes effect a second time when the watch has begun to
    /// find out what came along.
    @Test(arguments: RoutingTraceTests.seeds)
    func `a create that takes effect twice across a restart leaves nothing in holding`(_ seed: UInt64) throws {
        let site = SimulatedSite(seed: seed)
        site.startWorker()
        let watch = site.startWatch()
        site.broker.publish(Sample.change(.created, 10))
        site.broker.publish(Sample.change(.created, 10, key: "o:another", caseID: Self.another.caseID))
        #expect(site.run(until: { site.isAtRest && site.cic.routable.count == 2 }))
        site.run(for: .seconds(20))
        site.kill(watch)
        site.cic.restart()
        site.cic.model.created = 10
        site.run(for: .seconds(120))
        site.cic.faults[.create] = [.twice(.seconds(30))]
        site.cic.faults[.assign] = [.late(.zero)] + Array(repeating: .requestLost, count: 20)
        site.broker.publish(Sample.change(.skillsChanged, 11, skills: "French"))
        #expect(site.run(until: { site.state.episode?.state == .held }))
        site.startWatch()
        #expect(site.run(until: { site.shared.tables.isHeld(.cic, Sample.cic, .switchover) }))
        site.cic.faults[.assign] = []
        #expect(site.run(until: { site.shared.tables.holds.isEmpty && site.cic.routable.count == 2 }))
        #expect(site.run(until: { site.cic.model.interactions.count == 2 }, limit: .seconds(120)))
        #expect(site.cic.model.created == 13)
        #expect(site.state.episode.map { site.cic.routable[$0.interaction ?? InteractionID("-")] != nil } == true)
        site.stop()
    }

    @Test(arguments: RoutingTraceTests.seeds)
    func `a session that is replaced at once is no restart`(_ seed: UInt64) throws {
        let site = site(seed)
        #expect(site.run(until: { isOffered(site) }))
        site.broker.publish(Sample.change(.created, 10, key: "o:another", caseID: Self.another.caseID))
        #expect(site.run(until: { site.isAtRest && site.cic.routable.count == 2 }))
        for interaction in site.cic.routable.keys { site.cic.end(interaction) }
        site.cic.cutSessions()
        #expect(site.run(until: { site.shared.tables.openEpisode(Sample.caseKey) == nil && site.isAtRest }))
        site.run(for: .seconds(200))
        #expect(endReasons(site) == [.ended, .ended])
        #expect(site.cic.calls[.create] == 2)
        site.stop()
    }

    @Test(arguments: RoutingTraceTests.seeds)
    func `a watch that begins after the restart finds it out all the same`(_ seed: UInt64) throws {
        let (site, watch) = watched(seed)
        site.kill(watch)
        site.run(for: .seconds(120))
        site.cic.restart()
        // The second dies before the hold is placed, or while it is found out what came along.
        let second = site.startWatch()
        site.run(for: .seconds(Int64(3 + seed * 8)))
        site.kill(second)
        site.startWatch()
        #expect(site.run(until: { isOffered(site) }))
        #expect(endReasons(site) == [.lost])
        #expect(site.cic.mostRoutable == 1)
        site.stop()
    }

    /// It goes on as if nothing had happened, and dies before it has heard of that.
    @Test(arguments: RoutingTraceTests.seeds)
    func `a watch that stood still when CIC went away leaves no mark that it was followed until then`(
        _ seed: UInt64
    ) throws {
        let (site, watch) = watched(seed)
        site.cic.isReachable = false
        watch.pausedUntil = site.simulation.clock.monotonic + .seconds(24)
        site.run(for: .seconds(26))
        site.kill(watch)
        site.cic.restart()
        site.startWatch()
        site.run(for: .seconds(50))
        site.cic.isReachable = true
        #expect(site.run(until: { isOffered(site) }))
        #expect(endReasons(site) == [.lost])
        #expect(site.cic.mostRoutable == 1)
        site.stop()
    }

    /// The news of it were on their way when the session was lost; after two minutes the watch takes up what is open.
    @Test(arguments: RoutingTraceTests.seeds, [61, 120, 121, 125, 150])
    func `what the watch had not yet heard of when CIC was restarted is offered again`(
        _ seed: UInt64, _ outage: Int
    ) throws {
        let site = site(seed)
        #expect(site.run(until: { isOffered(site) }))
        site.cic.hasSessions = false
        site.run(for: .seconds(outage))
        site.cic.restart()
        site.cic.hasSessions = true
        #expect(site.run(until: { isOffered(site) }))
        #expect(endReasons(site) == [.lost])
        #expect(site.cic.mostRoutable == 1)
        site.stop()
    }

    /// A worker places the case before the watch has listed the queues once; then CIC is restarted again.
    @Test(arguments: RoutingTraceTests.seeds)
    func `what was placed between two restarts is offered again`(_ seed: UInt64) throws {
        let site = site(seed)
        #expect(site.run(until: { isOffered(site) }))
        site.run(for: .seconds(20))
        site.cic.hasSessions = false
        site.run(for: .seconds(62))
        site.cic.restart()
        site.cic.hasSessions = true
        site.broker.publish(Sample.change(.created, 10, key: "o:another", caseID: Self.another.caseID))
        #expect(site.run(until: { site.shared.tables.openEpisode(Self.another)?.episode.state == .placed }))
        site.run(for: .milliseconds(Int64(seed * 7)))
        site.cic.hasSessions = false
        site.run(for: .seconds(62))
        site.cic.restart()
        site.cic.hasSessions = true
        #expect(
            site.run(until: { site.cic.routable.count == 2 && site.isAtRest && site.shared.tables.holds.isEmpty }))
        #expect(endReasons(site).allSatisfy { $0 == .lost })
        #expect(site.cic.mostRoutable == 1)
        site.stop()
    }

    @Test(arguments: RoutingTraceTests.seeds)
    func `the first watch that a server ever had finds a restart out`(_ seed: UInt64) throws {
        let site = SimulatedSite(seed: seed)
        site.startWorker()
        site.broker.publish(Sample.change(.created, 10))
        #expect(site.run(until: { isOffered(site) }))
        site.run(for: .seconds(62))
        site.cic.restart()
        site.startWatch()
        #expect(site.run(until: { isOffered(site) }))
        #expect(endReasons(site) == [.lost])
        site.stop()
    }

    /// A new site: no watch has ever come so far, and agents are quick.
    @Test(arguments: RoutingTraceTests.seeds)
    func `what agents finished before the first watch of a server is not offered again`(_ seed: UInt64) throws {
        let site = SimulatedSite(seed: seed)
        site.startWorker()
        site.broker.publish(Sample.change(.created, 10))
        #expect(site.run(until: { isOffered(site) }))
        site.cic.end(try #require(site.offered).id)
        site.run(for: .seconds(20))
        site.startWatch()
        #expect(site.run(until: { site.state.episode == nil && site.isAtRest }))
        site.run(for: .seconds(200))
        #expect(endReasons(site) == [.ended])
        #expect(site.cic.calls[.create] == 1)
        site.stop()
    }

    /// Its successor comes when its lease is over; meanwhile agents finish everything. It may have died as soon as it had
    /// heard of what is there.
    @Test(arguments: RoutingTraceTests.seeds, [2, 9, 30])
    func `what agents finished between a watch that was killed and the next is not offered again`(
        _ seed: UInt64, _ life: Int
    ) throws {
        let site = SimulatedSite(seed: seed)
        site.startWorker()
        site.broker.publish(Sample.change(.created, 10))
        #expect(site.run(until: { isOffered(site) }))
        let watch = site.startWatch()
        site.run(for: .seconds(life))
        site.kill(watch)
        site.cic.end(try #require(site.offered).id)
        site.run(for: .seconds(8))
        site.startWatch()
        #expect(site.run(until: { site.state.episode == nil && site.isAtRest }))
        site.run(for: .seconds(200))
        #expect(endReasons(site) == [.ended])
        #expect(site.cic.calls[.create] == 1)
        site.stop()
    }

    /// It is alive, but was placed after the restart.
    @Test(arguments: RoutingTraceTests.seeds)
    func `what came after the restart does not prove that there was none`(_ seed: UInt64) throws {
        let (site, watch) = watched(seed)
        site.kill(watch)
        site.run(for: .seconds(120))
        site.cic.restart()
        site.cic.model.created = 10
        site.broker.publish(Sample.change(.created, 10, key: "o:another", caseID: Self.another.caseID))
        #expect(site.run(until: { site.cic.routable.count == 1 && site.isAtRest }))
        site.run(for: .seconds(5))
        site.startWatch()
        #expect(site.run(until: { site.cic.routable.count == 2 && site.isAtRest && site.shared.tables.holds.isEmpty }))
        #expect(endReasons(site) == [.lost])
        #expect(site.cic.calls[.create] == 3)
        site.stop()
    }

    @Test(arguments: RoutingTraceTests.seeds)
    func `an id that the restarted server gives again does not hide that another was lost`(_ seed: UInt64) throws {
        let site = site(seed)
        #expect(site.run(until: { isOffered(site) }))
        let old = try #require(site.offered).id
        site.run(for: .seconds(20))
        site.cic.isReachable = false
        site.run(for: .seconds(62))
        site.cic.restart()
        // Comes up and is given the id of the first one, as seen from the watch in its first listing.
        let reused = site.cic.recover(
            HandlerModel.Live(episode: EpisodeKey(Self.another, 1), attempt: Sample.attempt(99)))
        #expect(reused == old)
        site.cic.isReachable = true
        #expect(site.run(until: { site.offered != nil && site.shared.tables.holds.isEmpty }))
        #expect(site.shared.tables.episodes[EpisodeKey(Sample.caseKey, 1)]?.endReason == .lost)
        #expect(site.cic.mostRoutable == 1)
        site.stop()
    }
}
