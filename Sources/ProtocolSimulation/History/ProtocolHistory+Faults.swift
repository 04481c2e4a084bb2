import CaseRouting

extension ProtocolHistory {
    private func seconds(_ range: ClosedRange<Int>) -> Duration {
        .milliseconds(Int.random(in: range.lowerBound * 1_000...range.upperBound * 1_000, using: &random))
    }

    private var anyServer: MemoryCIC { servers[Int.random(in: 0..<servers.count, using: &random)] }

    private var anyProcess: SimulatedProcess? { living.randomElement(using: &random) }

    func fail(_ kind: HistoryBounds.Kind) {
        faults[kind.rawValue, default: 0] += 1
        trace.say("fault", HistoryBounds.Kind.allCases.firstIndex(of: kind) ?? 0, text: "FAULT: \(kind.rawValue)")
        switch kind {
        case .death, .pause, .restart, .skew, .leaseLoss: failProcess(kind)
        case .cicFault, .cicAway, .cutSession, .switchover, .refusal: failCIC(kind)
        case .databaseAway, .lostCommit: failDatabase(kind)
        case .brokerAway, .purge, .redelivery, .publishFault, .looks: failBroker(kind)
        case .stream, .salesforceAway, .missingRow: failSalesforce(kind)
        case .operators: operate()
        }
    }

    // MARK: Processes

    private func failProcess(_ kind: HistoryBounds.Kind) {
        switch kind {
        case .death, .skew: anyProcess?.life.stepsLeft = Int.random(in: 0...60, using: &random)
        case .pause:
            anyProcess?.life.pausedUntil = simulation.clock.monotonic + seconds(1...60)
        case .restart:
            if let process = anyProcess { stop(process) }
        default: loseLease()
        }
    }

    /// A lease ends at any time: of a duty, whose holder does not know, or of a case.
    private func loseLease() {
        let now = Sample.start + simulation.clock.monotonic
        if Bool.random(using: &random) {
            guard let name = shared.tables.leases.keys.sorted().randomElement(using: &random) else { return }
            shared.tables.leases[name]?.until = now
            // Whoever held it is late with everything for a while, so that another is first.
            if let holder = shared.tables.leases[name]?.owner {
                living.first { $0.life.name == holder }?.life.pausedUntil = simulation.clock.monotonic + seconds(0...12)
            }
        } else if let story = stories.randomElement(using: &random),
            shared.tables.cases[story.key]?.leaseUntil != nil
        {
            shared.tables.cases[story.key]?.leaseUntil = now
            shared.tables.cases[story.key]?.nextAt = now
        }
    }

    // MARK: CIC

    private func failCIC(_ kind: HistoryBounds.Kind) {
        let server = anyServer
        switch kind {
        case .cicFault, .refusal:
            let operations: [MemoryCIC.Operation] = [.create, .create, .assign, .assign, .disconnect, .read, .find]
            guard let operation = operations.randomElement(using: &random) else { return }
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                server.faults[operation, default: []].append(kind == .refusal ? refusal : fault)
            }
        case .cicAway:
            server.isReachable = false
            simulation.clock.schedule(after: seconds(1...30)) { server.isReachable = true }
        case .cutSession: server.cutSessions()
        default: switchOver(server)
        }
    }

    private var fault: MemoryCIC.Fault {
        switch Int.random(in: 0..<5, using: &random) {
        case 0: .requestLost
        case 1: .answerLost
        case 2: .late(.milliseconds(Int.random(in: 1...9_000, using: &random)))
        case 3: .afterDeadline(seconds(0...60))
        default: .twice(seconds(0...60))
        }
    }

    private var refusal: MemoryCIC.Fault {
        let kinds: [RoutingFailure.Kind] = [.transient, .transient, .permanent, .configuration]
        return .refused(
            RoutingFailure(
                kinds[Int.random(in: 0..<kinds.count, using: &random)], at: .create, cause: .cicRefused, "Refused."))
    }

    /// The other server takes over. It recovers all, some or none of what there was, within the time that it is given for
    /// that.
    private func switchOver(_ server: MemoryCIC) {
        guard recoveries == 0, server.isReachable else { return }
        // What an agent has, or had when the watch looked last, counts as delivered when it does not come back.
        for live in server.routable.values {
            guard let story = stories.first(where: { $0.key == live.episode.caseKey }) else { continue }
            let row = shared.tables.openEpisode(story.key)
            if live.place == .withAgent || row?.episode.isWithAgent == true { story.agentEnds() }
        }
        let lost = server.switchOver()
        trace.say(
            "switchover", text: "\(server.name): \(server.identity) has taken over, without \(lost.count) interactions")
        let share = Int.random(in: 0...2, using: &random)
        let away = seconds(0...10)
        server.isReachable = false
        recoveries += 1
        simulation.clock.schedule(after: away) { server.isReachable = true }
        // What an agent hides cannot be found again under another id: such a case counts as delivered.
        for live in lost
        where !(server.agentsHide && live.place == .withAgent)
            && (share == 2 || (share == 1 && Bool.random(using: &random)))
        {
            recoveries += 1
            simulation.clock.schedule(after: seconds(0...50)) { [unowned self] in
                recoveries -= 1
                let id = server.recover(live)
                trace.say(
                    "recovered", text: "\(server.name): \(id) of case \(live.episode.caseKey.caseID) is recovered")
            }
        }
        simulation.clock.schedule(after: .seconds(120)) { [unowned self] in recoveries -= 1 }
    }

    // MARK: Database, broker, Salesforce

    private func failDatabase(_ kind: HistoryBounds.Kind) {
        if kind == .lostCommit {
            shared.losesAnswers += Int.random(in: 1...4, using: &random)
        } else {
            shared.isBroken = true
            simulation.clock.schedule(after: seconds(0...15)) { [shared] in shared.isBroken = false }
        }
    }

    private func failBroker(_ kind: HistoryBounds.Kind) {
        switch kind {
        case .brokerAway:
            broker.isBroken = true
            for process in living { broker.lose(process.life) }
            simulation.clock.schedule(after: seconds(0...30)) { [broker] in broker.isBroken = false }
        case .purge: broker.purge()
        case .redelivery: if let process = anyProcess { broker.lose(process.life) }
        case .looks: broker.lookAtOne()
        default:
            let fault: MemoryBroker.PublishFault = Bool.random(using: &random) ? .messageLost : .confirmLost
            broker.publishFaults.append(fault)
        }
    }

    private func failSalesforce(_ kind: HistoryBounds.Kind) {
        switch kind {
        case .salesforceAway: org.failures += Int.random(in: 1...5, using: &random)
        case .stream:
            org.refusesPosition = Int.random(in: 0..<3, using: &random) == 0
            org.cutStream()
        default: break
        }
    }

    // MARK: The end of it

    /// From here on nothing goes wrong any more.
    func heal() {
        trace.say("healed", text: "from here on nothing goes wrong any more")
        shared.isBroken = false
        shared.losesAnswers = 0
        broker.isBroken = false
        broker.publishFaults = []
        org.failures = 0
        org.refusesPosition = false
        for server in servers {
            server.faults = [:]
            server.isReachable = true
        }
        shared.tables.holds = shared.tables.holds.filter { $0.key.reason != .paused }
        for process in living {
            process.life.pausedUntil = .zero
            process.life.stepsLeft = nil
        }
        settle()
    }

    /// Everybody who has died is replaced, and nobody hurries any more.
    func settle() {
        replaceDead()
        for process in living { process.life.slowness = 20 }
    }
}
