/// What a routing worker has counted since it began. It belongs to the router's executor, so that counting is an addition
/// to a number and nothing else; whoever shows it takes a copy.
public struct RoutingMeter: Sendable {
    /// How an attempt ended.
    public enum Result: String, CaseIterable, Sendable {
        case done, transient, permanent, configuration, unknown, held, own
    }

    /// Seconds from claim to outcome, by how it ended.
    public private(set) var attempts = [Histogram](
        repeating: Histogram(bounds: Self.seconds), count: Result.allCases.count)
    /// Requests merged into their cases.
    public internal(set) var merges: UInt64 = 0
    public internal(set) var inHand = 0

    /// A call to CIC takes 10 ms to 10 s, and a create and an assign make an attempt.
    private static let seconds: [Double] = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30]

    public init() {}

    mutating func ended(_ result: Result, took: Duration) {
        attempts[result.index].record(Double(took.milliseconds) / 1_000)
    }
}

extension RoutingMeter.Result {
    /// Its place in `RoutingMeter.attempts`.
    public var index: Int {
        switch self {
        case .done: 0
        case .transient: 1
        case .permanent: 2
        case .configuration: 3
        case .unknown: 4
        case .held: 5
        case .own: 6
        }
    }

    init(_ kind: RoutingFailure.Kind) {
        switch kind {
        case .transient: self = .transient
        case .permanent: self = .permanent
        case .configuration: self = .configuration
        case .unknown: self = .unknown
        case .held: self = .held
        case .own: self = .own
        }
    }
}

/// How many values lie under each bound, as Prometheus wants them.
public struct Histogram: Equatable, Sendable {
    /// Ascending.
    public let bounds: [Double]
    /// Values up to the bound of the same index and above the one before; one more for those above all.
    public private(set) var counts: [UInt64]
    public private(set) var sum = 0.0

    public init(bounds: [Double]) {
        self.bounds = bounds
        counts = Array(repeating: 0, count: bounds.count + 1)
    }

    public mutating func record(_ value: Double) {
        var index = 0
        while index < bounds.count && value > bounds[index] { index += 1 }
        counts[index] += 1
        sum += value
    }
}
