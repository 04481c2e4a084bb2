/// What a change makes of a case, and why: the result of `decide`, stored with its request.
public struct Decision: Equatable, Sendable {
    public enum Outcome: String, Sendable {
        /// It changed what is wanted; it is *routed* once CIC was brought there.
        case pending
        /// Nothing to do for it.
        case ignored
        /// Something newer has answered it.
        case superseded
    }

    public var outcome: Outcome
    public var rule: Rule
    /// The mapping that was looked at, and its version; nil when none mattered.
    public var mapping: Mapping?
    /// The case as it is after the change, apart from the revision, which the store raises when `raisesRevision`.
    public var after: CaseState
    /// Whether what is wanted changed.
    public var raisesRevision: Bool
    /// The case is to be read again in Salesforce, because two states with equal versions differ.
    public var needsVerification: Bool

    /// Why, for the person who asks "why did this case go there, or nowhere". The raw values are stored.
    public enum Rule: String, CaseIterable, Sendable {
        case arrived, takenBack = "taken-back", moved, skillsFollow = "skills-follow", asked, contacted
        case contactedOwner = "contacted-owner"
        case alreadyWaiting = "already-waiting", agentHasIt = "agent-has-it", interactionActive = "interaction-active"
        case nothingAsked = "nothing-asked", unconfirmed
        case closed, ownedByUser = "owned-by-user", ownedByUserEnded = "owned-by-user-ended"
        case noOwnQueue = "no-own-queue"
        case unmonitoredQueue = "unmonitored-queue", unmonitoredQueueEnded = "unmonitored-queue-ended"
        case replied, replyKeeps = "reply-keeps", replyTooLate = "reply-too-late"
        case caseClosed = "case-closed", olderState = "older-state", equalVersion = "equal-version"
        case answered, observationOutdated = "observation-outdated", noDifference = "no-difference"
        case observing, beforeStart = "before-start", unknownOrg = "unknown-org"
        case offeredOnRequest = "offered-on-request"

        /// What was asked then was put aside because of what people had set: it still waits.
        public static let putAside: [Rule] = [
            .observing, .beforeStart, .unknownOrg, .unmonitoredQueue, .unmonitoredQueueEnded,
        ]

        /// The sentence shown to people.
        public var reason: String {
            switch self {
            case .arrived: "The case came to a monitored queue: it is offered on the queue's workgroup."
            case .takenBack: "The case came back to a monitored queue while an agent had it: it is offered afresh."
            case .moved: "The case is wanted on another workgroup: its interaction is moved."
            case .skillsFollow: "The required skills changed: the interaction's skills follow."
            case .asked: "A comment or e-mail that waited for the case to come to a monitored queue is offered now."
            case .contacted: "Someone other than the owner wrote: the case is offered on its queue's workgroup."
            case .contactedOwner:
                "Someone other than the owner wrote: the case is offered in its owner's own CIC queue."
            case .alreadyWaiting: "The case waits already where it should."
            case .agentHasIt: "An agent has the case on the right workgroup already."
            case .interactionActive: "An interaction of the case is active already."
            case .unconfirmed:
                "An interaction should be active, but CIC could not be asked; it is looked at when it can."
            case .nothingAsked: "Nothing asks for the case to be offered."
            case .closed: "The case was closed, merged or deleted: its interaction is ended."
            case .ownedByUser: "A user owns the case: this offers it to nobody; an open interaction stays."
            case .ownedByUserEnded: "A user owns the case and the mapping says to end the interaction then."
            case .noOwnQueue:
                "A user owns the case, and no mapping names a CIC queue of that user: this offers it to nobody."
            case .unmonitoredQueue: "The case is in a queue that is not monitored."
            case .unmonitoredQueueEnded: "The case went to a queue that is not monitored: it is no longer offered."
            case .replied: "An agent replied: the interaction is ended."
            case .replyKeeps: "An agent replied, and the mapping keeps interactions on reply."
            case .replyTooLate: "The reply is older than what was asked after it."
            case .caseClosed: "The case is closed; a comment or e-mail does not reopen it."
            case .olderState: "A newer state of the case is known."
            case .equalVersion: "Another state with the same version is known; the case is read again in Salesforce."
            case .answered: "What it asked for has been answered since."
            case .observationOutdated: "The case changed here after the sweep had compared it."
            case .noDifference: "What the sweep saw is what we hold."
            case .observing: "The org is in mode observe: decided and recorded, not routed."
            case .beforeStart: "The change is older than 'route changes since' of the org."
            case .unknownOrg: "No org of this name is configured."
            case .offeredOnRequest:
                "The case waited in a monitored queue, and a person asked for a sweep: it is offered."
            }
        }
    }
}

/// What `decide` needs besides what the database holds.
public enum Judgement: Equatable, Sendable {
    case decision(Decision)
    /// The interaction of the open episode has to be read from CIC first: it may just have ended.
    case needsReading
}
