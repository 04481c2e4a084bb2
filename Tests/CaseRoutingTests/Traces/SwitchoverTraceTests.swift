import CaseRouting
import TestSupport
import Testing

/// What routing workers do while the watch has not yet noticed, or not yet settled, a switchover.
struct SwitchoverTraceTests {
    /// A site with one case, which waits.
    private func offering(_ seed: UInt64) -> SimulatedSite {
        let site = SimulatedSite(seed: seed)
        site.startWorker()
        site.startWatch()
        site.broker.publish(Sample.change(.created, 10))
        #expect(site.run(until: { site.isAtRest && site.offered != nil }))
        site.run(for: .seconds(3))
        return site
    }

    @Test(arguments: RoutingTraceTests.seeds)
    func `an interaction that the other server does not know yet is not taken for ended`(_ seed: UInt64) throws {
        let site = SimulatedSite(seed: seed)
        site.startWorker()
        site.startWorker()
        site.startWatch()
        site.broker.publish(Sample.change(.created, 10))
        #expect(site.run(until: { site.isAtRest && site.offered != nil }))
        site.run(for: .seconds(3))
        let lost = site.cic.switchOver()
        // "Nothing to do, an interaction is active" needs a reading, and the new server knows nothing.
        site.broker.publish(Sample.change(.comment, 11))
        site.run(for: .seconds(40))
        #expect(site.shared.tables.openEpisode(Sample.caseKey) != nil)
        for live in lost { site.cic.recover(live) }
        #expect(site.run(until: { site.isAtRest && site.offered != nil && site.shared.tables.holds.isEmpty }))
        #expect(site.cic.calls[.create] == 1)
        #expect(site.cic.mostRoutable == 1)
        #expect(site.shared.tables.episodes.count == 1)
        site.stop()
    }

    @Test(arguments: RoutingTraceTests.seeds)
    func `a list of names that is empty does not prove that a queue nobody may see is none`(_ seed: UInt64) throws {
        let site = SimulatedSite(seed: seed)
        site.cic.hidesNames = true
        site.startWorker()
        site.startWatch()
        site.broker.publish(Sample.change(.created, 10))
        #expect(site.run(until: { site.isAtRest && site.offered != nil }))
        site.run(for: .seconds(3))
        site.cic.unreadable = [Sample.workgroupA]
        for live in site.cic.switchOver() { site.cic.recover(live) }
        site.run(for: .seconds(300))
        #expect(site.shared.tables.isHeld(.cic, Sample.cic, .switchover))
        #expect(site.cic.calls[.create] == 1)
        site.cic.unreadable = []
        site.cic.cutSessions()
        #expect(site.run(until: { site.isAtRest && site.offered != nil && site.shared.tables.holds.isEmpty }))
        #expect(site.cic.calls[.create] == 1)
        #expect(site.cic.mostRoutable == 1)
        site.stop()
    }

