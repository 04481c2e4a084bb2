import CaseRouting

/// What `doctor` found out about one thing.
public struct DoctorLine: Equatable, Sendable {
    public enum Verdict: String, CaseIterable, Sendable { case ok, warning, failure }

    public let check: DoctorCheck
    /// `database`, `broker`, `settings`, `org:NAME` or `cic:NAME`.
    public let subject: String
    public let verdict: Verdict
    /// One sentence: what is, or what is wrong.
    public let sentence: String
    /// What to do; nil where all is well.
    public let remedy: String?

    private init(
        _ check: DoctorCheck, _ subject: String, _ verdict: Verdict, _ sentence: String, _ remedy: String? = nil
    ) {
        self.check = check
        self.subject = subject
        self.verdict = verdict
        self.sentence = sentence
        self.remedy = remedy
    }

    public static func ok(_ check: DoctorCheck, _ subject: String, _ sentence: String) -> DoctorLine {
        DoctorLine(check, subject, .ok, sentence)
    }

    /// It works, but not as it should, or it cannot be seen from outside.
    ///
    /// - Parameter remedy: in place of what the check always says.
    public static func warning(
        _ check: DoctorCheck, _ subject: String, _ sentence: String, _ remedy: String? = nil
    ) -> DoctorLine {
        DoctorLine(check, subject, .warning, sentence, remedy ?? check.remedy(for: subject))
    }

    /// Cases are not routed as they should be while this is so.
    public static func failure(
        _ check: DoctorCheck, _ subject: String, _ sentence: String, _ remedy: String? = nil
    ) -> DoctorLine {
        DoctorLine(check, subject, .failure, sentence, remedy ?? check.remedy(for: subject))
    }
}

/// Everything that one run of `doctor` found.
public struct DoctorReport: Sendable {
    public let asOf: Timestamp
    public let lines: [DoctorLine]

    public init(asOf: Timestamp, lines: [DoctorLine]) {
        self.asOf = asOf
        self.lines = lines
    }

    public func count(_ verdict: DoctorLine.Verdict) -> Int { lines.count { $0.verdict == verdict } }

    public var isHealthy: Bool { count(.failure) == 0 }
}
