import CaseRouting
import TestSupport
import Testing

/// What a comment or e-mail does for a case whose owner has a queue of his own in CIC.
@Suite struct OwnQueueTests {
    private static let own = UserQueue(user: "anna").place

    private static func configuration(
        _ setting: OrgSettings.ContactOnUserOwned = .ownQueue, onUserOwner: Mapping.OnUserOwner = .keep,
        _ more: [Mapping] = []
    ) -> RoutingConfiguration {
        Sample.configuration(
            contactOnUserOwned: setting,
            mappings: [
                Sample.mapping(1, Sample.queueA, Sample.workgroupA),
                Sample.mapping(3, Sample.user, own, onUserOwner: onUserOwner),
            ] + more)
    }

    /// Wanted in the owner's own queue, with an interaction there or none yet.
    private static func offered(_ interaction: CaseInState.Interaction) -> CaseState {
        var state = CaseInState(interaction, owner: Sample.user).state
        let wish = Wanted(cic: Sample.cic, workgroup: own, skills: "", mapping: 3)
        (state.wanted, state.lastWanted) = (wish, wish)
        if state.episode?.workgroup != nil { state.episode?.workgroup = own }
        return state
    }

    @Test(arguments: [ChangeKind.comment, .emailReceived], [CaseInState.Interaction.none, .ending])
    func `what comes in about a case of a user is offered in that user's own queue, without skills`(
        _ kind: ChangeKind, _ interaction: CaseInState.Interaction
    ) {
        var held = CaseInState(interaction, owner: Sample.user)
        held.skills = "German"
        let decision = decided(Sample.change(kind, 20, owner: Sample.user), on: held.state, Self.configuration())
        #expect(decision.rule == .contactedOwner)
        #expect(decision.mapping?.id == 3)
        #expect(decision.raisesRevision)
        #expect(decision.after.wanted == Wanted(cic: Sample.cic, workgroup: Self.own, skills: "", mapping: 3))
    }

    @Test(arguments: [CaseInState.Interaction.creating, .held, .waiting, .withAgent])
    func `an open interaction stays, wherever it is`(_ interaction: CaseInState.Interaction) {
        let comment = Sample.change(.comment, 20, owner: Sample.user)
        for state in [CaseInState(interaction, owner: Sample.user).state, Self.offered(interaction)] {
            let decision = decided(comment, on: state, Self.configuration())
            #expect(decision.rule == .interactionActive)
            #expect(decision.after.wanted == state.wanted)
            #expect(needsReading(comment, on: state, Self.configuration()) == interaction.isKnown)
        }
    }

    @Test func `a user without own queue is offered nothing, and the reason says so`() {
        let decision = decided(
            Sample.change(.comment, 20, owner: Sample.otherUser), on: CaseInState(.none, owner: Sample.otherUser).state,
            Self.configuration())
        #expect(decision.rule == .noOwnQueue)
        #expect(decision.rule.reason.contains("no mapping names a CIC queue of that user"))
        #expect(decision.outcome == .ignored && decision.after.wanted == nil)
    }

    @Test(arguments: [OrgSettings.ContactOnUserOwned.unchanged, .lastWorkgroup, .ownQueue])
    func `a user's mapping makes nothing monitored`(_ setting: OrgSettings.ContactOnUserOwned) {
        let configuration = Self.configuration(setting)
        #expect(configuration.mapping(org: Sample.org, owner: Sample.user) == nil)
        for kind in [ChangeKind.created, .ownerChanged, .reopened, .skillsChanged] {
            let state = kind == .created ? CaseState() : CaseInState(.none, owner: Sample.user).state
            let decision = decided(
                Sample.change(kind, 20, owner: Sample.user, skills: "German"), on: state, configuration)
            #expect(decision.rule == .ownedByUser)
            #expect(decision.after.wanted == nil && decision.after.fences.arrival == state.fences.arrival)
        }
        let asked = decided(
            Sample.change(.comment, 20, owner: Sample.user), on: CaseInState(.none, owner: Sample.user).state,
            Self.configuration(.unchanged))
        #expect(asked.rule == .ownedByUser && asked.after.wanted == nil)
    }

    @Test func `an earlier owner's own queue is no last workgroup`() {
        var state = CaseInState(.none, owner: Sample.otherUser).state
        state.lastWanted = Wanted(cic: Sample.cic, workgroup: Self.own, skills: "", mapping: 3)
        let decision = decided(
            Sample.change(.comment, 20, owner: Sample.otherUser), on: state, Self.configuration(.lastWorkgroup))
        #expect(decision.rule == .ownedByUser && decision.after.wanted == nil)
    }

