import Testing

@testable import caserouter_dev

@Suite struct PaceTests {
    @Test func `the warm-up is not counted`() throws {
        var pace = Pace(operations: 10, warmUp: 5)
        var dealt = 0
        while pace.next() != nil {
            dealt += 1
            pace.ended()
        }
        #expect(dealt == 15)
        let stretch = try #require(pace.stretch)
        #expect(stretch.operations == 10)
        #expect(stretch.seconds > 0)
    }

    @Test func `a bare program far below what was measured makes the run void`() {
        let driver = Stretch(operations: 1_000, cpuMicroseconds: 3_000, seconds: 0.1)
        func rounds(_ perSecond: Double) -> [(driver: Stretch, bareC: Stretch)] {
            [(driver, Stretch(operations: 1_000, cpuMicroseconds: 2_000, seconds: 1_000 / perSecond))]
        }
        #expect(DriverBench.objections("publish", rounds(1_000), DriverBench.publishedPerSecond).count == 1)
        #expect(DriverBench.objections("publish", rounds(60_000), DriverBench.publishedPerSecond).isEmpty)
    }

    @Test func `the ratio is that of rounds side by side`() {
        let rounds = [(2.0, 1.0), (30, 20), (4, 2)].map { driver, bareC in
            (
                driver: Stretch(operations: 10, cpuMicroseconds: driver * 10, seconds: 1),
                bareC: Stretch(operations: 10, cpuMicroseconds: bareC * 10, seconds: 1)
            )
        }
        let comparison = DriverReport.Comparison(rounds)
        #expect(comparison.ratio_to_c == 2)
        #expect(comparison.cpu_us_per_operation == 4)
    }
}
