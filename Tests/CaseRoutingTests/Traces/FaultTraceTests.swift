import CaseRouting
import TestSupport
import Testing

/// Deaths, lost answers and broken neighbours.
struct FaultTraceTests {
    private func site(_ seed: UInt64, workers: Int = 2) -> SimulatedSite {
        let site = SimulatedSite(seed: seed)
        for _ in 0..<workers { site.startWorker() }
        site.startWatch()
        return site
    }

    /// At rest, with one interaction on the workgroup of queue A, and never two.
    private func expectOffered(_ site: SimulatedSite) throws {
        #expect(site.run(until: { site.isAtRest && site.offered != nil }))
        #expect(try #require(site.offered).live.workgroup == Sample.workgroupA)
        #expect(site.cic.mostRoutable == 1)
        site.stop()
    }

    @Test(arguments: stride(from: 1, through: 120, by: 3).map { $0 })
    func `a worker killed at any moment of a normal case loses nothing`(_ milliseconds: Int) throws {
        let site = SimulatedSite(seed: UInt64(milliseconds))
        let victim = site.startWorker()
        site.startWatch()
        site.broker.publish(Sample.change(.created, 10))
        site.run(for: .milliseconds(milliseconds))
        site.kill(victim)
        site.startWorker()
        try expectOffered(site)
    }

    @Test(arguments: RoutingTraceTests.seeds)
    func `a create whose answer is lost is found in holding and not repeated`(_ seed: UInt64) throws {
        let site = site(seed)
        site.cic.faults[.create] = [.answerLost]
        site.broker.publish(Sample.change(.created, 10))
        #expect(site.run(until: { site.offered != nil }))
        #expect(site.cic.calls[.create] == 1)
        try expectOffered(site)
    }

    @Test(arguments: RoutingTraceTests.seeds)
    func `a create that never arrived is made again with another id`(_ seed: UInt64) throws {
        let site = site(seed)
        site.cic.faults[.create] = [.requestLost]
        site.broker.publish(Sample.change(.created, 10))
        #expect(site.run(until: { site.offered != nil }))
        #expect(site.cic.calls[.create] == 2)
        try expectOffered(site)
    }

    @Test(arguments: RoutingTraceTests.seeds)
    func `a create that takes effect after it was given up is surplus, and the watch removes it`(_ seed: UInt64) throws
    {
        let site = site(seed)
        site.cic.faults[.create] = [.requestLost]
        site.broker.publish(Sample.change(.created, 10))
        #expect(site.run(until: { site.offered != nil }))
        let episode = EpisodeKey(Sample.caseKey, 1)
        _ = site.cic.model.create(episode, Sample.attempt(77))
        #expect(!site.isAtRest)
        site.run(for: .seconds(25))
        #expect(!site.isAtRest)
        try expectOffered(site)
    }

    @Test(arguments: RoutingTraceTests.seeds)
    func `lost answers to assigns are asked again and do no harm`(_ seed: UInt64) throws {
        let site = site(seed)
        site.cic.faults[.assign] = [.answerLost, .requestLost, .answerLost]
        site.broker.publish(Sample.change(.created, 10))
        try expectOffered(site)
    }

    @Test(arguments: RoutingTraceTests.seeds)
    func `while our database is broken nothing is acknowledged, and nothing is lost`(_ seed: UInt64) throws {
        let site = site(seed)
        site.run(for: .seconds(1))
        site.shared.isBroken = true
        for number in 1...20 {
            site.broker.publish(
                Sample.change(.created, 10, key: "o:\(number)", caseID: Sample.id("500A0000000001\(number % 10)")))
        }
        site.run(for: .seconds(60))
        #expect(site.broker.count == 20)
        #expect(site.broker.acknowledged == 0)
        site.shared.isBroken = false
        #expect(site.run(until: { site.isAtRest && site.cic.routable.count == 10 }))
        #expect(site.broker.acknowledged == 20)
        #expect(site.cic.mostRoutable == 1)
        site.stop()
    }

    @Test(arguments: RoutingTraceTests.seeds)
    func `a request that kills its worker three times fails its case`(_ seed: UInt64) throws {
        let site = SimulatedSite(seed: seed)
        let change = Sample.change(.created, 10)
        site.shared.tables.record(change)
        site.broker.publish(change)
        let key = RequestKey(change)
        for taken in 0..<3 {
            let victim = site.startWorker()
            // Dies after it has taken the delivery, the later ones after they have counted that, before the merge.
            #expect(site.run(until: { site.broker.isHeld && site.shared.tables.requests[key]?.taken == taken }))
            site.kill(victim)
            site.run(for: .milliseconds(100))
        }
        site.startWorker()
        #expect(site.run(until: { site.broker.count == 0 }))
        #expect(site.shared.tables.cases[Sample.caseKey]?.failure?.cause == .workerDied)
        #expect(site.state.attempts == RetryPolicy.attemptLimit)
        #expect(site.cic.model.interactions.isEmpty)
        site.broker.publish(
            RequestMessage.encode(
                RetryHandle(caseKey: Sample.caseKey, failureNumber: 1), cause: .workerDied, failedAt: Sample.start))
        site.run(for: .seconds(900))
        try expectOffered(site)
    }

