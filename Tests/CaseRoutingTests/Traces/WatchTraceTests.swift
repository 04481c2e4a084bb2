import CaseRouting
import TestSupport
import Testing

/// What the watch makes of queues, reconnects and switchovers.
struct WatchTraceTests {
    private func site(_ seed: UInt64, cases: Int = 1, recoveryWait: Duration = .seconds(60)) -> SimulatedSite {
        let site = SimulatedSite(seed: seed)
        site.recoveryWait = recoveryWait
        site.startWorker()
        site.startWorker()
        site.startWatch()
        for number in 0..<cases {
            site.broker.publish(Sample.change(.created, 10, key: "o:\(number)", caseID: caseID(number)))
        }
        #expect(site.run(until: { site.isAtRest && site.cic.routable.count == cases }))
        site.run(for: .seconds(5))
        return site
    }

    private func caseID(_ number: Int) -> RecordID {
        number == 0 ? Sample.caseID : Sample.id("500A000000000\(number + 10)")
    }

    private func state(_ site: SimulatedSite, _ number: Int) -> CaseState {
        site.shared.tables.state(CaseKey(org: Sample.org, caseID: caseID(number)))
    }

    @Test(arguments: RoutingTraceTests.seeds)
    func `it writes only what changes an episode`(_ seed: UInt64) throws {
        let site = site(seed)
        site.run(for: .seconds(300))
        #expect(site.shared.watchWrites == ["epoch"])
        let interaction = try #require(site.offered).id
        site.cic.pickUp(interaction)
        site.run(for: .seconds(60))
        site.cic.end(interaction)
        site.run(for: .seconds(60))
        #expect(site.shared.watchWrites == ["epoch", "note", "end"])
        #expect(site.shared.figures == QueueFigures())
        #expect(site.shared.directory?.workgroups.count == 2)
        site.stop()
    }

    @Test(arguments: RoutingTraceTests.seeds)
    func `the names of the server are read as soon as there is a session`(_ seed: UInt64) {
        let site = SimulatedSite(seed: seed)
        site.startWatch()
        #expect(site.run(until: { site.shared.directory != nil }, limit: .seconds(8)))
        site.stop()
    }

    @Test(arguments: [(Duration.zero, 50...60), (.seconds(12), 13...15), (.seconds(300), 3...4)])
    func `a server whose names take long to tell is asked for them a twentieth of the time`(
        _ takes: Duration, _ times: ClosedRange<Int>
    ) {
        let site = SimulatedSite(seed: 1)
        site.cic.namesTake = takes
        site.startWatch()
        site.run(for: .seconds(3600))
        #expect(times.contains(site.cic.namesTold), "asked \(site.cic.namesTold) times in an hour")
        site.stop()
    }

    @Test(arguments: RoutingTraceTests.seeds)
    func `an interaction that its agent hides is not taken for ended`(_ seed: UInt64) throws {
        let site = site(seed)
        site.cic.agentsHide = true
        let interaction = try #require(site.offered).id
        site.cic.pickUp(interaction)
        site.run(for: .seconds(600))
        #expect(site.state.episode?.isWithAgent == true)
        site.cic.end(interaction)
        #expect(site.run(until: { site.state.episode == nil }, limit: .seconds(60)))
        #expect(site.state.wanted == nil)
        site.stop()
    }

