import CaseRouting

/// Why one decision went as it did: for people who ask "why did this case go there, or nowhere".
public struct DecisionExplanation: Sendable {
    public struct Question: Equatable, Sendable {
        public let text: String
        public let isTrue: Bool
    }

    public struct Skill: Equatable, Sendable {
        public let name: String
        /// `mapping 3 version 2`, or `the case`.
        public let from: String

        public init(name: String, from: String) {
            self.name = name
            self.from = from
        }
    }

    public let request: Int64
    public let rule: Decision.Rule
    /// In the order in which they were asked.
    public let questions: [Question]
    public let rulesThatDidNotMatch: [(rule: Decision.Rule, because: String)]
    public let mapping: CaseStory.UsedMapping?
    public let skills: [Skill]
    /// What the same change to the same case would come to now.
    public let now: Decision

    /// Nil for a request that was not merged, or by a version that recorded less.
    public init?(_ request: CaseStory.Request, now configuration: RoutingConfiguration) {
        guard let record = request.record else { return nil }
        let facts = DecisionFacts(record, request.mapping?.mapping)
        self.request = request.number
        rule = record.rule
        questions = facts.questions
        rulesThatDidNotMatch = facts.candidates.filter { $0 != record.rule }.map { ($0, facts.objection(to: $0)) }
        mapping = request.mapping
        skills = Self.skills(record, request.mapping)
        now = record.decidedAgain(under: configuration)
    }

    private static func skills(_ record: RecordedDecision, _ used: CaseStory.UsedMapping?) -> [Skill] {
        guard let mapping = used?.mapping, let wanted = record.becomes, !wanted.skills.isEmpty else { return [] }
        let own = Set(RequiredSkills.wish(mapping: mapping.skills, case: "").split(separator: ";").map(String.init))
        return wanted.skills.split(separator: ";").map(String.init).map {
            Skill(name: $0, from: own.contains($0) ? "mapping \(mapping.id) version \(mapping.version)" : "the case")
        }
    }
}

/// What a decision could see, as answers to the questions that it asked.
private struct DecisionFacts {
    let change: CaseChange
    let before: CaseState
    let rule: Decision.Rule
    let mapping: Mapping?

    init(_ record: RecordedDecision, _ mapping: Mapping?) {
        change = record.change
        before = record.before
        rule = record.rule
        self.mapping = mapping
    }

    /// An occurrence is judged by the owner in force, a state by its own.
    private var owner: RecordID { change.kind.isOccurrence ? before.facts?.owner ?? change.owner : change.owner }
    private var isClosed: Bool {
        change.kind.isOccurrence ? before.facts?.isClosed ?? change.isClosed : change.isClosed
    }
    private var isMonitored: Bool { owner.isQueue && mapping?.queue == owner }
    private var isOpen: Bool { before.episode.map { $0.state != .ending && before.wanted != nil } ?? false }
    private var hasAgent: Bool { before.episode?.isWithAgent ?? false }
    private var version: Int64 { change.versionEpoch < before.fences.epoch ? 0 : change.version }
    private var isNewest: Bool { before.facts == nil || version > before.fences.state }

