import Glibc
import Polling
import Synchronization
import Testing

/// An actor on a loop, as every driver is.
private actor Resident {
    nonisolated let loop: PollExecutor
    nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }
    private(set) var log: [String] = []

    init(_ loop: PollExecutor) { self.loop = loop }

    func note(_ line: String) { log.append(line) }
    func isOnLoop() -> Bool { loop.isCurrent }

    /// Suspends until a handler of the loop runs.
    func wait(_ delay: Duration) async -> Duration {
        let start = MonotonicTime.now
        await withCheckedContinuation { continuation in
            loop.schedule(after: delay) { continuation.resume() }
        }
        return MonotonicTime.now - start
    }

    func waitUntilReadable(_ descriptor: Int32) async -> [UInt8] {
        await withCheckedContinuation { continuation in
            loop.watch(descriptor, for: .readable) { [loop] _ in
                var bytes = [UInt8](repeating: 0, count: 64)
                let count = read(descriptor, &bytes, 64)
                loop.unwatch(descriptor)
                continuation.resume(returning: Array(bytes.prefix(max(0, count))))
            }
        }
    }

    func order() async -> [String] {
        log = []
        let hook = loop.addBeforeWait { [unowned self] in self.assumeIsolated { $0.note("hook") } }
        note("job")
        await Task.yield()
        note("job")
        _ = await wait(.milliseconds(1))
        loop.removeHook(hook)
        return log
    }

    func cancelledTimerFires() async -> Bool {
        var fired = false
        let timer = loop.schedule(after: .milliseconds(5)) { fired = true }
        timer.cancel()
        _ = await wait(.milliseconds(20))
        return fired
    }

    func timersInOrder() async -> [String] {
        log = []
        await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
            for delay in [30, 10, 20, 0, 25, 5, 15] {
                loop.schedule(after: .milliseconds(delay)) { [unowned self] in
                    self.assumeIsolated { $0.note("\(delay)") }
                    if delay == 30 { continuation.resume() }
                }
            }
        }
        return log
    }

    func set(_ flag: Flag, whenReadable descriptor: Int32) {
        loop.watch(descriptor, for: .readable) { [loop] _ in
            loop.unwatch(descriptor)
            flag.set()
        }
    }

    func spin(until flag: Flag) async {
        while !flag.isSet { await Task.yield() }
    }
}

private final class Flag: Sendable {
    private let value = Atomic(false)
    var isSet: Bool { value.load(ordering: .relaxed) }
    func set() { value.store(true, ordering: .relaxed) }
}

struct PollExecutorTests {
    @Test func `an actor on the loop runs on its thread and nowhere else`() async {
        let loop = PollExecutor(name: "test")
        let resident = Resident(loop)
        #expect(await resident.isOnLoop())
        #expect(!loop.isCurrent)
        loop.stop()
    }

    @Test func `jobs from many threads all run`() async {
        let loop = PollExecutor(name: "test")
        let resident = Resident(loop)
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<1_000 { group.addTask { await resident.note("x") } }
        }
        #expect(await resident.log.count == 1_000)
        loop.stop()
    }

    @Test func `before-wait hooks run after the jobs of the turn`() async {
        let loop = PollExecutor(name: "test")
        let log = await Resident(loop).order()
        #expect(log.first == "job")
        #expect(log.dropFirst().contains("hook"))
        loop.stop()
    }

    @Test func `a timer is never early and at most a few turns late`() async {
        let loop = PollExecutor(name: "test")
        let waited = await Resident(loop).wait(.milliseconds(30))
        #expect(waited >= .milliseconds(30))
        #expect(waited < .milliseconds(500))
        loop.stop()
    }

    @Test func `a thousand sleep on the loop, each its time, and stay on its thread`() async throws {
        let loop = PollExecutor(name: "test")
        let start = MonotonicTime.now
        let sleeps = (1...1_000).map { number in
            Task(executorPreference: loop) {
                let duration = Duration.milliseconds(number % 50)
                try await loop.sleep(for: duration)
                return loop.isCurrent && MonotonicTime.now - start >= duration
            }
        }
        for sleep in sleeps { #expect(try await sleep.value) }
        loop.stop()
    }

    @Test(arguments: [false, true])
    func `a sleep that is cancelled ends at once, wherever it is cancelled from`(_ isFromLoop: Bool) async throws {
        let loop = PollExecutor(name: "test")
        let start = MonotonicTime.now
        let sleep = Task(executorPreference: loop) { () -> Bool in
            do throws(CancellationError) {
                try await loop.sleep(for: .seconds(600))
                return false
            } catch {
                return true
            }
        }
        if isFromLoop {
            await Task(executorPreference: loop) {
                await Task.yield()
                sleep.cancel()
            }.value
        } else {
            sleep.cancel()
        }
        #expect(await sleep.value)
        #expect(MonotonicTime.now - start < .seconds(60))
        loop.stop()
    }

    @Test func `timers fire in the order of their times and not after they were cancelled`() async {
        let loop = PollExecutor(name: "test")
        let resident = Resident(loop)
        #expect(await resident.timersInOrder() == ["0", "5", "10", "15", "20", "25", "30"])
        #expect(await !resident.cancelledTimerFires())
        loop.stop()
    }

    @Test func `a descriptor that becomes readable wakes its handler`() async throws {
        let ends = try pipeEnds()
        let loop = PollExecutor(name: "test")
        let resident = Resident(loop)
        async let bytes = resident.waitUntilReadable(ends[0])
        _ = await resident.wait(.milliseconds(5))
        _ = write(ends[1], "case", 4)
        #expect(await bytes == Array("case".utf8))
        loop.stop()
        close(ends[0])
        close(ends[1])
    }

    @Test func `tasks that keep each other busy do not starve the descriptors`() async throws {
        let ends = try pipeEnds()
        _ = write(ends[1], "x", 1)
        let loop = PollExecutor(name: "test")
        let flag = Flag()
        await Resident(loop).set(flag, whenReadable: ends[0])
        // Ends only when the handler gets its turn beside two tasks that never wait.
        async let one: Void = Resident(loop).spin(until: flag)
        async let two: Void = Resident(loop).spin(until: flag)
        _ = await (one, two)
        #expect(flag.isSet)
        loop.stop()
        close(ends[0])
        close(ends[1])
    }

    @Test func `a blocking call runs beside the loop and hands back its value`() async {
        let value = await BlockingThread.run("test") {
            usleep(1_000)
            return 7
        }
        #expect(value == 7)
    }

    @Test func `a blocking call hands back its error`() async {
        await #expect(throws: Refused.self) {
            try await BlockingThread.run("test") { () throws(Refused) -> Int in throw Refused() }
        }
    }

    @Test func `monotonic time saturates instead of overflowing`() {
        let end = MonotonicTime.now + .seconds(Int64.max)
        #expect(end.nanoseconds == .max)
        #expect(end + .seconds(1) == end)
    }
}

private struct Refused: Error {}

/// Both ends of a new pipe, the reading one first.
private func pipeEnds() throws -> [Int32] {
    var ends: [Int32] = [0, 0]
    try #require(pipe(&ends) == 0)
    return ends
}
