/// Someone who is offered interactions by ACD, picks up, finishes or gives back.
final class CICAgent {
    var settings: CICAgentConfiguration
    var current: [Int: CICInteraction] = [:]
    var idleSince: ContinuousClock.Instant

    init(settings: CICAgentConfiguration, now: ContinuousClock.Instant) {
        self.settings = settings
        idleSince = now
    }

    var isFree: Bool { settings.enabled && current.count < settings.capacity }

    func canTake(_ interaction: CICInteraction) -> Bool {
        interaction.skills.allSatisfy(settings.skills.contains)
            && (settings.takesEmail || interaction.kind != .email)
    }
}

/// What waits on one workgroup, oldest first. Entries that no longer wait are dropped when they are met.
struct CICWaiting {
    private var entries: [(interaction: CICInteraction, place: Int, number: Int)] = []
    private var head = 0

    mutating func append(_ interaction: CICInteraction, number: Int) {
        entries.append((interaction, interaction.place, number))
        // Entries that left from the middle; without this a long queue of other skills would grow for ever.
        if head > 1000, head > entries.count / 2 {
            entries = entries[head...].filter { Self.waits($0) }
            head = 0
        }
    }

    private static func waits(_ entry: (interaction: CICInteraction, place: Int, number: Int)) -> Bool {
        entry.interaction.waits && entry.interaction.place == entry.place
    }

    mutating func first(where fits: (CICInteraction) -> Bool) -> (interaction: CICInteraction, number: Int)? {
        while head < entries.count, !Self.waits(entries[head]) { head += 1 }
        for entry in entries[head...] where Self.waits(entry) && fits(entry.interaction) {
            return (entry.interaction, entry.number)
        }
        return nil
    }
}

extension CICState {
    func addAgent(_ settings: CICAgentConfiguration) {
        let agent = CICAgent(settings: settings, now: now)
        agents[settings.name] = agent
        for workgroup in settings.workgroups { workgroupAgents[workgroup, default: []].append(agent) }
    }

    // MARK: ACD

    /// An interaction begins to wait on its workgroup: ACD looks for an agent, or it stands in the queue.
    func enqueue(_ interaction: CICInteraction) {
        guard configuration.acd, interaction.waits, interaction.state == .offering,
            let name = interaction.workgroup, workgroups[name]?.isACD == true
        else { return }
        var longestIdle: CICAgent?
        for agent in workgroupAgents[name, default: []]
        where agent.isFree && agent.canTake(interaction) && !avoids(agent, interaction) {
            if longestIdle.map({ agent.idleSince < $0.idleSince }) ?? true { longestIdle = agent }
        }
        if let agent = longestIdle {
            offer(interaction, to: agent)
        } else {
            waitingNumber += 1
            waiting[name, default: CICWaiting()].append(interaction, number: waitingNumber)
        }
    }

    /// Who gave an interaction back is not offered it again at once, so that somebody else can have it.
    private func avoids(_ agent: CICAgent, _ interaction: CICInteraction) -> Bool {
        interaction.returnedBy == agent.settings.name && interaction.returnedUntil > now
    }

    /// A free agent takes what lies in the agent's own queue, then the interaction that has waited longest of those that fit.
    func seekWork(_ name: String) {
        guard let agent = agents[name] else { return }
        takeOwn(agent)
        guard configuration.acd else { return }
        while agent.isFree {
            var oldest: (interaction: CICInteraction, number: Int)?
            for workgroup in agent.settings.workgroups where workgroups[workgroup]?.isACD == true {
                let fits = { (interaction: CICInteraction) in
                    agent.canTake(interaction) && !self.avoids(agent, interaction)
                }
                if let found = waiting[workgroup]?.first(where: fits), found.number < oldest?.number ?? .max {
                    oldest = found
                }
            }
            guard let oldest else { return }
            offer(oldest.interaction, to: agent)
        }
    }

    /// ACD has no part in a user's own queue.
    private func takeOwn(_ agent: CICAgent) {
        let queue = queues[CICQueueName(type: CICQueueName.user, name: agent.settings.name)]
        let own = queue?.interactions.values.filter { $0.ringsInOwnQueue && agent.current[$0.serial] == nil } ?? []
        for interaction in own.sorted(by: { $0.serial < $1.serial }) where agent.isFree {
            agent.current[interaction.serial] = interaction
            planned(interaction, after: agent.settings.pickUpDelay) { $0.pickUp(interaction, by: "agent") }
        }
    }

    private func offer(_ interaction: CICInteraction, to agent: CICAgent) {
        hand(interaction, to: agent.settings.name, by: "system")
    }

    /// Puts an interaction before a user: it alerts, and a simulated agent picks it up after a while.
    func hand(_ interaction: CICInteraction, to name: String, by: String) {
        take(interaction, user: name)
        interaction.state = .alerting
        record(interaction, "alerting", by: by)
        publish(interaction)
        guard let agent = agents[name] else { return }
        planned(interaction, after: agent.settings.pickUpDelay) { $0.pickUp(interaction, by: "agent") }
    }

    /// Assigns without telling anybody.
    func take(_ interaction: CICInteraction, user: String) {
        let before = interaction.agent
        release(interaction)
        interaction.place += 1
        interaction.agent = user
        agents[user]?.current[interaction.serial] = interaction
        if let before, before != user { after(1) { $0.seekWork(before) } }
    }

    func pickUp(_ interaction: CICInteraction, by: String) {
        guard interaction.lives, let name = interaction.agent else { return }
        interaction.place += 1
        interaction.state = .connected
        record(interaction, "connected", by: by)
        publish(interaction)
        guard let agent = agents[name] else { return }
        planned(interaction, after: agent.settings.handlingTime) { state in
            if Double.random(in: 0..<1) < agent.settings.giveBack, interaction.workgroup != nil {
                state.giveBack(interaction)
            } else {
                state.end(interaction, by: "agent")
            }
        }
    }

    /// The agent transfers the interaction to the queue of the workgroup it came from.
    func giveBack(_ interaction: CICInteraction) {
        guard interaction.lives, let workgroup = interaction.workgroup, let agent = interaction.agent else { return }
        interaction.returnedBy = agent
        interaction.returnedUntil = now + CICInteraction.avoidance
        move(interaction, to: workgroup, by: "agent", event: "returned")
        // Offered again to anybody, should nobody else have taken it by then.
        after(Int(CICInteraction.avoidance.components.seconds) * 1000 + 1) { $0.seekWork(agent) }
    }

    /// Frees whoever has it; `agent` stays named until the caller says otherwise.
    func release(_ interaction: CICInteraction) {
        guard let name = interaction.agent, let agent = agents[name] else { return }
        if agent.current.removeValue(forKey: interaction.serial) != nil { agent.idleSince = now }
    }

    /// Something an agent does later, unless the interaction has gone elsewhere meanwhile.
    private func planned(
        _ interaction: CICInteraction, after delay: Int, _ action: @escaping (CICState) -> Void
    ) {
        let place = interaction.place
        // At least a millisecond: an agent who acts within the turn that offered would recurse without end.
        after(max(delay, 1)) { state in
            if interaction.place == place, interaction.lives { action(state) }
        }
    }
}
