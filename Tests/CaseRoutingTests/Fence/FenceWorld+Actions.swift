import CaseRouting
import TestSupport

/// What may happen next.
enum FenceAction {
    case commit(FenceWorld.Happening, inSameSecond: Bool, hasRow: Bool)
    case deliver(Int)
    case deliverObservation
    case beginSlow(Int?)
    case stepSlow
    case sweep
    case verify
    case claim
    case stepHolder(Int)
    case loseLease
    case timePasses
    case pickUp(InteractionID)
    case agentEnds(InteractionID)
    case giveBack(InteractionID)
    case note(InteractionID)
    case watchEnd
    case watchAdopts(InteractionID)
    case watchDisconnects(InteractionID)

    /// What somebody is bound to do sooner or later. A world without any is at rest and is judged.
    var isDuty: Bool {
        switch self {
        case .commit, .beginSlow, .loseLease, .pickUp, .agentEnds, .giveBack: false
        default: true
        }
    }
}

extension FenceWorld {
    func possible() -> [FenceAction] {
        var actions = commits()
        actions += undelivered.sorted().map { .deliver($0) }
        if observation != nil { actions.append(.deliverObservation) }
        if slow != nil {
            actions.append(.stepSlow)
        } else if bounds.hasSlowWorker {
            actions += undelivered.sorted().map { .beginSlow($0) }
            if observation != nil { actions.append(.beginSlow(nil)) }
        }
        if differs { actions.append(.sweep) }
        if tables.cases[Sample.caseKey]?.isToVerify == true && observation == nil { actions.append(.verify) }
        return actions + workers() + agentsAndWatch()
    }

    private func commits() -> [FenceAction] {
        guard committed.count < bounds.changes else { return [] }
        let mayBeInSameSecond = bounds.isLegacy && !committed.isEmpty && readStamp != lastStamp
        let lacksRow = committed.contains { !$0.hasRow }
        var actions: [FenceAction] = []
        for happening in bounds.happenings {
            switch happening {
            case .queueA where owner == Sample.queueA, .queueB where owner == Sample.queueB,
                .user where owner == Sample.user, .unmonitored where owner == Sample.unmonitored,
                .closed where isClosed, .reopened where !isClosed:
                continue
            default: break
            }
            actions.append(.commit(happening, inSameSecond: false, hasRow: true))
            if mayBeInSameSecond { actions.append(.commit(happening, inSameSecond: true, hasRow: true)) }
            if bounds.mayLackRow && happening.isState && !lacksRow {
                actions.append(.commit(happening, inSameSecond: false, hasRow: false))
            }
        }
        return actions
    }

    private func workers() -> [FenceAction] {
        var actions: [FenceAction] = holders.indices.map { .stepHolder($0) }
        guard let row = tables.cases[Sample.caseKey] else { return actions }
        if row.state.isDue {
            if (holders.isEmpty || row.leaseUntil == nil) && !waitsForAgent {
                actions.append(row.nextAt <= tables.now && isLeaseFree(row) ? .claim : .timePasses)
            }
            if bounds.mayLoseLease && holders.count == 1 && leaseLosses < 2 { actions.append(.loseLease) }
        }
        return actions
    }

    /// What nobody wants any more is with an agent who keeps it: the case is looked at again and again.
    var waitsForAgent: Bool {
        guard held.wanted == nil, held.sparesAgent, let interaction = held.episode?.interaction else { return false }
        return cic.interactions[interaction]?.place == .withAgent && held.episode?.isWithAgent == true
            && (tables.cases[Sample.caseKey]?.nextAt ?? tables.now) > tables.now
    }

    private func isLeaseFree(_ row: CaseTables.CaseRow) -> Bool { row.leaseUntil.map { $0 <= tables.now } ?? true }

