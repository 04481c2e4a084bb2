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
    }

    let faults: [Fault]

    /// - Parameters:
    ///   - kinds: each is drawn once before one is drawn again.
    ///   - seconds: how long cases are made; faults begin in the middle of it.
    init(seed: UInt64, count: Int, kinds: [FaultKind], seconds: Double, places: FaultPlaces) {
        var random = SplitMix(seed: seed)
        var faults: [Fault] = []
        var bag: [FaultKind] = []
        let gap = (seconds - 6) / Double(max(1, count))
        for number in 0..<count {
            if bag.isEmpty { bag = kinds.shuffled(using: &random) }
            let kind = bag.removeLast()
            let at = 3 + gap * (Double(number) + Double.random(in: 0...0.8, using: &random))
            let target = places.targets(of: kind).randomElement(using: &random) ?? ""
            let range = kind.duration
            faults.append(
                Fault(
                    number: number + 1, at: at, kind: kind, target: target,
                    seconds: (Double.random(in: range, using: &random) * 10).rounded() / 10,
                    form: kind.forms(on: target).randomElement(using: &random) ?? "", seed: random.next()))
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
        case .killedAtPoint, .frozenAtPoint: workers.filter { !$0.hasPrefix("serve") }
        case .crashLoop: workers.filter { $0.hasPrefix("route") }
        case .leasesTaken: ["all leases"]
        case .rollingRestart: ["all workers"]
        case .brokerRestarted, .brokerKilled, .brokerFrozen: brokers
        case .handlerMisbehaves: cic.filter { $0 == "cic-east" }
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
        case .queuePurged, .rollingRestart, .crashLoop, .leasesTaken, .connectionsClosed: 0...0
        case .linkSilent: 3...15
        default: 2...6
        }
    }

    /// Variants of it.
    fileprivate func forms(on target: String) -> [String] {
        let isHandler = target == "cic-east"
        return switch self {
        // Recovered when the second host answers, or later but within the recovery wait.
        case .switchoverAll, .switchoverHalf: ["early", "late"]
        case .switchoverNone: [""]
        case .cicAnswersLost:
            isHandler ? ["notification", "messages", "read"] : ["create", "transfer", "disconnect", "read"]
        case .cicErrors:
            (isHandler ? ["notification"] : ["create", "transfer"]).flatMap { ["\($0) after", "\($0) before"] }
        case .cicGarbles: isHandler ? ["read"] : ["create", "read"]
        case .cicSlow: ["800", "2500", "6000"]
        case .cicLate: isHandler ? ["3000", "9000", "14000"] : ["1500", "3000"]
        case .handlerMisbehaves: ["ignoreNext", "loseAnswers", "duplicateAnswers", "failNext"]
        case .salesforceAnswersLost: ["/cometd", "/query", "/composite/sobjects", "/oauth2/token"]
        case .streamSessionsLost: ["expire", "disconnect"]
        case .killedAtPoint, .frozenAtPoint: target.hasPrefix("ingest") ? Failpoints.ingest : Failpoints.route
        case .clockWrong: ["1 h", "-1 h", "24 h", "-24 h", "jumps"]
        case .databaseDiskFull: ["tables", "log"]
        case .crashLoop: ["request.taken", "request.decided", "request.merged"]
        case .linkSlow: ["100", "400", "1500"]
        case .linkTrickles: ["16", "64", "256"]
        case .linkLosesAnswers, .linkSilent, .linkCut, .linkReset: ["all", "half"]
        default: [""]
        }
    }
}
