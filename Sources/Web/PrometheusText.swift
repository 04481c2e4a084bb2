import CaseRouting
import Operations

/// Writes metrics in Prometheus' text format, version 0.0.4.
public enum PrometheusText {
    public static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    /// Each metric's lines together, as the format demands, in the order of `Metric`.
    public static func write(_ samples: [MetricSample]) -> String {
        var byMetric: [Metric: [MetricSample]] = [:]
        for sample in samples { byMetric[sample.metric, default: []].append(sample) }
        var text = ""
        for metric in Metric.allCases {
            guard let samples = byMetric[metric] else { continue }
            text += "# HELP \(metric.rawValue) \(escaped(metric.help, quotes: false))\n"
            text += "# TYPE \(metric.rawValue) \(metric.kind.rawValue)\n"
            for sample in samples { write(sample, to: &text) }
        }
        return text
    }

    private static func write(_ sample: MetricSample, to text: inout String) {
        let name = sample.metric.rawValue
        switch sample.value {
        case .number(let value): text += "\(name)\(labels(sample.labels)) \(number(value))\n"
        case .histogram(let histogram):
            var below: UInt64 = 0
            for (bound, count) in zip(histogram.bounds, histogram.counts) {
                below += count
                text += "\(name)_bucket\(labels(sample.labels + [("le", number(bound))])) \(below)\n"
            }
            let all = histogram.counts.reduce(0, +)
            text += "\(name)_bucket\(labels(sample.labels + [("le", "+Inf")])) \(all)\n"
            text += "\(name)_sum\(labels(sample.labels)) \(number(histogram.sum))\n"
            text += "\(name)_count\(labels(sample.labels)) \(all)\n"
        }
    }

    private static func labels(_ labels: [(name: String, value: String)]) -> String {
        guard !labels.isEmpty else { return "" }
        return "{" + labels.map { "\($0.name)=\"\(escaped($0.value, quotes: true))\"" }.joined(separator: ",") + "}"
    }

    private static func number(_ value: Double) -> String {
        value == value.rounded() && abs(value) < 1e15 ? "\(Int64(value))" : "\(value)"
    }

    private static func escaped(_ text: String, quotes: Bool) -> String {
        var result = ""
        for character in text.unicodeScalars {
            switch character {
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\"" where quotes: result += "\\\""
            default: result.unicodeScalars.append(character)
            }
        }
        return result
    }
}
