import CaseRouting
import Testing

struct TimestampTests {
    @Test(arguments: [
        ("1970-01-01T00:00:00Z", 0), ("2026-11-21T00:47:46Z", 1_795_222_066_000_000),
        ("2026-11-21T00:47:46.5Z", 1_795_222_066_500_000), ("2026-11-21T00:47:46.123+0000", 1_795_222_066_123_000),
        ("2026-11-21T02:47:46+02:00", 1_795_222_066_000_000), ("2026-11-20T18:47:46-0600", 1_795_222_066_000_000),
        ("2024-02-29T12:00:00Z", 1_709_208_000_000_000), ("2000-03-01T00:00:00Z", 951_868_800_000_000),
    ])
    func `times are read as Salesforce and CloudEvents write them`(_ sample: (text: String, microseconds: Int64)) {
        #expect(Timestamp(sample.text)?.microseconds == sample.microseconds)
    }

    @Test(arguments: [
        "", "2026-11-21", "2026-11-21T00:47:46", "2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z", "2026-11-21T24:00:00Z",
        "2026-11-21T00:60:00Z", "2026-11-21 00:47:46Z", "2026-11-21T00:47:46z", "1969-12-31T23:59:59Z",
        "2026-11-21T00:47:46.Z", "2026-11-21T00:47:46Z ", "26-11-21T00:47:46Z", "2026-11-21T00:47:46+1",
    ])
    func `what is no time is refused`(_ text: String) {
        #expect(Timestamp(text) == nil)
    }

    @Test func `what is written is read again`() {
        for microseconds in stride(from: Int64(0), to: 4_000_000_000_000_000, by: 86_399_123_456_789) {
            let time = Timestamp(microseconds: microseconds)
            #expect(Timestamp(time.description) == time, "\(time)")
        }
    }

    @Test func `days and seconds are counted downwards before 1970`() {
        #expect(Timestamp(microseconds: -1).day == -1)
        #expect(Timestamp(microseconds: -1).seconds == -1)
        #expect(Timestamp(microseconds: 86_400_000_000).day == 1)
        #expect(Timestamp(microseconds: 1_999_999).seconds == 1)
    }

    @Test func `durations are added and differences taken`() {
        let start = Timestamp(microseconds: 1_000_000)
        #expect((start + .milliseconds(1_500)).microseconds == 2_500_000)
        #expect((start - .seconds(2)).microseconds == -1_000_000)
        #expect(start + .seconds(3) - start == .seconds(3))
    }
}
