extension CICState {
    /// What the active server calls itself: the two of a pair are two machines, with names of their own.
    var serverName: String { active == 0 ? configuration.server : "\(configuration.server)-\(active + 1)" }

    /// The backup becomes active: sessions end, both hosts refuse for a while, interactions come back with new ids or
    /// not at all.
    func switchOver(_ recovery: CICRecovery) {
        guard recovery.overlap == 0 else { return fail(recovery) }
        refusingUntil = now + .milliseconds(recovery.window + (recovery.announce ? recovery.announceLead : 0))
        if recovery.announce {
            for session in sessions.values {
                let message: CICJSON = [
                    "__type": "urn:inin.com:connection:connectionStateChangeMessage", "isDelta": false,
                    "previousConnectionState": 1, "newConnectionState": 2, "reason": "The server is switching over.",
                    "shouldReconnect": true,
                ]
                session.post(message.bytes, in: self)
            }
        }
        after(recovery.announce ? recovery.announceLead : 0) { $0.fail(recovery) }
    }

    private func fail(_ recovery: CICRecovery) {
        stepDown()
        let shadowed = shadows(recovery)
        if recovery.overlap > 0, addresses.count > 1 {
            depose(recovery)
            after(recovery.overlap) { $0.stepDown() }
        } else {
            for session in Array(sessions.values) { end(session, reason: "switchover") }
            for interaction in interactions.values.sorted(by: { $0.serial < $1.serial }) {
                vanish(interaction, event: interaction.lives ? "lost" : "deallocated", by: "system")
            }
        }
        epoch += 1
        active = addresses.isEmpty ? 0 : (active + 1) % addresses.count
        refusingUntil = now + .milliseconds(recovery.window)
        // Agents who were freed by the loss look for work when recovery has put theirs back.
        after(max(recovery.delay, 1)) { state in
            for interaction in shadowed { state.recover(interaction) }
        }
    }

    /// What the backup knows: copies of what lives, with what was listed where, so that recovery can put it there again.
    private func shadows(_ recovery: CICRecovery) -> [CICInteraction] {
        let known = interactions.values.sorted { $0.serial < $1.serial }.filter {
            $0.lives && ($0.kind == .email || recovery.generics)
        }
        let share = ["all": 1, "half": 2][recovery.emails]
        return known.enumerated().compactMap { index, interaction in
            guard let share, (index + 1).isMultiple(of: share) else { return nil }
            let shadow = CICInteraction(serial: interaction.serial, id: interaction.id, kind: interaction.kind)
            shadow.copyAttributes(of: interaction)
            shadow.skills = interaction.skills
            shadow.workgroup = interaction.workgroup
            shadow.agent = interaction.agent
            shadow.state = interaction.state
            return shadow
        }
    }

    // MARK: Both answer

    /// The server of the active host is not active any more and does not know it: it keeps its sessions and its interactions,
    /// shows them, and does what it is told. But the agents went over, so nobody is offered anything there: for them, and for
    /// the ledger, its interactions are lost, and what happens to them is of the kind `deposed`.
    private func depose(_ recovery: CICRecovery) {
        if recovery.overlapSessions == "half" {
            for (index, id) in sessions.keys.sorted().enumerated() where index.isMultiple(of: 2) {
                if let session = sessions[id] { end(session, reason: "switchover") }
            }
        }
        let old = CICState(configuration: configuration)
        (old.addresses, old.active, old.epoch, old.now) = (addresses, active, epoch, now)
        if recovery.overlapSessions == "half" {
            old.refusingUntil = now + .milliseconds(recovery.overlap) + .seconds(1)
        }
        (old.sessions, old.former, old.formerOrder) = (sessions, former, formerOrder)
        (old.nextSession, old.tokens) = (nextSession, tokens)
        (old.interactions, old.nextSerial, old.nextID, old.freeIDs) = (interactions, nextSerial, nextID, freeIDs)
        (old.attributeNames, old.attributeKeys, old.queues) = (attributeNames, attributeKeys, queues)
        (old.workgroups, old.skills, old.directory, old.timers) = (workgroups, skills, directory, timers)
        (old.agents, old.agentsElsewhere, old.workgroupAgents) = ([:], Set(agents.keys), [:])
        old.ledgerKind = "deposed"
        recordPair("both")
        for interaction in interactions.values.sorted(by: { $0.serial < $1.serial }) {
            if interaction.lives { record(interaction, "lost", by: "system") }
            // What an agent would have done with it next is void.
            interaction.place += 1
            if configuration.idSpace > 0 { freeIDs.append(interaction.id) }
        }
        (sessions, interactions, queues, timers, waiting) = ([:], [:], [:], CICTimers(), [:])
        for agent in agents.values { agent.current = [:] }
        // Two machines that give ids at the same time do not give the same ones, where ids are not used again.
        nextID += 100_000
        nextSession += 100_000
        deposed = old
    }

    /// The deposed server finds out: its sessions end, and its host takes none.
    func stepDown() {
        guard let old = deposed else { return }
        deposed = nil
        for session in Array(old.sessions.values) { old.end(session, reason: "switchover") }
        lines += old.lines
        woken += old.woken
        recordPair("one")
    }

    /// The same interaction under a new id, with the same attributes, where it was.
    private func recover(_ lost: CICInteraction) {
        let interaction = makeInteraction(lost.kind)
        interaction.copyAttributes(of: lost)
        interaction.skills = lost.skills
        interaction.workgroup = lost.workgroup
        interaction.state = lost.state
        if let name = lost.agent, lost.workgroup == nil, lost.state == .alerting {
            lay(interaction, inQueueOf: name, by: "system", event: "recovered")
        } else if let name = lost.agent {
            take(interaction, user: name)
            record(interaction, "recovered", by: "system")
            publish(interaction)
            if agents[name] != nil { pickUp(interaction, by: "agent") }
        } else {
            record(interaction, "recovered", by: "system")
            publish(interaction)
            enqueue(interaction)
        }
    }
}
