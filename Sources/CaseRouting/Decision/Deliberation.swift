/// A decision in the making: the case as it was, and as it becomes.
struct Deliberation {
    let change: CaseChange
    let before: CaseState
    let configuration: RoutingConfiguration

    var after: CaseState
    var outcome = Decision.Outcome.ignored
    var rule = Decision.Rule.nothingAsked
    var raises = false
    var needsReading = false
    var needsVerification = false
    var mapping: Mapping?

    init(_ change: CaseChange, _ before: CaseState, _ configuration: RoutingConfiguration) {
        self.change = change
        self.before = before
        self.configuration = configuration
        after = before
    }

    var decision: Decision {
        Decision(
            outcome: raises ? .pending : outcome, rule: rule, mapping: mapping, after: after, raisesRevision: raises,
            needsVerification: needsVerification)
    }

    /// The same, without effect on what is wanted.
    var muted: Decision {
        var quiet = after
        quiet.wanted = before.wanted
        quiet.sparesAgent = before.sparesAgent
        quiet.wantedAssign = before.wantedAssign
        quiet.lastWanted = before.lastWanted
        return Decision(
            outcome: outcome == .superseded ? .superseded : .ignored, rule: rule, mapping: mapping, after: quiet,
            raisesRevision: false, needsVerification: needsVerification)
    }

    mutating func mapping(of owner: RecordID) -> Mapping? {
        let found = configuration.mapping(org: change.org, owner: owner)
        if let found { mapping = found }
        return found
    }

    /// The settings that concern the case's episode: those of the mapping it was wanted by.
    var settings: Mapping? {
        (before.wanted ?? before.lastWanted).flatMap { configuration.mapping(id: $0.mapping) }
    }

    /// Whether an episode is open that is not ending.
    var hasLiveEpisode: Bool { before.episode.map { $0.state != .ending } ?? false }

    mutating func takeFacts() { after.facts = CaseFacts(change) }

    /// Wanted becomes none.
    mutating func withdraw(sparingAgent: Bool = false) {
        // An ending that was to spare an agent may turn into one that does not.
        guard before.wanted != nil || (hasLiveEpisode && before.sparesAgent && !sparingAgent) || unwantedIsNews else {
            return
        }
        after.wanted = nil
        after.sparesAgent = sparingAgent
        raises = true
    }

    /// A live episode that nothing on record wants ended: only after a repair by hand.
    private var unwantedIsNews: Bool { hasLiveEpisode && before.wanted == nil && !before.isDue && !before.sparesAgent }

    /// Nothing is wanted anew, but the case is to be looked at.
    mutating func lookLater() {
        rule = .unconfirmed
        raises = true
    }

    // MARK: Offering

    /// The rows "monitored queue" of the table.
    ///
    /// - Parameters:
    ///   - arrives: the change is a state of the case; else it is a comment or e-mail.
    ///   - asks: somebody must be offered the case because of this change.
    ///   - comesBack: an agent who has it is to lose it.
    mutating func offer(on mapping: Mapping, arrives: Bool, asks: Bool, comesBack: Bool) {
        let wish = mapping.wanted(caseSkills: after.facts?.skills ?? "")
        let episode = before.episode
        // An open episode that is no longer wanted counts as ending.
        guard let episode, episode.state != .ending, let current = before.wanted else {
            let followsState =
                arrives && (before.wanted.map { !$0.isSamePlace(as: wish) || $0.skills != wish.skills } ?? false)
            guard asks || followsState else {
                rule = .nothingAsked
                return
            }
            let leavesPlace = episode != nil && before.wanted.map { !$0.isSamePlace(as: wish) } ?? true
            want(wish, asNew: leavesPlace && episode != nil, arrives ? .arrived : .contacted)
            return
        }
        guard arrives else {
            rule = .interactionActive
            needsReading = episode.interaction != nil
            return
        }
        if episode.state != .creating && (episode.isWithAgent || comesBack) {
            // Where a workgroup is unknown an assign to what is wanted is under way, and its number tells the rest.
            let elsewhere =
                !current.isSamePlace(as: wish) || episode.workgroup.map { $0 != wish.workgroup } ?? false
            if comesBack || elsewhere {
                want(wish, asNew: true, comesBack ? .takenBack : .moved)
            } else {
                rule = .agentHasIt
                if current.skills != wish.skills { want(wish, asNew: false, .skillsFollow) }
                needsReading = true
            }
            return
        }
        if !current.isSamePlace(as: wish) {
            want(wish, asNew: true, .moved)
        } else if current.skills != wish.skills {
            want(wish, asNew: false, .skillsFollow)
        } else {
            rule = .alreadyWaiting
            needsReading = episode.interaction != nil
        }
    }

    /// - Parameter asNew: the wish has an assign number of its own, so that it is carried out even where an older
    ///   assign put the interaction on the same workgroup.
    private mutating func want(_ wish: Wanted, asNew: Bool, _ rule: Decision.Rule) {
        after.wanted = wish
        after.lastWanted = wish
        after.sparesAgent = false
        if asNew { after.wantedAssign = before.revision + 1 }
        self.rule = rule
        raises = true
    }
}
