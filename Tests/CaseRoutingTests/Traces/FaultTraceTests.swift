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
    func `a case that waited for our database longer than a lease is offered as soon as it is back`(
        _ seed: UInt64
    ) throws {
        let site = site(seed)
        site.run(for: .seconds(1))
        site.shared.isBroken = true
        site.broker.publish(Sample.change(.created, 10))
        site.run(for: .seconds(60))
        site.shared.isBroken = false
        site.run(for: .seconds(15))
        #expect(site.offered != nil)
        try expectOffered(site)
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

    /// Two changes a second of another case, each `age` seconds old when it is delivered, for as long.
    private func keepBusy(_ site: SimulatedSite, for seconds: Int64, age: Int64, until condition: () -> Bool) {
        let another = Sample.id("500A00000000099")
        for second in 0..<seconds where !condition() {
            for half in 0..<2 {
                let key = "o:busy\(second).\(half)"
                site.broker.publish(
                    Sample.change(.closed, second - age, isClosed: true, key: key, caseID: another))
                site.run(for: .milliseconds(500))
            }
        }
    }

    @Test(arguments: RoutingTraceTests.seeds)
    func `what a purge took is found while other cases go on`(_ seed: UInt64) throws {
        let site = site(seed)
        site.shared.tables.record(Sample.change(.created, 10))
        keepBusy(site, for: 700, age: 0) { site.offered != nil }
        #expect(site.offered != nil)
        site.stop()
    }

    /// What waits in it is as old, and would be merged twice over.
    @Test(arguments: RoutingTraceTests.seeds)
    func `what waits in a long queue is left to its deliveries`(_ seed: UInt64) throws {
        let site = site(seed, workers: 1)
        site.shared.tables.record(Sample.change(.created, 10))
        keepBusy(site, for: 700, age: 900) { false }
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
    func `a case that was in hand when the session was lost does not wait for a create that was never sent`(
        _ seed: UInt64
    ) throws {
        let site = site(seed)
        site.run(for: .seconds(2))
        site.cic.hasSessions = false
        site.broker.publish(Sample.change(.created, 10))
        site.run(for: .seconds(1))
        #expect(site.state.episode?.attemptDeadline == Episode.neverSent)
        #expect(site.shared.tables.attempts.count == 1)
        site.cic.hasSessions = true
        #expect(site.run(until: { site.offered != nil }, limit: .seconds(4)))
        // Another attempt in its place, of the same episode, and not looked for before.
        #expect(site.cic.calls == [.create: 1, .assign: 1])
        #expect(site.shared.tables.attempts.count == 2)
        #expect(site.state.episode?.number == 1 && site.state.attempts == 0)
        try expectOffered(site)
    }

    @Test(arguments: RoutingTraceTests.seeds)
    func `a create that was refused because the session had ended is looked for at once, and made again`(
        _ seed: UInt64
    ) throws {
        let site = site(seed)
        site.run(for: .seconds(2))
        let cic = site.cic
        var sent: [AttemptID] = []
        cic.onCreate = { attempt in
            sent.append(attempt)
            if sent.count == 1 { cic.cutSessions() }
        }
        site.broker.publish(Sample.change(.created, 10))
        #expect(site.run(until: { site.offered != nil }, limit: .seconds(6)))
        #expect(sent.count == 2 && Set(sent).count == 2)
        #expect(cic.calls[.find] == 1)
        #expect(site.state.attempts == 0)
        try expectOffered(site)
    }

    @Test(arguments: RoutingTraceTests.seeds)
    func `what is not wanted any more when the session is back is not created`(_ seed: UInt64) throws {
        let site = site(seed)
        site.run(for: .seconds(2))
        site.cic.unexpected = [.create]
        site.cic.hasSessions = false
        site.broker.publish(Sample.change(.created, 10))
        site.run(for: .seconds(1))
        site.broker.publish(Sample.change(.closed, 11))
        site.run(for: .seconds(1))
        site.cic.hasSessions = true
        #expect(
            site.run(
                until: { site.isAtRest && site.shared.tables.openEpisode(Sample.caseKey) == nil }, limit: .seconds(6)))
        site.stop()
    }

    @Test(arguments: RoutingTraceTests.seeds)
    func `a create whose answer is lost goes on when the watch has found it, and waits for nothing more`(
        _ seed: UInt64
    ) throws {
        let site = site(seed)
        site.run(for: .seconds(2))
        site.cic.faults[.create] = [.answerLost]
        site.broker.publish(Sample.change(.created, 10))
        // The worker waits ten seconds for the answer.
        #expect(site.run(until: { site.offered != nil }, limit: .seconds(13)))
        #expect(site.cic.calls[.create] == 1)
        try expectOffered(site)
    }

    @Test(arguments: RoutingTraceTests.seeds)
    func `answers that are lost together open no breaker where others succeed`(_ seed: UInt64) throws {
        let site = site(seed, workers: 1)
        site.run(for: .seconds(2))
        site.cic.faults[.create] = Array(repeating: .answerLost, count: 15)
        for number in 10..<25 {
            let id = Sample.id("500A000000000\(number)")
            site.broker.publish(Sample.change(.created, 10, key: "o:\(number)", caseID: id))
        }
        site.run(for: .seconds(5))
        site.broker.publish(Sample.change(.created, 10))
        site.run(for: .milliseconds(5_500))
        #expect(site.shared.tables.holds.isEmpty)
        #expect(site.run(until: { site.isAtRest && site.cic.routable.count == 16 }, limit: .seconds(5)))
        #expect(site.shared.tables.cases.values.allSatisfy { $0.state.attempts == 0 })
        site.stop()
    }

    @Test(arguments: RoutingTraceTests.seeds)
    func `a case whose time has come does not wait behind a queue that fills every place`(_ seed: UInt64) throws {
        let site = site(seed, workers: 1)
        site.run(for: .seconds(2))
        // Refused once, to be tried again within two seconds.
        site.cic.faults[.create] = [
            .refused(RoutingFailure(.transient, at: .resolve, cause: .cicRefused, "Refused.", mayHaveBeenSent: false))
        ]
        site.broker.publish(Sample.change(.created, 10))
        site.run(for: .milliseconds(200))
        // Every place has two seconds of work, for a minute.
        site.cic.faults[.create] = Array(repeating: .late(.seconds(2)), count: 2_000)
        for number in 1_000..<2_500 {
            let id = Sample.id("500B0000000\(number)")
            site.broker.publish(Sample.change(.created, 10, key: "o:\(number)", caseID: id))
        }
        #expect(site.run(until: { site.offered != nil }, limit: .seconds(12)))
        #expect(site.broker.count > 500)
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
