import CaseRouting

/// Which failed cases: everything that is given has to hold.
public struct FailureFilter: Equatable, Sendable {
    public var org: String?
    /// The CIC server on which the case is wanted.
    public var cic: String?
    /// The workgroup on which the case is wanted, as it is written in CIC.
    public var workgroup: String?
    public var cause: FailureCause?
    /// Failed at this time or later.
    public var from: Timestamp?
    /// Failed before this time.
    public var to: Timestamp?
    /// Most cases, those that failed longest ago first.
    public var limit = maximum

    public init() {}

    /// More than anybody reads or retries at once.
    public static let maximum = 100_000

    /// In words, for lists of what was asked for.
    public var words: String {
        let parts = [
            cause.map { "cause \($0)" }, org.map { "org \($0)" }, cic.map { "CIC server \($0)" },
            workgroup.map { "workgroup \($0)" }, from.map { "failed from \($0)" }, to.map { "failed before \($0)" },
            limit < Self.maximum ? "at most \(limit)" : nil,
        ]
        let given = parts.compactMap { $0 }
        return given.isEmpty ? "all failed cases" : given.joined(separator: ", ")
    }
}

/// What failed cases are counted by.
public enum FailureGrouping: String, CaseIterable, Sendable { case cause, workgroup, org }
