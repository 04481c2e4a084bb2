import CaseRouting

/// Decisions of the past, case by case. Errors are of kind `own`, or `configuration` when a right is missing.
public protocol DecisionHistory: Sendable {
    /// Whole cases after `case`, each with its decisions since `from` in the order in which they were made; about `limit`
    /// decisions in all. Empty at the end.
    func decisions(
        org: String, from: Timestamp, after: RecordID?, limit: Int
    ) async throws(RoutingFailure) -> [(caseID: RecordID, decisions: [RecordedDecision])]
    func now() async throws(RoutingFailure) -> Timestamp
}

/// What changed mappings would have done to the cases of the last days.
public struct MappingPreview: Sendable {
    public struct Difference: Equatable, Sendable {
        public let key: CaseKey
        public let caseNumber: String
        public let eventKey: String
        public let at: Timestamp
        public let change: String
        /// Nil: nowhere.
        public let from: Wanted?
        public let to: Wanted?
        /// By which rule it would go there.
        public let rule: Decision.Rule
    }

    /// Cases and decisions that were looked at.
    public var cases = 0
    public var decisions = 0
    /// Cases of which at least one decision would differ.
    public var changedCases = 0
    /// Of very many the first.
    public var differences: [Difference] = []
    public var differenceCount = 0
    /// Decisions by where the case went and where it would go, most first: `main/Support`, or `nowhere`.
    public var moves: [(from: String, to: String, decisions: Int)] = []
    /// What could not be checked of the file.
    public var notes: [String] = []

    /// More than anybody reads.
    public static let mostDifferences = 1_000

    public static func place(_ wanted: Wanted?) -> String { wanted.map { "\($0.cic)/\($0.workgroup)" } ?? "nowhere" }
}

/// `mappings preview`: makes the decisions of the last days again, under the mappings as they are and as they would be, and
/// compares. Orgs that observe are looked at as if they were live.
public struct PreviewMappings: Sendable {
    private let store: any ConfigurationStore
    private let names: any NameMirrors
    private let history: any DecisionHistory

    public init(store: any ConfigurationStore, names: any NameMirrors, history: any DecisionHistory) {
        self.store = store
        self.names = names
        self.history = history
    }

    public static let days = 1...90
    static let page = 5_000

    /// Every decision with where the case would go, for those who compare all of them.
    public typealias Observer = @Sendable (_ eventKey: String, _ decision: Decision) -> Void

    public func run(
        _ mappings: [MappingSetup], days: Int, observing observer: Observer? = nil
    ) async throws -> MappingPreview {
        guard Self.days.contains(days) else {
            throw Refusal(.usage, "--days has to be from \(Self.days.lowerBound) to \(Self.days.upperBound)")
        }
        let stored = try await store.load()
        for (index, mapping) in mappings.enumerated() {
            try mapping.check(
                orgs: Set(stored.orgs.map(\.name)), servers: stored.servers, at: "mappings[\(index)]")
        }
        var tally = Tally()
        let changed = try await configuration(stored, with: mappings, &tally.preview.notes)
        let current = stored.routing.asLive
        let from = try await history.now() - .seconds(Int64(days) * 86_400)
        for org in Set(mappings.map(\.org)).sorted() {
            var after: RecordID?
            while true {
                let page = try await history.decisions(org: org, from: from, after: after, limit: Self.page)
                guard let last = page.last else { break }
                after = last.caseID
                for (caseID, decisions) in page {
                    tally.take(CaseKey(org: org, caseID: caseID), decisions, current, changed, observer)
                }
            }
        }
        return tally.result
    }

    /// What would be in force after the file was applied.
    private func configuration(
        _ stored: StoredConfiguration, with mappings: [MappingSetup], _ notes: inout [String]
    ) async throws -> RoutingConfiguration {
        var changed = stored
        for mapping in mappings {
            if let index = changed.mappings.firstIndex(where: {
                $0.setup.org == mapping.org
                    && ($0.setup.queue == mapping.queue || $0.queueID?.description == mapping.queue)
            }) {
                changed.mappings[index].setup = mapping
                changed.mappings[index].version += 1
                continue
            }
            let queue = try await queueID(mapping)
            if queue == nil {
                notes.append(
                    "no queue \(mapping.queue) of \(mapping.org) was seen in Salesforce: its mapping would decide nothing"
                )
            }
            let id = (changed.mappings.map(\.id).max() ?? 0) + 1
            changed.mappings.append(StoredMapping(id: id, version: 1, queueID: queue, setup: mapping))
        }
        return changed.routing.asLive
    }

    private func queueID(_ mapping: MappingSetup) async throws -> RecordID? {
        do throws(InvalidRecordID) {
            let id = try RecordID(mapping.queue)
            if id.isQueue || id.isUser { return id }
        } catch {
            // A name.
        }
        let known = try await names.queues(org: mapping.org)?.queues ?? []
        let found = known.first { $0.name == mapping.queue } ?? known.first { $0.developerName == mapping.queue }
        return found?.id
    }
}

/// Both replays of every case, and what differs.
private struct Tally {
    var preview = MappingPreview()
    private var moves: [String: [String: Int]] = [:]

    var result: MappingPreview {
        var result = preview
        result.moves = moves.flatMap { from, targets in
            targets.map { (from: from, to: $0.key, decisions: $0.value) }
        }.sorted { ($1.decisions, $0.from, $0.to) < ($0.decisions, $1.from, $1.to) }
        return result
    }

    mutating func take(
        _ key: CaseKey, _ decisions: [RecordedDecision], _ current: RoutingConfiguration,
        _ changed: RoutingConfiguration, _ observer: PreviewMappings.Observer?
    ) {
        var now = CaseReplay()
        var then = CaseReplay()
        var differs = false
        preview.cases += 1
        for recorded in decisions {
            preview.decisions += 1
            let before = now.next(recorded, under: current)
            let after = then.next(recorded, under: changed)
            observer?(recorded.change.key, after)
            guard !before.after.wanted.isSameOffer(as: after.after.wanted) else { continue }
            differs = true
            preview.differenceCount += 1
            let from = MappingPreview.place(before.after.wanted), to = MappingPreview.place(after.after.wanted)
            moves[from, default: [:]][to, default: 0] += 1
            guard preview.differences.count < MappingPreview.mostDifferences else { continue }
            preview.differences.append(
                MappingPreview.Difference(
                    key: key, caseNumber: recorded.change.caseNumber, eventKey: recorded.change.key, at: recorded.at,
                    change: recorded.change.kind.rawValue, from: before.after.wanted, to: after.after.wanted,
                    rule: after.rule))
        }
        if differs { preview.changedCases += 1 }
    }
}

extension Wanted? {
    /// Whether agents would be offered the same: place and skills, whichever mapping says so.
    fileprivate func isSameOffer(as other: Wanted?) -> Bool {
        switch (self, other) {
        case (nil, nil): true
        case (let one?, let other?): one.isSamePlace(as: other) && one.skills == other.skills
        default: false
        }
    }
}

extension RoutingConfiguration {
    fileprivate var asLive: RoutingConfiguration {
        var live = self
        for name in live.orgs.keys { live.orgs[name]?.mode = .live }
        return live
    }
}
