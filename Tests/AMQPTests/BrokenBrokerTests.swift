import AMQP
import Foundation
import Polling
import Synchronization
import TestSupport
import Testing

/// What a broker of one's own is needed for. One after the other, because each keeps two cores busy for seconds.
@Suite(.serialized) struct BrokenBrokerTests {
    @Test(.timeLimit(.minutes(4))) func `a memory alarm is noticed, publishes wait, and go on when it ends`()
        async throws
    {
        let broker = try await PrivateBroker.start()
        defer { broker.stop() }
        var settings = AMQPSettings()
        settings.publishDeadline = .seconds(2)
        try await withConnection(AMQPAddress(url: broker.url), settings: settings) { connection, queue in
            _ = try await connection.declareQueue(queue)
            try await connection.publish([1], to: queue)
            #expect(await !connection.isBlocked)
            try await broker.setMemoryAlarm(true)
            // The broker says so when a publisher next sends something.
            let start = MonotonicTime.now
            let error = await failure { () async throws(AMQPError) in try await connection.publish([2], to: queue) }
            let waited = MonotonicTime.now - start
            #expect(error?.kind == .blocked)
            #expect(waited >= .seconds(2) && waited < .seconds(3))
            #expect(await connection.isBlocked)
            async let third: Void = connection.publish([3], to: queue)
            try await broker.setMemoryAlarm(false)
            try await eventually("the alarm ends") { await !connection.isBlocked }
            // It may have been too late for the third's caller; it is not for the message.
            _ = try? await third
            try await connection.publish([4], to: queue)
            #expect(try await connection.queueState(queue).messageCount == 4)
            var events: [AMQPConnection.Event] = []
            await connection.close()
            for await event in connection.events { events.append(event) }
            #expect(events.count == 3 && events[1] == .unblocked)
            if case .blocked(let reason) = events[0] {
                #expect(reason.contains("memory"))
            } else {
                Issue.record("no reason")
            }
        }
    }

    @Test(.timeLimit(.minutes(4))) func `a frozen broker is noticed within two heartbeats and never stalls the loop`()
        async throws
    {
        let broker = try await PrivateBroker.start()
        defer { broker.stop() }
        var address = try AMQPAddress(url: broker.url)
        address.heartbeat = .seconds(3)
        var settings = AMQPSettings()
        settings.maximumOutstandingPublishes = 3_000
        try await withConnection(address, settings: settings) { connection, queue in
            _ = try await connection.declareQueue(queue)
            try await connection.publish([0], to: queue)
            // What a loop with nothing to do suffers on this machine at the same time is not the driver's fault.
            let idle = PollExecutor(name: "idle")
            defer { idle.stop() }
            let (pulse, control) = (Pulse(connection.executor), Pulse(idle))
            await pulse.start()
            await control.start()
            broker.freeze()
            let start = MonotonicTime.now
            // Far more than the sockets hold: 40 MB within half a second.
            async let publishes = withTaskGroup(of: [AMQPError?].self) { group in
                for _ in 0..<40 {
                    group.addTask { await Burst(connection).publish(100, size: 10_000, to: queue) }
                    try? await Task.sleep(for: .milliseconds(10))  // Nobody cancels this task.
                }
                var errors: [AMQPError?] = []
                for await some in group { errors += some }
                return errors
            }
            async let declare = failure { () async throws(AMQPError) in try await connection.queueState(queue) }
            try await Task.sleep(for: .seconds(2))
            let longest = await pulse.stop() - control.stop()
            #expect(longest < .milliseconds(100), "the loop stood still for \(longest)")
            let reason = await connection.waitUntilClosed()
            let noticed = MonotonicTime.now - start
            #expect(reason.kind == .connectionLost)
            #expect(noticed > .seconds(3) && noticed < .milliseconds(6_200))
            let errors = await publishes
            #expect(errors.filter { $0?.kind == .connectionLost }.count == 3_000)
            #expect(errors.filter { $0?.kind == .overloaded }.count == 1_000)
            #expect(await declare?.kind == .connectionLost)
            broker.thaw()
        }
    }

