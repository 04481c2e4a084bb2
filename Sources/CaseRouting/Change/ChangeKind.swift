/// What happened to a case in Salesforce. The raw values are stored and travel in the type of a message.
public enum ChangeKind: String, CaseIterable, Sendable {
    case created
    /// From one Salesforce queue to another.
    case queueChanged = "queue-changed"
    /// Any other change of owner.
    case ownerChanged = "owner-changed"
    case skillsChanged = "skills-changed"
    case reopened
    case closed
    case merged
    case deleted
    /// Comment by someone other than the owner.
    case comment
    case emailReceived = "email-received"
    case agentReplied = "agent-replied"
    /// Read by a sweep: what Salesforce holds differs from what we hold.
    case observed

    /// Whether nobody can work on the case any more, whatever its record says.
    var endsCase: Bool {
        switch self {
        case .closed, .merged, .deleted: true
        default: false
        }
    }

    /// Changes are states (of which the newest counts) or occurrences (each of which counts); they have different
    /// fences, see `Fences`.
    public var isOccurrence: Bool {
        switch self {
        case .comment, .emailReceived, .agentReplied: true
        default: false
        }
    }
}
