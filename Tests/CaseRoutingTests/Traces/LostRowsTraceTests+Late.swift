import CaseRouting
import TestSupport
import Testing

/// What ends, comes back or takes effect late, beside what was rebuilt when rows were lost.
extension LostRowsTraceTests {
    /// The agent's reply has ended it, and its rows are lost: what is alive yet will be gone, and answers no comment.
    @Test(arguments: RoutingTraceTests.seeds)
    func `a comment that finds an interaction whose forgotten end is on its way is offered`(_ seed: UInt64) throws {
        let site = site(seed)
        place(site)
        site.cic.pickUp(try #require(site.offered).id)
        site.run(for: .seconds(3))
        let older = site.shared.tables
        site.cic.disconnectDelay = .seconds(5)
        site.broker.publish(Sample.change(.agentReplied, 11))
        #expect(site.run(until: { site.cic.calls[.disconnect] == 1 && site.state.episode?.state == .ending }))
        site.run(for: .seconds(1))
        site.shared.fallBack(to: older)
        replay(site, Sample.change(.comment, 12))
        #expect(site.run(until: { site.broker.count == 0 }, limit: .seconds(3)))
        #expect(site.offered != nil)
        replay(site, Sample.change(.agentReplied, 11))
        #expect(site.run(until: { !isHeld(site) && site.isAtRest }))
        #expect(site.offered?.live.place == .waiting)
        #expect(site.cic.calls[.create] == 2)
        site.stop()
    }

    /// Of an episode that the database has forgotten; CIC recovers it when the hold is over.
    @Test(arguments: RoutingTraceTests.seeds)
    func `what is recovered in holding when its rows are lost does not stay there`(_ seed: UInt64) throws {
        let site = site(seed)
        let older = site.shared.tables
        site.cic.faults[.assign] = Array(repeating: .requestLost, count: 20)
        site.broker.publish(Sample.change(.created, 10))
        #expect(site.run(until: { site.cic.calls[.assign] == 1 }))
        site.shared.fallBack(to: older)
        let lost = site.cic.switchOver()
        #expect(lost.map(\.place) == [.holding])
        replay(site, Sample.change(.closed, 11, isClosed: true))
        #expect(site.run(until: { site.shared.tables.holds.isEmpty }))
        for live in lost { site.cic.recover(live) }
        #expect(site.run(until: { site.cic.model.interactions.isEmpty && site.isAtRest }, limit: .seconds(180)))
        #expect(site.cic.mostRoutable == 0)
        site.stop()
    }

    /// A create that takes effect when the rows of its episode are lost, and the one before it is open again.
    @Test(arguments: RoutingTraceTests.seeds)
    func `a late create of an episode that nobody knows does not stay in holding beside an open one`(
        _ seed: UInt64
    ) throws {
        let site = site(seed)
        place(site)
        let interaction = try #require(site.offered).id
        _ = site.cic.model.create(EpisodeKey(Sample.caseKey, 2), Sample.attempt(77))
        site.run(for: .seconds(20))
        #expect(site.cic.model.interactions.count == 2)
        #expect(site.run(until: { site.cic.model.interactions.count == 1 }, limit: .seconds(60)))
        site.run(for: .seconds(20))
        #expect(site.offered?.id == interaction)
        #expect(site.state.episode?.interaction == interaction)
        #expect(site.cic.calls[.create] == 1)
        site.stop()
    }

    @Test(arguments: RoutingTraceTests.seeds)
    func `of two interactions that claim one episode the routable one stays and the other goes`(_ seed: UInt64) throws {
        let site = site(seed)
        let older = site.shared.tables
        place(site)
        let interaction = try #require(site.offered).id
        _ = site.cic.model.create(EpisodeKey(Sample.caseKey, 1), Sample.attempt(77))
        site.shared.fallBack(to: older)
        replay(site, Sample.change(.created, 10))
        #expect(site.run(until: { !isHeld(site) && site.isAtRest }))
        #expect(site.cic.model.interactions.count == 1)
        #expect(site.offered?.id == interaction)
        #expect(site.cic.mostRoutable == 1)
        site.stop()
    }

    @Test(arguments: RoutingTraceTests.seeds)
    func `one that its agent had hidden is removed when it comes back beside the one made for it`(_ seed: UInt64) throws
    {
        let site = site(seed)
        let older = site.shared.tables
        place(site)
        let hidden = try #require(site.offered).id
        site.cic.agentsHide = true
        site.cic.pickUp(hidden)
        site.run(for: .seconds(3))
        site.shared.fallBack(to: older)
        replay(site, Sample.change(.created, 10))
        #expect(site.run(until: { !isHeld(site) && site.isAtRest && site.cic.calls[.create] == 2 }))
        site.cic.giveBack(hidden)
        #expect(site.run(until: { site.offered != nil }, limit: .seconds(60)))
        #expect(site.offered?.id != hidden)
        #expect(site.state.episode?.interaction == site.offered?.id)
        site.stop()
    }

    /// A later episode had proved the first one over, whose interaction CIC recovers only now.
    @Test(arguments: RoutingTraceTests.seeds)
    func `what comes back of an episode that a rebuild has closed does not wait beside another`(
        _ seed: UInt64
    ) throws {
        let site = site(seed)
        place(site)
        let lost = site.cic.switchOver()
        #expect(site.run(until: { site.offered != nil && site.shared.tables.holds.isEmpty && site.isAtRest }))
        let offered = site.offered?.id
        site.shared.tables.episodes[EpisodeKey(Sample.caseKey, 1)]?.endReason = nil
        for live in lost { site.cic.recover(live) }
        #expect(site.cic.routable.count == 2)
        #expect(site.run(until: { site.cic.routable.count == 1 }, limit: .seconds(60)))
        site.run(for: .seconds(20))
        #expect(site.offered?.id == offered)
        #expect(site.state.episode?.interaction == offered)
        site.stop()
    }

    /// Its rows are lost, then the case has an episode of the same number, which ends, and another that waits.
    @Test(arguments: RoutingTraceTests.seeds, [false, true])
    func `what comes back of lost rows does not wait beside a later episode`(
        _ seed: UInt64, isLeftToAgent: Bool
    ) throws {
        let site = site(seed)
        let older = site.shared.tables
        place(site)
        let lost = site.cic.switchOver()
        site.shared.fallBack(to: older)
        replay(site, Sample.change(.created, 10))
        #expect(site.run(until: { site.offered != nil && !isHeld(site) && site.isAtRest }, limit: .seconds(600)))
        site.broker.publish(Sample.change(.closed, 11, isClosed: true))
        #expect(site.run(until: { site.offered == nil && site.isAtRest }))
        site.broker.publish(Sample.change(.reopened, 12))
        #expect(site.run(until: { site.offered != nil && site.isAtRest }))
        let offered = try #require(site.offered).id
        if isLeftToAgent {
            site.cic.pickUp(offered)
            site.run(for: .seconds(3))
            let unmonitored = Sample.change(
                .queueChanged, 13, owner: Sample.unmonitored, previousOwner: Sample.queueA)
            site.broker.publish(unmonitored)
            #expect(site.run(until: { site.state.wanted == nil }))
        }
        for live in lost { site.cic.recover(live) }
        #expect(site.cic.routable.count == 2)
        #expect(site.run(until: { site.cic.routable.count == 1 }, limit: .seconds(60)))
        site.run(for: .seconds(20))
        #expect(site.offered?.id == offered)
        #expect(site.state.episode?.interaction == offered)
        site.stop()
    }

    @Test(arguments: RoutingTraceTests.seeds)
    func `a switchover in the middle does no more harm`(_ seed: UInt64) throws {
        let site = site(seed)
        let older = site.shared.tables
        let changes = (0..<4).map {
            Sample.change(.created, 10, key: "o:\($0)", caseID: Sample.id("500A000000000\($0 + 10)"))
        }
        for change in changes.prefix(2) { site.broker.publish(change) }
        #expect(site.run(until: { site.isAtRest && site.cic.routable.count == 2 }))
        let half = site.shared.tables
        for change in changes.suffix(2) { site.broker.publish(change) }
        #expect(site.run(until: { site.isAtRest && site.cic.routable.count == 4 }))
        site.shared.fallBack(to: seed.isMultiple(of: 2) ? older : half)
        for change in changes { replay(site, change) }
        site.run(for: .seconds(Int(seed % 7) * 10))
        let lost = site.cic.switchOver()
        site.run(for: .seconds(30))
        for live in lost { site.cic.recover(live) }
        #expect(site.run(until: { site.shared.tables.holds.isEmpty && site.isAtRest }, limit: .seconds(900)))
        #expect(site.cic.routable.count == 4)
        #expect(site.cic.mostRoutable == 1)
        #expect(site.cic.calls[.create] == 4)
        site.stop()
    }

    /// The watch has bound the interaction under its new id, the database has forgotten that, and the wait is nearly over.
    @Test(arguments: RoutingTraceTests.seeds)
    func `a switchover is not brought to its end by a watch whose rebinding was lost`(_ seed: UInt64) throws {
        let site = site(seed)
        place(site)
        let old = try #require(site.offered).id
        let lost = site.cic.switchOver()
        #expect(site.run(until: { site.shared.tables.isHeld(.cic, Sample.cic, .switchover) }))
        let began = site.simulation.clock.monotonic
        site.run(for: .seconds(2))
        let older = site.shared.tables
        for live in lost { site.cic.recover(live) }
        #expect(site.run(until: { site.state.episode?.interaction != old }))
        let interaction = try #require(site.offered).id
        site.run(for: began + .milliseconds(59_000) - site.simulation.clock.monotonic)
        #expect(site.shared.tables.isHeld(.cic, Sample.cic, .switchover))
        site.loseRows(since: older)
        #expect(site.run(until: { site.shared.tables.holds.isEmpty && site.isAtRest }, limit: .seconds(900)))
        #expect(site.offered?.id == interaction)
        #expect(site.state.episode?.interaction == interaction)
        #expect(site.cic.calls[.create] == 1)
        site.stop()
    }
}
