import ProtocolSimulation

/// What will be broken when, drawn from the seed before anything starts: the same seed gives the same plan.
struct FaultPlan: Sendable {
    struct Fault: Sendable {
        let number: Int
        /// Seconds after the first case.
        let at: Double
        let kind: FaultKind
        /// A worker, a server, an org, a link.
        let target: String
        /// How long it lasts, where it is not over at once.
        let seconds: Double
        /// Where a kind has several forms.
        let form: String
        /// For choices that are made when it happens.
        let seed: UInt64
        /// Everything that came before is recovered from when it strikes, and nothing else strikes until it is as well.
        var isAlone = false

        /// The form of a fault that strikes the leader of the requests queue, wherever it is then.
        static let leader = "leader"
    }

    /// How many of so many faults stand alone: the last of every three; of five where there are few, which would else take
    /// longer than anybody waits for each time.
    static func alone(of count: Int) -> Int { count / quietEvery(of: count) }

    private static func quietEvery(of count: Int) -> Int { count > 50 ? 3 : 5 }

    /// Every kind once, and those at named points more often: each is 26 kinds of its own, one for every point.
    static func round(of kinds: [FaultKind]) -> [FaultKind] {
        guard kinds.contains(where: { !$0.isAtPoint }) else { return kinds }
        return kinds.flatMap { Array(repeating: $0, count: $0.isAtPoint ? 5 : 1) }
    }

    let faults: [Fault]

    /// The form of a partition that leaves no majority.
    static let everyNode = "everyone alone"

    /// - Parameters:
    ///   - kinds: drawn in rounds.
    ///   - seconds: how long cases are made; faults begin in the middle of it.
    init(seed: UInt64, count: Int, kinds: [FaultKind], seconds: Double, places: FaultPlaces) {
        var random = SplitMix(seed: seed)
        var faults: [Fault] = []
        var bag: [FaultKind] = []
        // One that stands alone has as much room before and after it as another has altogether.
        let gap = (seconds - 6) / Double(max(1, count + 2 * Self.alone(of: count)))
        var slot = 0.0
        var killedNodes = 0
        var unplayed: [String: [String]] = [:]
        /// Each form of a kind has its turn before one has it again.
        func form(of kind: FaultKind, on target: String) -> String {
            let key = "\(kind.rawValue) \(target)"
            if unplayed[key, default: []].isEmpty { unplayed[key] = kind.forms(on: target).shuffled(using: &random) }
            return unplayed[key]?.popLast() ?? ""
        }
        for number in 0..<count {
            if bag.isEmpty { bag = Self.round(of: kinds).shuffled(using: &random) }
            let kind = bag.removeLast()
            let isAlone = (number + 1).isMultiple(of: Self.quietEvery(of: count))
            let at = 3 + gap * (slot + (isAlone ? 1 : 0) + Double.random(in: 0...0.8, using: &random))
            slot += isAlone ? 3 : 1
            let target = places.targets(of: kind).randomElement(using: &random) ?? ""
            let range = kind.duration
            let isOfLeader = kind == .brokerKilled && places.brokers.count > 1 && killedNodes.isMultiple(of: 2)
            if kind == .brokerKilled { killedNodes += 1 }
            faults.append(
                Fault(
                    number: number + 1, at: at, kind: kind, target: isOfLeader ? "broker" : target,
                    seconds: (Double.random(in: range, using: &random) * 10).rounded() / 10,
                    form: isOfLeader ? Fault.leader : form(of: kind, on: target),
                    seed: random.next(),
                    isAlone: isAlone))
        }
        self.faults = faults
    }
}

/// What there is to break.
struct FaultPlaces: Sendable {
    let workers: [String]
    /// The broker's nodes, by the names of their links.
    let brokers: [String]
    let cic: [String]
    let orgs: [String]
    /// Workgroups with their server, as `pause` names them.
    let workgroups: [String]

    var links: [String] { brokers + ["database"] + orgs + cic }

    fileprivate func targets(of kind: FaultKind) -> [String] {
        switch kind {
        case .workerKilled, .workerFrozen, .workerOutlived, .workerTerminated, .descriptorsShort, .clockWrong: workers
        case .killedAtPoint, .frozenAtPoint: ["who comes past"]
        case .crashLoop: workers.filter { $0.hasPrefix("route") }
        case .leasesTaken: ["all leases"]
        case .rollingRestart: ["all workers"]
        case .brokerRestarted, .brokerKilled, .brokerFrozen, .nodesPartitioned: brokers
        case .handlerMisbehaves, .handlerUnpublished: cic.filter { $0 == "cic-east" }
        case .attributesIgnored: cic.filter { $0 == "cic-west" }
        case .linksSwizzled: ["all links"]
        case .paused: orgs.map { "org:\($0)" } + cic.map { "cic:\($0)" } + workgroups.map { "workgroup:\($0)" }
        default:
            switch kind.group {
            case .broker: ["broker"]
            case .database: ["database"]
            case .cic: cic
            case .salesforce: orgs
            case .network: links
            case .worker, .people: []
            }
        }
    }
}