    @Test(.timeLimit(.minutes(4)))
    func `every wait for a frozen broker ends at its deadline, and late answers harm nobody`() async throws {
        let broker = try await PrivateBroker.start()
        defer { broker.stop() }
        var settings = AMQPSettings()
        settings.publishDeadline = .seconds(1)
        settings.operationDeadline = .seconds(1)
        try await withConnection(AMQPAddress(url: broker.url), settings: settings) { connection, queue in
            _ = try await connection.declareQueue(queue)
            try await connection.publish([0], to: queue)
            broker.freeze()
            let start = MonotonicTime.now
            async let publish = failure { () async throws(AMQPError) in try await connection.publish([1], to: queue) }
            async let state = failure { () async throws(AMQPError) in try await connection.queueState(queue) }
            async let get = failure { () async throws(AMQPError) in try await connection.get(queue) }
            async let consume = failure { () async throws(AMQPError) in
                try await connection.consume(queue, prefetch: 1)
            }
            let kinds = await [publish?.kind, state?.kind, get?.kind, consume?.kind]
            let waited = MonotonicTime.now - start
            #expect(kinds == [.deadline, .deadline, .deadline, .deadline])
            #expect(waited >= .seconds(1) && waited < .seconds(3))
            broker.thaw()
            // What nobody waited for went back to the queue; the publish arrived all the same.
            try await eventually("two messages are ready") {
                (try? await connection.queueState(queue).messageCount) == 2  // It may be late once more.
            }
            try await connection.publish([2], to: queue)
            #expect(try await connection.get(queue) != nil)
        }
    }

    @Test(.timeLimit(.minutes(4)))
    func `a broker that opens no channel costs the connection, however long its heartbeats are waited for`()
        async throws
    {
        let broker = try await PrivateBroker.start()
        defer { broker.stop() }
        var settings = AMQPSettings()
        settings.publishDeadline = .seconds(2)
        var address = try AMQPAddress(url: broker.url)
        address.heartbeat = .seconds(60)
        try await withConnection(address, settings: settings) { connection, queue in
            broker.freeze()
            defer { broker.thaw() }
            let error = await failure { () async throws(AMQPError) in try await connection.publish([1], to: queue) }
            #expect(error?.kind == .connectionLost || error?.kind == .deadline)
            #expect(await connection.closedReason?.kind == .connectionLost)
        }
    }

    @Test(.timeLimit(.minutes(4))) func `closing does not wait for a frozen broker`() async throws {
        let broker = try await PrivateBroker.start()
        defer { broker.stop() }
        try await withConnection(AMQPAddress(url: broker.url)) { connection, _ in
            broker.freeze()
            let watcher = Task { await connection.waitUntilClosed() }
            let cancelled = Task { await connection.waitUntilClosed() }
            cancelled.cancel()
            #expect(await cancelled.value.kind == .cancelled)
            let start = MonotonicTime.now
            await connection.close()
            #expect(MonotonicTime.now - start < .milliseconds(2_500))
            #expect(await watcher.value.kind == .closed)
            broker.thaw()
        }
    }

