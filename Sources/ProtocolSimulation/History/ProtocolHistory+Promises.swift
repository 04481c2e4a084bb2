import CaseRouting

/// Promises that hold at any time: looked at whenever something happens.
extension ProtocolHistory {
    func watchPromises() {
        for server in servers {
            server.onChange = { [unowned self] in lookAtInteractions() }
            server.onCreate = { [unowned self] attempt in
                if !sentAttempts.insert(attempt).inserted { violated("attempt \(attempt) was sent twice") }
                if !shared.tables.attempts.contains(attempt) {
                    violated("attempt \(attempt) was sent before it was committed")
                }
            }
        }
        broker.acknowledges = { [unowned self] body in
            // What cannot be read is not acknowledged but put aside.
            guard let message = try? RequestMessage(body) else {
                return violated("a poisonous message was acknowledged")
            }
            guard case .change(let change) = message, !forgotten.contains(RequestKey(change)) else { return }
            // A message that killed its workers is acknowledged when its case is failed.
            let isSeen = shared.tables.requests[RequestKey(change)]?.isSeen == true
            if !isSeen && shared.tables.state(change.caseKey).failureNumber == 0 {
                violated("request \(change.key) was acknowledged before it was merged")
            }
        }
        org.marks = { [unowned self] change in
            let key = RequestKey(change)
            if shared.tables.requests[key]?.outcome == nil && !forgotten.contains(key) {
                violated("the row of \(change.key) was marked before its request had an outcome")
            }
        }
        shared.merged = { [unowned self] in merged($0, $1, $2) }
        // The agent has the case, and nothing else is offered: that is the footnote of the promise.
        shared.delivered = { [unowned self] key in stories.first { $0.key == key }?.isTakenAway() }
        shared.cursorMoved = { [unowned self] cursor in
            for place in org.base..<max(org.base, Int(cursor.replayID))
            where shared.tables.requests[RequestKey(org.events[place])] == nil
                && !forgotten.contains(RequestKey(org.events[place]))
            {
                violated("the position passed event \(place + 1), which is recorded nowhere")
            }
        }
    }

    private func lookAtInteractions() {
        for story in stories {
            let count = routable(of: story).count
            if count > 1 { violated("two routable interactions of case \(story.key.caseID)") }
            // What lost rows told of is offered, and the database does not know where.
            if count > 0 && shared.tables.state(story.key).lastWanted != nil { story.wasOffered = true }
            if !story.wasContacted && routable(of: story).contains(where: { $0.live.isInOwnQueue }) {
                violated("case \(story.key.caseID) is in a user's own queue, and nobody wrote about it")
            }
            // One that agents finished unseen, before a switchover or a restart, passes for lost and is offered once more.
            guard count > 0, let finished = story.finished else { continue }
            story.finished = nil
            if shared.tables.episodes[finished]?.endReason != .lost {
                violated("case \(story.key.caseID) is offered again although an agent has finished it")
            }
        }
    }

    /// Interactions of a case that agents can be offered, without what CIC has recovered too late: that is none of the
    /// case's any more, unless its episode was still looking for it.
    func routable(of story: Story) -> [(server: String, id: InteractionID, live: HandlerModel.Live)] {
        offered(of: story).filter { !isTooLate($0.server, $0.id, $0.live) }
    }

    func offered(of story: Story) -> [(server: String, id: InteractionID, live: HandlerModel.Live)] {
        servers.flatMap { server in server.routable.map { (server.name, $0.key, $0.value) } }
            .filter { $0.2.episode.caseKey == story.key }
    }

    func isTooLate(_ server: String, _ id: InteractionID, _ live: HandlerModel.Live) -> Bool {
        guard late["\(server)/\(id)"] == live.attempt else { return false }
        // The database has forgotten that its episode was given up, until everything is listed.
        if shared.tables.isHeld(.cic, server, .lostRows) { return true }
        let open = shared.tables.openEpisode(live.episode.caseKey)?.episode
        return open?.cic != server || open?.interaction != id || open?.attempt != live.attempt
    }

    /// An older state never takes the place of a newer one, however the changes came.
    private func merged(_ change: CaseChange, _ before: CaseFacts?, _ after: CaseFacts?) {
        guard !change.kind.isOccurrence, before != after else { return }
        if change.kind == .observed {
            let story = stories.first { $0.key == change.caseKey }
            if let after, story?.isOutdated(after, shared.tables) == true {
                violated("what \(change.key) had read was older than what was held")
            }
            return
        }
        let newer = shared.tables.requests.values.filter { request in
            request.change.caseKey == change.caseKey && request.isSeen && !request.change.kind.isOccurrence
                && request.change.kind != .observed && request.change.versionEpoch == change.versionEpoch
                && request.change.version > change.version
        }
        if let newer = newer.map(\.change.key).min() {
            violated("the older change \(change.key) was applied over the newer \(newer)")
        }
    }

    func violated(_ what: String) {
        guard violation == nil else { return }
        violation = what
        trace.say("violated", text: "VIOLATED: \(what)")
    }
}