    /// After a loss of rows the reply, or the user, is read again first, and what brought the case by a sweep.
    @Test(arguments: [false, true])
    func `what somebody wrote is offered where the case had been, although that is told last`(isToldLast: Bool) {
        let settings = Self.configuration(.lastWorkgroup)
        var state = decided(Sample.change(.agentReplied, 30, owner: Sample.user), on: CaseState(), settings).after
        let brought = Sample.change(.created, 10)
        let email = Sample.change(.emailReceived, 40, owner: Sample.user)
        let decisions = (isToldLast ? [email, brought] : [brought, email]).map { change in
            let decision = decided(change, on: state, settings)
            state = decision.after
            return decision
        }
        #expect(state.wanted?.workgroup == Sample.workgroupA)
        #expect(decisions.map(\.raisesRevision) == [false, true])
        #expect(state.facts?.owner == Sample.user)
        // Where it was before that says nothing.
        let earlier = Sample.change(.created, 5, owner: Sample.queueB)
        #expect(decided(earlier, on: state, settings).after.lastWanted?.workgroup == Sample.workgroupA)
    }

    @Test(
        arguments: [CaseInState.Interaction.none, .creating, .waiting, .withAgent], [Mapping.OnUserOwner.keep, .end])
    func `what its owner is offered stays while the case changes in the owner's hands`(
        _ interaction: CaseInState.Interaction, _ onUserOwner: Mapping.OnUserOwner
    ) {
        let state = Self.offered(interaction)
        let decision = decided(
            Sample.change(.skillsChanged, 20, owner: Sample.user, skills: "French"), on: state,
            Self.configuration(onUserOwner: onUserOwner))
        #expect(decision.after.wanted == state.wanted)
        #expect(!decision.raisesRevision)
    }

    @Test(arguments: [CaseInState.Interaction.none, .held])
    func `one that failed goes where its corrected mapping says when it is read again`(
        _ interaction: CaseInState.Interaction
    ) {
        var state = Self.offered(interaction)
        state.wanted?.workgroup = "user:ana"
        let observed = Sample.change(.observed, 20, owner: Sample.user, comparedWith: 5)
        let untried = decided(observed, on: state, Self.configuration())
        #expect(untried.rule == .noDifference && untried.after.wanted == state.wanted)
        state.attempts = RetryPolicy.attemptLimit
        let corrected = decided(observed, on: state, Self.configuration())
        #expect(corrected.after.wanted?.workgroup == Self.own && corrected.raisesRevision)
    }

    @Test(arguments: [OrgSettings.ContactOnUserOwned.lastWorkgroup, .ownQueue])
    func `what was asked for on a workgroup stays while the case changes in the owner's hands`(
        _ setting: OrgSettings.ContactOnUserOwned
    ) {
        var state = CaseInState(.none, owner: Sample.user, isWanted: true).state
        state.lastWanted = state.wanted
        let change = Sample.change(.skillsChanged, 20, owner: Sample.user, skills: "French")
        let decision = decided(change, on: state, Self.configuration(setting))
        #expect(state.wanted != nil && decision.after.wanted == state.wanted && !decision.raisesRevision)
        #expect(decided(change, on: state, Self.configuration(.unchanged)).after.wanted == nil)
        // Another owner was not asked.
        let given = Sample.change(.ownerChanged, 20, owner: Sample.otherUser, previousOwner: Sample.user)
        #expect(decided(given, on: state, Self.configuration(setting)).after.wanted == nil)
    }

    @Test(arguments: [
        (OrgSettings.ContactOnUserOwned.unchanged, nil), (.lastWorkgroup, Sample.workgroupA), (.ownQueue, Self.own),
    ])
    func `what came in after a user took the case is offered as his, though it was merged before that`(
        _ setting: OrgSettings.ContactOnUserOwned, _ place: String?
    ) {
        var state = CaseInState(.none, isWanted: true).state
        state.lastWanted = state.wanted
        state.fences.contact = 30
        let taken = Sample.change(.ownerChanged, 20, owner: Sample.user, previousOwner: Sample.queueA)
        #expect(decided(taken, on: state, Self.configuration(setting)).after.wanted?.workgroup == place)
        state.fences.reply = 40
        #expect(decided(taken, on: state, Self.configuration(setting)).after.wanted == nil)
    }

