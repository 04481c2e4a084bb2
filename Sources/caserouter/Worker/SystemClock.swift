import CaseRouting
import Foundation
import Polling
import Synchronization

/// This machine's clocks.
struct SystemClock: RoutingClock {
    let loop: PollExecutor

    var monotonic: Duration { .nanoseconds(MonotonicTime.now.nanoseconds) }

    var wall: Timestamp {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Timestamp(microseconds: Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1_000)
    }

    func sleep(for duration: Duration) async throws(CancellationError) {
        if loop.isCurrent { return try await loop.sleep(for: duration) }
        do {
            try await Task.sleep(for: duration)
        } catch {
            throw CancellationError()
        }
    }
}

/// The kernel's randomness, fetched for many numbers at a time: one by one each is a system call.
final class SystemRandom: RandomSource {
    private let drawn = Mutex<[UInt64]>([])

    func next() -> UInt64 {
        drawn.withLock { drawn in
            if let number = drawn.popLast() { return number }
            // 256 bytes are what one call gives at most.
            drawn = [UInt64](repeating: 0, count: 32)
            let result = drawn.withUnsafeMutableBytes { getentropy($0.baseAddress!, $0.count) }
            precondition(result == 0, "the kernel has no randomness: error \(errno)")
            return drawn.removeLast()
        }
    }
}
