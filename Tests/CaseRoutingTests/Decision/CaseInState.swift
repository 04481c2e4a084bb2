import CaseRouting
import TestSupport
import Testing

/// A case as we may hold it when a change comes in.
struct CaseInState: CustomTestStringConvertible, Sendable {
    enum Interaction: String, CaseIterable, Sendable {
        case none, creating, held, waiting, withAgent, ending

        /// Whether an interaction may be read from CIC.
        var isKnown: Bool { self != .none && self != .creating }
        /// Whether it is open and not on its way out.
        var isLive: Bool { self != .none && self != .ending }
    }

    var interaction: Interaction
    var owner = Sample.queueA
    var isClosed = false
    /// Wanted on the workgroup of queue A.
    var isWanted: Bool
    var skills = ""

    init(_ interaction: Interaction, owner: RecordID = Sample.queueA, isClosed: Bool = false, isWanted: Bool? = nil) {
        self.interaction = interaction
        self.owner = owner
        self.isClosed = isClosed
        self.isWanted = isWanted ?? interaction.isLive
    }

    var testDescription: String {
        "\(interaction.rawValue)\(isWanted ? "" : ", not wanted")\(owner.isUser ? ", user" : "")\(isClosed ? ", closed" : "")"
    }

    /// Revision 5, everything newest at version 10.
    var state: CaseState {
        var state = CaseState()
        state.revision = 5
        state.appliedRevision = 5
        state.fences.state = 10
        state.fences.arrival = 10
        state.facts = CaseFacts(
            caseNumber: "00001001", owner: owner, isClosed: isClosed, skills: skills, priority: "Medium")
        let wish = Sample.mapping(1, Sample.queueA, Sample.workgroupA).wanted(caseSkills: skills)
        if isWanted { state.wanted = wish }
        state.lastWanted = wish
        guard interaction != .none else { return state }
        state.lastEpisode = 1
        let isPlaced = interaction == .waiting || interaction == .withAgent || interaction == .ending
        state.episode = Episode(
            number: 1, cic: Sample.cic,
            state: interaction == .creating
                ? .creating
                : interaction == .held ? .held : interaction == .ending ? .ending : .placed,
            interaction: interaction.isKnown ? InteractionID("3000001") : nil, attempt: Sample.attempt(1),
            attemptDeadline: Sample.start, workgroup: isPlaced ? Sample.workgroupA : nil,
            skills: isPlaced ? skills : nil,
            assignNumber: isPlaced ? 5 : 0, isWithAgent: interaction == .withAgent)
        return state
    }
}

/// The decision, with the interaction found alive where it has to be read.
func decided(
    _ change: CaseChange, on state: CaseState, _ configuration: RoutingConfiguration = Sample.configuration()
) -> Decision {
    guard case .decision(let decision) = decide(change, on: state, with: configuration, interaction: .alive) else {
        preconditionFailure("an interaction that is alive decides")
    }
    return decision
}

func needsReading(
    _ change: CaseChange, on state: CaseState, _ configuration: RoutingConfiguration = Sample.configuration()
) -> Bool { decide(change, on: state, with: configuration) == .needsReading }
