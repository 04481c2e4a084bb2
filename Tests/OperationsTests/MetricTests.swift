import CaseRouting
import Foundation
import Operations
import Testing

@Suite struct MetricTests {
    private static func document(_ name: String) throws -> String {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        return try String(contentsOf: root.appending(path: name), encoding: .utf8)
    }

    /// The queries of the table of alerts.
    private static func queries() throws -> [String] {
        let table = try #require(
            try document("docs/operations.md").components(separatedBy: "| alert | query | for | what to do |\n").last)
        return table.split(separator: "\n").dropFirst().prefix { $0.hasPrefix("| ") }.compactMap { row in
            row.firstMatch(of: /\| `(.*?)` \| [0-9]/).map { String($0.1).replacing("\\|", with: "|") }
        }
    }

    @Test func `names follow Prometheus: base units, total for what only rises, one help each`() {
        for metric in Metric.allCases {
            let name = metric.rawValue
            #expect(name.wholeMatch(of: /(caserouter|process)_[a-z_]+/) != nil, "\(name)")
            #expect((metric.kind == .counter) == name.hasSuffix("_total"), "\(name)")
            #expect(!name.contains("_ms") && !name.contains("milli") && !name.contains("minutes"), "\(name)")
            #expect(metric.help.hasSuffix(".") && !metric.help.contains("\n"), "\(name)")
        }
    }

    @Test func `alerts ask for metrics that there are`() throws {
        let queries = try Self.queries()
        #expect(queries.count > 20)
        var known = Set(Metric.allCases.map(\.rawValue))
        for metric in Metric.allCases where metric.kind == .histogram {
            known.formUnion(["_bucket", "_sum", "_count"].map { metric.rawValue + $0 })
        }
        for query in queries {
            let names = query.matches(of: /(?:caserouter|process)_[a-z_]+/).map { String($0.0) }
            #expect(!names.isEmpty, "\(query)")
            for name in names { #expect(known.contains(name), "\(name) in \(query)") }
        }
    }

    @Test func `the rules for Prometheus are those of the documentation`() throws {
        let rules = try Self.document("docs/alerts.yaml").split(separator: "\n").compactMap { line in
            line.firstMatch(of: /^ +expr: '(.*)'$/).map { String($0.1).replacing("''", with: "'") }
        }
        #expect(rules == (try Self.queries()))
    }

    @Test func `a site's figures are there while they are 0, and a difference of the accounting shows`() {
        var status = SiteStatus(
            asOf: Timestamp(microseconds: 1_000_000_000), version: "1", schema: .init(stored: "x", known: "x"))
        var org = SiteStatus.Org(
            name: "acme", mode: .live, heldBy: nil, lastEventAt: nil, openGaps: 0, oldestGapAt: nil, lastSweepAt: nil,
            writeBackFailing: 0, writeBackError: nil)
        org.today.received = 10
        org.today.routed = 7
        org.today.pending = 2
        org.lastEventAt = Timestamp(microseconds: 990_500_000)
        status.orgs = [org]
        status.servers = [
            SiteStatus.Server(
                name: "main", watchedBy: nil, figures: nil, oldestWaitingAt: nil, due: 0, oldestDueAt: nil)
        ]
        status.servers[0].oldestWaitingAt = Timestamp(microseconds: 940_000_000)
        func value(_ metric: Metric, _ label: String? = nil) -> Double? {
            status.metrics.first { $0.metric == metric && (label == nil || $0.labels.contains { $0.value == label }) }
                .flatMap { if case .number(let number) = $0.value { number } else { nil } }
        }
        #expect(value(.accounting) == 1)
        // Open, and nobody is left who would close them: they are no difference of today's sums.
        status.orgs[0].unaccounted = 3
        #expect(value(.accounting) == 4)
        #expect(value(.gaps) == 0 && value(.holds) == 0 && value(.oldestDue) == 0)
        #expect(value(.oldestWaiting) == 60)
        #expect(value(.lastEvent) == 990.5)
        #expect(value(.requests, "routed") == 7)
        #expect(value(.brokerAnswers) == 0)
        #expect(value(.workers, "route") == 0)
    }

    @Test func `a histogram counts each value once, under the first bound that holds it`() {
        var histogram = Histogram(bounds: [0.1, 1, 10])
        for value in [0.05, 0.1, 0.5, 1.5, 99] { histogram.record(value) }
        #expect(histogram.counts == [2, 1, 1, 1])
        #expect(abs(histogram.sum - 101.15) < 0.001)
    }
}
