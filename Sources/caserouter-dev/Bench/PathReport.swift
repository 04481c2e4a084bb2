import Checker
import Foundation

/// What a benchmark of the whole path found.
struct PathReport: Encodable, Sendable {
    /// What was seen at one moment.
    struct Look: Sendable {
        let at: ContinuousClock.Instant
        let usage: [String: Meter.Usage]
        let database: DatabaseMeter.Reading
        let ledger: PathWatch.Counts
        /// Calls to Salesforce's API that made the cases.
        let ownCalls: Int
    }

    /// The time between two looks.
    struct Stretch: Sendable {
        let before: Look
        let after: Look
        /// From the first to the last case; the looks are further apart.
        let seconds: Double
        /// Seconds from the start of the workers to the first case that they routed.
        var firstRouted: Double?

        init(_ before: Look, _ after: Look, _ seconds: Double) {
            self.before = before
            self.after = after
            self.seconds = seconds
        }

        func cpu(_ part: String) -> Double {
            (after.usage[part]?.cpuMicroseconds ?? 0) - (before.usage[part]?.cpuMicroseconds ?? 0)
        }
    }

    static let parts = ["ingest", "route", "broker", "database", "salesforce_simulator", "cic_simulator"]

    let void: Bool
    let objections: [String]
    let cases: Int
    let cases_per_second: Double
    /// Only for a filled queue: how fast it was filled, and how long the workers took to their first case.
    let filled_per_second: Double?
    let start_to_first_routed_ms: Double?
    let latency_ms: [String: Double]
    let cpu_us_per_case: [String: Double]
    let peak_rss_mb: [String: Double]
    let final_rss_mb: [String: Double]
    let wal_bytes_per_case: Double
    let messages_per_case: Double
    let commits_per_case: Double
    let round_trips_per_case: Double
    let cic_calls_per_case: Double
    let salesforce_calls_per_1000_cases: Double

    init(
        plan: PathCommand, measured: Stretch, filling: Stretch?, latencies: [Int64], roundTrips: Double,
        accounting: [Accounting], verdict: Verdict, made: Int
    ) {
        let cases = Double(plan.cases)
        self.cases = plan.cases
        objections = Self.objections(
            accounting, cases: verdict.cases, rows: verdict.rows, lost: verdict.lost.count,
            doubled: verdict.doubled.count, made: made, latencies: latencies.count, plan.cases)
        void = !objections.isEmpty
        cases_per_second = Rounding.three(cases / measured.seconds)
        filled_per_second = filling.map { Rounding.three(cases / $0.seconds) }
        start_to_first_routed_ms = measured.firstRouted.map { Rounding.three($0 * 1_000) }

        var histogram = Histogram()
        for latency in latencies { histogram.record(Int(latency)) }
        func milliseconds(_ share: Double) -> Double { Rounding.three(Double(histogram.quantile(share) ?? 0) / 1_000) }
        latency_ms = [
            "p50": milliseconds(0.5), "p90": milliseconds(0.9), "p99": milliseconds(0.99), "max": milliseconds(1),
        ]
        let whole = filling.map { Stretch($0.before, measured.after, 0) } ?? measured
        cpu_us_per_case = Self.byPart { Rounding.three(($0 == "route" ? measured : whole).cpu($0) / cases) }
        peak_rss_mb = Self.byPart { Rounding.three(measured.after.usage[$0]?.peakMegabytes ?? 0) }
        final_rss_mb = Self.byPart { Rounding.three(measured.after.usage[$0]?.megabytes ?? 0) }
        let (before, after) = (whole.before, whole.after)
        wal_bytes_per_case = Rounding.three(Double(after.database.walBytes - before.database.walBytes) / cases)
        messages_per_case = Rounding.three(
            Double(accounting.reduce(0) { $0 + $1.received }) / Double(max(1, made)))
        commits_per_case = Rounding.three(Double(after.database.commits - before.database.commits) / cases)
        round_trips_per_case = Rounding.three(roundTrips)
        cic_calls_per_case = Rounding.three(Double(after.ledger.cicCalls - before.ledger.cicCalls) / cases)
        salesforce_calls_per_1000_cases = Rounding.three(
            Double(after.ledger.apiCalls - before.ledger.apiCalls - (after.ownCalls - before.ownCalls)) / cases * 1_000)
    }

    private static func byPart(_ figure: (String) -> Double) -> [String: Double] {
        Dictionary(uniqueKeysWithValues: parts.map { ($0, figure($0)) })
    }

    /// What makes a run void: a fast product that loses or doubles a case has measured nothing.
    ///
    /// - Parameters:
    ///   - cases: that Salesforce's ledger names, with `rows` in the outbox.
    ///   - made: how many were made, warm-up included; `measured` of them without it.
    static func objections(
        _ accounting: [Accounting], cases: Int, rows: Int, lost: Int, doubled: Int, made: Int, latencies: Int,
        _ measured: Int
    ) -> [String] {
        let total = Accounting.total(accounting)
        var found = accounting.filter { !$0.balances }.map { "the accounting of org \($0.org) does not add up" }
        if cases != made { found.append("\(made) cases were made, the ledger has \(cases)") }
        if total.received != rows + total.observed {
            found.append("\(total.received) requests were received of \(rows) rows and \(total.observed) observed")
        }
        if total.routed != cases { found.append("\(total.routed) of \(cases) cases were routed") }
        if total.failed > 0 { found.append("\(total.failed) requests failed") }
        if total.pending > 0 { found.append("\(total.pending) requests are pending") }
        if latencies != measured { found.append("\(latencies) latencies were measured of \(measured)") }
        if lost > 0 { found.append("\(lost) cases were lost") }
        if doubled > 0 { found.append("\(doubled) cases were doubled") }
        return found
    }

    /// Tables for people.
    var lines: [String] {
        let parts = Self.parts.map { part in
            [
                part, "\(cpu_us_per_case[part] ?? 0)", "\(peak_rss_mb[part] ?? 0)", "\(final_rss_mb[part] ?? 0)",
            ]
        }
        let quantiles = ["p50", "p90", "p99", "max"].map { "\($0) \(latency_ms[$0] ?? 0) ms" }
        var lines = Columns.lines([["", "CPU µs/case", "peak MB", "final MB"]] + parts)
        lines.append("Latency from the commit in Salesforce: \(quantiles.joined(separator: ", "))")
        lines.append(
            "Per case: \(commits_per_case) commits, \(round_trips_per_case) round trips, "
                + "\(Int(wal_bytes_per_case)) bytes of WAL, \(messages_per_case) messages, \(cic_calls_per_case) CIC calls"
        )
        lines.append("Per 1,000 cases: \(salesforce_calls_per_1000_cases) Salesforce API calls")
        if let filled_per_second { lines.append("The queue was filled at \(filled_per_second) cases/s") }
        return lines + objections.map { "Void: \($0)" }
            + ["bench: \(void ? "void, " : "")\(cases) cases, \(cases_per_second) cases/s"]
    }
}
