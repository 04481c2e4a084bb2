/// What people have set and decisions depend on: equal in all workers, replaced as a whole when it changes.
public struct RoutingConfiguration: Equatable, Sendable {
    /// Rises with every change: what is set is never older than its version says, and may be newer.
    public var version: Int64
    public var orgs: [String: OrgSettings]
    /// Enabled mappings by org and queue.
    public var mappings: [MappingKey: Mapping]

    public init(version: Int64 = 0, orgs: [String: OrgSettings], mappings: [Mapping]) {
        self.version = version
        self.orgs = orgs
        self.mappings = Dictionary(
            mappings.filter(\.isEnabled).map { (MappingKey(org: $0.org, queue: $0.queue), $0) },
            uniquingKeysWith: { $0.version > $1.version ? $0 : $1 })
    }

    /// The mapping of a monitored queue; nil for an owner that is none, every user among them.
    public func mapping(org: String, owner: RecordID) -> Mapping? {
        owner.isQueue ? mappings[MappingKey(org: org, queue: owner)] : nil
    }

    /// The mapping that names the CIC queue of a Salesforce user.
    public func ownQueue(org: String, of user: RecordID) -> Mapping? {
        user.isUser ? mappings[MappingKey(org: org, queue: user)] : nil
    }

    public func mapping(id: Int32) -> Mapping? { mappings.values.first { $0.id == id } }
}

public struct MappingKey: Hashable, Sendable {
    public let org: String
    public let queue: RecordID

    public init(org: String, queue: RecordID) {
        self.org = org
        self.queue = queue
    }
}

/// What people have set for one Salesforce org that decisions depend on.
public struct OrgSettings: Equatable, Sendable {
    public enum Mode: String, CaseIterable, Sendable {
        /// Everything is decided and recorded, CIC is not touched and rows are not marked.
        case observe
        case live
    }

    /// What a comment or e-mail does for a case that a user owns.
    public enum ContactOnUserOwned: String, CaseIterable, Sendable {
        case unchanged
        /// Offered again on the workgroup where it was wanted last.
        case lastWorkgroup = "last-workgroup"
        /// Offered in the owner's own CIC queue, if a mapping names it.
        case ownQueue = "own-queue"
    }

    public var mode: Mode
    /// Changes before this are recorded and ignored.
    public var routesChangesSince: Timestamp
    public var contactOnUserOwned: ContactOnUserOwned

    public init(mode: Mode, routesChangesSince: Timestamp, contactOnUserOwned: ContactOnUserOwned = .unchanged) {
        self.mode = mode
        self.routesChangesSince = routesChangesSince
        self.contactOnUserOwned = contactOnUserOwned
    }
}

/// A monitored queue: cases of this Salesforce queue are offered on this workgroup, or in this user's own queue. Or a user
/// of Salesforce with his own queue in CIC, which makes nothing monitored: see `OrgSettings.ContactOnUserOwned`.
public struct Mapping: Equatable, Sendable {
    public enum OnReply: String, CaseIterable, Sendable {
        /// The agent has answered: the interaction is ended.
        case end
        case keep
    }

    /// What a case does whose owner becomes a queue that is not monitored.
    public enum OnUnmonitoredQueue: String, CaseIterable, Sendable {
        /// Ended, once no agent has it.
        case end
        case keep
    }

    /// What an open episode does when a user becomes the owner.
    public enum OnUserOwner: String, CaseIterable, Sendable {
        case keep
        case end
    }

    public var id: Int32
    public var version: Int32
    public var org: String
    /// A queue, or a user.
    public var queue: RecordID
    public var cic: String
    /// The workgroup, or the `UserQueue` as it is written.
    public var workgroup: String
    /// Required of every case of this queue; names joined by `;`.
    public var skills: String
    /// Whether the skills field of the case counts.
    public var takesSkills: Bool
    public var onReply: OnReply
    public var onUnmonitoredQueue: OnUnmonitoredQueue
    public var onUserOwner: OnUserOwner
    public var isEnabled: Bool

    public init(
        id: Int32, version: Int32 = 1, org: String, queue: RecordID, cic: String, workgroup: String,
        skills: String = "", takesSkills: Bool = true, onReply: OnReply = .end,
        onUnmonitoredQueue: OnUnmonitoredQueue = .end, onUserOwner: OnUserOwner = .keep, isEnabled: Bool = true
    ) {
        self.id = id
        self.version = version
        self.org = org
        self.queue = queue
        self.cic = cic
        self.workgroup = workgroup
        self.skills = skills
        self.takesSkills = takesSkills
        self.onReply = onReply
        self.onUnmonitoredQueue = onUnmonitoredQueue
        self.onUserOwner = onUserOwner
        self.isEnabled = isEnabled
    }

    /// What a case with this skills field is wanted as. In a user's own queue no skill is required: nobody is chosen there.
    public func wanted(caseSkills: String) -> Wanted {
        let isChosenBySkills = UserQueue(place: workgroup) == nil
        return Wanted(
            cic: cic, workgroup: workgroup,
            skills: isChosenBySkills ? RequiredSkills.wish(mapping: skills, case: takesSkills ? caseSkills : "") : "",
            mapping: id)
    }
}
