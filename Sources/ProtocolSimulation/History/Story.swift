import CaseRouting

/// What Salesforce and people know of one case: what is true of it, and what the system owes.
///
/// The judgement is that of the model in `Tests/Models/fence-order.cpp`.
final class Story {
    enum Happening: String, CaseIterable {
        case queueA, queueB, unmonitored, user, closed, reopened, skills, comment, reply, otherUser

        var isState: Bool { self != .comment && self != .reply }
    }

    struct Committed {
        let happening: Happening
        let change: CaseChange
        let hasRow: Bool
    }

    let key: CaseKey
    private(set) var owner = Sample.queueA
    private(set) var isClosed = false
    private(set) var skills = ""
    private(set) var committed: [Committed] = []
    /// Changes after which somebody was offered the case, or an agent still had it.
    private var answered: Set<Int> = []
    /// What was asked before this is answered by a reply, a close or an owner.
    private var stopAfter = 0
    /// The episode that an agent has finished when nothing else was on its way. Until something happens to the case, nobody
    /// is offered it again.
    var finished: EpisodeKey?
    /// Whether users give the case to each other.
    var isHandedOn = false
    /// Whether what waits may stay when the case comes to an unmonitored queue.
    var isKeptUnmonitored = false
    /// Whether what waits ends when a user takes the case.
    var isEndedWithUser = false
    /// Whether it was offered to anybody yet.
    var wasOffered = false
    /// Comments on the case of a user that are to be offered all the same.
    private var owed: Set<Int> = []

    var wasContacted: Bool { committed.contains { $0.happening == .comment } }

    init(_ key: CaseKey) { self.key = key }

    var isRoutable: Bool { !isClosed && (owner == Sample.queueA || owner == Sample.queueB) }

    private static func workgroup(of owner: RecordID) -> String? {
        owner == Sample.queueA ? Sample.workgroupA : owner == Sample.queueB ? Sample.workgroupB : nil
    }

    /// What may happen to the case now.
    var possible: [Happening] {
        if committed.isEmpty { return [.queueA] }
        return Happening.allCases.filter {
            switch $0 {
            case .queueA: owner != Sample.queueA
            case .queueB: owner != Sample.queueB
            case .unmonitored: owner != Sample.unmonitored
            case .user: owner != Sample.user
            case .otherUser: isHandedOn && owner != Sample.otherUser
            case .closed: !isClosed
            case .reopened: isClosed
            default: true
            }
        }
    }

    /// What takes back the change that came last, if that took the case from its agents.
    var opposite: Happening? {
        switch committed.last?.happening {
        case .closed: .reopened
        case .reply: .comment
        case .user, .otherUser, .unmonitored: .queueA
        default: nil
        }
    }

    /// - Parameters:
    ///   - version: of the change, greater than or, in legacy orgs, equal to that of the one before.
    ///   - number: of the change in the history, for its ids.
    ///   - isOwed: it is a comment on the case of a user, and is to be offered all the same.
    func commit(
        _ happening: Happening, version: Int64, at time: Timestamp, number: Int, hasRow: Bool, isOwed: Bool
    ) -> CaseChange {
        let previous = owner
        let isFirst = committed.isEmpty
        finished = nil
        switch happening {
        case .queueA: owner = Sample.queueA
        case .queueB: owner = Sample.queueB
        case .unmonitored: owner = Sample.unmonitored
        case .user: owner = Sample.user
        case .otherUser: owner = Sample.otherUser
        case .closed: isClosed = true
        case .reopened: isClosed = false
        case .skills: skills = skills.isEmpty ? "French" : ""
        case .comment, .reply: break
        }
        let kind: ChangeKind =
            switch happening {
            case _ where isFirst: .created
            case .queueA, .queueB, .user, .otherUser, .unmonitored:
                owner.isQueue && previous.isQueue ? .queueChanged : .ownerChanged
            case .closed: .closed
            case .reopened: .reopened
            case .skills: .skillsChanged
            case .comment: .comment
            case .reply: .agentReplied
            }
        let row = Sample.id("a00A0000000\(number + 1_000)")
        var change = CaseChange(
            key: happening == .comment ? "n:\(number)" : "o:\(row)", org: key.org, caseID: key.caseID, kind: kind,
            version: version, occurredAt: time, caseNumber: "00001001", owner: owner,
            previousOwner: previous == owner ? nil : previous, isClosed: isClosed, skills: skills,
            priority: "Medium", comparedWith: nil)
        if hasRow { change.row = row }
        if isOwed { owed.insert(committed.count) }
        committed.append(Committed(happening: happening, change: change, hasRow: hasRow))
        if [.reply, .closed, .user, .otherUser, .unmonitored].contains(happening) { stopAfter = committed.count }
        return change
    }

    // MARK: What people see

    /// An agent takes it from a workgroup: every arrival there until now is answered.
    func isPickedUp(from workgroup: String?) {
        answered.formUnion(
            committed.indices.filter {
                [.queueA, .queueB, .reopened].contains(committed[$0].happening)
                    && Self.workgroup(of: committed[$0].change.owner) == workgroup
            })
    }

    /// The database has forgotten these. Where it holds again what Salesforce has, nobody can know of the way in between, nor
    /// of what no row tells.
    func isForgotten(_ keys: Set<RequestKey>, _ held: CaseFacts?) {
        guard let held, held.owner == owner, held.isClosed == isClosed else { return }
        answered.formUnion(
            committed.indices.filter {
                let one = committed[$0]
                return one.happening != .comment && (keys.contains(RequestKey(one.change)) || !one.hasRow)
            })
    }

