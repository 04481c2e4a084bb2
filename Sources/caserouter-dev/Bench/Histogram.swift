/// Counts of values in buckets that grow with the value, after HdrHistogram: three significant digits whatever the size,
/// so that a maximum of minutes and a median of milliseconds are read from the same small table.
struct Histogram {
    /// Values below this have a bucket each; every doubling above has half as many, so that none is wider than a
    /// thousandth of its values.
    private static let exact = 2_048
    private static let half = exact / 2

    private var counts: [Int] = []
    private(set) var count = 0
    private(set) var maximum = 0

    /// Counts a value; one below zero counts as zero.
    mutating func record(_ value: Int) {
        let value = max(0, value)
        let index = Self.index(value)
        if counts.count <= index { counts += Array(repeating: 0, count: index + 1 - counts.count) }
        counts[index] += 1
        count += 1
        maximum = max(maximum, value)
    }

    /// The largest value that is equal, in three digits, to the one which `share` of all do not exceed; nil when empty.
    func quantile(_ share: Double) -> Int? {
        guard count > 0 else { return nil }
        let wanted = max(1, Int((share * Double(count)).rounded(.up)))
        var seen = 0
        for (index, count) in counts.enumerated() {
            seen += count
            if seen >= wanted { return min(maximum, Self.highest(index)) }
        }
        return maximum
    }

    private static func index(_ value: Int) -> Int {
        guard value >= exact else { return value }
        let shift = Int.bitWidth - value.leadingZeroBitCount - 11
        return shift * half + value >> shift
    }

    private static func highest(_ index: Int) -> Int {
        guard index >= exact else { return index }
        let shift = index / half - 1
        return (index - shift * half + 1) << shift - 1
    }
}