extension FaultKind {
    /// Seconds that it may last.
    fileprivate var duration: ClosedRange<Double> {
        switch self {
        case .workerFrozen, .frozenAtPoint: 2...15
        case .workerOutlived: 33...40
        case .descriptorsShort, .databaseDiskFull: 4...10
        case .clockWrong: 10...20
        case .brokerFrozen, .databaseFrozen: 3...12
        case .databaseRestarted, .databaseKilled, .databaseFailedOver, .brokerRestarted, .brokerKilled: 0...3
        case .sessionsKilled: 1...3
        case .switchoverBoth: 5...25
        case .handlerUnpublished, .agentsAway: 4...12
        case .nodesPartitioned: 10...30
        // Longer than the pause between two sweeps: else nothing may be asked for meanwhile.
        case .requestLimit, .rightsTaken: 11...14
        case .queuePurged, .rollingRestart, .crashLoop, .leasesTaken, .connectionsClosed: 0...0
        case .linkSilent: 3...15
        default: 2...6
        }
    }

    /// Variants of it.
    fileprivate func forms(on target: String) -> [String] {
        let isHandler = target == "cic-east"
        return switch self {
        // Recovered when the second host answers, or later but within the recovery wait; and whether sessions are told.
        case .switchoverAll, .switchoverHalf: ["early", "late"].flatMap { [$0, "\($0), unannounced"] }
        case .switchoverNone: ["announced", "unannounced"]
        // What is recovered, and whether the first server keeps all of its sessions or half.
        case .switchoverBoth: ["all", "half", "none"].flatMap { ["\($0), undivided", "\($0), divided"] }
        case .cicAnswersLost:
            isHandler
                ? ["notification", "messages", "read", "heartbeat"]
                : ["create", "transfer", "disconnect", "read", "write"]
        case .cicErrors:
            (isHandler ? ["notification"] : ["create", "transfer"]).flatMap { ["\($0) after", "\($0) before"] }
                + (FaultPlan.Fault.operationsOfSessions + FaultPlan.Fault.operationsOfDoctor).map { "\($0) before" }
        case .cicGarbles: isHandler ? ["read"] : ["create", "read"]
        case .cicSlow: ["800", "2500", "6000"]
        // The handler's work, or its answer; the attributes of a creation; a disconnect or a transfer.
        case .cicLate:
            isHandler
                ? ["3000", "9000", "14000", "answers 4000", "answers 14000", "actions 3000"]
                : ["1500", "3000", "actions 400", "actions 800"]
        // What is lost with the sessions, and what the server offers those that follow.
        case .cicSessionsLost: isHandler ? ["", "no streams"] : [""]
        case .handlerMisbehaves:
            ["ignoreNext", "loseAnswers", "duplicateAnswers", "unasked"]
                + ["internal", "no-licence", "unknown-workgroup", "unknown-skill"].map { "failNext \($0)" }
        case .queuesUnreadable: ["holding", "workgroups", "own queues"]
        case .foreignInteractions: ["call", "chat", "email", "callback", "generic"]
        case .agentsAway: ["agents", "acd"]
        case .salesforceAnswersLost: ["/cometd", "/query", "/composite/sobjects", "/oauth2/token"]
        case .salesforceBusy: ["before", "after"]
        case .streamSessionsLost: ["expire", "disconnect", "after 1", "after 3"]
        case .replayRejected:
            ["beyond", "beginning", "just before"].flatMap { ["\($0), session lost", "\($0), session kept"] }
        case .eventsLate: ["2", "10", "25"]
        case .rightsTaken: ["rows", "events", "skills", "marks"]
        case .clockWrong: ["1 h", "-1 h", "24 h", "-24 h", "jumps"]
        case .databaseDiskFull: ["tables", "log"]
        case .nodesPartitioned: ["alone", "from one", FaultPlan.everyNode]
        case .crashLoop: ["request.taken", "request.decided", "request.merged"]
        case .linkSlow: ["100", "400", "1500"]
        case .linkTrickles: ["16", "64", "256"]
        case .linkLosesAnswers, .linkSilent, .linkCut, .linkReset: ["all", "half"]
        default: [""]
        }
    }
}
