/// Milliseconds since 1970 UTC, and the three ways in which Salesforce writes them.
enum SalesforceTime {
    /// As in REST rows: `2026-11-20T19:05:28.000+0000`.
    static func rest(_ milliseconds: Int64) -> String {
        format(milliseconds) + "+0000"
    }

    /// As in events: `2026-11-20T19:05:28.334Z`.
    static func event(_ milliseconds: Int64) -> String {
        format(milliseconds) + "Z"
    }

    /// As in the `Date` field of an answer: `Fri, 20 Nov 2026 19:05:28 GMT`.
    static func http(_ milliseconds: Int64) -> String {
        let text = Array(format(milliseconds).utf8)
        func part(_ range: Range<Int>) -> String { String(decoding: text[range], as: UTF8.self) }
        // 1970 began on a Thursday.
        let day = weekdays[Int((milliseconds / 86_400_000 + 4) % 7)]
        return "\(day), \(part(8..<10)) \(months[(Int(part(5..<7)) ?? 1) - 1]) \(part(0..<4)) \(part(11..<19)) GMT"
    }

    private static let weekdays = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    /// Reads what REST bodies and SOQL literals may hold: a date, or a date and time with a fraction and an offset.
    static func parse(_ text: String) -> Int64? {
        let bytes = Array(text.utf8)
        guard bytes.count >= 10, bytes[4] == UInt8(ascii: "-"), bytes[7] == UInt8(ascii: "-"),
            let year = integer(bytes[0..<4]), let month = integer(bytes[5..<7]), let day = integer(bytes[8..<10]),
            (1...12).contains(month), (1...31).contains(day)
        else { return nil }
        let days = daysFromCivil(year: year, month: month, day: day)
        if bytes.count == 10 { return Int64(days) * 86_400_000 }
        guard bytes.count >= 19, bytes[10] == UInt8(ascii: "T"), bytes[13] == UInt8(ascii: ":"),
            bytes[16] == UInt8(ascii: ":"), let hour = integer(bytes[11..<13]), let minute = integer(bytes[14..<16]),
            let second = integer(bytes[17..<19]), hour < 24, minute < 60, second < 62
        else { return nil }
        var result = (Int64(days) * 86_400 + Int64(hour * 3600 + minute * 60 + second)) * 1000
        var at = 19
        if at < bytes.count, bytes[at] == UInt8(ascii: ".") {
            at += 1
            var scale: Int64 = 100
            while at < bytes.count, let digit = integer(bytes[at..<at + 1]) {
                result += Int64(digit) * scale
                scale /= 10
                at += 1
            }
        }
        guard let offset = offset(bytes[at...]) else { return nil }
        return result - offset
    }

    /// Milliseconds east of Greenwich of `Z`, `+0100`, `-01:30`.
    private static func offset(_ bytes: ArraySlice<UInt8>) -> Int64? {
        guard let sign = bytes.first else { return 0 }
        if sign == UInt8(ascii: "Z"), bytes.count == 1 { return 0 }
        guard sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-") else { return nil }
        let digits = bytes.dropFirst().filter { $0 != UInt8(ascii: ":") }
        guard digits.count == 4, let hours = integer(digits[0..<2]), let minutes = integer(digits[2..<4]) else {
            return nil
        }
        let value = Int64(hours * 60 + minutes) * 60_000
        return sign == UInt8(ascii: "-") ? -value : value
    }

    private static func integer(_ bytes: ArraySlice<UInt8>) -> Int? {
        var value = 0
        for byte in bytes {
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
            value = value * 10 + Int(byte - UInt8(ascii: "0"))
        }
        return value
    }

    private static func format(_ milliseconds: Int64) -> String {
        let day = milliseconds >= 0 ? milliseconds / 86_400_000 : (milliseconds - 86_399_999) / 86_400_000
        var rest = Int(milliseconds - day * 86_400_000)
        let (year, month, dayOfMonth) = civilFromDays(Int(day))
        return String(unsafeUninitializedCapacity: 23) { buffer in
            func put(_ value: Int, _ digits: Int, at position: Int) {
                var value = value
                for offset in stride(from: digits - 1, through: 0, by: -1) {
                    buffer[position + offset] = UInt8(ascii: "0") + UInt8(value % 10)
                    value /= 10
                }
            }
            put(year, 4, at: 0)
            buffer[4] = UInt8(ascii: "-")
            put(month, 2, at: 5)
            buffer[7] = UInt8(ascii: "-")
            put(dayOfMonth, 2, at: 8)
            buffer[10] = UInt8(ascii: "T")
            put(rest / 3_600_000, 2, at: 11)
            rest %= 3_600_000
            buffer[13] = UInt8(ascii: ":")
            put(rest / 60_000, 2, at: 14)
            rest %= 60_000
            buffer[16] = UInt8(ascii: ":")
            put(rest / 1000, 2, at: 17)
            buffer[19] = UInt8(ascii: ".")
            put(rest % 1000, 3, at: 20)
            return 23
        }
    }

    /// Days since 1970 of a Gregorian date; years begin in March so that the leap day comes last.
    private static func daysFromCivil(year: Int, month: Int, day: Int) -> Int {
        let shifted = month <= 2 ? year - 1 : year
        let era = (shifted >= 0 ? shifted : shifted - 399) / 400
        let yearOfEra = shifted - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }

    private static func civilFromDays(_ days: Int) -> (year: Int, month: Int, day: Int) {
        let shifted = days + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * shiftedMonth + 2) / 5 + 1)
    }
}
