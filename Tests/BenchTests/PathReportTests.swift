import Testing

@testable import caserouter_dev

@Suite struct PathReportTests {
    private static func accounting(routed: Int, failed: Int = 0, pending: Int = 0) -> Accounting {
        var accounting = Accounting(org: "org1")
        accounting.received = 10
        accounting.routed = routed
        accounting.failed = failed
        accounting.pending = pending
        return accounting
    }

    private static func objections(_ accounting: Accounting, latencies: Int = 10) -> [String] {
        PathReport.objections(
            [accounting], cases: 10, rows: 10, lost: 0, doubled: 0, made: 10, latencies: latencies, 10)
    }

    @Test func `a run in which every case was routed counts`() {
        #expect(Self.objections(Self.accounting(routed: 10)).isEmpty)
    }

    @Test func `a run with a case that failed, waits or is not accounted for is void`() {
        #expect(!Self.objections(Self.accounting(routed: 9, failed: 1)).isEmpty)
        #expect(!Self.objections(Self.accounting(routed: 9, pending: 1)).isEmpty)
        #expect(!Self.objections(Self.accounting(routed: 9)).isEmpty)
    }

    @Test func `a run without a latency of every case is void`() {
        #expect(!Self.objections(Self.accounting(routed: 10), latencies: 9).isEmpty)
    }

    @Test func `a lost or a doubled case makes the run void`() {
        let good = [Self.accounting(routed: 10)]
        for (lost, doubled) in [(1, 0), (0, 1)] {
            let found = PathReport.objections(
                good, cases: 10, rows: 10, lost: lost, doubled: doubled, made: 10, latencies: 10, 10)
            #expect(found.count == 1)
        }
    }
}
