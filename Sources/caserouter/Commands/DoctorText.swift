import CaseRouting
import Operations

/// What `doctor` found, for people and for programs.
enum DoctorText {
    static func text(_ report: DoctorReport, _ times: ZonedTimes, _ onlyProblems: Bool) -> String {
        var parts = [summary(report, times)]
        let lines = report.lines.filter { !onlyProblems || $0.verdict != .ok }
        var subjects: [String] = []
        for line in lines where !subjects.contains(line.subject) { subjects.append(line.subject) }
        let width = lines.map { $0.check.rawValue.count }.max() ?? 0
        for subject in subjects {
            parts.append("")
            parts.append(subject.oneLine)
            for line in lines where line.subject == subject {
                let verdict = line.verdict.rawValue.padded(to: 7)
                parts.append("  \(verdict)  \(line.check.rawValue.padded(to: width))  \(line.sentence)".oneLine)
                if let remedy = line.remedy {
                    parts.append((String(repeating: " ", count: 4 + 7 + width) + "  → \(remedy)").oneLine)
                }
            }
        }
        return parts.joined(separator: "\n")
    }

    private static func summary(_ report: DoctorReport, _ times: ZonedTimes) -> String {
        let failures = report.count(.failure)
        let warnings = report.count(.warning)
        let counts =
            "\(failures) failure\(failures == 1 ? "" : "s"), \(warnings) warning\(warnings == 1 ? "" : "s"), "
            + "\(report.count(.ok)) ok, at \(times.text(report.asOf)) \(times.name)"
        if failures > 0 { return "needs attention: \(counts)" }
        return "\(warnings > 0 ? "no failure" : "all is well"): \(counts)"
    }

    static func document(_ report: DoctorReport, _ onlyProblems: Bool) throws -> String {
        struct Line: Encodable {
            let code, subject, verdict, sentence: String
            let remedy: String?
        }
        struct Document: Encodable {
            let as_of: String
            let failures, warnings, ok: Int
            let checks: [Line]
        }
        return try JSONText.encode(
            Document(
                as_of: "\(report.asOf)", failures: report.count(.failure), warnings: report.count(.warning),
                ok: report.count(.ok),
                checks: report.lines.filter { !onlyProblems || $0.verdict != .ok }.map {
                    Line(
                        code: $0.check.rawValue, subject: $0.subject, verdict: $0.verdict.rawValue,
                        sentence: $0.sentence, remedy: $0.remedy)
                }))
    }
}

extension String {
    fileprivate func padded(to width: Int) -> String {
        self + String(repeating: " ", count: max(0, width - count))
    }
}
