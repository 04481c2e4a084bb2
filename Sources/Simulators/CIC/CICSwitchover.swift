extension CICState {
    /// What the active server calls itself: the two of a pair are two machines, with names of their own.
    var serverName: String { active == 0 ? configuration.server : "\(configuration.server)-\(active + 1)" }

    /// The backup becomes active: sessions end, both hosts refuse for a while, interactions come back with new ids or
    /// not at all.
    func switchOver(_ recovery: CICRecovery) {
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
        epoch += 1
        for session in Array(sessions.values) { end(session, reason: "switchover") }
        active = addresses.isEmpty ? 0 : (active + 1) % addresses.count
        refusingUntil = now + .milliseconds(recovery.window)
        var shadowed: [CICInteraction] = []
        var number = 0
        for interaction in interactions.values.sorted(by: { $0.serial < $1.serial }) {
            let lived = interaction.lives
            let agent = interaction.agent
            vanish(interaction, event: lived ? "lost" : "deallocated", by: "system")
            guard lived, interaction.kind == .email || recovery.generics else { continue }
            // What was listed where is kept, so that recovery can put it there again.
            interaction.agent = agent
            number += 1
            switch recovery.emails {
            case "all": shadowed.append(interaction)
            case "half": if number.isMultiple(of: 2) { shadowed.append(interaction) }
            default: continue
            }
        }
        // Agents who were freed by the loss look for work when recovery has put theirs back.
        after(max(recovery.delay, 1)) { state in
            for interaction in shadowed { state.recover(interaction) }
        }
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
