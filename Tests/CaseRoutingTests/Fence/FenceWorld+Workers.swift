import CaseRouting
import TestSupport

/// A worker whose read, read of CIC and write lie apart.
struct SlowMerge {
    /// Nil: the observation.
    let index: Int?
    let change: CaseChange
    var snapshot: CaseSnapshot
    var knowledge = InteractionKnowledge.notRead
}

/// Holder of a case's lease, or one that has lost it and does not know.
struct Holder {
    enum Stage {
        case deciding
        /// The attempt is committed.
        case creating(AttemptID)
        case created(InteractionID, AttemptID)
        /// Number and *unknown* are committed.
        case assigning(AssignOrder)
        case assigned(AssignAnswer, AssignOrder)
    }

    var claim: Claim
    var stage = Stage.deciding
    var reading: InteractionReading?
    var isNumberCommitted = false
}

extension FenceWorld {
    // MARK: Merging

    /// A quick worker: nothing comes between what it does.
    mutating func merge(_ change: CaseChange) {
        while true {
            let snapshot = tables.snapshot(change)
            if snapshot.isMerged { return }
            var judgement = decide(change, on: snapshot.state, with: configuration)
            if judgement == .needsReading {
                guard readForDecision(snapshot.state) else { continue }
                judgement = decide(change, on: snapshot.state, with: configuration, interaction: .alive)
            }
            if write(change, snapshot, judgement) { return }
        }
    }

    /// False: it has ended, and that is written.
    private mutating func readForDecision(_ state: CaseState) -> Bool {
        guard let episode = state.episode, let interaction = episode.interaction else {
            preconditionFailure("a reading was asked for without an interaction")
        }
        if cic.read(interaction, episode.attempt) != .gone { return true }
        end(EpisodeKey(Sample.caseKey, episode.number), interaction, episode.attempt, nil)
        return false
    }

    mutating func end(
        _ episode: EpisodeKey, _ interaction: InteractionID, _ attempt: AttemptID, _ assignNumber: Int64?
    ) {
        _ = tables.end(
            EpisodeEnd(
                episode: episode, interaction: interaction, attempt: attempt, reason: .ended, assignNumber: assignNumber
            ))
    }

    private mutating func write(_ change: CaseChange, _ snapshot: CaseSnapshot, _ judgement: Judgement) -> Bool {
        guard case .decision(let decision) = judgement else { preconditionFailure("still no decision") }
        trace.append("  \(change.kind): \(decision.outcome), \(decision.rule)")
        let result = tables.merge(
            Merge(change: change, before: snapshot.state, decision: decision, claims: false, attempt: nil))
        if case .conflict = result { return false }
        return true
    }

    /// One step of the slow worker. What its guard refuses is delivered again.
    mutating func stepSlow() {
        guard var work = slow else { return }
        if work.snapshot.isMerged {
            slow = nil
            return
        }
        let judgement = decide(
            work.change, on: work.snapshot.state, with: configuration, interaction: work.knowledge)
        if judgement == .needsReading {
            if readForDecision(work.snapshot.state) {
                work.knowledge = .alive
            } else {
                work.snapshot = tables.snapshot(work.change)
            }
            slow = work
            return
        }
        slow = nil
        if !write(work.change, work.snapshot, judgement) {
            if let index = work.index { undelivered.insert(index) } else { observation = work.change }
        }
    }

    // MARK: Converging

    mutating func stepHolder(_ place: Int) {
        var holder = holders[place]
        let isDone = step(&holder)
        if isDone { holders.remove(at: place) } else { holders[place] = holder }
    }

    private mutating func newAttempt() -> AttemptID {
        attempts += 1
        return Sample.attempt(attempts)
    }