    @Test(arguments: [20, 30] as [Int64], [CaseInState.Interaction.waiting, .withAgent])
    func `what the mapping would end when a user takes the case goes to that user if somebody wrote since`(
        _ contact: Int64, _ interaction: CaseInState.Interaction
    ) {
        let ending = Sample.configuration(
            contactOnUserOwned: .ownQueue,
            mappings: [
                Sample.mapping(1, Sample.queueA, Sample.workgroupA, onUserOwner: .end),
                Sample.mapping(3, Sample.user, Self.own),
            ])
        var state = CaseInState(interaction).state
        state.fences.contact = contact
        let taken = Sample.change(.ownerChanged, 20, owner: Sample.user, previousOwner: Sample.queueA)
        let decision = decided(taken, on: state, ending)
        #expect(decision.after.wanted?.workgroup == Self.own && decision.after.wantedAssign == 6)
        state.fences.contact = 19
        #expect(decided(taken, on: state, ending).rule == .ownedByUserEnded)
    }

    @Test func `given to another user it stays, or ends if the mapping says so`() {
        let change = Sample.change(.ownerChanged, 20, owner: Sample.otherUser, previousOwner: Sample.user)
        let state = Self.offered(.waiting)
        #expect(decided(change, on: state, Self.configuration()).after.wanted == state.wanted)
        let ended = decided(change, on: state, Self.configuration(onUserOwner: .end))
        #expect(ended.after.wanted == nil && ended.rule == .ownedByUserEnded)
    }

    @Test(arguments: [CaseInState.Interaction.waiting, .withAgent])
    func `a case that goes to a monitored queue takes its interaction along`(_ interaction: CaseInState.Interaction) {
        let decision = decided(
            Sample.change(.ownerChanged, 20, owner: Sample.queueA, previousOwner: Sample.user),
            on: Self.offered(interaction), Self.configuration())
        #expect(decision.rule == .takenBack)
        #expect(decision.after.wanted?.workgroup == Sample.workgroupA)
        #expect(decision.after.wantedAssign == 6)
    }

    @Test func `a reply and the end of the case end it`() {
        let state = Self.offered(.withAgent)
        let replied = decided(Sample.change(.agentReplied, 20, owner: Sample.user), on: state, Self.configuration())
        #expect(replied.rule == .replied && replied.after.wanted == nil)
        let closed = decided(
            Sample.change(.closed, 20, owner: Sample.user, isClosed: true), on: state, Self.configuration())
        #expect(closed.rule == .closed && closed.after.wanted == nil)
    }

    @Test func `a queue may be mapped to a user's own queue, and its cases are offered there as they come`() {
        let direct = Self.configuration(
            .unchanged, [Sample.mapping(4, Sample.queueB, UserQueue(user: "bert").place)])
        let decision = decided(
            Sample.change(.created, 1, owner: Sample.queueB, skills: "German"), on: CaseState(), direct)
        #expect(decision.rule == .arrived)
        #expect(decision.after.wanted == Wanted(cic: Sample.cic, workgroup: "user:bert", skills: "", mapping: 4))
    }

    /// Two mappings: what waits on the first ends when a user takes the case, and the user has an own queue.
    private static func ending(_ setting: OrgSettings.ContactOnUserOwned) -> RoutingConfiguration {
        Sample.configuration(
            contactOnUserOwned: setting,
            mappings: [
                Sample.mapping(1, Sample.queueA, Sample.workgroupA, onUserOwner: .end),
                Sample.mapping(3, Sample.user, own),
            ])
    }

    @Test(
        arguments: [
            (OrgSettings.ContactOnUserOwned.unchanged, nil), (.lastWorkgroup, Sample.workgroupA), (.ownQueue, Self.own),
        ] as [(OrgSettings.ContactOnUserOwned, String?)], [CaseInState.Interaction.waiting, .withAgent])
    func `a comment on what waits is not swallowed when a sweep finds out that a user has the case and that ends it`(
        _ what: (setting: OrgSettings.ContactOnUserOwned, place: String?), _ interaction: CaseInState.Interaction
    ) {
        var state = CaseInState(interaction).state
        state.fences.contact = 20
        let observed = Sample.change(.observed, 30, owner: Sample.user, comparedWith: state.revision)
        let decision = decided(observed, on: state, Self.ending(what.setting))
        #expect(decision.after.wanted?.workgroup == what.place)
        // It stays where it is offered anyway.
        #expect(decision.raisesRevision == (what.setting != .lastWorkgroup))
        // What was asked before the case came there was served by what waits, and what was answered needs nobody.
        for (contact, reply) in [(9, 0), (20, 25)] as [(Int64, Int64)] {
            (state.fences.contact, state.fences.reply) = (contact, reply)
            #expect(decided(observed, on: state, Self.ending(what.setting)).after.wanted == nil)
        }
    }

