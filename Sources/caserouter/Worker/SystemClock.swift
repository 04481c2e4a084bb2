import CaseRouting
import Foundation
import Polling

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
        do {
            try await Task.sleep(for: duration)
        } catch {
            throw CancellationError()
        }
    }
}

struct SystemRandom: RandomSource {
    func next() -> UInt64 { UInt64.random(in: .min ... .max) }
}
