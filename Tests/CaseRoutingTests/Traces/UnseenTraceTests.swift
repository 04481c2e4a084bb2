import CaseRouting
import TestSupport
import Testing

/// What the watch cannot see in any message, and what it must not take for another.
struct UnseenTraceTests {
    private func site(_ seed: UInt64) -> SimulatedSite {
        let site = SimulatedSite(seed: seed)
        site.startWorker()
        site.startWatch()
        site.run(for: .seconds(3))
        return site
    }

    @Test(arguments: RoutingTraceTests.seeds)
    func `an interaction that came and went between two messages does not stay open for ever`(_ seed: UInt64) throws {
        let site = site(seed)
        site.broker.publish(Sample.change(.created, 10))
        #expect(site.run(until: { site.state.episode?.state == .placed }))
        let interaction = try #require(site.offered).id
        site.cic.pickUp(interaction)
        site.cic.end(interaction)
        #expect(site.run(until: { site.state.episode == nil }, limit: .seconds(200)))
        #expect(site.state.wanted == nil)
        #expect(site.cic.calls[.create] == 1)
        site.stop()
    }

    @Test(arguments: RoutingTraceTests.seeds)
    func `an interaction that came and went while the watch had no session is found soon after`(_ seed: UInt64) throws {
        let site = site(seed)
        site.broker.publish(Sample.change(.created, 10))
        #expect(site.run(until: { site.state.episode?.state == .placed }))
        let interaction = try #require(site.offered).id
        site.cic.pickUp(interaction)
        site.cic.end(interaction)
        site.cic.cutSessions()
        #expect(site.run(until: { site.state.episode == nil }, limit: .seconds(20)))
        #expect(site.state.wanted == nil)
        #expect(site.cic.calls[.create] == 1)
        site.stop()
    }

    @Test(arguments: RoutingTraceTests.seeds)
    func `of a create that was carried out twice a switchover does not bind the twin in holding`(
        _ seed: UInt64
    ) throws {
        let site = site(seed)
        site.cic.faults[.create] = [.twice(.seconds(2))]
        site.broker.publish(Sample.change(.created, 10))
        #expect(site.run(until: { site.cic.model.interactions.count == 2 }))
        site.run(for: .seconds(1))
        let lost = site.cic.switchOver()
        let twin = try #require(lost.first { $0.place == .holding })
        let offered = try #require(lost.first { $0.place == .waiting })
        site.run(for: .seconds(5))
        site.cic.recover(twin)
        site.run(for: .seconds(10))
        site.cic.recover(offered)
        #expect(
            site.run(until: { site.isAtRest && site.shared.tables.holds.isEmpty && site.offered != nil }))
        #expect(site.offered?.id == site.state.episode?.interaction)
        #expect(site.cic.mostRoutable == 1)
        #expect(site.cic.calls[.create] == 1)
        site.stop()
    }

    @Test(arguments: RoutingTraceTests.seeds)
    func `a case that was given the id of one whose end nobody saw waits for the watch, and keeps its attempts`(
        _ seed: UInt64
    ) throws {
        let site = SimulatedSite(seed: seed)
        site.cic.model.reusesIDs = true
        site.startWorker()
        let victim = site.startWatch()
        site.broker.publish(Sample.change(.created, 10))
        #expect(site.run(until: { site.isAtRest && site.offered != nil }))
        site.run(for: .seconds(3))
        site.kill(victim)
        site.cic.end(try #require(site.offered).id)
        let next = CaseKey(org: Sample.org, caseID: Sample.id("500A00000000012"))
        site.broker.publish(Sample.change(.created, 11, key: "o:next", caseID: next.caseID))
        site.run(for: .seconds(50))
        #expect(site.cic.routable.isEmpty)
        #expect(site.shared.tables.state(next).attempts == 0)
        #expect((1...20).contains(site.cic.calls[.find, default: 0]))
        site.startWatch()
        #expect(
            site.run(until: { site.cic.routable.values.contains { $0.episode.caseKey == next } }, limit: .seconds(60)))
        #expect(site.run(until: { site.isAtRest }))
        site.stop()
    }
}