    @Test(arguments: RoutingTraceTests.seeds)
    func `a purged queue loses nothing`(_ seed: UInt64) throws {
        let site = site(seed)
        let change = Sample.change(.created, 10)
        site.shared.tables.record(change)
        site.run(for: .seconds(590))
        #expect(site.offered == nil)
        try expectOffered(site)
    }

    @Test(arguments: RoutingTraceTests.seeds)
    func `a server that is down for an hour costs no attempt after the breaker has opened`(_ seed: UInt64) throws {
        let site = site(seed)
        site.run(for: .seconds(2))
        site.cic.isReachable = false
        let cases = (10..<60).map { Sample.id("500A000000000\($0)") }
        for (index, id) in cases.enumerated() {
            site.broker.publish(Sample.change(.created, 10, key: "o:\(index)", caseID: id))
        }
        site.run(for: .seconds(3_600))
        #expect(site.shared.tables.isHeld(.cic, Sample.cic))
        #expect(site.shared.tables.cases.values.allSatisfy { $0.state.attempts < RetryPolicy.attemptLimit })
        site.cic.isReachable = true
        #expect(site.run(until: { site.isAtRest && site.cic.routable.count == cases.count }))
        #expect(!site.shared.tables.isHeld(.cic, Sample.cic))
        #expect(site.cic.mostRoutable == 1)
        site.stop()
    }

    @Test(arguments: RoutingTraceTests.seeds)
    func `cases of a server that cannot be reached are not claimed again and again`(_ seed: UInt64) throws {
        let site = site(seed)
        site.run(for: .seconds(2))
        site.cic.hasSessions = false
        let cases = (10..<60).map { Sample.id("500A000000000\($0)") }
        for (index, id) in cases.enumerated() {
            site.broker.publish(Sample.change(.created, 10, key: "o:\(index)", caseID: id))
            site.run(for: .seconds(1))
        }
        // While cases go on coming in, and before those that wait for a create are looked for.
        #expect(site.shared.tables.isHeld(.cic, Sample.cic))
        site.run(for: .seconds(600))
        #expect(site.shared.tables.isHeld(.cic, Sample.cic))
        // Every one when it came, and some until the breaker opened.
        #expect(site.shared.tables.cases.values.map(\.epoch).reduce(0, +) < 8 * Int64(cases.count))
        #expect(site.shared.tables.cases.values.allSatisfy { $0.state.attempts == 0 })
        site.cic.hasSessions = true
        #expect(site.run(until: { site.isAtRest && site.cic.routable.count == cases.count }))
        #expect(!site.shared.tables.isHeld(.cic, Sample.cic))
        site.stop()
    }

    @Test(arguments: RoutingTraceTests.seeds)
    func `a session that is opened anew within seconds opens no breaker`(_ seed: UInt64) throws {
        let site = site(seed)
        site.cic.hasSessions = false
        for number in 10..<40 {
            let id = Sample.id("500A000000000\(number)")
            site.broker.publish(Sample.change(.created, 10, key: "o:\(number)", caseID: id))
        }
        site.run(for: .seconds(4))
        site.cic.hasSessions = true
        #expect(site.run(until: { site.isAtRest && site.cic.routable.count == 30 }, limit: .seconds(60)))
        #expect(site.shared.tables.holds.isEmpty)
        site.stop()
    }

    @Test(arguments: RoutingTraceTests.seeds)
    func `what cannot be read is put aside with its reason`(_ seed: UInt64) throws {
        let site = site(seed)
        site.cic.unexpected = [.create, .assign, .disconnect]
        site.broker.publish(Array("nonsense".utf8))
        #expect(site.run(until: { site.broker.deadLettered.count == 1 }))
        #expect(site.shared.tables.undecodable.count == 1)
        site.stop()
    }

    @Test(arguments: RoutingTraceTests.seeds)
    func `a request of an org that nobody has set up is put aside and keeps no place`(_ seed: UInt64) throws {
        let site = site(seed)
        // More than both workers have places for.
        for number in 1...150 {
            site.broker.publish(Sample.change(.created, 10, key: "o:\(number)", org: "nobody"))
        }
        site.broker.publish(Sample.change(.created, 10))
        #expect(site.run(until: { site.broker.deadLettered.count == 150 }))
        #expect(site.shared.tables.cases.count == 1)
        try expectOffered(site)
    }

    /// The org was removed while its requests waited: nobody can decide them, and nobody has died of them.
    @Test(arguments: RoutingTraceTests.seeds)
    func `unseen requests of an org that was removed keep no place and fail no case`(_ seed: UInt64) throws {
        let site = site(seed)
        // More than both workers have places for.
        for number in 1...150 {
            site.shared.tables.record(Sample.change(.created, 10, key: "o:\(number)", org: "nobody"))
        }
        site.run(for: .seconds(2_500))
        #expect(site.shared.tables.cases.isEmpty)
        site.broker.publish(Sample.change(.created, 10))
        try expectOffered(site)
    }
}