    var questions: [DecisionExplanation.Question] {
        typealias Question = DecisionExplanation.Question
        let fences = before.fences
        var list = [Question(text: "the case was known here", isTrue: before.facts != nil)]
        switch change.kind {
        case .observed:
            list.append(
                Question(
                    text: "the case is still at revision \(change.comparedWith ?? 0), which the sweep had compared",
                    isTrue: change.comparedWith == before.revision))
            if let version = change.comparedVersion {
                list.append(
                    Question(
                        text: "no state newer than version \(version) was merged since", isTrue: version == fences.state
                    ))
            }
        case .comment, .emailReceived:
            list.append(
                Question(
                    text: "version \(version) is not older than the newest comment (\(fences.contact)), arrival "
                        + "(\(fences.arrival)) and reply (\(fences.reply))",
                    isTrue: version >= max(fences.contact, fences.arrival, fences.reply)))
        case .agentReplied:
            list.append(
                Question(
                    text: "version \(version) is newer than the newest arrival (\(fences.arrival)) and comment "
                        + "(\(fences.contact))", isTrue: version > max(fences.arrival, fences.contact)))
        default:
            list.append(
                Question(text: "version \(version) is newer than the newest state (\(fences.state))", isTrue: isNewest))
            list.append(
                Question(
                    text: "version \(version) is not older than the newest arrival (\(fences.arrival)) and reply "
                        + "(\(fences.reply))", isTrue: version >= max(fences.arrival, fences.reply)))
        }
        list.append(Question(text: "the case is open", isTrue: !isClosed))
        list.append(Question(text: "a user owns it (\(owner))", isTrue: owner.isUser))
        list.append(
            Question(
                text: isMonitored
                    ? "its owner \(owner) is a monitored queue: mapping \(mapping?.id ?? 0) version \(mapping?.version ?? 0)"
                    : "its owner \(owner) is a monitored queue", isTrue: isMonitored))
        list.append(
            Question(
                text: before.episode.map {
                    "an interaction is open: episode \($0.number), \($0.state.rawValue)"
                        + ($0.workgroup.map { " on \($0)" } ?? "")
                } ?? "an interaction is open", isTrue: before.episode != nil))
        if before.episode != nil { list.append(Question(text: "an agent has it", isTrue: hasAgent)) }
        return list
    }

    /// The rules that a change of this kind can come to.
    var candidates: [Decision.Rule] {
        let always: [Decision.Rule] = [.observing, .beforeStart, .unknownOrg]
        switch change.kind {
        case .comment, .emailReceived:
            return always + [.answered, .caseClosed, .contacted, .contactedOwner, .interactionActive, .ownedByUser]
                + [.noOwnQueue, .unmonitoredQueue]
        case .agentReplied: return always + [.replyTooLate, .replyKeeps, .replied]
        case .observed:
            return always + [.observationOutdated, .noDifference, .closed, .arrived, .takenBack, .moved]
                + [.skillsFollow, .ownedByUser, .unmonitoredQueue]
        default:
            return always + [.olderState, .equalVersion, .closed, .arrived, .takenBack, .moved, .skillsFollow]
                + [.alreadyWaiting, .agentHasIt, .nothingAsked, .ownedByUser, .unmonitoredQueue]
        }
    }

    func objection(to candidate: Decision.Rule) -> String {
        switch candidate {
        case .observing: return "the org is live"
        case .beforeStart: return "the change is not older than the org's start"
        case .unknownOrg: return "the org is configured"
        case .olderState, .equalVersion, .answered, .replyTooLate, .observationOutdated:
            return "nothing newer was known"
        case .noDifference: return "owner, closed or skills differed"
        case .closed, .caseClosed: return "the case is open"
        case .ownedByUser, .ownedByUserEnded, .noOwnQueue:
            guard owner.isUser else { return "no user owns the case" }
            return change.kind.isOccurrence && !isClosed
                ? "the org's setting for such cases says otherwise" : "another rule came before it"
        case .contactedOwner where owner.isUser:
            return isOpen ? "an interaction was open" : "the org does not offer such cases to their owners"
        case .contactedOwner: return "no user owns the case"
        case .unmonitoredQueue, .unmonitoredQueueEnded:
            return owner.isUser ? "a user owns the case" : "the queue is monitored"
        case .replyKeeps: return "the mapping does not keep interactions on reply"
        case .replied: return "the reply did not withdraw anything"
        default: break
        }
        if isClosed { return "the case is closed" }
        if owner.isUser { return "a user owns the case" }
        if !isMonitored { return "the case's queue is not monitored" }
        switch candidate {
        case .arrived, .contacted: return isOpen ? "an interaction was open" : "nothing asked for an offer"
        case .takenBack: return hasAgent ? "the case had not been away" : "no agent had it"
        case .moved: return isOpen ? "it was wanted on the same workgroup" : "no interaction was open"
        case .skillsFollow: return isOpen ? "the skills were the same" : "no interaction was open"
        case .alreadyWaiting: return isOpen ? "something had to be done" : "no interaction was open"
        case .interactionActive: return "no interaction was open"
        case .agentHasIt: return "no agent had it, or it had to be taken back"
        case .nothingAsked: return "something was asked"
        default: return "its conditions were not met"
        }
    }
}