    @Test(arguments: RoutingTraceTests.seeds)
    func `a reconnect to the same server is no switchover, and what ended meanwhile is seen`(_ seed: UInt64) throws {
        let site = site(seed, cases: 2)
        let interactions = site.cic.routable.keys.sorted { $0.description < $1.description }
        site.cic.end(interactions[0])
        site.cic.cutSessions()
        #expect(
            site.run(until: { (0...1).count { state(site, $0).episode == nil } == 1 }, limit: .seconds(30)))
        #expect(!site.shared.watchWrites.contains("hold"))
        #expect(site.shared.tables.servers[Sample.cic]?.epoch == 1)
        site.stop()
    }

    @Test(arguments: RoutingTraceTests.seeds)
    func `the watch writes an id that its worker could not, and the case goes on`(_ seed: UInt64) throws {
        let site = SimulatedSite(seed: seed)
        let victim = site.startWorker()
        site.startWatch()
        site.broker.publish(Sample.change(.created, 10))
        #expect(site.run(until: { !site.cic.model.interactions.isEmpty }))
        site.kill(victim)
        #expect(site.run(until: { site.state.episode?.state == .held }, limit: .seconds(12)))
        #expect(site.shared.watchWrites.contains("adopt"))
        site.startWorker()
        #expect(site.run(until: { site.isAtRest && site.offered != nil }))
        #expect(site.cic.calls[.create] == 1)
        site.stop()
    }

    @Test(arguments: RoutingTraceTests.seeds)
    func `after a switchover what is recovered under a new id is the same`(_ seed: UInt64) throws {
        let site = site(seed, cases: 4)
        let lost = site.cic.switchOver()
        site.run(for: .seconds(40))
        #expect(site.shared.tables.isHeld(.cic, Sample.cic))
        for live in lost { site.cic.recover(live) }
        #expect(site.run(until: { !site.shared.tables.isHeld(.cic, Sample.cic) }, limit: .seconds(60)))
        site.run(for: .seconds(60))
        #expect(site.cic.routable.count == 4)
        #expect(site.cic.mostRoutable == 1)
        #expect(site.cic.calls[.create] == 4)
        for number in 0..<4 {
            let interaction = try #require(state(site, number).episode?.interaction)
            #expect(site.cic.model.interactions[interaction] != nil)
        }
        site.stop()
    }

    @Test(arguments: RoutingTraceTests.seeds)
    func `after a switchover only what was waiting is offered again, and only after the recovery wait`(
        _ seed: UInt64
    ) throws {
        let site = site(seed, cases: 4)
        let taken = try #require(site.offered)
        site.cic.pickUp(taken.id)
        site.run(for: .seconds(5))
        let lost = site.cic.switchOver().filter { $0.place == .waiting }
        site.cic.recover(lost[0])
        site.run(for: .seconds(55))
        #expect(site.cic.calls[.create] == 4)
        #expect(site.run(until: { site.isAtRest && site.cic.routable.count == 3 }, limit: .seconds(60)))
        #expect(site.cic.calls[.create] == 6)
        #expect(state(site, 0).episode == nil)
        #expect(state(site, 0).wanted == nil)
        #expect(
            site.shared.tables.episodes[EpisodeKey(Sample.caseKey, 1)]?.endReason == .lostWithAgent)
        #expect(site.cic.mostRoutable == 1)
        site.stop()
    }

    @Test(arguments: RoutingTraceTests.seeds, [false, true])
    func `what rings at an agent when a switchover loses it is offered again, whoever had seen it ring`(
        _ seed: UInt64, watchDies: Bool
    ) throws {
        let site = SimulatedSite(seed: seed)
        site.startWorker()
        let watch = site.startWatch()
        site.broker.publish(Sample.change(.created, 10))
        #expect(site.run(until: { site.isAtRest && site.offered != nil }))
        site.run(for: .seconds(5))
        site.cic.ring(try #require(site.offered).id)
        site.run(for: .seconds(5))
        if watchDies { site.kill(watch) }
        _ = site.cic.switchOver()
        if watchDies { site.startWatch() }
        #expect(site.run(until: { site.isAtRest && site.cic.routable.count == 1 }, limit: .seconds(120)))
        #expect(site.cic.calls[.create] == 2)
        #expect(site.cic.mostRoutable == 1)
        site.stop()
    }

    @Test(arguments: RoutingTraceTests.seeds)
    func `ids that the new server gives again are not mixed up`(_ seed: UInt64) throws {
        let site = site(seed, cases: 3)
        let lost = site.cic.switchOver()
        // The same ids, each for the next case.
        site.cic.model.created = 0
        for live in [lost[1], lost[2], lost[0]] { site.cic.recover(live) }
        #expect(site.run(until: { site.shared.tables.isHeld(.cic, Sample.cic) }))
        #expect(
            site.run(until: { !site.shared.tables.isHeld(.cic, Sample.cic) && site.isAtRest }, limit: .seconds(120)))
        for number in 0..<3 {
            let episode = try #require(state(site, number).episode)
            let interaction = try #require(episode.interaction)
            #expect(site.cic.model.interactions[interaction]?.attempt == episode.attempt)
        }
        #expect(site.cic.calls[.create] == 3)
        site.stop()
    }

    @Test(arguments: RoutingTraceTests.seeds)
    func `what is recovered late and waits is removed`(_ seed: UInt64) throws {
        let site = site(seed, recoveryWait: .zero)
        let lost = site.cic.switchOver()
        #expect(site.run(until: { site.offered != nil && site.isAtRest }))
        site.cic.recover(lost[0])
        #expect(site.cic.mostRoutable == 2)
        #expect(site.run(until: { site.offered != nil }, limit: .seconds(30)))
        #expect(site.state.episode?.number == 2)
        #expect(site.offered?.id == site.state.episode?.interaction)
        site.stop()
    }

    @Test(arguments: RoutingTraceTests.seeds)
    func `what is recovered late and only rings takes the place of nothing`(_ seed: UInt64) throws {
        let site = site(seed)
        let lost = site.cic.switchOver()
        #expect(site.run(until: { site.offered != nil && site.isAtRest }, limit: .seconds(90)))
        let offered = try #require(site.offered).id
        let late = site.cic.recover(lost[0])
        site.cic.ring(late)
        site.run(for: .seconds(5))
        site.cic.ring(late, false)
        site.run(for: .seconds(90))
        #expect(site.offered?.id == offered && site.isAtRest)
        #expect(site.cic.calls[.create] == 2)
        site.stop()
    }

    @Test(arguments: RoutingTraceTests.seeds)
    func `what is recovered late and is with an agent is the case's delivery`(_ seed: UInt64) throws {
        let site = site(seed, recoveryWait: .zero)
        var lost = site.cic.switchOver()
        #expect(site.run(until: { site.offered != nil && site.isAtRest }))
        lost[0].place = .withAgent
        let late = site.cic.recover(lost[0])
        #expect(site.run(until: { site.offered?.id == late && site.isAtRest }, limit: .seconds(30)))
        #expect(site.state.wanted == nil)
        site.stop()
    }

    @Test(arguments: RoutingTraceTests.seeds)
    func `an id that CIC gave again before its first end was seen does not keep the next case from being offered`(
        _ seed: UInt64
    ) throws {
        let site = SimulatedSite(seed: seed)
        site.cic.model.reusesIDs = true
        site.startWorker()
        site.startWatch()
        site.run(for: .seconds(3))
        site.broker.publish(Sample.change(.created, 10))
        #expect(site.run(until: { site.offered != nil }))
        let interaction = try #require(site.offered).id
        // Before the watch hears of it at all.
        site.cic.end(interaction)
        let next = CaseKey(org: Sample.org, caseID: Sample.id("500A00000000012"))
        site.broker.publish(Sample.change(.created, 11, key: "o:next", caseID: next.caseID))
        #expect(site.run(until: { site.state.episode == nil && site.state.lastEpisode == 1 }))
        // Should it have failed until then, a person sends it again: before, that was in vain for ever.
        let failed = site.shared.tables.state(next)
        if failed.attempts >= RetryPolicy.attemptLimit {
            let handle = RetryHandle(caseKey: next, failureNumber: failed.failureNumber)
            site.broker.publish(RequestMessage.encode(handle, cause: .cicNoAnswer, failedAt: Sample.start))
        }
        #expect(site.run(until: { site.cic.routable.values.contains { $0.episode.caseKey == next } }))
        #expect(site.run(until: { site.isAtRest }))
        #expect(site.shared.tables.openEpisode(next)?.episode.state == .placed)
        site.stop()
    }

    @Test(arguments: RoutingTraceTests.seeds)
    func `an interaction recovered under the id of one that had ended unseen is still its case's`(
        _ seed: UInt64
    ) throws {
        let site = SimulatedSite(seed: seed)
        site.cic.model.reusesIDs = true
        site.startWorker()
        site.startWatch()
        site.run(for: .seconds(3))
        site.broker.publish(Sample.change(.created, 10))
        #expect(site.run(until: { site.isAtRest && site.offered != nil }))
        let other = CaseKey(org: Sample.org, caseID: Sample.id("500A00000000012"))
        site.broker.publish(Sample.change(.created, 11, key: "o:other", caseID: other.caseID))
        #expect(site.run(until: { site.isAtRest && site.cic.routable.count == 2 }))
        site.run(for: .seconds(5))
        let ended = try #require(site.offered).id
        // Nobody has heard of the end when the other server takes over, and gives its id to what it recovers.
        site.cic.end(ended)
        let lost = site.cic.switchOver()
        site.run(for: .seconds(10))
        let recovered = try #require(lost.first)
        #expect(site.cic.recover(recovered) == ended)
        #expect(site.run(until: { !site.shared.tables.isHeld(.cic, Sample.cic) && site.isAtRest }))
        #expect(site.shared.tables.openEpisode(other)?.episode.interaction == ended)
        #expect(site.cic.routable.values.count { $0.episode.caseKey == other } == 1)
        #expect(site.cic.mostRoutable == 1)
        site.stop()
    }

    @Test(arguments: RoutingTraceTests.seeds)
    func `what is recovered late and given back by its agent is not offered beside what another agent has`(
        _ seed: UInt64
    ) throws {
        let site = site(seed, recoveryWait: .zero)
        var lost = site.cic.switchOver()
        #expect(site.run(until: { site.offered != nil && site.isAtRest }))
        let other = try #require(site.offered).id
        site.cic.pickUp(other)
        site.run(for: .seconds(5))
        lost[0].place = .withAgent
        let late = site.cic.recover(lost[0])
        site.run(for: .seconds(5))
        #expect(site.cic.routable.count == 2)
        site.cic.giveBack(late)
        #expect(site.run(until: { site.offered?.id == other }, limit: .seconds(60)))
        #expect(site.state.episode?.interaction == other)
        site.stop()
    }

    @Test(arguments: RoutingTraceTests.seeds)
    func `a watch that dies in a switchover leaves it to the next one`(_ seed: UInt64) throws {
        let site = SimulatedSite(seed: seed)
        site.startWorker()
        let victim = site.startWatch()
        site.broker.publish(Sample.change(.created, 10))
        #expect(site.run(until: { site.isAtRest && site.offered != nil }))
        site.run(for: .seconds(3))
        _ = site.cic.switchOver()
        #expect(site.run(until: { site.shared.tables.isHeld(.cic, Sample.cic) }))
        site.kill(victim)
        site.startWatch()
        #expect(site.run(until: { site.isAtRest && site.offered != nil }))
        #expect(site.shared.tables.servers[Sample.cic]?.epoch == 2)
        #expect(!site.shared.tables.isHeld(.cic, Sample.cic))
        #expect(site.cic.calls[.create] == 2)
        site.stop()
    }

    @Test(arguments: RoutingTraceTests.seeds)
    func `a switchover that no watch saw is one for the next watch`(_ seed: UInt64) throws {
        let site = SimulatedSite(seed: seed)
        site.startWorker()
        let victim = site.startWatch()
        site.broker.publish(Sample.change(.created, 10))
        #expect(site.run(until: { site.isAtRest && site.offered != nil }))
        site.run(for: .seconds(3))
        site.kill(victim)
        _ = site.cic.switchOver()
        site.startWatch()
        #expect(site.run(until: { site.isAtRest && site.offered != nil && site.cic.calls[.create] == 2 }))
        site.stop()
    }

    @Test(arguments: RoutingTraceTests.seeds)
    func `a case in an unmonitored queue is ended when its agent gives it back`(_ seed: UInt64) throws {
        let site = site(seed)
        let interaction = try #require(site.offered).id
        site.cic.pickUp(interaction)
        site.run(for: .seconds(5))
        site.broker.publish(
            Sample.change(.queueChanged, 11, owner: Sample.unmonitored, previousOwner: Sample.queueA))
        site.run(for: .seconds(120))
        #expect(site.offered?.id == interaction)
        site.cic.giveBack(interaction)
        #expect(site.run(until: { site.cic.model.interactions.isEmpty && site.isAtRest }, limit: .seconds(40)))
        site.stop()
    }
}
