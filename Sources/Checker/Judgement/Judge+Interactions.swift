extension Judge {
    /// I2: at no instant two live interactions of a case were outside holding, on whatever servers.
    mutating func judgeDoubling() {
        for (key, state) in cic.cases {
            if let late = state.lateRecovery {
                let sentence = Sentence.doubled(late.interactions.map { cic.incarnations[$0] }, at: late.at)
                // Put right it is the footnote, otherwise it is what the promise excludes.
                if state.live.filter({ !cic.incarnations[$0].isHolding }).count > 1 {
                    findings.add(.oneRoutable, key, sentence + ", and still has", late.source)
                } else {
                    findings.addLateRecovery(key, sentence + ": one was recovered late", late.source)
                }
            }
            if let doubled = state.doubled {
                findings.add(
                    .oneRoutable, key,
                    Sentence.doubled(doubled.interactions.map { cic.incarnations[$0] }, at: doubled.at), doubled.source)
            }
        }
    }

    /// I3 and I4: what lives belongs to an open episode, what an episode names lives, what was routable had won, and what is
    /// somebody else's was left alone.
    mutating func judgeInteractions() {
        for one in cic.trespasses {
            findings.add(
                .onlyTheWinner,
                "\(one.name) is somebody else's, and the product had it \(one.event) at \(Sentence.time(one.at))",
                one.source)
        }
        for (key, state) in cic.cases {
            // A copy that somebody else made is nothing that the product moved.
            for index in state.all where cic.incarnations[index].beginning != "copied" {
                judgeWinner(cic.incarnations[index], key)
            }
            for index in state.live { judgeLiving(cic.incarnations[index], key) }
        }
        guard let database else { return }
        judgeEpisodes(database)
        for (key, requests) in database.requests where database.cases[key] == nil {
            if let seen = requests.first(where: { $0.seen != nil }) {
                findings.add(
                    .oneLive, key, "its change \(seen.key) was merged into a case that is not there", seen.source)
            }
        }
    }

    private mutating func judgeLiving(_ one: Incarnation, _ key: CaseKey) {
        guard one.beganAt < horizon, !findings.has(.oneRoutable, key), !findings.has(.onlyTheWinner, key) else {
            return
        }
        guard let state = salesforce.cases[key] else {
            findings.add(.oneLive, key, "\(one.name) is of a case that Salesforce does not have", one.source)
            return
        }
        guard let database else { return }
        let episode = database.episodes[DatabaseEvidence.EpisodeKey(key: key, number: one.episode)]
        guard let episode, episode.isOpen, episode.attempt == one.attempt, episode.interaction == one.id else {
            findings.add(.oneLive, key, "\(one.name) lives, and no open episode has it", one.source)
            return
        }
        guard let last = state.versions.last, last.at < horizon, !one.isWithAgent,
            !isVisiblyNotRouted(key, since: last.at)
        else { return }
        if !last.isOpen {
            findings.add(
                .oneLive, key, "\(one.name) lives, and the case was closed at \(Sentence.time(last.at))", one.source)
        } else if isNobodys(one, key, state, since: last) {
            findings.add(
                .oneLive, key,
                "\(one.name) waits, and since \(Sentence.time(last.at)) the case is \(last.owner)'s, of which nothing waits there",
                one.source)
        }
    }

    /// Whether the owner is one whose cases are not to wait where this one does: a queue that nobody monitors, or a user,
    /// where the mapping ends what waits when a user takes the case.
    private func isNobodys(
        _ one: Incarnation, _ key: CaseKey, _ state: SalesforceEvidence.CaseState,
        since last: SalesforceEvidence.Version
    ) -> Bool {
        guard places.place(org: key.org, queue: last.owner) == nil else { return false }
        // It may have been offered again there.
        if state.firstContact != nil && places.isOfferedAgain(org: key.org, owner: last.owner) { return false }
        let place = Site.Place(server: one.server, workgroup: one.workgroup)
        return !one.isHolding && one.since < horizon && !places.mayWait(org: key.org, at: place, while: last.owner)
    }

    private mutating func judgeWinner(_ one: Incarnation, _ key: CaseKey) {
        guard let database, let routable = one.routable, !one.attempt.isEmpty, routable.at < horizon,
            !mayBeMissing(one.beganAt), salesforce.cases[key] != nil
        else { return }
        let episode = database.episodes[DatabaseEvidence.EpisodeKey(key: key, number: one.episode)]
        guard episode?.attempt != one.attempt else { return }
        findings.add(
            .onlyTheWinner, key,
            "\(one.name) was routable at \(Sentence.time(routable.at)) by attempt \(one.attempt), and "
                + (episode.map { "episode \(one.episode) belongs to attempt \($0.attempt)" }
                    ?? "there is no episode \(one.episode)"),
            routable.source)
    }

    private mutating func judgeEpisodes(_ database: DatabaseEvidence) {
        for (place, episode) in database.episodes {
            guard let owner = database.cases[place.key] else {
                findings.add(
                    .oneLive, place.key, "episode \(place.number) is of a case that is not there", episode.source)
                continue
            }
            if place.number > owner.episode || (episode.isOpen && place.number != owner.episode) {
                findings.add(
                    .oneLive, place.key,
                    "episode \(place.number) is \(episode.state), and the case's newest is \(owner.episode)",
                    episode.source)
            }
            guard episode.isOpen, episode.opened < horizon, !owner.isDue, !owner.isFailed else { continue }
            let isThere = (cic.cases[place.key]?.all ?? []).contains { index in
                let one = cic.incarnations[index]
                return one.server == episode.server && one.id == episode.interaction && one.attempt == episode.attempt
                    && one.ended.map { $0.at >= horizon } ?? true
            }
            if !isThere {
                findings.add(
                    .oneLive, place.key,
                    "episode \(place.number) is \(episode.state) with interaction \(episode.interaction), which does not live",
                    episode.source)
            }
        }
    }

    /// I8: every create has its intention in the database, and each attempt creates once.
    mutating func judgeCreations() {
        for (attempt, made) in cic.creations {
            guard let first = made.first.map({ cic.incarnations[$0] }), let key = first.owner else { continue }
            if let again = made.dropFirst().first.map({ cic.incarnations[$0] }) {
                findings.add(
                    .intention, key,
                    "attempt \(attempt) created \(made.count) interactions: \(first.id) and \(again.id)",
                    again.source)
            }
            guard let database, first.beganAt < horizon, !mayBeMissing(first.beganAt) else { continue }
            guard let intention = database.attempts[attempt] else {
                findings.add(
                    .intention, key, "interaction \(first.id) was created by attempt \(attempt), which is not there",
                    first.source)
                continue
            }
            if intention.key != key || intention.episode != first.episode {
                findings.add(
                    .intention, key,
                    "interaction \(first.id) was created by attempt \(attempt), which is of another case or episode",
                    first.source)
            } else if intention.started > first.beganAt {
                findings.add(
                    .intention, key,
                    "interaction \(first.id) was created at \(Sentence.time(first.beganAt)), before attempt \(attempt) began",
                    first.source)
            }
        }
    }
}
