import CaseRouting

/// What a history is made of, drawn from its seed.
struct HistoryBounds {
    /// Kinds of things that go wrong; each history has some of them, so that rare ones meet often.
    enum Kind: String, CaseIterable, Comparable {
        case death, pause, leaseLoss = "lease-loss", cicFault = "cic-fault", cicAway = "cic-away", cutSession =
            "cut-session"
        case switchover, databaseAway = "database-away", lostCommit = "lost-commit", brokerAway = "broker-away"
        case purge, redelivery, publishFault = "publish-fault", stream, salesforceAway = "salesforce-away"
        case refusal, operators, restart, looks, skew, missingRow = "missing-row"
        case lostRows = "lost-rows", lateRecovery = "late-recovery", poison, discard
        case cicRestart = "cic-restart"

        static func < (left: Kind, right: Kind) -> Bool { left.rawValue < right.rawValue }
    }

    let cases: Int
    /// Versions count whole seconds, so that two changes may have the same.
    let isLegacy: Bool
    /// The second workgroup is on another CIC server.
    let hasTwoServers: Bool
    let reusesIDs: Bool
    let agentsHide: Bool
    let reorders: Bool
    /// How long after its answer a disconnect takes effect.
    let disconnectDelay: Duration
    /// What is given up is wanted again soon: closed and reopened, put aside and taken back.
    let wavers: Bool
    let steps: Int
    /// Changes and agents come that much more often than faults.
    let eagerness: Int
    let kinds: [Kind]
    /// What a comment does for a case that a user owns.
    let contactOnUserOwned: OrgSettings.ContactOnUserOwned
    /// The second user has an own queue too, and the case is given from one to the other.
    let hasTwoOwnQueues: Bool
    let onUserOwner: Mapping.OnUserOwner
    let onUnmonitoredQueue: Mapping.OnUnmonitoredQueue
    let onReply: Mapping.OnReply

    init(_ random: inout SplitMix, seed: UInt64) {
        cases = Int.random(in: 0..<6, using: &random) < 4 ? 1 : Int.random(in: 2...3, using: &random)
        isLegacy = Int.random(in: 0..<5, using: &random) == 0
        hasTwoServers = Int.random(in: 0..<4, using: &random) == 0
        reusesIDs = Int.random(in: 0..<3, using: &random) == 0
        agentsHide = Int.random(in: 0..<4, using: &random) == 0
        reorders = Bool.random(using: &random)
        disconnectDelay =
            Int.random(in: 0..<4, using: &random) == 0
            ? .milliseconds(Int.random(in: 100...20_000, using: &random)) : .zero
        wavers = Int.random(in: 0..<3, using: &random) == 0
        steps = Int.random(in: 8...36, using: &random)
        eagerness = Int.random(in: 1...4, using: &random)
        var all = Kind.allCases.shuffled(using: &random)
        all.removeLast(Int.random(in: 0..<all.count, using: &random))
        kinds = all.sorted()
        // By a generator of its own: where nothing of this is drawn, a seed is the history that it always was.
        var settings = SplitMix(seed: seed ^ 0x6f77_6e65_7273)
        contactOnUserOwned =
            switch Int.random(in: 0..<8, using: &settings) {
            case 0..<4: .unchanged
            case 4..<6: .lastWorkgroup
            default: .ownQueue
            }
        let differs = contactOnUserOwned != .unchanged
        hasTwoOwnQueues = Bool.random(using: &settings)
        onUserOwner = differs && Int.random(in: 0..<3, using: &settings) == 0 ? .end : .keep
        onUnmonitoredQueue = differs && Int.random(in: 0..<4, using: &settings) == 0 ? .keep : .end
        onReply = differs && Int.random(in: 0..<4, using: &settings) == 0 ? .keep : .end
    }
}
