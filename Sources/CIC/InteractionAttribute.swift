import CaseRouting

/// Names of interaction attributes. CIC compares them without regard to case and may give them back in another.
enum InteractionAttribute {
    static let installation = "CR_Installation"
    static let org = "CR_Org"
    static let caseID = "CR_CaseId"
    static let episode = "CR_Episode"
    static let attempt = "CR_AttemptId"
    static let assign = "CR_Assign"
    static let caseNumber = "CR_CaseNumber"
    static let caseURL = "CR_CaseURL"
    static let priority = "CR_Priority"
    /// The user whose own queue it was placed in; empty or missing where it was placed on a workgroup.
    static let userQueue = "CR_UserQueue"
    static let visibleName = "Eic_RemoteName"
    static let state = "Eic_State"
    static let user = "Eic_UserName"
    /// Where it waits or was taken from; which of the two a server fills is not documented.
    static let workgroups = ["Eic_WorkgroupName", "Eic_AssignedWorkgroup"]

    /// What a reading of one interaction asks for.
    static let reading = [state, user, attempt, assign, userQueue] + workgroups
    /// What a queue subscription asks for.
    static let queue = [installation, org, caseID, episode, attempt, assign, state, user]
    /// What a subscription to a user's own queue asks for.
    static let ownQueue = queue + [userQueue]
}

/// Whether somebody works on an interaction, by `Eic_State`.
enum InteractionPhase: Equatable {
    case waiting
    /// It rings at an agent who has not taken it yet.
    case alerting
    case withAgent
    case ended

    /// One letter on the wire: `O` offering, `R` proceeding, `S` initialising and an empty one wait; `I`, `E` have been
    /// disconnected, `A` alerts. Whatever else somebody must have taken it for: connected, held, parked, messaging,
    /// suspended. A letter that is not documented is decided by whether a user is named.
    init(state: String, hasUser: Bool) {
        switch state {
        case "I", "E": self = .ended
        case "O", "R", "S", "": self = .waiting
        case "A": self = .alerting
        case "C", "H", "M", "P", "X": self = .withAgent
        default: self = hasUser ? .withAgent : .waiting
        }
    }
}

/// What is sent with a creation, in order, without attempt and assign number, which the two ways add differently.
struct CreationAttributes {
    let pairs: [(name: String, value: String)]
    let visibleName: String

    init(_ attributes: InteractionAttributes, org: CaseOrg, settings: CICServerSettings) {
        let key = attributes.episode.caseKey
        let caseURL = org.url + "/" + key.caseID.description
        let value: (TextTemplate.Place) -> String = { place in
            switch place {
            case .caseID: key.caseID.description
            case .caseNumber: attributes.caseNumber
            case .caseURL: caseURL
            case .casePriority: attributes.priority
            case .org: key.org
            case .orgID: org.organization
            case .orgURL: org.url
            case .episode: String(attributes.episode.number)
            }
        }
        var pairs = [
            (InteractionAttribute.installation, settings.installation),
            (InteractionAttribute.org, org.organization),
            (InteractionAttribute.caseID, key.caseID.description),
            (InteractionAttribute.episode, String(attributes.episode.number)),
            (InteractionAttribute.caseNumber, attributes.caseNumber),
            (InteractionAttribute.caseURL, caseURL),
            (InteractionAttribute.priority, attributes.priority),
        ]
        for template in settings.attributes { pairs.append((template.name, template.value.text(value))) }
        self.pairs = pairs.map { (name: $0.0, value: HandlerText.sound($0.1)) }
        visibleName = HandlerText.sound(settings.visibleName.text(value))
    }
}
