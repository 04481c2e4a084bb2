/// A stable code for why something failed: what lists group by. Each has a page in `docs/failures/`.
public struct FailureCause: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    public let rawValue: String
    public init(rawValue: String) { self.rawValue = rawValue }
    public var description: String { rawValue }

    public static let skillsTooLong = FailureCause(rawValue: "skills-too-long")
    public static let skillsMalformed = FailureCause(rawValue: "skills-malformed")
    public static let skillUnknown = FailureCause(rawValue: "skill-unknown")
    public static let skillsNotSupported = FailureCause(rawValue: "skills-not-supported")
    public static let workgroupUnknown = FailureCause(rawValue: "workgroup-unknown")
    public static let workgroupUnusable = FailureCause(rawValue: "workgroup-unusable")
    public static let holdingUnusable = FailureCause(rawValue: "holding-unusable")
    public static let workerDied = FailureCause(rawValue: "worker-died")
    public static let cicUnreachable = FailureCause(rawValue: "cic-unreachable")
    public static let cicRefused = FailureCause(rawValue: "cic-refused")
    public static let cicForbidden = FailureCause(rawValue: "cic-forbidden")
    public static let cicCredentials = FailureCause(rawValue: "cic-credentials")
    public static let cicError = FailureCause(rawValue: "cic-error")
    public static let cicNoAnswer = FailureCause(rawValue: "cic-no-answer")
    public static let cicUnexpectedAnswer = FailureCause(rawValue: "cic-unexpected-answer")
    public static let handlerSilent = FailureCause(rawValue: "handler-silent")
    public static let handlerFailed = FailureCause(rawValue: "handler-failed")
    public static let attributesMissing = FailureCause(rawValue: "attributes-missing")
    public static let salesforceUnreachable = FailureCause(rawValue: "salesforce-unreachable")
    public static let salesforceCredentials = FailureCause(rawValue: "salesforce-credentials")
    public static let salesforceForbidden = FailureCause(rawValue: "salesforce-forbidden")
    public static let salesforceLimit = FailureCause(rawValue: "salesforce-limit")
    public static let salesforceError = FailureCause(rawValue: "salesforce-error")
    public static let database = FailureCause(rawValue: "database")
    public static let broker = FailureCause(rawValue: "broker")
    public static let configuration = FailureCause(rawValue: "configuration")

    /// Every cause there is, in the order of their codes.
    public static let all: [FailureCause] = [
        .skillsTooLong, .skillsMalformed, .skillUnknown, .skillsNotSupported, .workgroupUnknown, .workgroupUnusable,
        .holdingUnusable, .workerDied, .cicUnreachable, .cicRefused, .cicForbidden, .cicCredentials, .cicError,
        .cicNoAnswer, .cicUnexpectedAnswer, .handlerSilent, .handlerFailed, .attributesMissing, .salesforceUnreachable,
        .salesforceCredentials, .salesforceForbidden, .salesforceLimit, .salesforceError, .database,
        .broker, .configuration,
    ].sorted { $0.rawValue < $1.rawValue }
}