    /// Nothing of it is due on its last workgroup any more, before it is offered again.
    func isForgottenAsOffered() {
        wasOffered = false
        owed = []
    }

    /// The agent still had it after the customer wrote. So it was after what no row tells of, a close and a reopening
    /// perhaps: when others hear of that, the case is as it was before.
    func agentEnds() {
        answered.formUnion(
            committed.indices.filter {
                let one = committed[$0]
                // Kept while the case was in an unmonitored queue, it is still the same when the case is back.
                let isBack = isKeptUnmonitored && one.change.previousOwner == Sample.unmonitored
                return one.happening == .comment || !one.hasRow || isBack
            })
    }

    /// Somebody ended it while it waited: whoever does that knows of the case.
    func isTakenAway() { answered.formUnion(committed.indices) }

    /// Whether that is what Salesforce has.
    func isHeld(_ facts: CaseFacts?) -> Bool {
        facts.map { $0.owner == owner && $0.isClosed == isClosed && $0.skills == skills } ?? false
    }

    /// Whether the case was so only before a state that was merged.
    func isOutdated(_ facts: CaseFacts, _ tables: CaseTables) -> Bool {
        let newest = committed.lastIndex { one in
            let request = tables.requests[RequestKey(one.change)]
            return one.happening.isState && request?.isSeen == true && request?.outcome != .superseded
        }
        return newest.map { !committed[$0...].contains { CaseFacts($0.change).isSameState(as: facts) } } ?? false
    }

    // MARK: Judgement

    /// What is wrong with a case at rest; nil: nothing.
    ///
    /// - Parameters:
    ///   - routable: its interaction outside holding.
    ///   - waitsForAgent: it is left to its agent, and its requests wait for that.
    ///   - forgotten: requests that the database has lost; their rows may have been marked before.
    func problem(
        _ tables: CaseTables, _ routable: HandlerModel.Live?, waitsForAgent: Bool, forgotten: Set<RequestKey>
    ) -> String? {
        for request in tables.requests.values.sorted(by: { $0.change.key < $1.change.key })
        where request.change.caseKey == key && request.outcome == nil && !waitsForAgent {
            return "request \(request.change.key) (\(request.change.kind)) has no outcome"
        }
        for one in committed
        where one.hasRow && tables.requests[RequestKey(one.change)]?.isSeen != true
            && !forgotten.contains(RequestKey(one.change))
        {
            return "change \(one.change.key) (\(one.happening)) was never merged"
        }
        let state = tables.state(key)
        if let facts = state.facts, !isHeld(facts) {
            let isOut = !isRoutable && (facts.isClosed || Self.workgroup(of: facts.owner) == nil)
            if !(isOut && state.wanted == nil && routable == nil) { return "what is held differs from Salesforce" }
        }
        if isClosed && (state.wanted != nil || routable != nil) { return "closed, but still offered" }
        if owner == Sample.unmonitored && routable?.place == .waiting && !isKeptUnmonitored {
            return "offered in an unmonitored queue"
        }
        if owner.isUser && isEndedWithUser && !wasContacted && routable?.place == .waiting {
            return "offered although a user has it and its mapping ends that"
        }
        guard isRoutable || owner.isUser else { return nil }
        // What is given up stays where its agent has it, and ends when the agent is done.
        if isRoutable, let routable, !waitsForAgent {
            if routable.workgroup != Self.workgroup(of: owner) { return "on the wrong workgroup" }
            if routable.place == .waiting && routable.skills != skills { return "waits with the wrong skills" }
        }
        return swallowed(isOffered: routable != nil)
    }

    /// Versions in whole seconds do not tell the way out from what was before it, and no row tells of the way back: when the
    /// case is read again, it is as it was held. What was before it may be a reply or a comment, which tells of its case
    /// where nobody had heard of that.
    private func isUnnoticed(_ index: Int) -> Bool {
        let one = committed[index]
        guard !one.hasRow, let out = committed[..<index].lastIndex(where: \.happening.isState), out > 0 else {
            return false
        }
        let before = committed[out - 1].change
        return before.version == committed[out].change.version && before.owner == one.change.owner
            && before.isClosed == one.change.isClosed
    }

    /// What was asked and not answered by a later reply, close or owner is followed by an offer.
    private func swallowed(isOffered: Bool) -> String? {
        for index in committed.indices.dropFirst(stopAfter) where !answered.contains(index) {
            let one = committed[index]
            switch one.happening {
            case .comment:
                if !isOffered && (isRoutable || owed.contains(index)) {
                    return "comment \(one.change.key) was swallowed"
                }
            case .queueA, .queueB, .reopened:
                guard !one.change.isClosed, Self.workgroup(of: one.change.owner) != nil, !isUnnoticed(index) else {
                    continue
                }
                let hasLater = committed[(index + 1)...].contains {
                    $0.happening.isState && $0.happening != .skills && !$0.change.isClosed
                        && Self.workgroup(of: $0.change.owner) != nil
                }
                if !hasLater && !isOffered { return "arrival \(one.change.key) (\(one.happening)) was swallowed" }
            default: continue
            }
        }
        return nil
    }
}