    @Test(arguments: [Sample.unmonitored, Sample.otherUser], [true, false])
    func `a comment put aside before its owner was known is offered when skills show the owner`(
        _ owner: RecordID, _ isClosed: Bool
    ) {
        var state = CaseInState(.none, owner: owner, isClosed: isClosed).state
        state.fences.contact = 12
        let skills = Sample.change(.skillsChanged, 13, owner: Sample.user, skills: "French")
        #expect(decided(skills, on: state, Self.configuration()).after.wanted?.workgroup == Self.own)
        #expect(decided(skills, on: state, Self.configuration(.unchanged)).after.wanted == nil)
        // Versions in whole seconds: it may have come after what has no version of its own.
        state.fences.contact = 10
        #expect(decided(skills, on: state, Self.configuration()).after.wanted?.workgroup == Self.own)
        // Before the newest state that was known it was not put aside.
        state.fences.contact = 9
        #expect(decided(skills, on: state, Self.configuration()).after.wanted == nil)
        (state.fences.contact, state.fences.reply) = (12, 13)
        #expect(decided(skills, on: state, Self.configuration()).after.wanted == nil)
    }

    @Test(arguments: [(Sample.unmonitored, false), (Sample.otherUser, false), (Sample.user, true)])
    func `a comment that names its case's owner, of whom nothing has told, has the case read again`(
        _ owner: RecordID, _ isClosed: Bool
    ) {
        let comment = Sample.change(.comment, 20, owner: Sample.user)
        let state = CaseInState(.none, owner: owner, isClosed: isClosed).state
        let decision = decided(comment, on: state, Self.configuration())
        #expect(decision.needsVerification && decision.outcome == .ignored)
        let observed = Sample.change(.observed, 22, owner: Sample.user, comparedWith: state.revision)
        #expect(decided(observed, on: decision.after, Self.configuration()).after.wanted?.workgroup == Self.own)
        #expect(!decided(comment, on: state, Self.configuration(.unchanged)).needsVerification)
        // What is older than what is held says nothing of it.
        let older = Sample.change(.comment, 9, owner: Sample.user)
        #expect(!decided(older, on: state, Self.configuration()).needsVerification)
    }

    /// The comment was merged first and served by what waited in the queue; its owner's row is missing.
    @Test(arguments: [Sample.unmonitored, Sample.otherUser, Sample.queueA])
    func `a comment whose offer an older state ends has the case read again`(_ owner: RecordID) {
        var state = CaseInState(.waiting).state
        state.fences.contact = 20
        let isClosed = owner == Sample.queueA
        let older = Sample.change(isClosed ? .closed : .ownerChanged, 15, owner: owner, isClosed: isClosed)
        let decision = decided(older, on: state, Self.ending(.ownQueue))
        #expect(decision.after.wanted == nil && decision.needsVerification)
        let observed = Sample.change(
            .observed, 22, owner: Sample.user, comparedWith: decision.after.revision)
        #expect(decided(observed, on: decision.after, Self.ending(.ownQueue)).after.wanted?.workgroup == Self.own)
        #expect(!decided(older, on: state, Self.ending(.unchanged)).needsVerification)
        state.fences.contact = 14
        #expect(!decided(older, on: state, Self.ending(.ownQueue)).needsVerification)
    }

    /// It was read off CIC after rows were lost.
    @Test(arguments: [OrgSettings.ContactOnUserOwned.unchanged, .lastWorkgroup, .ownQueue])
    func `what waits although a user has the case and that ends it is ended when the case is read, if nobody wrote`(
        _ setting: OrgSettings.ContactOnUserOwned
    ) {
        var state = CaseInState(.waiting, owner: Sample.user).state
        let observed = Sample.change(.observed, 22, owner: Sample.user, comparedWith: state.revision)
        #expect(decided(observed, on: state, Self.ending(setting)).after.wanted == nil)
        state.fences.contact = 12
        #expect((decided(observed, on: state, Self.ending(setting)).after.wanted == nil) == (setting == .unchanged))
    }

    @Test func `a comment that agrees with what is held has nothing read again`() {
        for owner in [Sample.queueA, Sample.user] {
            let comment = Sample.change(.comment, 20, owner: Sample.user)
            #expect(
                !decided(comment, on: CaseInState(.none, owner: owner).state, Self.configuration()).needsVerification)
        }
    }

    @Test func `names are taken as they are behind the first colon`() {
        #expect(UserQueue(place: "user:a:b")?.user == "a:b")
        #expect(UserQueue(place: "user:")?.user == "")
        #expect(UserQueue(place: "User:anna") == nil)
        #expect(UserQueue(place: "Support") == nil)
    }
}
