import Synchronization

/// Numbers that occur once in a process, so that a channel of a new connection is never taken for an old one.
enum Incarnation {
    private static let last = Atomic<UInt64>(0)

    static func next() -> UInt64 { last.wrappingAdd(1, ordering: .relaxed).newValue }
}
