import ArgumentParser
import CaseRouting
import Foundation
import Operations

/// The time zone in which times are read and printed.
struct ZoneOption: ParsableArguments {
    @Option(name: .customLong("tz"), help: "Time zone of what is read and printed, as Europe/Berlin.")
    var name = "UTC"

    func zone() throws -> ZonedTimes {
        guard let zone = TimeZone(identifier: name) else {
            throw Refusal(.usage, "--tz “\(name)” is no time zone; give a name as UTC or Europe/Berlin")
        }
        return ZonedTimes(zone: zone, name: name)
    }
}

/// Times as people write and read them.
struct ZonedTimes {
    let zone: TimeZone
    let name: String

    private var calendar: Calendar {
        var calendar = Calendar(identifier: .iso8601)
        calendar.timeZone = zone
        return calendar
    }

    /// `2026-11-21 09:00:00`; the zone stands in the heading.
    func text(_ time: CaseRouting.Timestamp) -> String {
        var parts = calendar.dateComponents(
            [.year, .month, .day, .hour, .minute, .second],
            from: Date(timeIntervalSince1970: Double(time.microseconds) / 1_000_000))
        parts.calendar = nil
        func two(_ number: Int?) -> String { number.map { $0 < 10 ? "0\($0)" : "\($0)" } ?? "00" }
        return "\(parts.year ?? 0)-\(two(parts.month))-\(two(parts.day)) "
            + "\(two(parts.hour)):\(two(parts.minute)):\(two(parts.second))"
    }

    func text(_ time: CaseRouting.Timestamp?) -> String { time.map { text($0) } ?? "–" }

    /// Reads `2026-11-21`, `2026-11-21T09:00`, `09:00` (today), `2h` (ago; also s, m, d), `today`, `yesterday`, `now`.
    func read(_ text: String, option: String, now: Date = Date()) throws -> CaseRouting.Timestamp {
        guard let date = date(text, now) else {
            throw Refusal(
                .usage,
                "\(option) “\(text.oneLine)” is no time; write 2026-11-21, 2026-11-21T09:00, 09:00, 2h, 30m, 3d, today or "
                    + "yesterday")
        }
        return Timestamp(microseconds: Int64(date.timeIntervalSince1970 * 1_000_000))
    }

    private func date(_ text: String, _ now: Date) -> Date? {
        switch text {
        case "now": return now
        case "today": return calendar.startOfDay(for: now)
        case "yesterday":
            return calendar.date(byAdding: .day, value: -1, to: calendar.startOfDay(for: now))
        default: break
        }
        if let ago = text.wholeMatch(of: /([0-9]{1,6})([smhd])/), let number = Double(ago.1) {
            let seconds: Double =
                switch ago.2 {
                case "s": 1
                case "m": 60
                case "h": 3_600
                default: 86_400
                }
            return now.addingTimeInterval(-number * seconds)
        }
        if let time = text.wholeMatch(of: /([0-9]{1,2}):([0-9]{2})(?::([0-9]{2}))?/) {
            var parts = calendar.dateComponents([.year, .month, .day], from: now)
            return set(&parts, time.1, time.2, time.3)
        }
        guard
            let day = text.wholeMatch(
                of: /([0-9]{4})-([0-9]{2})-([0-9]{2})(?:[T ]([0-9]{2}):([0-9]{2})(?::([0-9]{2}))?)?(Z?)/)
        else { return nil }
        var parts = DateComponents(year: Int(day.1), month: Int(day.2), day: Int(day.3))
        // Dates that do not exist, as February 30, are refused rather than moved.
        guard parts.isValidDate(in: calendar) else { return nil }
        if day.7 == "Z" {
            guard let hour = day.4, let minute = day.5 else { return nil }
            var utc = calendar
            utc.timeZone = .gmt
            return set(&parts, hour, minute, day.6, utc)
        }
        return set(&parts, day.4 ?? "0", day.5 ?? "0", day.6)
    }

    private func set(
        _ parts: inout DateComponents, _ hour: Substring, _ minute: Substring, _ second: Substring?,
        _ other: Calendar? = nil
    ) -> Date? {
        guard let hour = Int(hour), hour < 24, let minute = Int(minute), minute < 60,
            let second = Int(second ?? "0"), second < 60
        else { return nil }
        (parts.hour, parts.minute, parts.second) = (hour, minute, second)
        return (other ?? calendar).date(from: parts)
    }
}
