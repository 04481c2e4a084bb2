import CaseRouting

/// What came of many histories.
public struct HistoryTally: Sendable {
    public private(set) var histories = 0
    public private(set) var changes = 0
    public private(set) var faults: [String: Int] = [:]
    /// Seed and broken promise.
    public private(set) var violations: [(seed: UInt64, problem: String)] = []
    public private(set) var virtualTime: Duration = .zero
    /// The same for two runs of the same seeds.
    public private(set) var hash: UInt64 = 0

    public init() {}

    public mutating func add(_ result: ProtocolHistory.Result) {
        histories += 1
        changes += result.changes
        virtualTime += result.virtualTime
        hash = (hash ^ result.hash) &* 0x100_0000_01b3
        for (kind, count) in result.faults { faults[kind, default: 0] += count }
        if let problem = result.problem { violations.append((result.seed, problem)) }
    }

    private var faultCount: Int { faults.values.reduce(0, +) }

    /// The last line of `simulate-protocol`.
    public var summary: String {
        "simulate-protocol: \(histories) histories, \(changes) changes, \(faultCount) faults, "
            + "\(violations.count) broken promises, hash \(String(hash, radix: 16))"
    }

    /// The same for programs.
    public func json() -> String {
        let kinds = faults.sorted { $0.key < $1.key }.map { "\"\($0.key)\": \($0.value)" }.joined(separator: ", ")
        // The sentences of broken promises hold no quotation marks.
        let broken = violations.map { "{\"seed\": \($0.seed), \"problem\": \"\($0.problem)\"}" }.joined(separator: ", ")
        return "{\"histories\": \(histories), \"changes\": \(changes), \"faults\": {\(kinds)}, "
            + "\"violations\": [\(broken)], \"virtual_s\": \(virtualTime.components.seconds), "
            + "\"hash\": \"\(String(hash, radix: 16))\"}"
    }
}