    @Test(.timeLimit(.minutes(4)))
    func `a killed broker fails everybody at once, and after its restart a new connection goes on`() async throws {
        let broker = try await PrivateBroker.start()
        defer { broker.stop() }
        let address = try AMQPAddress(url: broker.url)
        try await withConnection(address) { connection, queue in
            _ = try await connection.declareQueue(queue)
            try await connection.publish([1], to: queue)
            let deliveries = try await connection.consume(queue, prefetch: 10)
            var iterator = deliveries.makeAsyncIterator()
            let old = try #require(try await iterator.next())
            let next = Task {
                await failure { () async throws(AMQPError) in
                    var iterator = deliveries.makeAsyncIterator()
                    _ = try await iterator.next()
                }
            }
            broker.freeze()
            let publish = Task {
                await failure { () async throws(AMQPError) in try await connection.publish([2], to: queue) }
            }
            try await Task.sleep(for: .milliseconds(200))
            let start = MonotonicTime.now
            broker.kill()
            let (ended, unconfirmed) = (await next.value, await publish.value)
            #expect(ended?.kind == .connectionLost, "\(String(describing: ended))")
            #expect(unconfirmed?.kind == .connectionLost, "\(String(describing: unconfirmed))")
            #expect(MonotonicTime.now - start < .seconds(2))
            let refused = await failure { () async throws(AMQPError) in
                try await AMQPConnection.open(address, on: connection.executor, name: "again")
            }
            #expect(refused?.kind == .refused)

            try await broker.startNode()
            let second = try await AMQPConnection.open(address, on: connection.executor, name: "again")
            let again = try await second.consume(queue, prefetch: 10)
            var redelivered = again.makeAsyncIterator()
            let new = try #require(try await redelivered.next())
            #expect(new.body == [1])
            let stale = await failure { () async throws(AMQPError) in try await second.acknowledge(old) }
            #expect(stale?.kind == .staleDelivery)
            try await second.acknowledge(new)
            await second.close()
        }
    }

    @Test(.timeLimit(.minutes(4))) func `a broker that closes the connection says why`() async throws {
        let broker = try await PrivateBroker.start()
        defer { broker.stop() }
        let address = try AMQPAddress(url: broker.url)
        try await withConnection(address) { connection, _ in
            try await broker.control("close_all_connections", "maintenance tonight")
            let reason = await connection.waitUntilClosed()
            #expect(reason.kind == .closedByBroker(code: 320))
            #expect(reason.text == "CONNECTION_FORCED - maintenance tonight")
        }
        try await withConnection(address) { connection, _ in
            try await broker.stopNode()
            let reason = await connection.waitUntilClosed()
            #expect([.connectionLost, .closedByBroker(code: 320)].contains(reason.kind))
        }
    }

    @Test(.timeLimit(.minutes(2))) func `heartbeats survive callers that are idle or busy for a minute`() async throws {
        let loop = PollExecutor(name: "heartbeats")
        defer { loop.stop() }
        var address = try SharedBroker.address()
        address.heartbeat = .seconds(1)
        let idle = try await AMQPConnection.open(address, on: loop, name: "idle")
        let busy = try await AMQPConnection.open(address, on: loop, name: "busy")
        let queue = "test.\(UUID().uuidString)"
        _ = try await busy.declareQueue(queue)
        try await busy.publish([1], to: queue)
        let deliveries = try await busy.consume(queue, prefetch: 1)
        var iterator = deliveries.makeAsyncIterator()
        let delivery = try #require(try await iterator.next())
        // Works on its delivery for a minute without a pause and without looking at the connection.
        let end = ContinuousClock.now + .seconds(60)
        var sum: UInt64 = 0
        while ContinuousClock.now < end { sum = sum &* 31 &+ 7 }
        #expect(sum != 0)
        #expect(await idle.closedReason == nil)
        #expect(await busy.closedReason == nil)
        try await busy.acknowledge(delivery)
        #expect(try await idle.deleteQueue(queue) == 0)
        await idle.close()
        await busy.close()
    }
}

/// Measures how long a loop's thread does not get to its timers.
actor Pulse {
    nonisolated let loop: PollExecutor
    nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }
    private var last = MonotonicTime.now
    private var longest = Duration.zero
    private var isRunning = true

    init(_ loop: PollExecutor) { self.loop = loop }

    func start() {
        last = .now
        beat()
    }

    private func beat() {
        let now = MonotonicTime.now
        longest = max(longest, now - last)
        last = now
        guard isRunning else { return }
        loop.schedule(after: .milliseconds(5)) { self.assumeIsolated { $0.beat() } }
    }

    func stop() -> Duration {
        isRunning = false
        return longest
    }
}
