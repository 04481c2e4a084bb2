import CaseRouting

extension ProtocolHistory {
    func seconds(_ range: ClosedRange<Int>) -> Duration {
        .milliseconds(Int.random(in: range.lowerBound * 1_000...range.upperBound * 1_000, using: &random))
    }

    private var anyServer: MemoryCIC { servers[Int.random(in: 0..<servers.count, using: &random)] }

    private var anyProcess: SimulatedProcess? { living.randomElement(using: &random) }

    func fail(_ kind: HistoryBounds.Kind) {
        faults[kind.rawValue, default: 0] += 1
        trace.say("fault", HistoryBounds.Kind.allCases.firstIndex(of: kind) ?? 0, text: "FAULT: \(kind.rawValue)")
        switch kind {
        case .death, .pause, .restart, .skew, .leaseLoss: failProcess(kind)
        case .cicFault, .cicAway, .cutSession, .switchover, .lateRecovery, .refusal, .cicRestart: failCIC(kind)
        case .databaseAway, .lostCommit, .lostRows: failDatabase(kind)
        case .brokerAway, .purge, .redelivery, .publishFault, .looks, .poison: failBroker(kind)
        case .stream, .salesforceAway, .missingRow: failSalesforce(kind)
        case .operators: operate()
        case .discard: discard()
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
                var next = kind == .refusal ? refusal : fault
                // Carried out again under the same id, a create cannot be told from the first.
                if case .twice = next, operation == .create, bounds.reusesIDs { next = .answerLost }
                server.faults[operation, default: []].append(next)
            }
        case .cicAway:
            server.isReachable = false
            simulation.clock.schedule(after: seconds(1...30)) { [unowned self] in answerAgain(server) }
        case .cutSession: server.cutSessions()
        case .cicRestart: restart(server)
        default: switchOver(server, isLate: kind == .lateRecovery)
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
    ///
    /// - Parameter isLate: what it recovers comes after that time: the footnote of the promise.
    private func switchOver(_ server: MemoryCIC, isLate: Bool) {
        guard recoveries == 0, server.isReachable else { return }
        countAsDelivered(server)
        // What was recovered too late once, and is recovered again, is so still.
        let strays = Set(server.routable.filter { isTooLate(server.name, $0.key, $0.value) }.map(\.value.attempt))
        let lost = server.switchOver()
        trace.say(
            "switchover", text: "\(server.name): \(server.identity) has taken over, without \(lost.count) interactions")
        let share = Int.random(in: 0...2, using: &random)
        let away = seconds(0...10)
        server.isReachable = false
        recoveries += 1
        simulation.clock.schedule(after: away) { [unowned self] in answerAgain(server) }
        // What an agent hides cannot be found again under another id: such a case counts as delivered.
        for live in lost
        where !(server.agentsHide && live.place == .withAgent)
            && (share == 2 || (share == 1 && Bool.random(using: &random)))
        {
            recoveries += 1
            simulation.clock.schedule(after: isLate ? seconds(75...200) : seconds(0...50)) { [unowned self] in
                recoveries -= 1
                let id = server.recover(live) { id in
                    guard isLate || strays.contains(live.attempt) else { return }
                    late["\(server.name)/\(id)"] = live.attempt
                    // With an agent it is the case's delivery, whatever was asked meanwhile.
                    if live.place == .withAgent { stories.first { $0.key == live.episode.caseKey }?.isTakenAway() }
                }
                trace.say(
                    "recovered", text: "\(server.name): \(id) of case \(live.episode.caseKey.caseID) is recovered")
            }
        }
        simulation.clock.schedule(after: .seconds(120)) { [unowned self] in recoveries -= 1 }
    }

    /// The server is restarted under its name. It is out of reach first, while agents go on; then it knows nothing any more,
    /// and is silent for so long after its session was lost that this is not taken for an interruption.
    private func restart(_ server: MemoryCIC) {
        guard recoveries == 0, server.isReachable else { return }
        server.isReachable = false
        restarting.insert(server.name)
        let noticed = seconds(0...8)
        simulation.clock.schedule(after: noticed) { server.hasSessions = false }
        simulation.clock.schedule(after: seconds(0...25)) { [unowned self] in
            countAsDelivered(server)
            server.restart()
            trace.say("restart", text: "\(server.name): \(server.identity) is restarted and knows nothing")
        }
        simulation.clock.schedule(after: noticed + seconds(61...192)) { [unowned self] in
            restarting.remove(server.name)
            server.hasSessions = true
            answerAgain(server)
        }
    }

    /// What an agent has, or had when the watch looked last, counts as delivered when it does not come back.
    private func countAsDelivered(_ server: MemoryCIC) {
        for live in server.routable.values {
            guard let story = stories.first(where: { $0.key == live.episode.caseKey }) else { continue }
            let row = shared.tables.openEpisode(story.key)
            if live.place == .withAgent || live.wasTaken && row?.episode.isWithAgent == true
                || server.toldWithAgents.contains(live.attempt)
            {
                story.agentEnds()
                story.isPickedUp(from: live.workgroup)
            }
        }
    }

    private func answerAgain(_ server: MemoryCIC) {
        if !restarting.contains(server.name) { server.isReachable = true }
    }

    // MARK: Database, broker, Salesforce

    private func failDatabase(_ kind: HistoryBounds.Kind) {
        if kind == .lostRows {
            loseRows()
        } else if kind == .lostCommit {
            shared.losesAnswers += Int.random(in: 1...4, using: &random)
        } else {
            shared.isBroken = true
            simulation.clock.schedule(after: seconds(0...15)) { [shared] in shared.isBroken = false }
        }
    }

    /// A standby takes over that lags. What an agent has hidden then is offered again, as the guarantees say, and so is not
    /// tried.
    private func loseRows() {
        guard let standby, !bounds.agentsHide else { return }
        let known = shared.tables.requests
        shared.fallBack(to: standby.tables, standby.ingest, servers: servers.map(\.name), org: Sample.org)
        self.standby = nil
        // Every process finds out by its next connection.
        for process in living {
            run(process) { [watches = process.watches] in
                for watch in watches { await watch.loseRows() }
            }
        }
        let lost = known.filter { key, row in
            let left = shared.tables.requests[key]
            return left == nil || left?.isSeen != row.isSeen || left?.outcome != row.outcome
        }
        forgotten.formUnion(lost.keys)
        for story in stories {
            let state = shared.tables.state(story.key)
            story.isForgotten(Set(lost.keys), state.facts)
            // Where it was offered last is known to nobody else.
            if bounds.contactOnUserOwned == .lastWorkgroup && state.lastWanted == nil { story.isForgottenAsOffered() }
            story.finished = nil
        }
        trace.say("lost rows", lost.count, text: "the database has lost what it knew of \(lost.count) requests")
    }

    private func failBroker(_ kind: HistoryBounds.Kind) {
        switch kind {
        case .poison:
            // No JSON, or JSON that is no message; each another one, so that a purge is known to take this one.
            let number = faults[kind.rawValue] ?? 0
            let body = Array((Bool.random(using: &random) ? "poison \(number)" : "{\"poison\":\(number)}").utf8)
            poison.append(body)
            broker.publish(body)
        case .brokerAway:
            broker.isBroken = true
            for process in living { broker.lose(process.life) }
            simulation.clock.schedule(after: seconds(0...30)) { [broker] in broker.isBroken = false }
        case .purge:
            // Poison that nobody has taken goes as well.
            poison.removeAll { broker.holds($0) }
            broker.purge()
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
            answerAgain(server)
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
        for process in living { process.life.slowness = Self.patientSlowness }
    }
}
