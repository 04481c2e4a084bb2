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
        line += Self.now().utf8
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
        var line = "{\"time\":\(Self.quoted(Self.now())),\"level\":\(Self.quoted(event.level.rawValue))"
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

    private static func now() -> String {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        var parts = tm()
        var seconds = time.tv_sec
        gmtime_r(&seconds, &parts)
        var buffer = [CChar](repeating: 0, count: 32)
        let length = strftime(&buffer, 32, "%Y-%m-%dT%H:%M:%S", &parts)
        let milliseconds = String(time.tv_nsec / 1_000_000)
        return String(decoding: buffer.prefix(length).map { UInt8(bitPattern: $0) }, as: UTF8.self) + "."
            + String(repeating: "0", count: 3 - milliseconds.count) + milliseconds + "Z"
    }
}
