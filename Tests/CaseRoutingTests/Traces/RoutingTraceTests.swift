import CaseRouting
import TestSupport
import Testing

/// The traces that made the rules, section 2 of the protocol's description, with the real router and the real watch in
/// virtual time. Each runs with several interleavings.
struct RoutingTraceTests {
    /// Seeds: each is another order of whatever may happen at the same time.
    static let seeds: [UInt64] = [1, 2, 3, 4, 5]

    /// A site with two workers and a watch, on which the sample case is offered on the workgroup of queue A.
    private func offeredSite(_ seed: UInt64, withAgent: Bool = false) throws -> SimulatedSite {
        let site = SimulatedSite(seed: seed)
        site.startWorker()
        site.startWorker()
        site.startWatch()
        site.broker.publish(Sample.change(.created, 10))
        #expect(site.run(until: { site.offered != nil && site.isAtRest }))
        if withAgent {
            site.cic.pickUp(try #require(site.offered).id)
            #expect(site.run(until: { site.state.episode?.isWithAgent == true }))
        }
        return site
    }

    /// At rest, with one interaction on this workgroup, and never two.
    private func expectOffered(_ site: SimulatedSite, on workgroup: String = Sample.workgroupA) throws {
        #expect(site.run(until: { site.isAtRest && site.offered != nil }))
        #expect(try #require(site.offered).live.workgroup == workgroup)
        #expect(site.cic.mostRoutable == 1)
        #expect(site.shared.tables.requests.values.allSatisfy { $0.outcome != nil })
        site.stop()
    }

    @Test(arguments: seeds)
    func `a new case is created once, assigned once and routed`(_ seed: UInt64) throws {
        let site = try offeredSite(seed)
        #expect(site.cic.calls[.create] == 1)
        #expect(site.cic.calls[.assign] == 1)
        #expect(site.cic.calls[.read] == nil)
        #expect(site.broker.acknowledged == 1)
        #expect(site.shared.tables.requests.values.map(\.outcome) == [.routed])
        try expectOffered(site)
    }

    @Test(arguments: seeds)
    func `from A to B to A while the create is in flight ends on A`(_ seed: UInt64) throws {
        let site = SimulatedSite(seed: seed)
        for _ in 0..<3 { site.startWorker() }
        site.startWatch()
        site.broker.publish(Sample.change(.created, 10))
        #expect(site.run(until: { site.cic.calls[.create] == 1 }))
        site.broker.publish(
            Sample.change(.queueChanged, 11, owner: Sample.queueB, previousOwner: Sample.queueA))
        site.run(for: .milliseconds(20))
        site.broker.publish(
            Sample.change(.queueChanged, 12, owner: Sample.queueA, previousOwner: Sample.queueB))
        try expectOffered(site)
    }

    @Test(arguments: seeds)
    func `a wish that returns while the assign of another is under way is assigned again`(_ seed: UInt64) throws {
        let site = try offeredSite(seed)
        site.cic.faults[.assign] = [.late(.seconds(2))]
        site.broker.publish(
            Sample.change(.queueChanged, 11, owner: Sample.queueB, previousOwner: Sample.queueA))
        #expect(site.run(until: { site.cic.calls[.assign] == 2 }))
        site.broker.publish(
            Sample.change(.queueChanged, 12, owner: Sample.queueA, previousOwner: Sample.queueB))
        site.run(for: .seconds(5))
        try expectOffered(site)
    }

    @Test(arguments: seeds)
    func `a case given back by its agent is offered until the agent finishes`(_ seed: UInt64) throws {
        let site = try offeredSite(seed, withAgent: true)
        let interaction = try #require(site.offered).id
        site.cic.giveBack(interaction)
        #expect(site.run(until: { site.state.episode?.isWithAgent == false }))
        #expect(site.offered?.id == interaction)
        site.cic.pickUp(interaction)
        site.run(for: .seconds(2))
        site.cic.end(interaction)
        #expect(site.run(until: { site.state.episode == nil }))
        #expect(site.state.wanted == nil)
        site.run(for: .seconds(30))
        #expect(site.cic.offered.count == 1)
        site.stop()
    }

    @Test(arguments: seeds)
    func `closed with the disconnect's answer lost, then reopened: the next episode is opened when the end is seen`(
        _ seed: UInt64
    ) throws {
        let site = try offeredSite(seed)
        let first = try #require(site.offered).id
        site.cic.faults[.disconnect] = [.requestLost, .answerLost]
        site.broker.publish(Sample.change(.closed, 11, isClosed: true))
        #expect(site.run(until: { site.cic.calls[.disconnect] == 1 }))
        site.broker.publish(Sample.change(.reopened, 12))
        #expect(site.run(until: { site.offered.map { $0.id != first } ?? false }))
        try expectOffered(site)
    }

    @Test(arguments: seeds)
    func `owner B and a comment that is merged first: somebody is offered the case on B`(_ seed: UInt64) throws {
        let site = try offeredSite(seed, withAgent: true)
        site.broker.publish(Sample.change(.comment, 12, owner: Sample.queueB))
        #expect(site.run(until: { site.broker.count == 0 }))
        site.broker.publish(
            Sample.change(.queueChanged, 11, owner: Sample.queueB, previousOwner: Sample.queueA))
        #expect(site.run(until: { site.offered?.live.workgroup == Sample.workgroupB }))
        try expectOffered(site, on: Sample.workgroupB)
    }

    /// Of an org that counts versions in whole seconds: nobody can tell whether the reply has answered the comment.
    @Test(arguments: seeds)
    func `a comment in the second of a reply, put aside before the case came back, reaches somebody`(
        _ seed: UInt64
    ) throws {
        let site = try offeredSite(seed, withAgent: true)
        let first = try #require(site.offered).id
        for change in [
            Sample.change(.ownerChanged, 11, owner: Sample.user, previousOwner: Sample.queueA),
            Sample.change(.agentReplied, 13), Sample.change(.comment, 13),
            Sample.change(.ownerChanged, 12, owner: Sample.queueA, previousOwner: Sample.user),
        ] {
            site.broker.publish(change)
            #expect(site.run(until: { site.broker.count == 0 }))
        }
        #expect(site.run(until: { site.offered.map { $0.id != first } ?? false }))
        try expectOffered(site)
    }

    @Test(arguments: seeds)
    func `a comment after a reply whose disconnect was not yet sent offers the case afresh`(_ seed: UInt64) throws {
        let site = try offeredSite(seed, withAgent: true)
        let first = try #require(site.offered).id
        site.cic.faults[.disconnect] = [.late(.seconds(3))]
        site.broker.publish(Sample.change(.agentReplied, 11))
        #expect(site.run(until: { site.cic.calls[.disconnect] == 1 }))
        site.broker.publish(Sample.change(.comment, 12))
        #expect(site.run(until: { site.offered.map { $0.id != first || $0.live.place == .waiting } ?? false }))
        try expectOffered(site)
    }

    @Test(arguments: seeds)
    func `a reply while the interaction is in holding ends it`(_ seed: UInt64) throws {
        let site = SimulatedSite(seed: seed)
        site.startWorker()
        site.startWorker()
        site.startWatch()
        site.cic.faults[.create] = [.late(.seconds(1))]
        site.broker.publish(Sample.change(.created, 10))
        #expect(site.run(until: { site.cic.calls[.create] == 1 }))
        site.broker.publish(Sample.change(.agentReplied, 11))
        #expect(site.run(until: { site.isAtRest && site.state.episode == nil }))
        #expect(site.cic.model.interactions.isEmpty)
        #expect(site.cic.offered.isEmpty)
        site.stop()
    }

    @Test(arguments: seeds)
    func `a comment just after the agent has ended reaches somebody`(_ seed: UInt64) throws {
        let site = try offeredSite(seed, withAgent: true)
        let first = try #require(site.offered).id
        site.cic.end(first)
        site.broker.publish(Sample.change(.comment, 11))
        #expect(site.run(until: { site.offered.map { $0.id != first } ?? false }))
        try expectOffered(site)
    }

    @Test(arguments: seeds)
    func `a comment whose reading failed just after the agent has ended reaches somebody`(_ seed: UInt64) throws {
        let site = try offeredSite(seed, withAgent: true)
        let first = try #require(site.offered).id
        site.cic.faults[.read] = [
            .refused(RoutingFailure(.transient, at: .read, cause: .cicError, "CIC answers 500."))
        ]
        site.cic.end(first)
        site.broker.publish(Sample.change(.comment, 11))
        #expect(site.run(until: { site.offered.map { $0.id != first } ?? false }))
        try expectOffered(site)
    }

    @Test(arguments: seeds)
    func `the next episode is opened when the end is seen, not when the disconnect was answered`(_ seed: UInt64) throws
    {
        let site = try offeredSite(seed)
        let first = try #require(site.offered).id
        site.cic.disconnectDelay = .seconds(3)
        site.broker.publish(Sample.change(.closed, 11, isClosed: true))
        #expect(site.run(until: { site.cic.calls[.disconnect] == 1 }))
        site.broker.publish(Sample.change(.reopened, 12))
        #expect(site.run(until: { site.offered.map { $0.id != first } ?? false }))
        try expectOffered(site)
    }

    @Test(arguments: seeds)
    func `a late worker's record does not hide that the newer assign was never sent`(_ seed: UInt64) throws {
        let site = try offeredSite(seed)
        site.cic.faults[.assign] = [.late(.seconds(8)), .requestLost]
        site.broker.publish(
            Sample.change(.queueChanged, 11, owner: Sample.queueB, previousOwner: Sample.queueA))
        #expect(site.run(until: { site.cic.calls[.assign] == 2 }))
        site.broker.publish(
            Sample.change(.queueChanged, 12, owner: Sample.queueA, previousOwner: Sample.queueB))
        site.run(for: .seconds(60))
        try expectOffered(site)
    }

    @Test(arguments: seeds)
    func `a late disconnect does not end a customer's call that has the id by now`(_ seed: UInt64) throws {
        let site = try offeredSite(seed)
        let first = try #require(site.offered).id
        site.cic.faults[.disconnect] = [.late(.seconds(5))]
        site.broker.publish(Sample.change(.closed, 11, isClosed: true))
        #expect(site.run(until: { site.cic.calls[.disconnect] == 1 }))
        site.cic.end(first)
        let call = HandlerModel.Live(
            episode: EpisodeKey(CaseKey(org: "none", caseID: Sample.caseID), 1), attempt: Sample.attempt(999))
        site.cic.model.interactions[first] = call
        #expect(site.run(until: { site.state.episode == nil }))
        #expect(site.cic.model.interactions[first]?.attempt == call.attempt)
        site.stop()
    }

    @Test(arguments: seeds)
    func `the same change twice, and many times, is one request and one interaction`(_ seed: UInt64) throws {
        let site = try offeredSite(seed)
        for _ in 0..<30 { site.broker.publish(Sample.change(.created, 10)) }
        #expect(site.run(until: { site.broker.count == 0 }))
        #expect(site.shared.tables.requests.count == 1)
        #expect(site.shared.tables.requests.values.first?.taken == 0)
        try expectOffered(site)
    }

    @Test(arguments: seeds)
    func `equal case ids in two orgs are two cases`(_ seed: UInt64) throws {
        var configuration = Sample.configuration()
        configuration.orgs["sandbox"] = configuration.orgs[Sample.org]
        configuration.mappings[MappingKey(org: "sandbox", queue: Sample.queueA)] = Mapping(
            id: 9, org: "sandbox", queue: Sample.queueA, cic: Sample.cic, workgroup: Sample.workgroupB)
        let site = SimulatedSite(seed: seed, configuration: configuration)
        site.startWorker()
        site.broker.publish(Sample.change(.created, 10))
        site.broker.publish(Sample.change(.created, 10, org: "sandbox"))
        #expect(site.run(until: { site.isAtRest && site.cic.routable.count == 2 }))
        #expect(Set(site.cic.routable.values.map(\.workgroup)) == [Sample.workgroupA, Sample.workgroupB])
        #expect(site.cic.mostRoutable == 1)
        site.stop()
    }

    @Test(arguments: seeds)
    func `a retry handle counts only for the failure it names`(_ seed: UInt64) throws {
        let site = SimulatedSite(seed: seed)
        site.startWorker()
        let refusal = RoutingFailure(.configuration, at: .create, cause: .workgroupUnknown, "No such workgroup.")
        site.cic.faults[.create] = [.refused(refusal), .refused(refusal)]
        site.broker.publish(Sample.change(.created, 10))
        #expect(site.run(until: { site.state.attempts == RetryPolicy.attemptLimit }))
        func publish(_ number: Int32) {
            site.broker.publish(
                RequestMessage.encode(
                    RetryHandle(caseKey: Sample.caseKey, failureNumber: number), cause: .workgroupUnknown,
                    failedAt: Sample.start))
        }
        publish(1)
        #expect(site.run(until: { site.state.failureNumber == 2 }))
        publish(1)
        site.broker.publish(Sample.change(.created, 10))
        site.run(for: .seconds(60))
        #expect(site.state.attempts == RetryPolicy.attemptLimit)
        publish(2)
        try expectOffered(site)
    }
}
