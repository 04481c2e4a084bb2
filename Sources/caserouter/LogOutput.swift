import Foundation
import Logging

/// Writes log lines to standard error: text for people, or one JSON object a line for collectors.
struct LogOutput: LogHandler {
    let label: String
    let isJSON: Bool
    var logLevel: Logger.Level
    var metadata: Logger.Metadata = [:]

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        var pairs = event.metadata.map { Array($0) } ?? []
        for (key, value) in metadata where event.metadata?[key] == nil { pairs.append((key, value)) }
        pairs.sort { $0.key < $1.key }
        let line = isJSON ? json(event, pairs) : text(event, pairs)
        // One write per line, so that lines of several processes in one file stay whole.
        line.withUnsafeBytes { _ = write(STDERR_FILENO, $0.baseAddress, $0.count) }
    }

    private func text(_ event: LogEvent, _ pairs: [(key: String, value: Logger.Metadata.Value)]) -> [UInt8] {
        // Put together as bytes: every case has a line.
        var line: [UInt8] = []
        line.reserveCapacity(256)
        Self.appendNow(to: &line)
        line.append(UInt8(ascii: " "))
        line += event.level.rawValue.utf8
        line.append(UInt8(ascii: " "))
        line += event.message.description.utf8
        for (key, value) in pairs {
            line.append(UInt8(ascii: " "))
            line += key.utf8
            line.append(UInt8(ascii: "="))
            let value = value.description
            let isPlain =
                !value.isEmpty && value.utf8.allSatisfy { $0 > 0x20 && $0 != UInt8(ascii: "\"") && $0 != 0x7F }
            line += (isPlain ? value : Self.quoted(value)).utf8
        }
        line.append(UInt8(ascii: "\n"))
        return line
    }

    private func json(_ event: LogEvent, _ pairs: [(key: String, value: Logger.Metadata.Value)]) -> [UInt8] {
        var time: [UInt8] = []
        Self.appendNow(to: &time)
        var line = "{\"time\":\(Self.quoted(String(decoding: time, as: UTF8.self)))"
        line += ",\"level\":\(Self.quoted(event.level.rawValue))"
        line += ",\"message\":\(Self.quoted(event.message.description))"
        for (key, value) in pairs { line += ",\(Self.quoted(key)):\(Self.quoted(value.description))" }
        return Array((line + "}\n").utf8)
    }

    /// A JSON string; control characters can neither break a line nor a terminal.
    private static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case _ where scalar.value < 0x20 || scalar.value == 0x7F:
                result += "\\u00" + (scalar.value < 16 ? "0" : "") + String(scalar.value, radix: 16)
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }

    /// UTC to the millisecond, by RFC 3339.
    private static func appendNow(to line: inout [UInt8]) {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        var parts = tm()
        gmtime_r(&time.tv_sec, &parts)
        func append(_ number: Int, digits: Int, _ behind: UInt8) {
            var divisor = 1
            for _ in 1..<digits { divisor *= 10 }
            while divisor > 0 {
                line.append(UInt8(ascii: "0") + UInt8(number / divisor % 10))
                divisor /= 10
            }
            line.append(behind)
        }
        append(Int(parts.tm_year) + 1900, digits: 4, UInt8(ascii: "-"))
        append(Int(parts.tm_mon) + 1, digits: 2, UInt8(ascii: "-"))
        append(Int(parts.tm_mday), digits: 2, UInt8(ascii: "T"))
        append(Int(parts.tm_hour), digits: 2, UInt8(ascii: ":"))
        append(Int(parts.tm_min), digits: 2, UInt8(ascii: ":"))
        append(Int(parts.tm_sec), digits: 2, UInt8(ascii: "."))
        append(Int(time.tv_nsec) / 1_000_000, digits: 3, UInt8(ascii: "Z"))
    }
}
