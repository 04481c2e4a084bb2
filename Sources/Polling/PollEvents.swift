import CEpoll

/// What a file descriptor is watched for, and what it is ready for.
public struct PollEvents: OptionSet, Sendable {
    public let rawValue: UInt8

    public init(rawValue: UInt8) { self.rawValue = rawValue }

    public static let readable = PollEvents(rawValue: 1)
    public static let writable = PollEvents(rawValue: 2)
    /// Error or hang-up. Reported whether asked for or not; reading tells which.
    public static let broken = PollEvents(rawValue: 4)

    var mask: UInt32 {
        var mask: UInt32 = 0
        if contains(.readable) { mask |= EPOLLIN.rawValue }
        if contains(.writable) { mask |= EPOLLOUT.rawValue }
        return mask
    }

    init(mask: UInt32) {
        var events: PollEvents = []
        if mask & EPOLLIN.rawValue != 0 { events.insert(.readable) }
        if mask & EPOLLOUT.rawValue != 0 { events.insert(.writable) }
        if mask & (EPOLLERR.rawValue | EPOLLHUP.rawValue) != 0 { events.insert(.broken) }
        self = events
    }
}
