import Foundation

/// A driver beside bare C: the same work on the same library in the same run.
struct DriverReport: Encodable {
    struct Comparison: Encodable {
        let ratio_to_c: Double
        let cpu_us_per_operation: Double
        let c_cpu_us_per_operation: Double
        let operations_per_second: Double
        let c_operations_per_second: Double

        /// Of several rounds, each of both side by side: the middle one of every figure, because a single round may
        /// have been disturbed.
        init(_ rounds: [(driver: Stretch, bareC: Stretch)]) {
            func middle(_ figure: ((driver: Stretch, bareC: Stretch)) -> Double) -> Double {
                Rounding.three(rounds.map(figure).sorted()[rounds.count / 2])
            }
            ratio_to_c = middle { $0.driver.cpuPerOperation / max($0.bareC.cpuPerOperation, 1e-9) }
            cpu_us_per_operation = middle { $0.driver.cpuPerOperation }
            c_cpu_us_per_operation = middle { $0.bareC.cpuPerOperation }
            operations_per_second = middle { $0.driver.perSecond }
            c_operations_per_second = middle { $0.bareC.perSecond }
        }
    }

    let driver: String
    /// What speaks against the run.
    let objections: [String]
    /// By what was measured, as `publish` or `window 200`.
    let operations: [String: Comparison]
    /// Those that make the figures of the driver as a whole, in order.
    let headline: [String]

    private enum Key: String, CodingKey {
        case driver, void, objections, operations
        case ratio = "ratio_to_c"
        case cpu = "cpu_us_per_operation"
        case bareC = "c_cpu_us_per_operation"
    }

    /// Of one figure the middle ratio of its rounds, of several the ratio of their sums.
    private var ratio: Double {
        if headline.count == 1, let one = operations[headline[0]] { return one.ratio_to_c }
        return Rounding.three(cpu / max(bareC, 1e-9))
    }
    private var cpu: Double { headline.reduce(0) { $0 + (operations[$1]?.cpu_us_per_operation ?? 0) } }
    private var bareC: Double { headline.reduce(0) { $0 + (operations[$1]?.c_cpu_us_per_operation ?? 0) } }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        try container.encode(driver, forKey: .driver)
        try container.encode(!objections.isEmpty, forKey: .void)
        try container.encode(objections, forKey: .objections)
        try container.encode(ratio, forKey: .ratio)
        try container.encode(Rounding.three(cpu), forKey: .cpu)
        try container.encode(Rounding.three(bareC), forKey: .bareC)
        try container.encode(operations, forKey: .operations)
    }

    /// A table for people.
    var lines: [String] {
        let rows = operations.sorted { $0.key < $1.key }.map { name, one in
            [
                name, "\(one.cpu_us_per_operation)", "\(one.c_cpu_us_per_operation)", "\(one.ratio_to_c)",
                "\(Int(one.operations_per_second))", "\(Int(one.c_operations_per_second))",
            ]
        }
        return Columns.lines([["", "CPU µs", "bare C µs", "ratio", "per second", "bare C"]] + rows)
            + objections.map { "Void: \($0)" }
            + [
                "bench \(driver): \(objections.isEmpty ? "" : "void, ")ratio to C \(ratio)"
            ]
    }
}

/// Figures with as many digits as mean something.
enum Rounding {
    static func three(_ value: Double) -> Double {
        guard value != 0, value.isFinite else { return 0 }
        let scale = pow(10, 2 - floor(log10(abs(value))))
        return scale > 1 ? (value * scale).rounded() / scale : value.rounded()
    }
}

/// A table whose first column is text and whose others are figures.
enum Columns {
    static func lines(_ rows: [[String]]) -> [String] {
        let count = rows.map(\.count).max() ?? 0
        let widths = (0..<count).map { column in rows.map { column < $0.count ? $0[column].count : 0 }.max() ?? 0 }
        return rows.map { row in
            row.enumerated().map { column, cell in
                let blanks = String(repeating: " ", count: widths[column] - cell.count)
                return column == 0 ? cell + blanks : blanks + cell
            }.joined(separator: "  ")
        }
    }
}
