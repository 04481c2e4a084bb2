import CaseRouting

extension ProtocolHistory {
    /// One thing that happens: to Salesforce, to an agent, or to whatever fails.
    func act() {
        if bounds.kinds.contains(.lostRows) && Int.random(in: 0..<3, using: &random) == 0 {
            standby = (shared.tables, shared.ingest)
        }
        let roll = Int.random(in: 0..<(10 + 5 * bounds.eagerness), using: &random)
        switch roll {
        case 0..<8: if let kind = bounds.kinds.randomElement(using: &random) { fail(kind) }
        case 8..<10: replaceDead()
        default: if Bool.random(using: &random) { change() } else { agent() }
        }
    }

    // MARK: Salesforce

    private func change() {
        guard let story = stories.randomElement(using: &random),
            let happening = story.possible.randomElement(using: &random)
        else { return }
        if bounds.contactOnUserOwned != .unchanged && Int.random(in: 0..<3, using: &random) == 0 {
            return give(story, to: happening)
        }
        change(story, happening)
        guard bounds.wavers, let back = story.opposite else { return }
        run(.milliseconds(Int.random(in: 0...8_000, using: &random)))
        change(story, back)
    }

    /// A user takes the case, or gives it on, and somebody writes; and then, perhaps, what was drawn happens.
    private func give(_ story: Story, to happening: Story.Happening) {
        let users = story.possible.filter { $0 == .user || $0 == .otherUser }
        var lives = [users.randomElement(using: &random), .comment, happening].compactMap { $0 }
        if Bool.random(using: &random) { lives.removeLast() }
        for next in lives where story.possible.contains(next) {
            change(story, next)
            let limit = Bool.random(using: &random) ? 400 : 8_000
            run(.milliseconds(Int.random(in: 0...limit, using: &random)))
        }
    }

    private func change(_ story: Story, _ happening: Story.Happening) {
        changes += 1
        let now = Sample.start + simulation.clock.monotonic
        lastVersion = bounds.isLegacy ? now.seconds : lastVersion + 1
        // Of two changes without rows that cancel each other nobody can know.
        let mayLackRow = story.committed.allSatisfy(\.hasRow)
        let hasRow =
            !(mayLackRow && happening.isState && bounds.kinds.contains(.missingRow)
            && Int.random(in: 0..<6, using: &random) == 0)
        let isOwed = happening == .comment && isOfferedToOwner(story)
        let change = story.commit(
            happening, version: lastVersion, at: now, number: changes, hasRow: hasRow, isOwed: isOwed)
        trace.say(
            "change", changes,
            text: "SALESFORCE: \(change.key) case \(story.key.caseID) \(happening)\(hasRow ? "" : ", without a row")")
        org.commit(change, writesRow: hasRow, announces: false)
        if hasRow { announce(change) }
        servers[0].onChange?()
    }

    /// Whether a comment is offered although a user owns the case.
    private func isOfferedToOwner(_ story: Story) -> Bool {
        guard story.owner.isUser, !story.isClosed else { return false }
        return switch bounds.contactOnUserOwned {
        case .unchanged: false
        case .lastWorkgroup: story.wasOffered
        case .ownQueue: configuration.ownQueue(org: Sample.org, of: story.owner) != nil
        }
    }

    /// The event: now, late and so behind others, twice, or never.
    private func announce(_ change: CaseChange) {
        let isUnruly = bounds.kinds.contains(.stream)
        switch isUnruly ? Int.random(in: 0..<8, using: &random) : 0 {
        case 1: return
        case 2, 3:
            let delay = Duration.milliseconds(Int.random(in: 1...20_000, using: &random))
            simulation.clock.schedule(after: delay) { [org] in org.announce(change) }
        case 4:
            org.announce(change)
            let delay = Duration.milliseconds(Int.random(in: 1...20_000, using: &random))
            simulation.clock.schedule(after: delay) { [org] in org.announce(change) }
        default: org.announce(change)
        }
    }

    // MARK: Agents

