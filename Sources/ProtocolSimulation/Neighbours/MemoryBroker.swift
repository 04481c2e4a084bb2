import CaseRouting

/// `caserouter.requests` of a simulation. Touched on the simulation's thread only, like `SharedTables`.
public final class MemoryBroker: @unchecked Sendable {
    struct Message {
        let body: [UInt8]
        /// Deliveries so far.
        var deliveries = 0
        let tag: UInt64
        var holder: ObjectIdentifier?
        /// Names the delivery: an old one settles nothing.
        var incarnation: UInt64 = 0
    }

    /// While true nothing can be published.
    public var isBroken = false
    public private(set) var acknowledged = 0
    public private(set) var deadLettered: [[UInt8]] = []
    private(set) var messages: [Message] = []
    private var tags: UInt64 = 0
    private var incarnations: UInt64 = 0
    /// Whether messages come in another order than they were published in.
    public var reorders = false
    /// Publishes of which the broker loses the message, or only the confirm; first come.
    public var publishFaults: [PublishFault] = []
    /// Called before a message is removed as done.
    public var acknowledges: (([UInt8]) -> Void)?
    /// Takes what was delivered too often.
    public var dead: MemoryFailedQueue?
    private let news = Bell()
    private let clock: VirtualClock?
    private let random: SeededRandom

    public enum PublishFault: Sendable { case messageLost, confirmLost }

    /// - Parameter clock: nil: whoever waits for a message looks every now and then.
    public init(_ clock: VirtualClock? = nil, seed: UInt64 = 1) {
        self.clock = clock
        random = SeededRandom(seed: seed)
    }

    public var count: Int { messages.count }

    /// Whether a process has a message in hand.
    public var isHeld: Bool { messages.contains { $0.holder != nil } }

    public func publish(_ body: [UInt8]) {
        tags += 1
        messages.append(Message(body: body, tag: tags))
        clock?.ring(news)
    }

    public func publish(_ change: CaseChange) { publish(RequestMessage.encode(change)) }

    public func purge() { messages = [] }

    func holds(_ body: [UInt8]) -> Bool { messages.contains { $0.body == body } }

    /// The connection of a process is gone: what it had not acknowledged is delivered again, but for what was delivered
    /// too often.
    public func lose(_ life: Life) {
        for place in messages.indices where messages[place].holder == ObjectIdentifier(life) {
            messages[place].holder = nil
        }
        if let dead {
            let isTooMuch = { (message: Message) in message.holder == nil && message.deliveries > Self.deliveryLimit }
            dead.dead += messages.filter(isTooMuch).map(\.body)
            messages.removeAll(where: isTooMuch)
        }
        clock?.ring(news)
    }

    /// People look at a message in the queue's page, again and again.
    public func lookAtOne() {
        guard let place = messages.firstIndex(where: { $0.holder == nil }), let dead else { return }
        dead.dead.append(messages.remove(at: place).body)
    }

    static let deliveryLimit = 20

    func take(_ life: Life) -> RequestDelivery? {
        let free = messages.indices.filter { messages[$0].holder == nil }
        guard !free.isEmpty else { return nil }
        let place = reorders ? free[Int(random.next() % UInt64(free.count))] : free[0]
        incarnations += 1
        messages[place].holder = ObjectIdentifier(life)
        messages[place].incarnation = incarnations
        messages[place].deliveries += 1
        let message = messages[place]
        return RequestDelivery(
            body: message.body, length: message.body.count, isRedelivered: message.deliveries > 1,
            token: message.tag, incarnation: message.incarnation)
    }

    func settle(_ delivery: RequestDelivery, _ life: Life, dead: Bool) {
        guard !life.isOver,
            let place = messages.firstIndex(where: {
                $0.tag == delivery.token && $0.holder == ObjectIdentifier(life)
                    && $0.incarnation == delivery.incarnation
            })
        else { return }
        if dead {
            deadLettered.append(messages[place].body)
            self.dead?.dead.append(messages[place].body)
        } else {
            acknowledges?(messages[place].body)
            acknowledged += 1
        }
        messages.remove(at: place)
    }

    func wakeAll() { clock?.ring(news) }

    /// Waits for something to take, at most so long.
    func waitForNews(_ life: Life, _ pause: Duration, _ clock: VirtualClock) async throws(CancellationError) {
        if self.clock == nil {
            try await clock.sleep(for: pause)
        } else {
            try await clock.wait(on: news, atMost: .seconds(30))
        }
    }
}

public struct MemoryRequestQueue: RequestQueue {
    let broker: MemoryBroker
    let life: Life
    let clock: VirtualClock

    public init(broker: MemoryBroker, life: Life, clock: VirtualClock) {
        self.broker = broker
        self.life = life
        self.clock = clock
    }

    public func next() async throws(CancellationError) -> RequestDelivery {
        var pause: Duration = .milliseconds(5)
        while true {
            await life.step(clock)
            if life.isOver || life.isStopping { throw CancellationError() }
            if let delivery = broker.take(life) { return delivery }
            try await broker.waitForNews(life, pause, clock)
            pause = min(pause * 2, .milliseconds(200))
        }
    }

    public func stop() async {
        life.isStopping = true
        broker.wakeAll()
    }

    public func acknowledge(_ delivery: RequestDelivery) async {
        await life.step(clock)
        broker.settle(delivery, life, dead: false)
    }

    public func deadLetter(_ delivery: RequestDelivery) async {
        await life.step(clock)
        broker.settle(delivery, life, dead: true)
    }
}

/// The broker as ingest publishes to it.
public struct MemoryPublisher: RequestPublisher {
    let broker: MemoryBroker
    let clock: VirtualClock
    let life: Life

    public init(_ broker: MemoryBroker, _ simulation: Simulation, life: Life = Life()) {
        self.broker = broker
        clock = simulation.clock
        self.life = life
    }

    public func publish(_ body: [UInt8]) async throws(RoutingFailure) {
        await life.step(clock)
        // Nobody is there who would publish it again.
        if life.isOver { return }
        let fault = broker.publishFaults.isEmpty ? nil : broker.publishFaults.removeFirst()
        await pass(.milliseconds(2))
        if broker.isBroken { throw Self.gone }
        if fault != .messageLost { broker.publish(body) }
        if fault != nil {
            await pass(.seconds(10))
            throw Self.gone
        }
        await life.step(clock)
    }

    private func pass(_ duration: Duration) async {
        do throws(CancellationError) { try await clock.sleep(for: duration) } catch {
            // The message is on its way all the same.
        }
    }

    private static let gone = RoutingFailure(.own, at: .broker, cause: .broker, "The broker is gone.")
}
