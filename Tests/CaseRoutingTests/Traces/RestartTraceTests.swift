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
        let site = SimulatedSite(seed: seed)
        site.startWorker()
        let watch = site.startWatch()
        site.broker.publish(Sample.change(.created, 10))
        #expect(site.run(until: { isOffered(site) }))
        site.run(for: .seconds(20))
        site.kill(watch)
        site.run(for: .seconds(120))
        site.cic.restart()
        // The second dies before the hold is placed, or while it is found out what came along.
        let second = site.startWatch()
        site.run(for: .seconds(Int64(3 + seed % 40)))
        site.kill(second)
        site.startWatch()
        #expect(site.run(until: { isOffered(site) }))
        #expect(endReasons(site) == [.lost])
        #expect(site.cic.mostRoutable == 1)
        site.stop()
    }

    @Test(arguments: RoutingTraceTests.seeds)
    func `an id that the restarted server gives again does not hide that another was lost`(_ seed: UInt64) throws {
        let site = site(seed)
        #expect(site.run(until: { isOffered(site) }))
        let old = try #require(site.offered).id
        site.run(for: .seconds(20))
        site.cic.isReachable = false
        site.run(for: .seconds(60))
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