    private func agent() {
        guard let server = servers.randomElement(using: &random) else { return }
        let routable = server.routable.sorted { $0.key.description < $1.key.description }
        guard let (id, live) = routable.randomElement(using: &random),
            let story = stories.first(where: { $0.key == live.episode.caseKey })
        else { return }
        switch (live.place, Int.random(in: 0..<8, using: &random)) {
        case (.waiting, 0):
            trace.say("removed", text: "\(server.name): \(id) is ended while it waits")
            story.isTakenAway()
            server.end(id)
        case (.waiting, 1...2) where !live.isAlerting:
            trace.say("rings", text: "\(server.name): \(id) rings at an agent")
            server.ring(id)
            simulation.clock.schedule(after: seconds(1...20)) { server.ring(id, false) }
        case (.waiting, _):
            trace.say("picked up", text: "\(server.name): \(id) is picked up")
            story.isPickedUp(from: live.workgroup)
            if isTooLate(server.name, id, live) { story.isTakenAway() }
            // Recovered under another id and hidden before the watch has seen it: nobody can find it again.
            let known = shared.tables.openEpisode(story.key)?.episode
            if server.agentsHide && (known?.interaction != id || known?.attempt != live.attempt) {
                late["\(server.name)/\(id)"] = live.attempt
            }
            server.pickUp(id)
        case _ where live.place == .withAgent && isTooLate(server.name, id, live):
            // Given back it would wait for anybody: it is nobody's, and only reported.
            story.agentEnds()
            server.end(id)
        case (_, 0..<4):
            trace.say("ended", text: "\(server.name): the agent of \(id) ends it")
            story.agentEnds()
            let finished = settledEpisode(of: story, id, live, on: server)
            server.end(id)
            story.finished = finished
        default:
            trace.say("given back", text: "\(server.name): the agent of \(id) gives it back")
            server.giveBack(id)
        }
    }

    /// The episode that holds this interaction, when all that was told of its case is done.
    private func settledEpisode(
        of story: Story, _ id: InteractionID, _ live: HandlerModel.Live, on server: MemoryCIC
    ) -> EpisodeKey? {
        let tables = shared.tables
        guard let row = tables.cases[story.key], !row.state.isDue, !row.isToVerify,
            let episode = tables.openEpisode(story.key)?.episode, episode.state == .placed,
            episode.cic == server.name, episode.interaction == id, episode.attempt == live.attempt,
            episode.assignNumber == row.state.revision, episode.workgroup == row.state.wanted?.workgroup,
            story.isHeld(row.state.facts),
            story.committed.allSatisfy({ !$0.hasRow || tables.requests[RequestKey($0.change)]?.outcome != nil })
        else { return nil }
        return EpisodeKey(story.key, episode.number)
    }

    // MARK: Operators

    /// Whoever finds a failed case sends it again, with its handle.
    func operators() {
        for story in stories {
            let state = shared.tables.state(story.key)
            guard state.attempts >= RetryPolicy.attemptLimit else { continue }
            broker.publish(handle(RetryHandle(caseKey: story.key, failureNumber: state.failureNumber)))
        }
    }

    private func handle(_ handle: RetryHandle) -> [UInt8] {
        RequestMessage.encode(handle, cause: .workerDied, failedAt: Sample.start)
    }

    /// Somebody gives a failed case up, and so knows of it.
    func discard() {
        guard let story = stories.first(where: { shared.tables.state($0.key).attempts >= RetryPolicy.attemptLimit })
        else { return }
        shared.tables.now = Sample.start + simulation.clock.monotonic
        if shared.tables.discard(story.key) {
            trace.say("discarded", text: "case \(story.key.caseID) is discarded")
            story.isTakenAway()
        }
    }

    /// Operators in the middle of it: handles moved twice or too late, servers paused and resumed.
    func operate() {
        guard let story = stories.randomElement(using: &random) else { return }
        switch Int.random(in: 0..<3, using: &random) {
        case 0: operators()
        case 1:
            let number = max(
                1, shared.tables.state(story.key).failureNumber - Int32.random(in: 0...1, using: &random))
            broker.publish(handle(RetryHandle(caseKey: story.key, failureNumber: number)))
        default:
            let holds: [Hold] = [
                Hold(kind: .cic, name: servers[0].name, reason: .paused, detail: ""),
                Hold(kind: .org, name: Sample.org, reason: .paused, detail: ""),
                Hold(
                    kind: .workgroup, name: "\(Sample.cic)/\(Sample.workgroupA)", reason: .paused, detail: ""),
            ]
            guard let hold = holds.randomElement(using: &random) else { return }
            shared.tables.place(hold)
            simulation.clock.schedule(after: .seconds(Int.random(in: 1...60, using: &random))) { [shared] in
                shared.tables.holds[.init(kind: hold.kind, name: hold.name, reason: hold.reason)] = nil
            }
        }
    }
}
