import ProtocolSimulation

/// What happens to one case, step by step, at random: every kind of change of design 7, in orders that people make, with
/// several episodes.
struct CaseLife {
    /// One step of a life.
    enum Step: String, CaseIterable, Sendable {
        case comment, emailIn, emailOut, reply, move, toUser, handOn, toUnmonitored, backToQueue, skills, close, reopen,
            delete, undelete, merge
    }

    private var random: SplitMix
    private var isOpen = true
    private var owner = Owner.queue
    private var isDeleted = false

    private enum Owner { case queue, user, unmonitored }

    init(seed: UInt64, number: Int) {
        random = SplitMix(seed: seed &* 0x9e37_79b9 &+ UInt64(number))
    }

    /// Whether a user makes the case, and keeps it.
    mutating func beginsWithUser() -> Bool {
        guard chance(0.12) else { return false }
        owner = .user
        return true
    }

    /// Of the first creation: most have none.
    mutating func skills() -> String { chance(0.3) ? "English;Billing" : "" }

    /// One of so many.
    mutating func index(of count: Int) -> Int { Int.random(in: 0..<count, using: &random) }

    /// How many steps follow the creation.
    mutating func steps() -> Int { Int.random(in: 0...5, using: &random) }

    mutating func chance(_ share: Double) -> Bool { Double.random(in: 0..<1, using: &random) < share }

    /// Seconds until the next step.
    mutating func pause() -> Double { Double.random(in: 0.2...6, using: &random) }

    /// The next step that is possible as the case stands; nil when nothing can follow.
    mutating func next() -> Step? {
        if isDeleted {
            // Half of them are taken out of the recycle bin.
            guard chance(0.5) else { return nil }
            isDeleted = false
            return .undelete
        }
        let possible: [Step]
        switch (isOpen, owner) {
        case (false, _): possible = [.reopen, .reopen, .comment]
        case (true, .queue):
            possible = [
                .comment, .comment, .emailIn, .emailIn, .emailOut, .move, .move, .toUser, .toUser, .toUser,
                .toUnmonitored, .skills, .close, .close, .delete, .merge,
            ]
        case (true, .user):
            possible = [
                .comment, .comment, .comment, .emailIn, .emailIn, .reply, .handOn, .handOn, .skills, .toUnmonitored,
                .backToQueue, .backToQueue, .close,
            ]
        case (true, .unmonitored): possible = [.comment, .backToQueue, .backToQueue, .close]
        }
        let step = possible.randomElement(using: &random) ?? .comment
        switch step {
        case .toUser, .handOn: owner = .user
        case .toUnmonitored: owner = .unmonitored
        case .backToQueue: owner = .queue
        case .close: isOpen = false
        case .reopen: isOpen = true
        case .delete: isDeleted = true
        case .comment, .emailIn, .emailOut, .reply, .move, .skills, .undelete, .merge: break
        }
        return step
    }
}
