/// What the holder of a case's lease does next to bring CIC to what is wanted.
public enum Step: Equatable, Sendable {
    /// All is as wanted: record that.
    case finish
    /// Commit an attempt, of the next episode or in the place of one that was never sent, then create in holding.
    case create
    /// An attempt to create may still be under way, or an agent has what nobody wants any more: come again then.
    case wait(until: Timestamp)
    /// The outcome of an attempt to create is unknown and its time is over: look, never repeat.
    case lookInHolding
    /// What CIC holds decides: read the interaction, then ask again.
    case read
    /// Commit the number, then send the assign.
    case assign(takesBack: Bool)
    /// Commit that the episode is ending, then disconnect.
    case beginEnding
    /// A disconnect may have been sent: send it until the end is seen.
    case disconnect
}

/// How long after an attempt's deadline its outcome is looked for: whatever was sent has taken effect by then, and the
/// watch, which looks 5 s after the create, has usually resolved it.
public let settlingTime: Duration = .seconds(15)

/// How often a case that only spares its agent is looked at. The watch tells sooner that the agent has given it back,
/// unless the agent had it for so short a time that the watch never saw it.
public let agentPause: Duration = .seconds(30)

/// The next step from what is wanted and the open episode. Pure; the table of the design, section 7.
///
/// - Parameters:
///   - now: the database's time.
///   - reading: the interaction as read from CIC under this claim and at this revision; nil when it was not read.
public func nextStep(for state: CaseState, now: Timestamp, reading: InteractionReading? = nil) -> Step {
    guard let episode = state.episode else {
        return state.wanted == nil ? .finish : .create
    }
    switch episode.state {
    case .creating:
        // There is nothing to be found of an attempt that never left.
        if episode.attemptDeadline == Episode.neverSent && state.wanted?.cic == episode.cic { return .create }
        let resolvable = episode.attemptDeadline + settlingTime
        return now < resolvable ? .wait(until: resolvable) : .lookInHolding
    case .ending:
        return .disconnect
    case .held, .placed:
        break
    }
    guard let wanted = state.wanted else {
        guard state.sparesAgent else { return .beginEnding }
        guard case .alive(let isWithAgent, _, _, _)? = reading else { return .read }
        return isWithAgent ? .wait(until: now + agentPause) : .beginEnding
    }
    guard wanted.cic == episode.cic else { return .beginEnding }
    if let workgroup = episode.workgroup {
        let isInForce = workgroup == wanted.workgroup && episode.assignNumber >= state.wantedAssign
        if isInForce && episode.skills == wanted.skills {
            // Read before it counts for this wish: it may just have ended.
            guard case .alive? = reading else { return .read }
            return .finish
        }
        return .assign(takesBack: !isInForce)
    }
    // Where it is is not known: an assign may have been carried out whose answer was lost. All assigns from the wanted
    // one on go to the wanted place, so the number in force tells whether the wish has been carried out already and an
    // agent may be at work on it.
    guard case .alive(_, _, let inForce, _)? = reading else { return .read }
    return .assign(takesBack: inForce < state.wantedAssign)
}
