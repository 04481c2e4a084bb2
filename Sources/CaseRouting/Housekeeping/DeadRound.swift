/// One look at everything that lies in `caserouter.dead`.
///
/// What stays is given back only at the end, because the broker hands out what was given back before everything else.
/// Until then it is in hand without its body: a round of ten thousand takes a few megabytes.
public struct DeadRound: Sendable {
    /// Messages in hand at most. Behind so many that nobody can read the rest waits until a person has removed some.
    public static let mostKept = 10_000
    /// Looks in one round; what is behind is looked at in the next, which follows at once.
    static let mostLooks = 20_000

    private(set) var kept: [RequestDelivery] = []
    private(set) var removed = 0
    private var incarnation: UInt64?

    var isFull: Bool { kept.count >= Self.mostKept || kept.count + removed >= Self.mostLooks }

    /// Whether the delivery came over the same connection as those before. If not, the broker has given them back.
    mutating func accepts(_ delivery: RequestDelivery) -> Bool {
        defer { incarnation = delivery.incarnation }
        return incarnation == nil || incarnation == delivery.incarnation
    }

    mutating func keep(_ delivery: RequestDelivery) {
        kept.append(
            RequestDelivery(
                body: [], length: delivery.length, isRedelivered: delivery.isRedelivered, token: delivery.token,
                incarnation: delivery.incarnation))
    }

    mutating func countRemoved() { removed += 1 }
}