    /// Returns true when the claim is given back or lost.
    private mutating func step(_ holder: inout Holder) -> Bool {
        switch holder.stage {
        case .creating(let attempt):
            holder.stage = .created(cic.create(holder.claim.episodeKey, attempt), attempt)
            return false
        case .created(let interaction, let attempt):
            holder.stage = .deciding
            guard let claim = tables.win(holder.claim, interaction, attempt) else { return refresh(&holder) }
            holder.claim = claim
            holder.isNumberCommitted = claim.state.episode?.assignNumber == claim.state.revision
            holder.reading = .alive(isWithAgent: false, assignNumber: 0, workgroup: nil)
            return false
        case .assigning(let order):
            let answer = cic.assign(
                order.interaction, order.attempt, number: order.number, workgroup: order.target.workgroup,
                skills: order.target.skills.joined(separator: ";"), takesBack: order.takesBack)
            holder.stage = .assigned(answer, order)
            return false
        case .assigned(let answer, let order):
            holder.stage = .deciding
            switch answer {
            case .gone:
                end(holder.claim.episodeKey, order.interaction, order.attempt, nil)
                return refresh(&holder)
            case .stale(let inForce) where inForce != order.number: return refresh(&holder)
            case .stale, .assigned:
                let skills = holder.claim.state.wanted?.skills ?? ""
                if tables.recordPlaced(holder.claim, workgroup: order.target.workgroup, skills: skills) { return true }
                return refresh(&holder)
            }
        case .deciding: return decideStep(&holder)
        }
    }

    private mutating func decideStep(_ holder: inout Holder) -> Bool {
        let state = holder.claim.state
        let step = nextStep(for: state, now: holder.claim.now, reading: holder.reading)
        trace.append("  step \(step) at revision \(state.revision)")
        switch step {
        case .finish: return tables.finish(holder.claim) ? true : refresh(&holder)
        case .create: return beginCreate(&holder, opensEpisode: state.episode == nil)
        case .wait(let until):
            tables.release(holder.claim, delay: until - holder.claim.now)
            return true
        case .lookInHolding:
            let found = cic.interactions.first {
                $0.value.episode == holder.claim.episodeKey && $0.value.place == .holding
            }
            if let found {
                holder.stage = .created(found.key, found.value.attempt)
                return false
            }
            if state.wanted?.cic == state.episode?.cic { return beginCreate(&holder, opensEpisode: false) }
            return tables.endUnborn(holder.claim) && state.wanted == nil ? true : refresh(&holder)
        case .read:
            guard let episode = state.episode, let interaction = episode.interaction else {
                preconditionFailure("read without an interaction")
            }
            let reading = cic.read(interaction, episode.attempt)
            if reading == .gone {
                end(holder.claim.episodeKey, interaction, episode.attempt, nil)
                return refresh(&holder)
            }
            holder.reading = reading
            return false
        case .assign(let takesBack):
            guard let wanted = state.wanted, let episode = state.episode, let interaction = episode.interaction else {
                preconditionFailure("assigned without a wish or an interaction")
            }
            if !holder.isNumberCommitted {
                guard tables.beginAssign(holder.claim) else { return refresh(&holder) }
                holder.claim.state.episode?.assignNumber = state.revision
                holder.claim.state.episode?.workgroup = nil
                holder.claim.state.episode?.skills = nil
            }
            holder.isNumberCommitted = false
            holder.stage = .assigning(
                AssignOrder(
                    interaction: interaction, attempt: episode.attempt, number: state.revision,
                    target: ResolvedTarget(
                        workgroup: wanted.workgroup, skills: wanted.skills.isEmpty ? [] : [wanted.skills]),
                    priority: "", takesBack: takesBack))
            return false
        case .beginEnding:
            guard tables.beginEnding(holder.claim) else { return refresh(&holder) }
            holder.claim.state.episode?.state = .ending
            return false
        case .disconnect:
            guard let episode = state.episode, let interaction = episode.interaction else {
                preconditionFailure("disconnected without an interaction")
            }
            cic.disconnect(interaction, episode.attempt)
            end(holder.claim.episodeKey, interaction, episode.attempt, nil)
            return refresh(&holder)
        }
    }

    private mutating func beginCreate(_ holder: inout Holder, opensEpisode: Bool) -> Bool {
        let attempt = newAttempt()
        guard let claim = tables.beginCreate(holder.claim, attempt: attempt, opensEpisode: opensEpisode) else {
            return refresh(&holder)
        }
        holder.claim = claim
        holder.stage = .creating(attempt)
        return false
    }

    private mutating func refresh(_ holder: inout Holder) -> Bool {
        holder.reading = nil
        holder.isNumberCommitted = false
        holder.stage = .deciding
        guard let claim = tables.refresh(holder.claim) else { return true }
        holder.claim = claim
        if !claim.state.isDue && claim.state.episode?.state != .ending {
            tables.release(claim, delay: .zero)
            return true
        }
        return false
    }
}
