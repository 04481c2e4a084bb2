/// A time as people type it, in the zone that they read times in.
///
/// `2026-11-21`, `2026-11-21 09:00`, `09:00` (today), `2h`, `30m`, `3d` (ago), `today`, `yesterday`, `now`. What it means
/// in numbers is the database's affair: its clock counts, not this machine's.
public enum Moment: Equatable, Sendable {
    /// `YYYY-MM-DD` or `YYYY-MM-DD HH:MM[:SS]`.
    case date(String)
    /// `HH:MM` of today.
    case time(String)
    case ago(seconds: Int64)
    /// The beginning of a day, counted from today.
    case day(Int32)

    /// The forms, for messages.
    public static let forms = "2026-11-21, \"2026-11-21 09:00\", 09:00, 2h, 30m, 3d, today, yesterday or now"

    /// - Throws: `Refusal` with the forms that can be read.
    public init(_ text: String) throws(Refusal) {
        switch text {
        case "now": self = .ago(seconds: 0)
        case "today": self = .day(0)
        case "yesterday": self = .day(-1)
        default:
            guard let moment = Self.ago(text) ?? Self.calendar(text) else {
                throw Refusal(.usage, "'\(text.prefix(40))' is no time; times are written \(Self.forms)")
            }
            self = moment
        }
    }

    private static func ago(_ text: String) -> Moment? {
        guard let unit = text.last, let factor = ["s": 1, "m": 60, "h": 3_600, "d": 86_400][unit] as Int64? else {
            return nil
        }
        // Bounded, so that no arithmetic overflows: ten thousand days are more than anybody keeps.
        guard let count = number(text.dropLast(), digits: 1...7), count * factor <= 10_000 * 86_400 else { return nil }
        return .ago(seconds: count * factor)
    }

    private static func calendar(_ text: String) -> Moment? {
        let parts = text.split(whereSeparator: { $0 == " " || $0 == "T" })
        switch parts.count {
        case 1 where isTime(parts[0]): return .time(text)
        case 1 where isDate(parts[0]): return .date(text)
        case 2 where isDate(parts[0]) && isTime(parts[1]): return .date("\(parts[0]) \(parts[1])")
        default: return nil
        }
    }

    private static func isTime(_ text: Substring) -> Bool {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false).map { number($0, digits: 2...2) ?? 99 }
        return (2...3).contains(parts.count) && parts[0] < 24 && parts.dropFirst().allSatisfy { $0 < 60 }
    }

    private static func isDate(_ text: Substring) -> Bool {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 3, let year = number(parts[0], digits: 4...4), let month = number(parts[1], digits: 2...2),
            let day = number(parts[2], digits: 2...2), (1...12).contains(month)
        else { return false }
        let isLeap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
        let lengths: [Int64] = [31, isLeap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
        return year > 0 && (1...lengths[Int(month) - 1]).contains(day)
    }

    private static func number(_ text: Substring, digits: ClosedRange<Int>) -> Int64? {
        guard digits.contains(text.utf8.count), text.utf8.allSatisfy({ (48...57).contains($0) }) else { return nil }
        return Int64(text)
    }
}
