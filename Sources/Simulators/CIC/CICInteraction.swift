/// What an interaction is, as far as routing and recovery are concerned.
enum CICMedia: String, Sendable {
    case email, generic, callback, call, chat

    /// `Eic_ObjectType`. The literals are not documented.
    var objectType: String {
        switch self {
        case .email: "Email"
        case .generic: "Generic Object"
        case .callback: "Callback"
        case .call: "Call"
        case .chat: "Chat"
        }
    }
}

/// `Eic_State`, the letter on the wire.
enum CICInteractionState: String, Sendable {
    case offering = "O"
    case alerting = "A"
    case connected = "C"
    case held = "H"
    case messaging = "M"
    case parked = "P"
    case proceeding = "R"
    case suspended = "X"
    case system = "S"
    case internalDisconnect = "I"
    case externalDisconnect = "E"

    var ended: Bool { self == .internalDisconnect || self == .externalDisconnect }

    /// The numbers of `initialState`, which are not those of the letters' numeric twins.
    init?(interface number: Int) {
        let order: [CICInteractionState] = [
            .offering, .alerting, .connected, .held, .messaging, .offering, .parked, .proceeding, .suspended, .system,
            .internalDisconnect, .externalDisconnect,
        ]
        guard order.indices.contains(number) else { return nil }
        self = order[number]
    }

    var text: String {
        switch self {
        case .offering: "Offering"
        case .alerting: "Alerting"
        case .connected: "Connected"
        case .held: "On Hold"
        case .messaging: "Voice Mail"
        case .parked: "Parked"
        case .proceeding: "Proceeding"
        case .suspended: "Suspended"
        case .system: "System"
        case .internalDisconnect: "Disconnected [Local Disconnect]"
        case .externalDisconnect: "Disconnected [Remote Disconnect]"
        }
    }
}

/// Numbers for attribute names, which are compared without regard to case.
struct CICAttributeNames {
    /// Attributes that are made from the interaction's state and not stored. Their numbers are their places here.
    static let computed = [
        "Eic_State", "Eic_InteractionId", "Eic_CallId", "Eic_ObjectType", "Eic_CallStateString", "Eic_AcdStateString",
        "Eic_WorkgroupName", "Eic_AssignedWorkgroup", "Eic_UserName", "Eic_AcdSkillSet", "Eic_InitiationTime",
        "Eic_CallIdKey",
    ]
    /// The computed ones that a change of the state, of the workgroup, of the agent, of the skills concerns.
    static let ofState = [0, 4]
    static let ofWorkgroup = [5, 6, 7]
    static let ofAgent = [5, 8]
    static let ofSkills = [9]

    private(set) var spellings: [String] = []
    private var numbers: [String: Int] = [:]
    private var canonical: [String: Int] = [:]

    init() {
        for name in Self.computed { _ = self[name] }
    }

    subscript(name: String) -> Int {
        mutating get {
            if let number = numbers[name] { return number }
            let folded = name.lowercased()
            let number = canonical[folded] ?? spellings.count
            if number == spellings.count {
                spellings.append(name)
                canonical[folded] = number
            }
            numbers[name] = number
            return number
        }
    }
}

/// One interaction.
final class CICInteraction {
    /// Unique for the life of the simulator, unlike the id.
    let serial: Int
    let id: String
    let kind: CICMedia
    let initiated: String
    var state = CICInteractionState.system
    /// The workgroup on whose queue it is, or from which an agent took it; nil in a user's own queue.
    var workgroup: String?
    /// Who has it, or in whose own queue it is.
    var agent: String?
    var skills: [String] = []
    var deallocated = false
    /// Rises with every change of place; an action planned for an earlier one is void.
    var place = 0
    /// How long who gave it back is not offered it again.
    static let avoidance = Duration.seconds(1)
    var returnedBy: String?
    var returnedUntil = ContinuousClock.now
    /// Made by the control API, whatever it carries.
    var isForeign = false
    /// Disconnects and transfers that are answered and have not taken effect yet, and when the last of them will.
    var lateActions = 0
    var lastActionDue: ContinuousClock.Instant?
    /// Where it is listed now.
    var queues: [CICQueue] = []
    var watches: [CICInteractionWatch] = []
    private(set) var attributes: [(name: Int, value: String)] = []
    private var encoded: [UInt8]?

    init(serial: Int, id: String, kind: CICMedia) {
        self.serial = serial
        self.id = id
        self.kind = kind
        initiated = CICState.compactTime()
    }

    /// The numbers of the computed attributes that changed since this was last asked.
    func takeComputedChanges() -> [Int] {
        let current = Published(state: state, workgroup: workgroup, agent: agent, skills: skills)
        guard current != published else { return [] }
        defer { published = current }
        var changed: [Int] = []
        if current.state != published.state { changed += CICAttributeNames.ofState }
        if current.workgroup != published.workgroup { changed += CICAttributeNames.ofWorkgroup }
        if current.agent != published.agent { changed += CICAttributeNames.ofAgent }
        if current.skills != published.skills { changed += CICAttributeNames.ofSkills }
        return changed
    }

    private struct Published: Equatable {
        var state = CICInteractionState.system
        var workgroup: String?
        var agent: String?
        var skills: [String] = []
    }

    private var published = Published()

    /// On its workgroup's queue and no agent has it.
    var waits: Bool { workgroup != nil && agent == nil && !state.ended && !deallocated }
    /// In a user's own queue, where nobody has taken it.
    var ringsInOwnQueue: Bool {
        workgroup == nil && agent != nil && (state == .alerting || state == .offering) && lives
    }
    /// Where it is or was taken from, as the handler's contract names it.
    var placeName: String { workgroup ?? agent.map { CICQueueName.ownPrefix + $0 } ?? "" }
    var lives: Bool { !state.ended && !deallocated }

    func copyAttributes(of other: CICInteraction) {
        attributes = other.attributes
        encoded = nil
    }

    func set(_ name: Int, _ value: String) {
        encoded = nil
        if let index = attributes.firstIndex(where: { $0.name == name }) {
            attributes[index].value = value
        } else {
            attributes.append((name, value))
        }
    }

    /// `nil` when a stored attribute is not set.
    func value(_ name: Int) -> String? {
        switch name {
        case 0: state.rawValue
        case 1, 2: id
        case 3: kind.objectType
        case 4: state.text
        case 5: agent != nil ? "ACD - Assigned" : workgroup != nil ? "ACD - Wait Agent" : ""
        case 6, 7: workgroup ?? ""
        case 8: agent ?? ""
        case 9: skills.joined(separator: "|")
        case 10: initiated
        case 11: id + initiated.prefix(8)
        default: attributes.first { $0.name == name }?.value
        }
    }

    /// The stored attributes as JSON, kept until one changes.
    func encodedAttributes(_ names: CICAttributeNames) -> [UInt8] {
        if let encoded { return encoded }
        var bytes: [UInt8] = []
        bytes.add("{")
        for (index, attribute) in attributes.enumerated() {
            if index > 0 { bytes.add(",") }
            bytes.add(string: names.spellings[attribute.name])
            bytes.add(":")
            bytes.add(string: attribute.value)
        }
        bytes.add("}")
        encoded = bytes
        return bytes
    }
}
