import Testing

@testable import caserouter_dev

@Suite struct HistogramTests {
    @Test func `a quantile is right to three digits whatever the size of the values`() throws {
        var histogram = Histogram()
        for value in 1...100_000 { histogram.record(value) }
        for (share, exact) in [(0.5, 50_000.0), (0.9, 90_000), (0.99, 99_000), (0.001, 100)] {
            let found = try #require(histogram.quantile(share))
            #expect(abs(Double(found) - exact) / exact < 0.001)
        }
        #expect(histogram.quantile(1) == 100_000)
        #expect(histogram.maximum == 100_000)
    }

    @Test func `an hour and a microsecond stand side by side`() {
        var histogram = Histogram()
        histogram.record(1)
        histogram.record(3_600_000_000)
        #expect(histogram.quantile(0.5) == 1)
        #expect(histogram.quantile(1) == 3_600_000_000)
    }

    @Test func `an empty histogram has no quantile`() {
        #expect(Histogram().quantile(0.5) == nil)
    }
}
