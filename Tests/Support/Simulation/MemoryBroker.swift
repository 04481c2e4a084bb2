import CaseRouting

/// `caserouter.requests` of a simulation. Touched on the simulation's thread only, like `SharedTables`.
public final class MemoryBroker: @unchecked Sendable {
    struct Message {
        let body: [UInt8]
        var isRedelivered = false
        let tag: UInt64
        var holder: ObjectIdentifier?
    }

    public private(set) var acknowledged = 0
    public private(set) var deadLettered: [[UInt8]] = []
    private(set) var messages: [Message] = []
    private var tags: UInt64 = 0

    public init() {}

    public var count: Int { messages.count }

    /// Whether a process has a message in hand.
    public var isHeld: Bool { messages.contains { $0.holder != nil } }

    public func publish(_ body: [UInt8]) {
        tags += 1
        messages.append(Message(body: body, tag: tags))
    }

    public func publish(_ change: CaseChange) { publish(RequestMessage.encode(change)) }

    public func purge() { messages = [] }

    /// The connection of a process is gone: what it had not acknowledged is delivered again.
    func lose(_ life: Life) {
        for place in messages.indices where messages[place].holder == ObjectIdentifier(life) {
            messages[place].holder = nil
            messages[place].isRedelivered = true
        }
    }

    func take(_ life: Life) -> RequestDelivery? {
        guard let place = messages.firstIndex(where: { $0.holder == nil }) else { return nil }
        messages[place].holder = ObjectIdentifier(life)
        let message = messages[place]
        return RequestDelivery(
            body: message.body, length: message.body.count, isRedelivered: message.isRedelivered, token: message.tag,
            incarnation: 1)
    }

    func settle(_ delivery: RequestDelivery, _ life: Life, dead: Bool) {
        guard !life.isOver,
            let place = messages.firstIndex(where: {
                $0.tag == delivery.token && $0.holder == ObjectIdentifier(life)
            })
        else { return }
        if dead { deadLettered.append(messages[place].body) } else { acknowledged += 1 }
        messages.remove(at: place)
    }
}

public struct MemoryRequestQueue: RequestQueue {
    let broker: MemoryBroker
    let life: Life
    let clock: VirtualClock

    public func next() async throws(CancellationError) -> RequestDelivery {
        var pause: Duration = .milliseconds(5)
        while true {
            if life.isOver || life.isStopping { throw CancellationError() }
            if let delivery = broker.take(life) { return delivery }
            try await clock.sleep(for: pause)
            pause = min(pause * 2, .milliseconds(200))
        }
    }

    public func stop() async { life.isStopping = true }

    public func acknowledge(_ delivery: RequestDelivery) async { broker.settle(delivery, life, dead: false) }

    public func deadLetter(_ delivery: RequestDelivery) async { broker.settle(delivery, life, dead: true) }
}
