import Operations
import Testing

@Suite struct MomentTests {
    @Test func `times are read as people write them`() throws {
        for (text, moment) in [
            ("2026-11-21", Moment.date("2026-11-21")), ("2024-02-29", .date("2024-02-29")),
            ("2026-11-21 09:00", .date("2026-11-21 09:00")), ("2026-11-21T09:00:30", .date("2026-11-21 09:00:30")),
            ("09:00", .time("09:00")), ("2h", .ago(seconds: 7_200)), ("30m", .ago(seconds: 1_800)),
            ("3d", .ago(seconds: 259_200)), ("now", .ago(seconds: 0)), ("today", .day(0)), ("yesterday", .day(-1)),
        ] {
            #expect(try Moment(text) == moment, "\(text)")
        }
    }

    @Test(arguments: [
        "", "h", "2", "-2h", "2 h", "2w", "99999999999999999999d", "10001d", "2026-13-01", "2026-02-29", "2026-11-31",
        "26-11-21", "2026-11-21 25:00", "9:00", "09:60", "2026-11-21 09:00 UTC", "Tuesday", "0000-01-01",
        "2026-11-21'; DROP TABLE", "\u{0}",
    ])
    func `what is no time is refused with the forms that are`(_ text: String) throws {
        let error = #expect(throws: Refusal.self) { try Moment(text) }
        #expect(error?.description.contains("yesterday") == true)
    }

    @Test func `an unknown report, column or filter is refused with those there are`() throws {
        let unknown = #expect(throws: Refusal.self) { try Report.named("daily") }
        #expect(unknown?.description.contains("volume") == true)
        var request = ReportRequest(try Report.named("volume"))
        request.by = ["workgroup", "colour"]
        let column = #expect(throws: Refusal.self) { try request.check() }
        #expect(column?.description.contains("queue") == true)
        request.by = ["workgroup", "workgroup"]
        #expect(throws: Refusal.self) { try request.check() }
        request = ReportRequest(try Report.named("gaps"))
        request.filters = ["workgroup": "Sales"]
        let filter = #expect(throws: Refusal.self) { try request.check() }
        #expect(filter?.description.contains("--org") == true)
        request = ReportRequest(try Report.named("waiting"))
        request.from = .day(0)
        #expect(throws: Refusal.self) { try request.check() }
        request.from = nil
        request.limit = 0
        #expect(throws: Refusal.self) { try request.check() }
    }
}
