import CaseRouting
import Testing

@testable import Store

/// What is recorded of a decision is enough to make it again.
@Suite struct DecisionInputsTests {
    @Test(arguments: 0..<2_000) func `a decision made again from its record is the same`(_ seed: Int) throws {
        var random = SeededRandom(seed: UInt64(seed))
        let before = random.caseState()
        let change = random.change(comparedWith: before.revision)
        let configuration = random.configuration()
        let decision = try #require(decide(change, on: before, with: configuration, interaction: .alive).decision)

        let json = DecisionInputs.json(change, before, becomes: decision.after.wanted)
        let read = try #require(DecisionInputs.read(json, change))
        #expect(read.becomes == decision.after.wanted)
        #expect(read.before.wanted == before.wanted)
        let again = try #require(decide(change, on: read.before, with: configuration, interaction: .alive).decision)
        #expect(again.rule == decision.rule)
        #expect(again.outcome == decision.outcome)
        #expect(again.after.wanted == decision.after.wanted)
        #expect(again.after.fences == decision.after.fences)
        #expect(again.after.sparesAgent == decision.after.sparesAgent)
        #expect(again.after.lastWanted?.mapping == decision.after.lastWanted?.mapping)
    }
}

extension Judgement {
    fileprivate var decision: Decision? { if case .decision(let decision) = self { decision } else { nil } }
}

/// Cases, changes and settings at random, from few values so that they meet.
struct SeededRandom: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 &+ 1 }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    mutating func flag(_ share: Double = 0.5) -> Bool { Double.random(in: 0..<1, using: &self) < share }

    mutating func pick<Value>(_ values: [Value]) -> Value { values[Int.random(in: values.indices, using: &self)] }

    static let queues = (1...3).map { recordID("00G", $0) }

    mutating func owner() -> RecordID { flag(0.3) ? recordID("005", pick([1, 2])) : pick(Self.queues) }

    mutating func skills() -> String { pick(["", "", "German", "German;Billing"]) }

    mutating func wanted(mapping: Int32? = nil) -> Wanted {
        let id = mapping ?? pick([1, 2, 3])
        return Wanted(cic: pick(["main", "east"]), workgroup: "W\(id)", skills: skills(), mapping: id)
    }

    mutating func caseState() -> CaseState {
        var state = CaseState()
        guard flag(0.85) else { return state }
        state.revision = Int64.random(in: 1...20, using: &self)
        state.appliedRevision = state.revision - (flag() ? 1 : 0)
        state.fences.epoch = pick([1, 1, 2])
        state.fences.state = Int64.random(in: 0...10, using: &self)
        state.fences.arrival = Int64.random(in: 0...state.fences.state, using: &self)
        state.fences.contact = Int64.random(in: 0...10, using: &self)
        state.fences.reply = Int64.random(in: 0...10, using: &self)
        state.facts = CaseFacts(
            caseNumber: "1", owner: owner(), isClosed: flag(0.2), skills: skills(), priority: "High")
        if flag(0.2) { state.observedAt = Timestamp(microseconds: Int64.random(in: 0...10, using: &self) * 1_000_000) }
        if flag(0.6) {
            state.wanted = wanted()
            state.lastWanted = state.wanted.map {
                Wanted(cic: $0.cic, workgroup: $0.workgroup, skills: "", mapping: $0.mapping)
            }
        } else if flag() {
            var last = wanted()
            last.skills = ""
            state.lastWanted = last
        }
        if state.wanted == nil && flag(0.3) { state.sparesAgent = true }
        if flag(0.6) {
            let phase = pick([Episode.State.creating, .held, .placed, .placed, .ending])
            state.lastEpisode = 3
            state.episode = Episode(
                number: 3, cic: pick(["main", "east"]), state: phase,
                interaction: phase == .creating ? nil : InteractionID("i7"), attempt: .make(),
                attemptDeadline: Timestamp(microseconds: 5), workgroup: pick([nil, "W1", "W2", "W3"]),
                isWithAgent: flag(0.4))
        }
        return state
    }

    mutating func change(comparedWith revision: Int64) -> CaseChange {
        let kind = pick(ChangeKind.allCases)
        var change = CaseChange.make(
            kind, version: Int64.random(in: 0...11, using: &self), owner: owner(),
            previousOwner: flag() ? owner() : nil, isClosed: kind == .closed || flag(0.1), skills: skills(),
            at: Timestamp(microseconds: Int64.random(in: 0...12, using: &self) * 1_000_000))
        change.versionEpoch = pick([1, 1, 2])
        if kind == .observed {
            change.comparedWith = flag(0.8) ? revision : revision + 1
            change.comparedVersion = pick([nil, 0, 7])
        }
        return change
    }

    mutating func configuration() -> RoutingConfiguration {
        let org = OrgSettings(
            mode: flag(0.9) ? .live : .observe, routesChangesSince: Timestamp(microseconds: flag(0.8) ? 0 : 6_000_000),
            contactOnUserOwned: flag() ? .unchanged : .lastWorkgroup)
        let mappings = Self.queues.enumerated().compactMap { index, queue -> Mapping? in
            guard flag(0.8) else { return nil }
            let id = Int32(index + 1)
            return Mapping(
                id: id, version: 2, org: "acme", queue: queue, cic: pick(["main", "east"]), workgroup: "W\(id)",
                skills: skills(), takesSkills: flag(), onReply: flag() ? .end : .keep,
                onUnmonitoredQueue: flag() ? .end : .keep, onUserOwner: flag() ? .keep : .end)
        }
        return RoutingConfiguration(orgs: ["acme": org], mappings: mappings)
    }
}