    private func agentsAndWatch() -> [FenceAction] {
        var actions: [FenceAction] = []
        let open = tables.openEpisode(Sample.caseKey)?.episode
        for (interaction, live) in cic.interactions.sorted(by: { $0.key.description < $1.key.description }) {
            let isBound = open?.interaction == interaction && open?.attempt == live.attempt
            switch live.place {
            case .waiting: actions.append(.pickUp(interaction))
            case .withAgent:
                if agentEnds > 0 {
                    actions.append(.agentEnds(interaction))
                    actions.append(.giveBack(interaction))
                }
            case .holding:
                let isNobodys = !holders.contains { $0.isAbout(interaction) }
                if open?.state == .creating && open?.number == live.episode.number && isNobodys {
                    actions.append(.watchAdopts(interaction))
                } else if !isBound && isNobodys {
                    actions.append(.watchDisconnects(interaction))
                }
            }
            if isBound && open?.isWithAgent != (live.place == .withAgent) { actions.append(.note(interaction)) }
        }
        if let interaction = open?.interaction, let attempt = open?.attempt, cic.read(interaction, attempt) == .gone {
            actions.append(.watchEnd)
        }
        return actions
    }

    mutating func perform(_ action: FenceAction) {
        trace.append("\(action)")
        switch action {
        case .commit(let happening, let inSameSecond, let hasRow):
            commit(happening, inSameSecond: inSameSecond, hasRow: hasRow)
        case .deliver(let index):
            undelivered.remove(index)
            merge(committed[index].change)
        case .deliverObservation:
            guard let change = observation else { return }
            observation = nil
            merge(change)
        case .beginSlow(let index):
            guard let change = index.map({ committed[$0].change }) ?? observation else { return }
            if let index { undelivered.remove(index) } else { observation = nil }
            slow = SlowMerge(index: index, change: change, snapshot: tables.snapshot(change))
        case .stepSlow: stepSlow()
        case .sweep: observe()
        case .verify:
            tables.cases[Sample.caseKey]?.isToVerify = false
            observe()
        case .claim: holders += tables.claimDue(limit: 1, servers: [Sample.cic]).map { Holder(claim: $0) }
        case .stepHolder(let place): stepHolder(place)
        case .loseLease:
            leaseLosses += 1
            tables.now = tables.now + Claim.lease + .seconds(1)
            holders += tables.claimDue(limit: 1, servers: [Sample.cic]).map { Holder(claim: $0) }
        case .timePasses:
            guard let row = tables.cases[Sample.caseKey] else { return }
            tables.now = max(tables.now, row.nextAt, row.leaseUntil ?? row.nextAt)
        default: performInCIC(action)
        }
        settle()
    }

    private mutating func performInCIC(_ action: FenceAction) {
        switch action {
        case .pickUp(let interaction): cic.pickUp(interaction)
        case .giveBack(let interaction):
            agentEnds -= 1
            cic.giveBack(interaction)
        case .agentEnds(let interaction):
            agentEnds -= 1
            lastAssign[interaction] = cic.interactions[interaction]?.assignNumber
            cic.interactions[interaction] = nil
            // The agent still had it after the customer wrote.
            answered.formUnion(committed.indices.filter { committed[$0].happening == .comment })
        case .note(let interaction):
            guard let live = cic.interactions[interaction] else { return }
            tables.note(live.episode, interaction, live.attempt, isWithAgent: live.place == .withAgent)
        case .watchEnd:
            guard let episode = tables.openEpisode(Sample.caseKey)?.episode, let interaction = episode.interaction
            else {
                return
            }
            end(EpisodeKey(Sample.caseKey, episode.number), interaction, episode.attempt, lastAssign[interaction])
        case .watchAdopts(let interaction):
            guard let live = cic.interactions[interaction] else { return }
            _ = tables.adopt(live.episode, interaction, live.attempt)
        case .watchDisconnects(let interaction): cic.interactions[interaction] = nil
        default: break
        }
    }
}

extension Holder {
    /// Whether it is about to write this interaction into its episode: the watch waits five seconds for that.
    fileprivate func isAbout(_ interaction: InteractionID) -> Bool {
        if case .created(interaction, _) = stage { return true }
        return false
    }
}
