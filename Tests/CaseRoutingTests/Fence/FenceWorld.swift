import CaseRouting
import TestSupport

/// One case under the rules of `Tests/Models/fence-order.cpp`, with the product's own `decide` and `nextStep`: up to a few
/// committed changes, delivered in any order, late, or without a row; the sweep and the re-reading of equal versions; a
/// slow worker whose read, read of CIC and write lie apart; holders of the case's lease, step by step and one of them
/// perhaps without its lease; agents; the watch.
///
/// A value: a run is a sequence of `Action`s chosen at random among those that are possible.
struct FenceWorld {
    enum Happening: String, CaseIterable {
        case queueA, queueB, user, closed, reopened, skills, comment, reply
        /// Not in the model.
        case unmonitored

        var isState: Bool { self != .comment && self != .reply }
    }

    struct Committed {
        let happening: Happening
        let change: CaseChange
        let hasRow: Bool
    }

    /// Which parts of the model are in the run.
    struct Bounds {
        var changes = 3
        var happenings = Happening.allCases.filter { $0 != .unmonitored }
        /// Versions count whole seconds: two changes may have the same.
        var isLegacy = false
        var mayLackRow = true
        var hasSlowWorker = true
        var mayLoseLease = true
    }

    let bounds: Bounds
    let configuration = Sample.configuration()

    // Salesforce.
    var owner = Sample.queueA
    var isClosed = false
    var skills = ""
    var committed: [Committed] = []
    var lastStamp: Int64 = 10
    /// Stamp of the newest change of the case itself.
    var modifiedAt: Int64 = 10
    /// When Salesforce was read last; in legacy orgs nothing more may happen in that second.
    var readStamp: Int64 = 0
    var undelivered: Set<Int> = []
    var observation: CaseChange?
    var sweeps = 0

    // Ours and CIC's.
    var tables = CaseTables()
    var cic = HandlerModel()
    var slow: SlowMerge?
    var holders: [Holder] = []
    var attempts: UInt64 = 0
    var leaseLosses = 0

    // Ghosts.
    var agentEnds = 2
    /// `CR_Assign` of what agents have ended: what the watch saw.
    var lastAssign: [InteractionID: Int64] = [:]
    /// Changes after which somebody was offered the case, or an agent still had it.
    var answered: Set<Int> = []
    /// What was asked before this is answered by a reply, a close or an owner.
    var stopAfter = 0
    var trace: [String] = []

    /// - Parameter offered: nil: a case in queue A that an agent has finished with; false: waiting on A; true: with an
    ///   agent of A.
    init(_ bounds: Bounds, offered: Bool?) {
        self.bounds = bounds
        var state = CaseState()
        state.revision = 1
        state.appliedRevision = 1
        state.facts = CaseFacts(
            caseNumber: "00001001", owner: owner, isClosed: false, skills: "", priority: "Medium")
        state.fences.state = 1
        state.fences.arrival = 1
        if let offered {
            let wanted = Sample.mapping(1, Sample.queueA, Sample.workgroupA).wanted(caseSkills: "")
            state.wanted = wanted
            state.lastWanted = wanted
            state.lastEpisode = 1
            let attempt = Sample.attempt(0)
            let interaction = cic.create(EpisodeKey(Sample.caseKey, 1), attempt)
            _ = cic.assign(
                interaction, attempt, number: 1, workgroup: Sample.workgroupA, skills: "", takesBack: false)
            if offered { cic.pickUp(interaction) }
            tables.episodes[EpisodeKey(Sample.caseKey, 1)] = CaseTables.EpisodeRow(
                episode: Episode(
                    number: 1, cic: Sample.cic, state: .placed, interaction: interaction, attempt: attempt,
                    attemptDeadline: tables.now, workgroup: Sample.workgroupA, skills: "", assignNumber: 1,
                    isWithAgent: offered), cicEpoch: 1)
        }
        var row = CaseTables.CaseRow(nextAt: tables.now)
        row.state = state
        row.actsOn = offered == nil ? nil : Sample.cic
        tables.cases[Sample.caseKey] = row
    }

    var held: CaseState { tables.state(Sample.caseKey) }

    var isRoutable: Bool { !isClosed && workgroup(of: owner) != nil }

    func workgroup(of owner: RecordID) -> String? {
        configuration.mapping(org: Sample.org, owner: owner)?.workgroup
    }

    // MARK: Salesforce

    mutating func commit(_ happening: Happening, inSameSecond: Bool, hasRow: Bool) {
        let previous = owner
        if !inSameSecond { lastStamp += 1 }
        switch happening {
        case .queueA: owner = Sample.queueA
        case .queueB: owner = Sample.queueB
        case .unmonitored: owner = Sample.unmonitored
        case .user: owner = Sample.user
        case .closed: isClosed = true
        case .reopened: isClosed = false
        case .skills: skills = skills.isEmpty ? "French" : ""
        case .comment, .reply: break
        }
        let kind: ChangeKind =
            switch happening {
            case .queueA, .queueB, .user, .unmonitored:
                owner.isQueue && previous.isQueue ? .queueChanged : .ownerChanged
            case .closed: .closed
            case .reopened: .reopened
            case .skills: .skillsChanged
            case .comment: .comment
            case .reply: .agentReplied
            }
        if happening.isState { modifiedAt = lastStamp }
        let change = Sample.change(
            kind, lastStamp, owner: owner, previousOwner: previous == owner ? nil : previous, isClosed: isClosed,
            skills: skills, key: "o:\(committed.count)")
        if hasRow { undelivered.insert(committed.count) }
        committed.append(Committed(happening: happening, change: change, hasRow: hasRow))
        if [.reply, .closed, .user, .unmonitored].contains(happening) { stopAfter = committed.count }
    }

    /// Whether the sweep would publish an observation now.
    var differs: Bool {
        guard observation == nil, let facts = held.facts else { return false }
        let isReturned = isRoutable
        let state = held
        let isHeldActive =
            state.wanted != nil || state.episode != nil
            || (!facts.isClosed && workgroup(of: facts.owner) != nil)
        guard isReturned || isHeldActive else { return false }
        return facts.owner != owner || facts.isClosed != isClosed || facts.skills != skills
    }

    /// Reads the case in Salesforce and publishes it. The key names the revision; one that was taken already without
    /// healing the difference is told apart by the time of the sweep.
    mutating func observe() {
        let revision = held.revision
        var key = "s:\(Sample.caseID):\(modifiedAt):\(revision)"
        sweeps += 1
        if tables.snapshot(observed(key, revision)).isMerged { key += ":\(sweeps)" }
        observation = observed(key, revision)
        readStamp = lastStamp
    }

    private func observed(_ key: String, _ revision: Int64) -> CaseChange {
        Sample.change(
            .observed, modifiedAt, owner: owner, isClosed: isClosed, skills: skills, key: key, comparedWith: revision)
    }

    // MARK: Ghosts

    /// After every action: whoever waits on a workgroup has been offered for all that was asked until now.
    mutating func settle() {
        guard cic.interactions.values.contains(where: { $0.place == .waiting }) else { return }
        answered.formUnion(
            committed.indices.filter { [.queueA, .queueB, .reopened].contains(committed[$0].happening) })
    }
}
