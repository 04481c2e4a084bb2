import CBench
import Foundation

/// What a stretch of work took, in the process that did it.
struct Stretch: Codable, Equatable {
    var operations: Int
    /// User and system time of all threads.
    var cpuMicroseconds: Double
    var seconds: Double

    var cpuPerOperation: Double { cpuMicroseconds / Double(max(1, operations)) }
    var perSecond: Double { Double(operations) / max(seconds, 1e-9) }

    init(operations: Int, cpuMicroseconds: Double, seconds: Double) {
        self.operations = operations
        self.cpuMicroseconds = cpuMicroseconds
        self.seconds = seconds
    }

    /// - Throws: the problem that the C program tells.
    init(_ body: (inout case_router_bench_result) -> Void) throws {
        var result = case_router_bench_result()
        body(&result)
        let problem = withUnsafeBytes(of: result.problem) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        guard problem.isEmpty else { throw RunFailure("the C program: \(problem)") }
        self.init(operations: result.operations, cpuMicroseconds: result.cpu_us, seconds: result.seconds)
    }
}

/// Deals out the operations of a stretch and measures from the end of the warm-up.
struct Pace {
    private let total: Int
    private let warmUp: Int
    private var begun = 0
    private var done = 0
    private var from: (done: Int, cpu: Double, at: ContinuousClock.Instant)?
    private(set) var stretch: Stretch?

    init(operations: Int, warmUp: Int) {
        total = operations + warmUp
        self.warmUp = warmUp
    }

    /// The number of the next operation; nil when all are dealt out.
    mutating func next() -> Int? {
        guard begun < total else { return nil }
        if from == nil, done >= warmUp { from = (done, case_router_bench_cpu_us(), .now) }
        begun += 1
        return begun - 1
    }

    mutating func ended() {
        done += 1
        guard done == total, let from else { return }
        let seconds = (ContinuousClock.now - from.at) / .seconds(1)
        stretch = Stretch(
            operations: done - from.done, cpuMicroseconds: case_router_bench_cpu_us() - from.cpu, seconds: seconds)
    }
}