    /// Over and back while no watch looked: the workers know the server, and it does not know what is to be ended.
    @Test(arguments: RoutingTraceTests.seeds)
    func `what was ended before CIC recovered it does not wait beside what is offered since`(_ seed: UInt64) throws {
        let site = SimulatedSite(seed: seed)
        site.startWorker()
        let victim = site.startWatch()
        site.broker.publish(Sample.change(.created, 10))
        #expect(site.run(until: { site.isAtRest && site.offered != nil }))
        site.run(for: .seconds(3))
        site.kill(victim)
        let lost = site.cic.switchOver()
        _ = site.cic.switchOver()
        site.broker.publish(Sample.change(.closed, 11, isClosed: true))
        #expect(site.run(until: { site.isAtRest && site.state.episode == nil }))
        site.broker.publish(Sample.change(.reopened, 12))
        #expect(site.run(until: { site.isAtRest && site.offered != nil }))
        site.startWatch()
        site.run(for: .seconds(120))
        site.cic.recover(try #require(lost.first))
        #expect(site.offered == nil)
        #expect(site.run(until: { site.offered != nil }, limit: .seconds(40)))
        #expect(site.offered?.id == site.state.episode?.interaction)
        #expect(site.state.episode?.number == 2)
        site.stop()
    }

    /// The session breaks once more before the database has heard of the switchover.
    @Test(arguments: RoutingTraceTests.seeds)
    func `the other server is never in force before its hold is placed`(_ seed: UInt64) throws {
        let site = offering(seed)
        site.shared.isBroken = true
        let lost = site.cic.switchOver()
        site.run(for: .seconds(3))
        site.cic.cutSessions()
        site.run(for: .seconds(3))
        site.shared.isBroken = false
        #expect(site.run(until: { site.shared.tables.servers[Sample.cic]?.identity == "server-b" }))
        #expect(site.shared.tables.isHeld(.cic, Sample.cic, .switchover))
        for live in lost { site.cic.recover(live) }
        #expect(site.run(until: { site.isAtRest && site.offered != nil && site.shared.tables.holds.isEmpty }))
        #expect(site.cic.calls[.create] == 1)
        site.stop()
    }

    /// Its lease is over, but what it had sent before is on its way: the next watch has begun when the hold is placed.
    @Test(arguments: RoutingTraceTests.seeds)
    func `a switchover that a watch notes when another has begun is brought to its end by that one`(
        _ seed: UInt64
    ) throws {
        let site = SimulatedSite(seed: seed)
        site.startWorker()
        site.startWatch()
        site.broker.publish(Sample.change(.created, 10))
        #expect(site.run(until: { site.isAtRest && site.offered != nil }))
        let interaction = try #require(site.offered).id
        site.shared.tables.holds[.init(kind: .cic, name: Sample.cic, reason: .switchover)] = Hold(
            kind: .cic, name: Sample.cic, reason: .switchover, detail: "Noted late.")
        site.broker.publish(
            Sample.change(.queueChanged, 11, owner: Sample.queueB, previousOwner: Sample.queueA))
        #expect(site.run(until: { site.shared.tables.holds.isEmpty && site.isAtRest }, limit: .seconds(180)))
        #expect(site.offered?.id == interaction && site.offered?.live.workgroup == Sample.workgroupB)
        #expect(site.cic.calls[.create] == 1)
        site.stop()
    }

    /// The watch knows only of the agent, or another watch only what the row says of it.
    @Test(arguments: RoutingTraceTests.seeds, [false, true])
    func `what was taken back from an agent just before a switchover loses it is offered again`(
        _ seed: UInt64, watchDies: Bool
    ) throws {
        let site = SimulatedSite(seed: seed)
        site.startWorker()
        let watch = site.startWatch()
        site.broker.publish(Sample.change(.created, 10))
        #expect(site.run(until: { site.isAtRest && site.offered != nil }))
        site.cic.pickUp(try #require(site.offered).id)
        #expect(site.run(until: { site.state.episode?.isWithAgent == true }))
        site.broker.publish(Sample.change(.queueChanged, 11, owner: Sample.queueB, previousOwner: Sample.queueA))
        #expect(site.run(until: { site.state.episode?.workgroup == Sample.workgroupB }))
        if watchDies { site.kill(watch) }
        _ = site.cic.switchOver()
        if watchDies { site.startWatch() }
        #expect(site.run(until: { site.isAtRest && site.offered != nil && site.shared.tables.holds.isEmpty }))
        #expect(site.offered?.live.workgroup == Sample.workgroupB)
        #expect(site.shared.tables.episodes[EpisodeKey(Sample.caseKey, 1)]?.endReason == .lost)
        site.stop()
    }

    /// Its queues tell a moment after it answers, and by then nothing more can be recovered.
    @Test(arguments: RoutingTraceTests.seeds)
    func `what CIC recovered while it was out of reach is not taken for lost before its queues have told of it`(
        _ seed: UInt64
    ) throws {
        let site = offering(seed)
        let lost = site.cic.switchOver()
        site.run(for: .seconds(40))
        site.cic.isReachable = false
        site.cic.recover(try #require(lost.first))
        site.run(for: .seconds(30))
        site.cic.isReachable = true
        #expect(site.run(until: { site.isAtRest && site.shared.tables.holds.isEmpty }))
        #expect(site.offered?.id == site.state.episode?.interaction)
        #expect(site.state.episode?.number == 1)
        #expect(site.cic.calls[.create] == 1)
        site.stop()
    }

    /// It sees that the new id is another's in the database, while that one has already found out what became of it.
    @Test(arguments: RoutingTraceTests.seeds, [false, true])
    func `what a watch whose lease is over put aside during a switchover is bound all the same`(
        _ seed: UInt64, isShown: Bool
    ) throws {
        let site = offering(seed)
        let lost = try #require(site.cic.switchOver().first)
        #expect(site.run(until: { site.shared.tables.isHeld(.cic, Sample.cic, .switchover) }))
        site.run(for: .seconds(2))
        let key = EpisodeKey(Sample.caseKey, 1)
        site.shared.tables.episodes[key]?.episode.interaction = InteractionID("aside:\(lost.attempt)")
        if isShown { site.cic.recover(lost) }
        #expect(site.run(until: { site.isAtRest && site.shared.tables.holds.isEmpty }))
        #expect(site.offered?.id == site.state.episode?.interaction)
        #expect(site.shared.tables.episodes[key]?.endReason == (isShown ? nil : .lost))
        site.stop()
    }
}
